//! How hard a profile is pushed: calls at once (adapting between 1 and the maximum), requests and pictures a minute, bytes
//! held in memory. One [`Gate`] per profile, shared by all of its jobs.
//!
//! Concurrency grows by one for each round of successes and halves on a rate limit (additive increase, multiplicative
//! decrease), and never below one.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use imagemill_domain::profile::RateLimits;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The door to one provider account.
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Notify,
    /// Who is next: callers pass one after another, in the order in which they came.
    turn: tokio::sync::Mutex<()>,
}

struct State {
    limits: RateLimits,
    /// Calls at once, now; the whole part counts.
    allowed: f64,
    in_flight: u32,
    bytes: u64,
    /// Nothing starts before.
    blocked_until: Instant,
    /// When the next request and picture may start at the set rates.
    next_request: Instant,
    next_picture: Instant,
    /// A pause turns everyone away until it is lifted.
    closed: bool,
    /// The last halving, so that one burst of refusals halves once.
    halved: Option<Instant>,
    faults_in_a_row: u32,
    /// Since when every answer was a rate limit.
    limited_since: Option<Instant>,
}

/// The profile is paused; the task goes back to the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// The right to make one call; returned when dropped.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    bytes: u64,
}

impl Gate {
    pub(crate) fn new(limits: RateLimits) -> Arc<Self> {
        let now = Instant::now();
        // Starts at half of what is allowed, at least four: most accounts take that, and it grows quickly.
        let allowed = f64::from((limits.concurrency / 2).max(4).min(limits.concurrency).max(1));
        Arc::new(Self {
            state: Mutex::new(State {
                limits,
                allowed,
                in_flight: 0,
                bytes: 0,
                blocked_until: now,
                next_request: now,
                next_picture: now,
                closed: false,
                halved: None,
                faults_in_a_row: 0,
                limited_since: None,
            }),
            changed: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits for a place. `bytes` is what the call will hold in memory; one call larger than the whole budget goes alone.
    pub(crate) async fn acquire(self: &Arc<Self>, bytes: u64, pictures: u32) -> Result<Permit, Closed> {
        let _turn = self.turn.lock().await;
        loop {
            let changed = self.changed.notified();
            let wait_until = {
                let mut state = self.lock();
                if state.closed {
                    return Err(Closed);
                }
                let now = Instant::now();
                let place = f64::from(state.in_flight) < state.allowed.floor()
                    && (state.in_flight == 0 || state.bytes + bytes <= state.limits.bytes_in_flight);
                let due = state.blocked_until.max(state.next_request).max(state.next_picture);
                if place && due <= now {
                    state.take(now, bytes, pictures);
                    return Ok(Permit { gate: self.clone(), bytes });
                }
                place.then_some(due)
            };
            match wait_until {
                Some(due) => tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// A place for a call that an earlier process made: it is taken whatever the limits say.
    pub(crate) fn join(self: &Arc<Self>) -> Permit {
        self.lock().in_flight += 1;
        Permit { gate: self.clone(), bytes: 0 }
    }

    /// A call succeeded.
    pub(crate) fn succeeded(&self) {
        let mut state = self.lock();
        state.faults_in_a_row = 0;
        state.limited_since = None;
        let most = f64::from(state.limits.concurrency.max(1));
        state.allowed = (state.allowed + 1.0 / state.allowed).min(most);
        drop(state);
        self.changed.notify_one();
    }

    /// The provider asked to slow down; nothing starts before `wait`.
    pub(crate) fn rate_limited(&self, wait: Duration) {
        let mut state = self.lock();
        let now = Instant::now();
        state.faults_in_a_row = 0;
        state.limited_since.get_or_insert(now);
        if state.halved.is_none_or(|halved| now.duration_since(halved) > Duration::from_secs(1)) {
            state.allowed = (state.allowed / 2.0).max(1.0);
            state.halved = Some(now);
        }
        state.blocked_until = state.blocked_until.max(now + wait);
    }

    /// The provider says how many requests are left until when: with none left, nothing starts before.
    pub(crate) fn hint(&self, remaining: Option<u32>, reset_ms: Option<u64>) {
        if let (Some(0), Some(reset_ms)) = (remaining, reset_ms) {
            let mut state = self.lock();
            let wait = Duration::from_millis(reset_ms.min(state.limits.longest_wait_ms));
            state.blocked_until = state.blocked_until.max(Instant::now() + wait);
        }
    }

    /// A transport fault; returns how many there were in a row.
    pub(crate) fn fault(&self) -> u32 {
        let mut state = self.lock();
        state.faults_in_a_row += 1;
        state.faults_in_a_row
    }

    /// Transport faults in a row.
    pub(crate) fn faults(&self) -> u32 {
        self.lock().faults_in_a_row
    }

    /// For how long every answer has been a rate limit.
    pub(crate) fn limited_for(&self) -> Duration {
        self.lock().limited_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Any answer at all: the way to the provider works.
    pub(crate) fn answered(&self) {
        self.lock().faults_in_a_row = 0;
    }

    /// Turns everyone away, those who wait included.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    /// Lets calls in again; with `probing`, one at a time until it succeeds.
    pub(crate) fn reopen(&self, probing: bool) {
        let mut state = self.lock();
        state.closed = false;
        state.limited_since = None;
        if probing {
            state.allowed = 1.0;
            // One more fault closes the gate again.
            state.faults_in_a_row = crate::retry::FAULTS_BEFORE_PAUSE - 1;
        } else {
            state.faults_in_a_row = 0;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Takes other limits over, as a job that was submitted again may bring.
    pub(crate) fn set_limits(&self, limits: RateLimits) {
        let mut state = self.lock();
        if state.limits != limits {
            state.allowed = state.allowed.min(f64::from(limits.concurrency.max(1)));
            state.limits = limits;
            drop(state);
            self.changed.notify_waiters();
        }
    }

    /// Calls under way, calls allowed now, calls allowed at most.
    pub(crate) fn figures(&self) -> (u32, u32, u32) {
        let state = self.lock();
        (state.in_flight, state.allowed.floor() as u32, state.limits.concurrency)
    }
}

impl State {
    fn take(&mut self, now: Instant, bytes: u64, pictures: u32) {
        self.in_flight += 1;
        self.bytes += bytes;
        if let Some(rate) = self.limits.requests_per_minute.filter(|rate| *rate > 0) {
            self.next_request = self.next_request.max(now) + Duration::from_secs(60) / rate;
        }
        if let Some(rate) = self.limits.images_per_minute.filter(|rate| *rate > 0) {
            self.next_picture = self.next_picture.max(now) + Duration::from_secs(60) / rate * pictures;
        }
    }
}

impl Permit {
    /// The call is with the provider now: it goes on counting as one and holds nothing in memory.
    pub(crate) fn keep_place_only(&mut self) {
        self.gate.lock().bytes -= std::mem::take(&mut self.bytes);
        self.gate.changed.notify_one();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        state.in_flight -= 1;
        state.bytes -= self.bytes;
        drop(state);
        self.gate.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(concurrency: u32) -> RateLimits {
        RateLimits { concurrency, ..RateLimits::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn grows_with_successes_and_halves_once_for_a_burst() {
        let gate = Gate::new(limits(16));
        assert_eq!(gate.figures(), (0, 8, 16));
        for _ in 0..200 {
            gate.succeeded();
        }
        assert_eq!(gate.figures().1, 16);
        gate.rate_limited(Duration::from_secs(2));
        gate.rate_limited(Duration::from_secs(2));
        assert_eq!(gate.figures().1, 8);
        let before = Instant::now();
        let _permit = gate.acquire(1, 1).await.unwrap();
        assert_eq!(before.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_at_once_than_allowed() {
        let gate = Gate::new(limits(4));
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(gate.acquire(1, 1).await.unwrap());
        }
        let fifth = tokio::time::timeout(Duration::from_secs(5), gate.acquire(1, 1)).await;
        assert!(fifth.is_err());
        held.pop();
        assert!(tokio::time::timeout(Duration::from_secs(5), gate.acquire(1, 1)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_a_minute_hold_over_any_number_of_waiters() {
        let gate = Gate::new(RateLimits { concurrency: 64, requests_per_minute: Some(60), ..RateLimits::default() });
        let begin = Instant::now();
        let tasks: Vec<_> = (0..30)
            .map(|_| {
                let gate = gate.clone();
                tokio::spawn(async move { drop(gate.acquire(1, 1).await.unwrap()) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!((29..=31).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_bounded_and_a_giant_goes_alone() {
        let gate = Gate::new(RateLimits { concurrency: 8, bytes_in_flight: 100, ..RateLimits::default() });
        let giant = gate.acquire(1_000, 1).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(1), gate.acquire(10, 1)).await.is_err());
        drop(giant);
        let _one = gate.acquire(60, 1).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(1), gate.acquire(60, 1)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_at_its_provider_keeps_its_place_and_no_bytes() {
        let gate = Gate::new(RateLimits { concurrency: 2, bytes_in_flight: 100, ..RateLimits::default() });
        let mut queued = gate.acquire(90, 1).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(1), gate.acquire(90, 1)).await.is_err());
        queued.keep_place_only();
        let inherited = gate.join();
        assert!(
            tokio::time::timeout(Duration::from_secs(1), gate.acquire(90, 1)).await.is_err(),
            "both places are taken"
        );
        drop(inherited);
        let _second = tokio::time::timeout(Duration::from_secs(1), gate.acquire(90, 1)).await.unwrap().unwrap();
        assert_eq!(gate.figures().0, 2);
        drop(queued);
        assert_eq!(gate.figures().0, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_gate_turns_waiters_away_and_probes_alone_afterwards() {
        let gate = Gate::new(limits(1));
        let held = gate.acquire(1, 1).await.unwrap();
        let waiter = tokio::spawn({
            let gate = gate.clone();
            async move { gate.acquire(1, 1).await.map(|_| ()) }
        });
        tokio::time::sleep(Duration::from_millis(1)).await;
        gate.close();
        assert_eq!(waiter.await.unwrap(), Err(Closed));
        drop(held);
        gate.reopen(true);
        assert_eq!(gate.figures().1, 1);
        assert_eq!(gate.fault(), crate::retry::FAULTS_BEFORE_PAUSE);
    }
}
