//! What the screen shows, read from the store and the log file. Knows nothing of how it is drawn.

use std::collections::VecDeque;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use imagemill_desk::{Owner, Progress, snapshot_of};
use imagemill_domain::event::EventBody;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobState;
use imagemill_domain::money::Money;
use imagemill_domain::task::TaskState;
use imagemill_store::{PausedProfile, Store};

use crate::context::Context;

/// Jobs that are looked at: all open ones, and the newest of the others.
const MOST_JOBS: usize = 50;
/// Failures that are kept.
const MOST_FAILURES: usize = 100;
/// Events before the first look that are searched for failures.
const EVENTS_BEFORE: i64 = 2_000;
/// Bytes at the end of the log that are read.
const LOG_BYTES: u64 = 16 << 10;

/// One task that did not end well.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) at_us: i64,
    pub(crate) job: String,
    pub(crate) title: String,
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

/// The state of the screen.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) folder: PathBuf,
    pub(crate) owner: Option<Owner>,
    /// Open jobs first, then newest first.
    pub(crate) jobs: Vec<Progress>,
    /// Jobs that are not shown.
    pub(crate) more_jobs: usize,
    /// Of all jobs that are shown.
    pub(crate) spent: Money,
    pub(crate) unpriced: u64,
    pub(crate) paused: Vec<PausedProfile>,
    /// Newest first.
    pub(crate) failures: VecDeque<Failed>,
    pub(crate) log: Vec<String>,
    /// The job that keys act on.
    pub(crate) selected: usize,
    /// A question that waits for y.
    pub(crate) question: Option<String>,
    /// What the last key did.
    pub(crate) notice: Option<String>,
    /// The last event that was read.
    pub(crate) seq: i64,
}

impl Board {
    /// Before the first look.
    pub(crate) async fn new(context: &Context, store: &Store) -> anyhow::Result<Self> {
        let seq = (store.events().latest().await? - EVENTS_BEFORE).max(0);
        Ok(Self { folder: context.desk.workspace.root.clone(), seq, ..Self::default() })
    }

    /// Looks again.
    pub(crate) async fn look(&mut self, context: &Context, store: &Store) -> anyhow::Result<()> {
        self.owner = context.desk.workspace.owner();
        self.paused = store.profiles().paused().await?;
        let mut listed = store.jobs().list().await?;
        listed.sort_by_key(|job| matches!(job.state, JobState::Finished | JobState::Stopped));
        self.more_jobs = listed.len().saturating_sub(MOST_JOBS);
        listed.truncate(MOST_JOBS);
        let chosen = self.chosen().map(|job| job.now.id);
        let mut known = std::mem::take(&mut self.jobs);
        for job in listed {
            let at = known.iter().position(|known| known.now.id == job.id);
            let look = snapshot_of(store, job, &self.paused, None).await?;
            self.jobs.push(match at.map(|at| known.swap_remove(at)) {
                Some(mut known) => {
                    known.take(look);
                    known
                }
                None => Progress::new(look),
            });
        }
        let chosen = chosen.and_then(|id| self.jobs.iter().position(|job| job.now.id == id));
        self.selected = chosen.unwrap_or(self.selected).min(self.jobs.len().saturating_sub(1));
        self.spent = self.jobs.iter().fold(Money::ZERO, |sum, job| sum + job.now.spent);
        self.unpriced = self.jobs.iter().map(|job| job.now.unpriced).sum();
        self.read_events(store).await?;
        self.log = tail(&context.desk.workspace.logs());
        Ok(())
    }

    /// The job that keys act on.
    pub(crate) fn chosen(&self) -> Option<&Progress> {
        self.jobs.get(self.selected)
    }

    /// Moves the choice.
    pub(crate) fn step(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.jobs.len().saturating_sub(1));
    }

    async fn read_events(&mut self, store: &Store) -> anyhow::Result<()> {
        loop {
            let page = store.events().after(self.seq, 1_000).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.seq = last.seq;
            let failed = page.iter().filter_map(|event| match event.body {
                EventBody::TaskState { task, state, failure: Some(kind), .. }
                    if state.is_ended() && state != TaskState::Stopped =>
                {
                    Some((event.at_us, task, kind))
                }
                _ => None,
            });
            // Only what can be shown is looked up, however many fail at once.
            for (at_us, task, kind) in failed.collect::<Vec<_>>().into_iter().rev().take(MOST_FAILURES).rev() {
                let Some(task) = store.tasks().get(task).await? else { continue };
                let job = self.jobs.iter().find(|job| job.now.id == task.job);
                let job = job.map(|job| job.now.name.clone()).unwrap_or_default();
                let message = task.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
                self.failures.push_front(Failed { at_us, job, title: task.spec.title(), kind, message });
            }
            self.failures.truncate(MOST_FAILURES);
        }
    }
}

/// The last lines of the newest log file.
fn tail(folder: &Path) -> Vec<String> {
    let newest = std::fs::read_dir(folder).ok().and_then(|entries| {
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.filter(|path| path.extension().is_some_and(|suffix| suffix == "log")).max()
    });
    let Some(mut file) = newest.and_then(|path| std::fs::File::open(path).ok()) else { return Vec::new() };
    let from = file.metadata().map_or(0, |facts| facts.len().saturating_sub(LOG_BYTES));
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::Start(from)).and_then(|_| file.take(LOG_BYTES).read_to_end(&mut bytes)).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    // The first line was cut somewhere.
    text.lines().skip(usize::from(from > 0)).map(str::to_owned).collect()
}
