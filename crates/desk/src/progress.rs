//! How a job moves: rate over a sliding window and time to go, from snapshots of its counters. Pure; time is an argument.

use std::collections::{BTreeMap, VecDeque};

use imagemill_domain::event::EventBody;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::{JobId, JobState, TaskCounts};
use imagemill_domain::job_file::RecipeName;
use imagemill_domain::money::Money;
use imagemill_domain::task::TaskState;
use imagemill_store::Batch;

/// The window over which the rate is taken, in microseconds.
const WINDOW_US: i64 = 60_000_000;

/// One look at a job.
#[derive(Clone, Debug)]
pub struct JobSnapshot {
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// Which job.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Profile it calls with.
    pub profile: String,
    /// Where it stands.
    pub state: JobState,
    /// Why it stands there.
    pub reason: Option<String>,
    /// Tasks by state.
    pub counts: TaskCounts,
    /// Settled so far, as far as prices are known.
    pub spent: Money,
    /// Calls that ended and cost nobody knows what.
    pub unpriced: u64,
    /// Held for calls under way and unknown outcomes.
    pub reserved: Money,
    /// The most it may spend.
    pub budget: Option<Money>,
    /// Failures by kind and state.
    pub failures: Vec<(FailureKind, TaskState, u64)>,
    /// Pictures it has.
    pub pictures: u64,
    /// What it does: jobs that end in words have no pictures.
    pub recipe: RecipeName,
    /// When the next waiting task goes on, when nothing else moves.
    pub waiting_until_us: Option<i64>,
    /// Batches that its tasks wait for.
    pub batches: Vec<Batch>,
    /// Why its profile is paused.
    pub paused: Option<(FailureKind, String, Option<i64>)>,
    /// Calls at once now and at most; known to the process that runs the job.
    pub concurrency: Option<(u32, u32)>,
}

impl JobSnapshot {
    /// Failures of ended tasks by kind, most first.
    pub fn failures_by_kind(&self) -> Vec<(FailureKind, u64)> {
        let mut kinds: Vec<(FailureKind, u64)> = Vec::new();
        for (kind, state, count) in &self.failures {
            // What a person stopped is no failure; its count stands among the states.
            if !state.is_ended() || *count == 0 || *kind == FailureKind::Stopped {
                continue;
            }
            match kinds.iter_mut().find(|(known, _)| known == kind) {
                Some((_, sum)) => *sum += count,
                None => kinds.push((*kind, *count)),
            }
        }
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
        kinds
    }
}

/// A job on its way.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The latest look.
    pub now: JobSnapshot,
    /// How often tasks were put off, by the reason.
    pub put_off: BTreeMap<FailureKind, u64>,
    samples: VecDeque<(i64, u64)>,
    started_us: i64,
    ended_at_start: u64,
}

impl Progress {
    /// From the first look.
    pub fn new(first: JobSnapshot) -> Self {
        let ended = first.counts.ended();
        let samples = VecDeque::from([(first.at_us, ended)]);
        Self { started_us: first.at_us, ended_at_start: ended, samples, put_off: BTreeMap::new(), now: first }
    }

    /// Takes the next look.
    pub fn take(&mut self, next: JobSnapshot) {
        // One sample in half a second is enough for a window of a minute.
        if self.samples.back().is_none_or(|(at, _)| next.at_us - at >= 500_000) {
            self.samples.push_back((next.at_us, next.counts.ended()));
        }
        while self.samples.len() > 2 && self.samples.get(1).is_some_and(|(at, _)| next.at_us - at >= WINDOW_US) {
            self.samples.pop_front();
        }
        self.now = next;
    }

    /// Takes an event of this job.
    pub fn on_event(&mut self, event: &EventBody) {
        if let EventBody::TaskState { state: TaskState::Waiting, failure: Some(kind), .. } = event {
            *self.put_off.entry(*kind).or_default() += 1;
        }
    }

    /// Tasks that ended a minute; `None` before anything moved.
    pub fn rate_per_minute(&self) -> Option<f64> {
        let (from_us, from) = *self.samples.front()?;
        let (span_us, ended) = (self.now.at_us - from_us, self.now.counts.ended().saturating_sub(from));
        (span_us >= 1_000_000 && ended > 0).then(|| ended as f64 * 60e6 / span_us as f64)
    }

    /// Seconds to go at this rate.
    pub fn seconds_to_go(&self) -> Option<u64> {
        let open = self.now.counts.open();
        (open > 0).then(|| self.rate_per_minute().map(|rate| (open as f64 * 60.0 / rate).ceil() as u64)).flatten()
    }

    /// Seconds since the first look.
    pub fn seconds(&self) -> u64 {
        u64::try_from((self.now.at_us - self.started_us) / 1_000_000).unwrap_or_default()
    }

    /// Tasks that ended since the first look.
    pub fn ended_here(&self) -> u64 {
        self.now.counts.ended().saturating_sub(self.ended_at_start)
    }
}
