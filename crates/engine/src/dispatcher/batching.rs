//! Which batches are sent, asked about and taken back, and when. How is in `batch`.

use std::sync::Arc;

use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::profile::{Profile, Protocol};
use imagemill_store::{Batch, BatchState};

use super::Dispatcher;
use crate::batch::{self, BatchWay, Gathering, Tended};
use crate::worker::Effect;

/// Batches that are sent, asked about or read at once.
const TENDED_AT_ONCE: usize = 4;

impl Dispatcher {
    /// Sends what is gathered, and asks about what was sent.
    pub(super) async fn tend_batches(&mut self) {
        let gatherings = self.shared.batches.gatherings().await;
        self.gathers = false;
        for gathering in gatherings {
            let paused = self.profiles.get(&gathering.profile).is_some_and(|profile| profile.paused.is_some());
            self.gathers |= !paused;
            self.look_at_gathering(&gathering).await;
        }
        match self.shared.store.batches().open().await {
            Ok(open) => {
                self.shared.batches.forget_others(&open);
                self.batches = open.into_iter().filter(|batch| batch.state != BatchState::Gathering).collect();
            }
            Err(error) => {
                tracing::warn!(%error, "batches that were sent could not be looked at");
                return;
            }
        }
        let now_us = self.shared.clock.now_us();
        for batch in self.batches.clone() {
            let due = batch.next_ask_us.is_none_or(|at| at <= now_us);
            if due && !self.tended.contains(&batch.id) && self.tends.len() < TENDED_AT_ONCE {
                self.tend_batch(batch).await;
            }
        }
    }

    async fn look_at_gathering(&mut self, gathering: &Arc<Gathering>) {
        let open = self.open.iter().find(|open| open.job.id == gathering.job);
        let alone = open.is_none_or(|open| open.queued == 0 && open.running == 0)
            && !self.running.values().any(|running| running.job == gathering.job)
            && !self.claiming.contains_key(&gathering.job);
        let state = match open {
            Some(_) => Some(JobState::Active),
            None => self.state_of(gathering.job).await,
        };
        // What the budget allowed before it was used up goes out although the job is paused.
        let goes_out = state == Some(JobState::Active) || state == Some(JobState::Paused) && gathering.is_closed();
        let paused = self.profiles.get(&gathering.profile).is_some_and(|profile| profile.paused.is_some());
        if !goes_out {
            self.take_back(gathering, "its job was paused or stopped before the batch was sent; nothing was paid")
                .await;
        } else if gathering.is_due(alone) && !paused && self.tends.len() < TENDED_AT_ONCE {
            let Some(gathering) = self.shared.batches.take(gathering.id).await else { return };
            self.tended.insert(gathering.id);
            self.tends.spawn(batch::send(self.shared.clone(), gathering));
        }
    }

    async fn state_of(&self, job: JobId) -> Option<JobState> {
        self.shared.store.jobs().get(job).await.ok().flatten().map(|job| job.state)
    }

    async fn take_back(&self, gathering: &Arc<Gathering>, why: &str) {
        let Some(gathering) = self.shared.batches.take(gathering.id).await else { return };
        if let Err(error) = batch::take_back(&self.shared, gathering.id, why).await {
            tracing::error!(%error, "calls of a batch that was not sent could not be closed; the next start closes them");
        }
        gathering.remove_file();
    }

    /// The end of the process: what was not sent is taken back.
    pub(super) async fn take_back_all(&self) {
        for gathering in self.shared.batches.gatherings().await {
            self.take_back(&gathering, "stopped before the batch was sent; nothing was paid").await;
        }
    }

    async fn tend_batch(&mut self, batch: Batch) {
        if !self.jobs.contains_key(&batch.job) && !self.unaskable.contains(&batch.job) {
            self.load_job(batch.job).await;
        }
        let Some(job) = self.jobs.get(&batch.job).cloned() else {
            self.unaskable.insert(batch.job);
            return;
        };
        let Some(way) = job.way_of(&batch) else { return };
        if self.profiles.get(&batch.profile).is_some_and(|profile| profile.paused.is_some()) {
            return;
        }
        let stopped = self.state_of(batch.job).await == Some(JobState::Stopped);
        self.tended.insert(batch.id);
        self.tends.spawn(batch::tend(self.shared.clone(), batch, way, stopped));
    }

    pub(super) async fn on_tended(&mut self, tended: Tended) {
        self.tended.remove(&tended.batch);
        self.stale = true;
        match tended.effect {
            Some(Effect::PauseProfile { profile, kind, reason, again_in_ms }) => {
                self.pause_profile(&profile, kind, reason, again_in_ms).await;
            }
            Some(Effect::PauseJob { reason }) => self.pause_job(tended.job, reason).await,
            None => {}
        }
    }

    /// The provider's batches for a model, where its table has them.
    pub(super) fn batch_way(&self, profile: &Profile, model: &str, protocol: Protocol) -> Option<Arc<BatchWay>> {
        let known = self.shared.capabilities.find(&profile.provider, model)?;
        let terms = self.shared.capabilities.batch_terms(known)?.clone();
        if known.batch != Some(protocol.batch_kind()) {
            return None;
        }
        let options = imagemill_providers::WireOptions { bills_5xx: known.bills_5xx, ..Default::default() };
        let secret = (self.read_credential)(profile).ok()?;
        let provider = self.registry.batches(profile, protocol, secret, options).ok()??;
        Some(Arc::new(BatchWay { provider, terms }))
    }
}
