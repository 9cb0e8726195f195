//! Saving from outside: reads rows while a blocking thread writes files. Knows neither names nor bytes.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use imagemill_domain::job::JobId;
use imagemill_domain::save_rule::Collision;
use imagemill_domain::task::TaskId;
use imagemill_store::{Store, StoreError, TaskFilter};

use crate::error::ExportError;
use crate::feed::Feed;
use crate::naming::Naming;
use crate::request::{SaveProgress, SaveRequest, Saved, Selection};
use crate::session::{Opening, Session, Survey};

/// Rows read at once for the survey.
const PAGE: u32 = 1_000;

/// Saves a job's pictures under the names of a rule. Originals are copied byte for byte and checked on the way.
///
/// Saving again writes only what is new: a result whose file is there with the same bytes is counted as `already_there`.
/// What is wrong with one picture stands in [`Saved::errors`] and the rest goes on. On a dry run nothing is written, and
/// the names are those of a real run.
///
/// # Errors
/// A template that cannot be used, an output folder that cannot be written to, a full disk, a workspace that cannot be
/// read. Files written before that are whole, and saving again goes on from there.
pub async fn save(request: SaveRequest<'_>, mut progress: impl FnMut(SaveProgress)) -> Result<Saved, ExportError> {
    let SaveRequest { store, files, job, rule, folder, selection, dry_run } = request;
    let naming = Naming::new(rule, job.definition.file.source.list.is_some())?;
    let total = match &selection {
        Selection::Job => store.jobs().pictures(job.id).await?,
        Selection::Tasks(_) => 0,
        Selection::Assets(assets) => assets.len() as u64,
    };
    let survey = if rule.collision == Collision::Overwrite { Some(survey(store, job.id).await?) } else { None };
    let opening = Opening {
        job: Arc::new(job.clone()),
        files: files.clone(),
        rule: rule.clone(),
        folder,
        counts: store.jobs().counts(job.id).await?,
        survey,
        dry_run,
    };
    let mut session = blocking(move || Session::open(opening, naming)).await?;
    // With one way to the pictures the job says who made them.
    let with_calls = (rule.manifest && !dry_run) || !job.definition.others.is_empty();
    let mut feed = Feed::new(store, job.id, &selection, rule, with_calls).await?;
    let mut done = 0;
    progress(SaveProgress { done, total });
    loop {
        let groups = feed.next().await?;
        if groups.is_empty() {
            break;
        }
        done += groups.iter().map(|group| group.results.len() as u64 + group.left_out).sum::<u64>();
        session = blocking(move || session.add(&groups).map(|()| session)).await?;
        progress(SaveProgress { done, total });
    }
    blocking(move || session.finish()).await
}

/// What the job has now: its results, and the sources that must never be replaced.
async fn survey(store: &Store, job: JobId) -> Result<Survey, StoreError> {
    let mut alive = HashSet::new();
    let mut after = None;
    loop {
        let page = store.assets().page(job, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        alive.extend(page.iter().map(|(asset, task)| (task.key, asset.facts.blake3)));
    }
    let mut sources = Vec::new();
    let mut after: Option<(i64, TaskId)> = None;
    loop {
        let page = store.tasks().page(TaskFilter { job, states: None, failure: None }, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.position, last.id));
        sources.extend(page.iter().flat_map(|task| &task.spec.pictures).map(|picture| PathBuf::from(&picture.path)));
    }
    Ok(Survey { alive, sources })
}

/// Runs work with files where it may block; a panic in it goes on here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => panic!("work that was begun is not cancelled: {error}"),
        },
    }
}
