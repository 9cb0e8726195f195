//! Runs of request files that were submitted here, or by a server that ended before them: when their job has ended, what became of
//! them is written into their asset's folder. Only unfinished ones are remembered; everything else is in the folders.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use imagemill_briefs::{AssetFolder, StoredRequest};
use imagemill_desk::{asset_folders_below, collect_run, now_us};
use imagemill_domain::event::EventBody;
use imagemill_domain::job::JobState;

use crate::state::AppState;

/// Between two looks for runs that ended.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Asset folders that are looked into when the server starts.
const MOST_FOLDERS: usize = 10_000;

/// Runs that have not ended.
#[derive(Debug, Default)]
pub(crate) struct RequestRuns(Mutex<Vec<(StoredRequest, AssetFolder)>>);

impl RequestRuns {
    /// Remembers a run.
    pub(crate) fn add(&self, stored: StoredRequest, folder: AssetFolder) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same =
            |(one, there): &(StoredRequest, AssetFolder)| one.job == stored.job && there.root() == folder.root();
        if !known.iter().any(is_same) {
            known.push((stored, folder));
        }
    }

    fn all(&self) -> Vec<(StoredRequest, AssetFolder)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget(&self, job: &str, folder: &Path) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(one, there)| one.job != job || there.root() != folder);
    }
}

/// Collects runs that ended, for as long as the server lives.
pub(crate) async fn collect_what_ended(state: AppState) {
    let root = state.desk().workspace.root.clone();
    let looking = tokio::task::spawn_blocking(move || unfinished(&root));
    for (stored, folder) in looking.await.unwrap_or_default() {
        state.runs.add(stored, folder);
    }
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for (stored, folder) in state.runs.all() {
            let job = match state.store.jobs().by_name(&stored.job).await {
                Ok(Some(job)) if matches!(job.state, JobState::Finished | JobState::Stopped) => job.id,
                // Its job is of another workspace, or was deleted.
                Ok(None) => {
                    state.runs.forget(&stored.job, folder.root());
                    continue;
                }
                _ => continue,
            };
            let collected = collect_run(&state.desk(), &state.store, &stored, &folder).await;
            let error = collected.err().map(|error| error.to_string());
            if let Some(error) = &error {
                let asset = folder.root().display();
                tracing::error!(%error, %asset, run = stored.input.run_id, "what became of a run cannot be written into its asset's folder; `imagemill request poll` writes it");
            }
            let _ = state.store.events().tell(job, EventBody::RunCollected { error }, now_us()).await;
            state.runs.forget(&stored.job, folder.root());
        }
    }
}

/// Runs below `root` whose records tell no end.
fn unfinished(root: &Path) -> Vec<(StoredRequest, AssetFolder)> {
    let mut found = Vec::new();
    for folder in asset_folders_below(root, MOST_FOLDERS) {
        for entry in std::fs::read_dir(folder.path("runs/image")).into_iter().flatten().filter_map(Result::ok) {
            let run = entry.file_name().to_string_lossy().into_owned();
            let manifest = folder.json(&format!("runs/image/{run}/manifest.json")).ok().flatten().unwrap_or_default();
            let has_ended =
                matches!(manifest["status"].as_str(), Some("succeeded" | "partial" | "failed" | "refused" | "stopped"));
            if let (false, Ok(Some(stored))) = (has_ended, StoredRequest::load(&folder, &run)) {
                found.push((stored, folder.clone()));
            }
        }
    }
    found
}
