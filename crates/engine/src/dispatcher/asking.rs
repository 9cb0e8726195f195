//! Which tasks are taken to ask providers about calls that they took. Apart from the line of new work: a full line must not
//! keep a result that is paid for from being fetched. How a provider is asked is in `poll`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use imagemill_domain::job::JobState;

use super::{Dispatcher, Running};
use crate::poll;

/// Tasks at once whose provider is asked about a call.
const ASKED_AT_ONCE: usize = 64;

impl Running {
    fn is_asking(&self) -> bool {
        self.asks.as_ref().is_some_and(|asking| asking.load(Ordering::Relaxed))
    }
}

impl Dispatcher {
    /// Takes tasks whose provider is to be asked about a call. What is paid for is fetched for paused jobs too, and the
    /// providers of stopped ones are told.
    pub(super) async fn ask_providers(&mut self) {
        let (store, now_us) = (self.shared.store.clone(), self.shared.clock.now_us());
        match store.tasks().poll_jobs(now_us).await {
            Ok(polling) => self.polling = polling,
            Err(error) => {
                tracing::warn!(%error, "calls that are with a provider could not be looked at");
                return;
            }
        }
        if self.polling.is_empty() && self.running.is_empty() && self.claims.is_empty() {
            poll::forget_all(&self.shared);
        }
        for due in self.polling.clone().into_iter().filter(|due| due.due > 0) {
            if !self.jobs.contains_key(&due.job) && !self.unaskable.contains(&due.job) {
                self.load_job(due.job).await;
                if !self.jobs.contains_key(&due.job) {
                    self.unaskable.insert(due.job);
                }
            }
            let Some(job) = self.jobs.get(&due.job).cloned() else { continue };
            if self.is_paused(&due.profile) {
                continue;
            }
            // A profile that the job does not name any more: whoever took its place asks.
            let Some(way) = job.drawing_of(&due.profile).or(job.drawings.first()).cloned() else { continue };
            let asking = self.running.values().filter(|running| running.is_asking()).count();
            let room = ASKED_AT_ONCE.saturating_sub(asking) as u32;
            let claimed = match store.tasks().claim_polls(due.job, &due.profile, room, self.shared.owner, now_us).await
            {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(%error, "calls that are with a provider could not be asked about");
                    return;
                }
            };
            for claimed in claimed {
                let asking = Some(Arc::new(AtomicBool::new(true)));
                self.begin(&job, way.clone(), claimed, asking, due.state == JobState::Stopped);
            }
        }
    }

    /// Tasks of a profile that were taken to ask and went on to further steps: they are work of the line now.
    pub(super) fn gone_on(&self, profile: &str) -> u32 {
        let gone_on = |running: &&Running| running.asks.is_some() && !running.is_asking() && running.profile == profile;
        self.running.values().filter(gone_on).count() as u32
    }
}
