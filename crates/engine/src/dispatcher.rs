//! The only owner of run state: which tasks run, which profiles are paused, which job is served next. One loop over worker
//! reports, claims, commands and a tick.
//!
//! Jobs that share a profile share it fairly: among those of the highest priority, the one with the fewest running tasks
//! is served next.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::time::Duration;

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::job::{JobDefinition, JobId, JobState};
use imagemill_domain::lane::{BatchId, Lane};
use imagemill_domain::profile as domain;
use imagemill_domain::route::Route;
use imagemill_domain::speaker::Speaker;
use imagemill_domain::task::TaskId;
use imagemill_providers::{Registry, WireOptions};
use imagemill_store::{Batch, Claimed, OpenJob, PollJob};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::batch::Tended;
use crate::chat::Speaking;
use crate::context::{RunningJob, Shared, TaskContext};
use crate::course::Course;
use crate::drawing::Drawing;
use crate::limits::Gate;
use crate::poll;
use crate::settle;
use crate::start::{Activity, Blocked, LEASE_MS, ProfileActivity, ReadCredential};
use crate::worker::{self, Effect, Report};

mod asking;
mod batching;
mod claims;

use claims::Claim;

/// How often the rows are looked at without being told: waits that are over, pauses and stops by another process.
const TICK: Duration = Duration::from_millis(250);
/// A pause that ends by itself later than this is a reason to end a one-shot run.
const LONG_PAUSE_US: i64 = 15 * 60 * 1_000_000;
/// The longest wait between two probes of a profile behind an open circuit.
const LONGEST_PROBE_MS: u64 = 600_000;
/// How long the end of the process waits for room on a full disk while it holds answers.
const LONGEST_HOLD: Duration = Duration::from_secs(900);
/// Between two tries to write them.
const HOLD_TRY_EVERY: Duration = Duration::from_millis(500);

/// What a handle can ask for.
pub(crate) enum Command {
    Wake,
    Drain(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

struct Running {
    job: JobId,
    /// Whose room it takes.
    profile: String,
    cancel: CancellationToken,
    /// Set for one that was taken to ask a provider, and true as long as it does: it takes no room in the line meanwhile.
    asks: Option<Arc<AtomicBool>>,
    /// Its job was stopped already; what it does is what the stop asks for.
    stopping: bool,
}

struct Profile {
    gate: Arc<Gate>,
    running: u32,
    /// Why it is paused.
    paused: Option<Blocked>,
    /// Circuit pauses in a row, for growing intervals.
    circuit_pauses: u32,
    resumed_at: Option<Instant>,
}

/// A job that can be run, and the ways of it that cannot.
type Made = (RunningJob, Vec<(String, Failure)>);

pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    read_credential: ReadCredential,
    inbox: mpsc::UnboundedReceiver<Command>,
    activity: watch::Sender<Activity>,
    workers: JoinSet<Report>,
    claims: JoinSet<Claim>,
    /// Tasks asked for by claims under way, by the profile that is likely to get them.
    claiming: HashMap<JobId, HashMap<String, u32>>,
    running: HashMap<TaskId, Running>,
    jobs: HashMap<JobId, Arc<RunningJob>>,
    /// Jobs that this process cannot go on with before it is started again, although their rows say active.
    set_aside: HashMap<JobId, String>,
    profiles: BTreeMap<String, Profile>,
    open: Vec<OpenJob>,
    /// Jobs with calls that are with a provider's queue.
    polling: Vec<PollJob>,
    /// Of these, those that cannot be asked for: their provider cannot be made.
    unaskable: HashSet<JobId>,
    /// Batches that were sent and have not ended.
    batches: Vec<Batch>,
    /// Those that something is done for right now.
    tended: HashSet<BatchId>,
    tends: JoinSet<Tended>,
    /// Calls joined batches that were not sent yet.
    gathers: bool,
    /// Grows each time the open jobs are read.
    reading: u64,
    /// The open jobs must be read again before the next claim.
    stale: bool,
    draining: bool,
    /// A person wants the end now.
    stopping: bool,
    waiters: Vec<oneshot::Sender<()>>,
    next_beat: Instant,
    next_reload: Instant,
}

impl Dispatcher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        registry: Arc<Registry>,
        read_credential: ReadCredential,
        inbox: mpsc::UnboundedReceiver<Command>,
        activity: watch::Sender<Activity>,
    ) -> Self {
        let now = Instant::now();
        Self {
            shared,
            registry,
            read_credential,
            inbox,
            activity,
            workers: JoinSet::new(),
            claims: JoinSet::new(),
            claiming: HashMap::new(),
            running: HashMap::new(),
            jobs: HashMap::new(),
            set_aside: HashMap::new(),
            profiles: BTreeMap::new(),
            open: Vec::new(),
            polling: Vec::new(),
            unaskable: HashSet::new(),
            batches: Vec::new(),
            tended: HashSet::new(),
            tends: JoinSet::new(),
            gathers: false,
            reading: 0,
            stale: true,
            draining: false,
            stopping: false,
            waiters: Vec::new(),
            next_beat: now + Duration::from_millis(LEASE_MS / 3),
            next_reload: now,
        }
    }

    pub(crate) async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.ask_providers().await;
        loop {
            if self.stale && !self.draining {
                self.refresh().await;
            }
            if !self.draining {
                self.claim_more();
            }
            self.publish();
            if self.draining && self.workers.is_empty() && self.claims.is_empty() && self.tends.is_empty() {
                break;
            }
            tokio::select! {
                Some(done) = self.workers.join_next(), if !self.workers.is_empty() => self.on_report(done).await,
                Some(Ok(done)) = self.claims.join_next(), if !self.claims.is_empty() => self.on_claim(done),
                Some(Ok(done)) = self.tends.join_next(), if !self.tends.is_empty() => self.on_tended(done).await,
                command = self.inbox.recv() => self.on_command(command),
                _ = tick.tick() => self.on_tick().await,
            }
        }
        self.take_back_all().await;
        self.hold_answers().await;
        self.shared.answers.close();
        if let Err(error) = self.shared.store.owners().leave(self.shared.owner).await {
            tracing::warn!(%error, "the process could not sign off; the next one takes over all the same");
        }
        for waiter in self.waiters {
            let _ = waiter.send(());
        }
    }

    /// Answers that are paid for and only in memory, because the disk is full, are not given up: the end of the process waits
    /// for room to write them down, where the next one finds them.
    async fn hold_answers(&mut self) {
        let until = Instant::now() + LONGEST_HOLD;
        loop {
            let held = settle::write_held(&self.shared) + poll::write_held(&self.shared).await;
            self.activity.send_modify(|activity| activity.held = held);
            if held == 0 || self.stopping || Instant::now() >= until {
                if held > 0 {
                    tracing::error!(
                        held,
                        "the disk was full to the end: answers that were paid for are lost; their calls will be listed as unknown"
                    );
                }
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(HOLD_TRY_EVERY) => {}
                Some(command) = self.inbox.recv() => self.on_command(Some(command)),
            }
        }
    }

    /// Nothing more is taken, and what was not sent yet goes back to the queue.
    fn drain(&mut self) {
        self.draining = true;
        self.shared.draining.cancel();
    }

    fn on_command(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Wake) => {
                self.stale = true;
                self.next_reload = Instant::now();
            }
            Some(Command::Drain(reply)) => {
                self.drain();
                self.waiters.push(reply);
            }
            Some(Command::Stop(reply)) => {
                self.drain();
                self.stopping = true;
                self.waiters.push(reply);
                self.running.values().for_each(|running| running.cancel.cancel());
            }
            // Every handle is gone: nobody can ask any more, so end what is under way.
            None => {
                self.drain();
                self.inbox.close();
            }
        }
    }

    async fn on_report(&mut self, done: Result<Report, JoinError>) {
        // Workers catch panics themselves; a join error is the runtime shutting down.
        let Ok(report) = done else { return };
        let asked = self.running.remove(&report.task).is_some_and(|running| running.asks.is_some());
        let mut ran_dry = false;
        if let Some(profile) = self.profiles.get_mut(&report.profile).filter(|_| !asked) {
            profile.running -= 1;
            ran_dry = profile.running == 0;
        }
        self.stale |= report.requeued || ran_dry;
        match report.effect {
            Some(Effect::PauseProfile { profile, kind, reason, again_in_ms }) => {
                self.pause_profile(&profile, kind, reason, again_in_ms).await;
            }
            Some(Effect::PauseJob { reason }) => self.pause_job(report.job, reason).await,
            None => {}
        }
    }

    fn begin(
        &mut self,
        job: &Arc<RunningJob>,
        way: Arc<Drawing>,
        claimed: Claimed,
        asks: Option<Arc<AtomicBool>>,
        stopping: bool,
    ) {
        let cancel = CancellationToken::new();
        if self.draining {
            cancel.cancel();
        }
        let asking = asks.clone().unwrap_or_default();
        let running = Running { job: job.id, profile: way.name().to_owned(), cancel: cancel.clone(), asks, stopping };
        self.running.insert(claimed.lease.task, running);
        let (shared, job, course) = (self.shared.clone(), job.clone(), Course::default());
        let task = TaskContext { shared, job, claimed, cancel, way, course, stopping, asking };
        self.workers.spawn(worker::run_task(task));
    }

    async fn on_tick(&mut self) {
        let now = Instant::now();
        if now >= self.next_beat {
            self.next_beat = now + Duration::from_millis(LEASE_MS / 3);
            let clock = self.shared.clock;
            match self.shared.store.owners().beat(self.shared.owner, clock.now_us(), clock.after_ms(LEASE_MS)).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::error!(
                        "another process took over this workspace; this one ends what is under way and claims nothing more"
                    );
                    self.drain();
                }
                Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
            }
        }
        if self.draining {
            return;
        }
        match self.shared.store.tasks().promote(self.shared.clock.now_us()).await {
            Ok(promoted) => self.stale |= promoted > 0,
            Err(error) => tracing::warn!(%error, "waiting tasks could not be looked at"),
        }
        self.lift_pauses().await;
        self.ask_providers().await;
        self.tend_batches().await;
        // Jobs may have been submitted, paused or stopped by another process.
        self.stale = true;
    }

    /// Reads the open jobs and obeys what other processes wrote.
    async fn refresh(&mut self) {
        self.stale = false;
        match self.shared.store.jobs().open_jobs().await {
            Ok(open) => {
                self.open = open;
                self.reading += 1;
            }
            Err(error) => {
                tracing::warn!(%error, "the open jobs could not be read");
                return;
            }
        }
        let open: HashSet<JobId> = self.open.iter().map(|open| open.job.id).collect();
        let gone: HashSet<JobId> =
            self.running.values().map(|running| running.job).filter(|job| !open.contains(job)).collect();
        for job in gone {
            if let Ok(Some(job)) = self.shared.store.jobs().get(job).await
                && job.state == JobState::Stopped
            {
                self.running
                    .values()
                    .filter(|running| running.job == job.id && !running.stopping)
                    .for_each(|running| running.cancel.cancel());
            }
        }
        let reload = Instant::now() >= self.next_reload;
        if reload {
            self.next_reload = Instant::now() + Duration::from_secs(2);
            self.unaskable.clear();
        }
        for id in self.open.iter().map(|open| open.job.id).collect::<Vec<_>>() {
            if (reload || !self.jobs.contains_key(&id)) && !self.set_aside.contains_key(&id) {
                self.load_job(id).await;
            }
        }
    }

    /// Reads a job's definition, and makes its provider when it is new or changed.
    async fn load_job(&mut self, id: JobId) {
        let job = match self.shared.store.jobs().get(id).await {
            Ok(Some(job)) => job,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "a job could not be read");
                return;
            }
        };
        let is_same = |known: &RunningJob| {
            (Arc::ptr_eq(&known.definition, &job.definition) || known.definition == job.definition)
                && known.unready.iter().all(|profile| self.is_paused(profile))
        };
        if self.jobs.get(&id).is_some_and(|known| is_same(known)) {
            return;
        }
        match self.make_job(id, job.definition) {
            Ok((job, unready)) => {
                self.jobs.insert(id, Arc::new(job));
                for (name, Failure { kind, message, .. }) in unready {
                    self.pause_profile(&name, kind, message, None).await;
                }
            }
            Err((name, Failure { kind, message, .. })) if kind.pauses_profile() => {
                self.pause_profile(&name, kind, message, None).await;
            }
            Err((_, failure)) => self.pause_job(id, failure.message).await,
        }
    }

    /// The door to a profile, made when it is new.
    fn gate(&mut self, profile: &domain::Profile) -> Arc<Gate> {
        let known = self.profiles.entry(profile.name.clone()).or_insert_with(|| Profile {
            gate: Gate::new(profile.limits),
            running: 0,
            paused: None,
            circuit_pauses: 0,
            resumed_at: None,
        });
        known.gate.set_limits(profile.limits);
        known.gate.clone()
    }

    /// A job with its providers. Fails when nothing of it can be called, with the name of the profile whose provider cannot be made;
    /// one of several ways that cannot be made is left out.
    fn make_job(&mut self, id: JobId, definition: Arc<JobDefinition>) -> Result<Made, (String, Failure)> {
        let (mut drawings, mut failed) = (Vec::new(), Vec::new());
        for route in definition.routes() {
            let name = route.profile.name.clone();
            match self.drawing(route) {
                Ok(drawing) => drawings.push(Arc::new(drawing)),
                Err(failure) if failure.kind.pauses_profile() => failed.push((name, failure)),
                Err(failure) => return Err((name, failure)),
            }
        }
        if drawings.is_empty() {
            return Err(failed.swap_remove(0));
        }
        let own = || Speaker { profile: definition.profile.clone(), model: definition.model.clone() };
        let lane = definition.file.lane;
        let text = self.speaking(definition.speakers.text.clone().unwrap_or_else(own), lane)?;
        let vision = self.speaking(definition.speakers.vision.clone().unwrap_or_else(own), lane)?;
        let unready = failed.iter().map(|(name, _)| name.clone()).collect();
        Ok((RunningJob { id, definition, drawings, unready, text, vision }, failed))
    }

    fn drawing(&mut self, route: Route) -> Result<Drawing, Failure> {
        let profile = &route.profile;
        let gate = self.gate(profile);
        let capabilities = self.shared.capabilities.find(&profile.provider, &route.model).cloned();
        let knows_images = capabilities.as_ref().is_some_and(imagemill_domain::capability::Capabilities::knows_images);
        let options = WireOptions {
            bills_5xx: capabilities.as_ref().is_none_or(|capabilities| capabilities.bills_5xx),
            picture_field: capabilities.as_ref().and_then(|capabilities| capabilities.picture_field.clone()),
            files: capabilities.as_ref().is_some_and(|capabilities| capabilities.files),
        };
        let secret = (self.read_credential)(profile)?;
        let provider = self.registry.provider_with(profile, knows_images, secret, options)?;
        let batch = route.batch.as_ref().and_then(|_| self.batch_way(profile, &route.model, profile.protocol));
        Ok(Drawing { route, provider, gate, capabilities, batch, dearest: AtomicI64::default() })
    }

    fn speaking(&mut self, speaker: Speaker, lane: Lane) -> Result<Arc<Speaking>, (String, Failure)> {
        let Speaker { profile, model } = speaker;
        let gate = self.gate(&profile);
        let capabilities = self.shared.capabilities.find(&profile.provider, &model).cloned();
        let options = WireOptions {
            bills_5xx: capabilities.as_ref().is_none_or(|known| known.bills_5xx),
            ..WireOptions::default()
        };
        let provider = (self.read_credential)(&profile)
            .and_then(|secret| self.registry.chat(&profile, secret, options))
            .map_err(|failure| (profile.name.clone(), failure))?;
        let batch =
            (lane == Lane::Batch).then(|| self.batch_way(&profile, &model, profile.resolved_chat_protocol())).flatten();
        Ok(Arc::new(Speaking { profile, model, provider, gate, capabilities, batch }))
    }

    fn is_paused(&self, profile: &str) -> bool {
        self.profiles.get(profile).is_some_and(|profile| profile.paused.is_some())
    }

    async fn pause_profile(&mut self, name: &str, kind: FailureKind, reason: String, again_in_ms: Option<u64>) {
        let Some(profile) = self.profiles.get_mut(name) else { return };
        if profile.paused.is_some() {
            return;
        }
        let mut again_in_ms = again_in_ms;
        if kind == FailureKind::StableInfra {
            // A pause soon after the last one ended means that the probe failed.
            let again_soon = profile.resumed_at.is_some_and(|at| at.elapsed() < Duration::from_secs(60));
            profile.circuit_pauses = if again_soon { profile.circuit_pauses + 1 } else { 0 };
            let grown = again_in_ms.unwrap_or(10_000) << profile.circuit_pauses.min(10);
            again_in_ms = Some(grown.min(LONGEST_PROBE_MS));
        }
        let until_us = again_in_ms.map(|ms| self.shared.clock.after_ms(ms));
        tracing::warn!(profile = name, %kind, %reason, ?again_in_ms, "profile paused");
        profile.gate.close();
        profile.paused = Some(Blocked { profile: name.to_owned(), kind, reason: reason.clone(), until_us });
        let now_us = self.shared.clock.now_us();
        if let Err(error) = self.shared.store.profiles().pause(name, kind, &reason, until_us, now_us).await {
            tracing::error!(%error, "the pause could not be written");
        }
    }

    /// Lets paused profiles go on whose time has come or whom a person resumed.
    async fn lift_pauses(&mut self) {
        if self.profiles.values().all(|profile| profile.paused.is_none()) {
            return;
        }
        let now_us = self.shared.clock.now_us();
        let Ok(rows) = self.shared.store.profiles().paused().await else { return };
        for (name, profile) in &mut self.profiles {
            let Some(paused) = &profile.paused else { continue };
            let due = paused.until_us.is_some_and(|until_us| until_us <= now_us);
            let resumed = !rows.iter().any(|row| row.name == *name);
            if !due && !resumed {
                continue;
            }
            profile.gate.reopen(paused.kind == FailureKind::StableInfra && !resumed);
            profile.paused = None;
            profile.resumed_at = Some(Instant::now());
            self.stale = true;
            self.next_reload = Instant::now();
            if due && let Err(error) = self.shared.store.profiles().resume(name, now_us).await {
                tracing::error!(%error, "the end of a pause could not be written");
            }
        }
    }

    async fn pause_job(&mut self, job: JobId, reason: String) {
        tracing::warn!(job = job.0, %reason, "job paused");
        let now_us = self.shared.clock.now_us();
        self.stale = true;
        match self.shared.store.jobs().set_state(job, JobState::Paused, Some(reason.clone()), now_us).await {
            Ok(()) => {}
            // With a full disk not even this can be written; the job must not be claimed all the same.
            Err(error) => {
                tracing::error!(%error, "the pause could not be written");
                self.set_aside.insert(job, reason);
            }
        }
    }

    fn publish(&self) {
        let now_us = self.shared.clock.now_us();
        let long_paused = |profile: &str| {
            let paused = self.profiles.get(profile).and_then(|profile| profile.paused.as_ref());
            paused.is_some_and(|paused| paused.until_us.is_none_or(|until_us| until_us > now_us + LONG_PAUSE_US))
        };
        let stuck = |open: &OpenJob| {
            self.set_aside.contains_key(&open.job.id)
                || match self.jobs.get(&open.job.id) {
                    Some(job) => job.waits_for(long_paused),
                    None => long_paused(&open.job.profile),
                }
        };
        let awaited = |poll: &PollJob| !self.unaskable.contains(&poll.job) && !long_paused(&poll.profile);
        // A call may have been taken since the jobs were looked at.
        let with_providers = poll::any_taken(&self.shared) && !self.profiles.keys().any(|profile| long_paused(profile));
        let batched = |batch: &Batch| !self.unaskable.contains(&batch.job) && !long_paused(&batch.profile);
        let idle = self.running.is_empty()
            && self.claims.is_empty()
            && self.tends.is_empty()
            && !self.gathers
            && !self.batches.iter().any(batched)
            && !self.stale
            && !with_providers
            && !self.polling.iter().any(awaited);
        let mut blocked: Vec<Blocked> = self.profiles.values().filter_map(|profile| profile.paused.clone()).collect();
        blocked.extend(self.set_aside.values().map(|reason| Blocked {
            profile: String::new(),
            kind: FailureKind::Local,
            reason: reason.clone(),
            until_us: None,
        }));
        let profiles = self
            .profiles
            .iter()
            .map(|(name, profile)| {
                let (in_flight, concurrency_now, concurrency_max) = profile.gate.figures();
                ProfileActivity { name: name.clone(), in_flight, concurrency_now, concurrency_max }
            })
            .collect();
        let now = Activity {
            running: self.running.len() as u32,
            blocked,
            profiles,
            nothing_to_do: idle && self.open.iter().all(stuck),
            held: 0,
        };
        self.activity.send_if_modified(|last| {
            let changed = *last != now;
            *last = now;
            changed
        });
    }
}
