//! Rates and times to go of the jobs that run, looked at twice a second while somebody watches. What is lasting is an event;
//! this is only how it goes right now.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use imagemill_desk::{Progress, snapshot_of};
use imagemill_domain::event::Event;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobId;
use imagemill_domain::task::TaskState;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::error::ApiError;
use crate::state::AppState;

/// Between two looks while a page watches.
const WATCHED: Duration = Duration::from_millis(500);
/// The same while none does: the window of the rate is filled all the same.
const UNWATCHED: Duration = Duration::from_secs(3);
/// Jobs looked at, newest first.
const MOST_JOBS: usize = 20;

/// The latest look.
#[derive(Debug)]
pub(crate) struct ActivityBoard {
    latest: watch::Sender<Arc<str>>,
    progress: Mutex<HashMap<JobId, Progress>>,
}

impl Default for ActivityBoard {
    fn default() -> Self {
        Self { latest: watch::Sender::new(Arc::from("")), progress: Mutex::default() }
    }
}

impl ActivityBoard {
    /// Told of every look that differs from the one before.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<str>> {
        self.latest.subscribe()
    }

    /// How often tasks of a job were put off since the server started, by the reason.
    pub(crate) fn put_off(&self, job: JobId) -> BTreeMap<FailureKind, u64> {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.get(&job).map(|progress| progress.put_off.clone()).unwrap_or_default()
    }

    /// Takes what happened.
    pub(crate) fn on_events(&self, events: &[Event]) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            if let Some(progress) = event.job.and_then(|job| progress.get_mut(&job)) {
                progress.on_event(&event.body);
            }
        }
    }
}

/// Looks until the server stops.
pub(crate) async fn look_around(state: AppState) {
    loop {
        if let Err(problem) = look(&state).await {
            tracing::debug!(?problem, "the running jobs could not be looked at");
        }
        let watched = state.board.latest.receiver_count() > 0;
        tokio::time::sleep(if watched { WATCHED } else { UNWATCHED }).await;
    }
}

async fn look(state: &AppState) -> Result<(), ApiError> {
    let activity = state.runner.lock().await.activity();
    let paused = state.store.profiles().paused().await?;
    let mut jobs = Vec::new();
    let open = state.store.jobs().open_jobs().await?;
    let ids: Vec<JobId> = open.iter().rev().take(MOST_JOBS).map(|open| open.job.id).collect();
    for id in &ids {
        let Some(job) = state.store.jobs().get(*id).await? else { continue };
        let now = snapshot_of(&state.store, job, &paused, activity.as_ref()).await?;
        let mut known = state.board.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = known.entry(*id).or_insert_with(|| Progress::new(now.clone()));
        progress.take(now);
        jobs.push(json!({
            "id": id,
            "rate_per_minute": progress.rate_per_minute(),
            "eta_s": progress.seconds_to_go(),
            "running": progress.now.counts.get(TaskState::Running),
        }));
    }
    let profiles: Vec<Value> = activity
        .iter()
        .flat_map(|activity| &activity.profiles)
        .map(|profile| {
            json!({
                "name": profile.name,
                "limit": profile.concurrency_now,
                "in_flight": profile.in_flight,
                "paused": paused.iter().any(|paused| paused.name == profile.name),
            })
        })
        .collect();
    let text: Arc<str> = Arc::from(json!({ "jobs": jobs, "profiles": profiles }).to_string());
    state.board.latest.send_if_modified(|latest| {
        let changed = *latest != text;
        *latest = text;
        changed
    });
    Ok(())
}
