//! Saves that go on while the client looks at something else, and what became of them. They are forgotten when the server
//! ends: what they wrote is in their folder, and saving again goes on from there.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use imagemill_desk::{Target, now_us, stored_target};
use imagemill_domain::job::{Job, JobId};
use imagemill_domain::job_file::RecipeName;
use imagemill_domain::save_rule::SaveRule;
use imagemill_export::{SaveProgress, SaveRequest, Saved, Selection};
use imagemill_store::StoreError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::state::AppState;

/// Between two looks for jobs that ended.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Ended saves that are remembered.
const REMEMBERED: usize = 100;

/// Where a save stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SaveState {
    /// Files are being written.
    Running,
    /// It ended; what could not be saved is in the result.
    Done,
    /// It could not go on.
    Failed,
}

/// A save as a client sees it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SaveStatus {
    /// Where it stands.
    pub(crate) state: SaveState,
    /// Pictures dealt with.
    pub(crate) done: u64,
    /// Pictures in all.
    pub(crate) total: u64,
    /// As `save --json` prints it, or `export --json`.
    pub(crate) result: Option<Value>,
    /// Why it failed.
    pub(crate) error: Option<String>,
    /// Whether there is a zip file to fetch.
    pub(crate) zip: bool,
}

/// All saves since the server started.
#[derive(Debug)]
pub(crate) struct Saves {
    scratch: PathBuf,
    known: Mutex<(u64, BTreeMap<u64, SaveStatus>)>,
}

/// What is to be saved.
pub(crate) struct SaveWork {
    /// Of this job.
    pub(crate) job: Job,
    /// By this rule.
    pub(crate) rule: SaveRule,
    /// Into this folder; `None` makes a zip file.
    pub(crate) folder: Option<PathBuf>,
}

impl Saves {
    /// `scratch` holds zip files; what an earlier server left there is removed.
    pub(crate) fn new(scratch: PathBuf) -> Self {
        let _ = std::fs::remove_dir_all(&scratch);
        Self { scratch, known: Mutex::default() }
    }

    /// How a save stands.
    pub(crate) fn status(&self, save: u64) -> Option<SaveStatus> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).1.get(&save).cloned()
    }

    /// Where the zip file of a save is.
    pub(crate) fn zip_path(&self, save: u64) -> PathBuf {
        self.scratch.join(format!("{save}.zip"))
    }

    fn begin(&self) -> u64 {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.0 += 1;
        let save = known.0;
        let status = SaveStatus { state: SaveState::Running, done: 0, total: 0, result: None, error: None, zip: false };
        known.1.insert(save, status);
        while known.1.len() > REMEMBERED {
            let Some((old, _)) = known.1.pop_first() else { break };
            let _ = std::fs::remove_file(self.scratch.join(format!("{old}.zip")));
        }
        save
    }

    fn end(&self, save: u64, outcome: &Result<(Value, bool), String>) {
        self.change(save, |status| match outcome {
            Ok((result, zip)) => {
                (status.state, status.result, status.zip) = (SaveState::Done, Some(result.clone()), *zip);
            }
            Err(error) => {
                tracing::warn!(%error, "a save could not go on");
                (status.state, status.error) = (SaveState::Failed, Some(error.clone()));
            }
        });
    }

    fn change(&self, save: u64, change: impl FnOnce(&mut SaveStatus)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = known.1.get_mut(&save) {
            change(status);
        }
    }
}

/// Starts a save and returns its number.
pub(crate) fn start(state: &AppState, work: SaveWork) -> u64 {
    let save = state.saves.begin();
    let state = state.clone();
    tokio::spawn(async move {
        // Its outcome is in its status.
        let _ = settle(&state, save, work).await;
    });
    save
}

/// Starts other work that writes files, and returns the number under which it is told how it goes.
pub(crate) fn start_other<T: Serialize, E: Display>(
    state: &AppState,
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> u64 {
    let save = state.saves.begin();
    let state = state.clone();
    tokio::spawn(async move {
        let outcome = work.await.map(|done| (serde_json::to_value(done).unwrap_or_default(), false));
        state.saves.end(save, &outcome.map_err(|error| error.to_string()));
    });
    save
}

/// Saves jobs with `[save]` when they end, as the command line does with its own, until the server stops. One that is cut off
/// is done again by the next server; files that are there already stay.
pub(crate) async fn save_what_ended(state: AppState) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if state.runner.lock().await.engine().is_none() {
            // Whoever runs the workspace saves.
            continue;
        }
        let due = state.store.jobs().saves_due().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the jobs to save could not be read");
            Vec::new()
        });
        for (job, end) in due {
            if let Err(error) = save_ended(&state, job, end).await {
                tracing::warn!(%error, %job, "a job that ended could not be saved");
            }
        }
    }
}

async fn save_ended(state: &AppState, id: JobId, end: String) -> Result<(), StoreError> {
    let Some(job) = state.store.jobs().get(id).await? else { return Ok(()) };
    let Some(Target { folder, rule }) = stored_target(&state.desk().workspace.root, &job) else { return Ok(()) };
    let save = state.saves.begin();
    let outcome = settle(state, save, SaveWork { job, rule, folder: Some(folder) }).await;
    state.store.jobs().record_saved(id, end, outcome, now_us()).await
}

/// Runs a save to its end and shows how it stands.
async fn settle(state: &AppState, save: u64, work: SaveWork) -> Result<Value, String> {
    let outcome = run(state, save, work).await;
    let outcome = outcome.map(|(saved, zip)| (serde_json::to_value(saved).unwrap_or_default(), zip));
    state.saves.end(save, &outcome);
    outcome.map(|(saved, _)| saved)
}

async fn run(state: &AppState, save: u64, work: SaveWork) -> Result<(Saved, bool), String> {
    let folder = work.folder.clone().unwrap_or_else(|| state.saves.scratch.join(save.to_string()));
    let request = SaveRequest {
        store: &state.store,
        files: &state.files,
        job: &work.job,
        rule: &work.rule,
        folder: folder.clone(),
        selection: Selection::Job,
        dry_run: false,
    };
    let progress = |SaveProgress { done, total }: SaveProgress| {
        state.saves.change(save, |status| (status.done, status.total) = (done, total));
    };
    let saved = imagemill_export::save(request, progress).await.map_err(|error| error.to_string())?;
    save_words(state, &work.job, &folder).await?;
    if work.folder.is_some() {
        return Ok((saved, false));
    }
    let target = state.saves.zip_path(save);
    let packing = tokio::task::spawn_blocking(move || {
        let packed = pack(&folder, &target);
        // The files are in the archive, or of no use.
        let _ = std::fs::remove_dir_all(&folder);
        packed.map_err(|error| format!("the zip file could not be written: {error}"))
    });
    packing.await.map_err(|error| error.to_string())??;
    Ok((saved, true))
}

/// Writes what tasks ended with in words beside the pictures, as the command line does.
async fn save_words(state: &AppState, job: &Job, folder: &Path) -> Result<(), String> {
    match job.definition.file.recipe {
        RecipeName::Critique => {
            let written = imagemill_export::save_rows(&state.store, &[job.id], &folder.join("critiques.jsonl")).await;
            written.map(|_| ()).map_err(|error| error.to_string())
        }
        RecipeName::Infographic => {
            let written = imagemill_desk::write_infographics(&state.store, &state.files, job.id, folder).await;
            written.map_err(|error| error.to_string())
        }
        _ => Ok(()),
    }
}

/// Everything below `folder` as one archive, stored as it is: pictures do not get smaller.
fn pack(folder: &Path, target: &Path) -> std::io::Result<()> {
    let mut archive = zip::ZipWriter::new(std::io::BufWriter::new(std::fs::File::create(target)?));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    add(&mut archive, folder, "", options)?;
    archive.finish()?.flush()
}

fn add<W: Write + Seek>(
    archive: &mut zip::ZipWriter<W>,
    folder: &Path,
    prefix: &str,
    options: SimpleFileOptions,
) -> std::io::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            add(archive, &entry.path(), &format!("{name}/"), options)?;
        } else {
            archive.start_file(name, options)?;
            std::io::copy(&mut std::fs::File::open(entry.path())?, archive)?;
        }
    }
    Ok(())
}

/// What a client that asks for a save gets.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct SaveStarted {
    /// Ask for it at `/saves/SAVE`.
    pub(crate) save: u64,
}
