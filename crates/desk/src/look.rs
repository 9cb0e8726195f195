//! Reads from the store what is told of a job: snapshots, examples of failures, unknown calls.

use imagemill_domain::call::CallId;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::{Job, JobDefinition, JobId};
use imagemill_domain::money::Money;
use imagemill_domain::profile::Profile;
use imagemill_domain::route::Route;
use imagemill_domain::speaker::Speakers;
use imagemill_domain::task::{TaskId, TaskState};
use imagemill_engine::Activity;
use imagemill_store::{BatchState, JobFigures, PausedProfile, Store, TaskFilter};
use serde::Serialize;

use crate::clock::now_us;
use crate::error::DeskError;
use crate::progress::JobSnapshot;

/// One task that failed in some way, to stand for all of its kind.
#[derive(Clone, Debug, Serialize)]
pub struct FailureExample {
    /// What it means.
    pub kind: FailureKind,
    /// Tasks of this kind.
    pub tasks: u64,
    /// The example.
    pub task: TaskId,
    /// Its source or prompt.
    pub title: String,
    /// The provider's or our own words.
    pub message: String,
}

/// A call whose outcome nobody knows.
#[derive(Clone, Debug, Serialize)]
pub struct UnknownCall {
    /// Which.
    pub call: CallId,
    /// Its task.
    pub task: TaskId,
    /// The most it may have cost; `None` when the price is not known.
    pub ceiling: Option<Money>,
}

/// A job by name or number, or by a part of its name that no other job has.
pub async fn find_job(store: &Store, wanted: &str) -> Result<Job, DeskError> {
    if let Some(job) = store.jobs().by_name(wanted).await? {
        return Ok(job);
    }
    if let Ok(number) = wanted.parse()
        && let Some(job) = store.jobs().get(JobId(number)).await?
    {
        return Ok(job);
    }
    let jobs = store.jobs().list().await?;
    let mut alike = jobs.iter().filter(|job| !wanted.is_empty() && job.name.contains(wanted));
    if let (Some(job), None) = (alike.next(), alike.next()) {
        return Ok(job.clone());
    }
    let near = imagemill_domain::job_file::nearest(wanted, jobs.iter().map(|job| job.name.as_str()));
    Err(DeskError::UnknownJob { name: wanted.to_owned(), near: near.map(str::to_owned) })
}

/// One look at a job.
pub async fn snapshot(store: &Store, id: JobId, activity: Option<&Activity>) -> Result<JobSnapshot, DeskError> {
    let job = store.jobs().get(id).await?.ok_or(DeskError::JobGone)?;
    let paused = store.profiles().paused().await?;
    snapshot_of(store, job, &paused, activity).await
}

/// The same for a job that was just read.
pub async fn snapshot_of(
    store: &Store,
    job: Job,
    paused: &[PausedProfile],
    activity: Option<&Activity>,
) -> Result<JobSnapshot, DeskError> {
    let mut figures = store.jobs().figures(vec![job.id]).await?;
    let figures = figures.pop().unwrap_or_default();
    snapshot_with(store, job, figures, paused, activity).await
}

/// The same of a job that was counted already, as one of a list.
pub async fn snapshot_with(
    store: &Store,
    job: Job,
    figures: JobFigures,
    paused: &[PausedProfile],
    activity: Option<&Activity>,
) -> Result<JobSnapshot, DeskError> {
    let JobFigures { counts, failures, pictures } = figures;
    let names: Vec<&str> = job.definition.picture_profiles().map(|profile| profile.name.as_str()).collect();
    let profile = names.join(", ");
    let waits = counts.get(TaskState::Waiting) > 0 && counts.get(TaskState::Running) == 0;
    let concurrency = activity.and_then(|activity| {
        let ours = activity.profiles.iter().filter(|of| names.contains(&of.name.as_str()));
        ours.map(|of| (of.concurrency_now, of.concurrency_max)).reduce(|all, one| (all.0 + one.0, all.1 + one.1))
    });
    let paused = if counts.open() > 0 { why_paused(&job.definition, paused) } else { None };
    let waiting = counts.get(TaskState::Waiting) > 0;
    let mut batches = if waiting { store.batches().of_job(job.id).await? } else { Vec::new() };
    batches.retain(|batch| batch.state != BatchState::Ended);
    Ok(JobSnapshot {
        at_us: now_us(),
        id: job.id,
        state: job.state,
        reason: job.reason,
        spent: job.spent,
        unpriced: job.unpriced,
        reserved: job.reserved,
        budget: job.budget,
        failures,
        pictures,
        recipe: job.definition.file.recipe,
        batches,
        waiting_until_us: if waits { store.tasks().next_due().await? } else { None },
        paused: paused.map(|paused| (paused.kind, paused.reason.clone(), paused.until_us)),
        concurrency,
        name: job.name,
        profile,
        counts,
    })
}

/// The pause that holds a job up: of whoever it asks in words, or, when all ways to its pictures are paused, the one that ends first.
fn why_paused<'a>(definition: &JobDefinition, paused: &'a [PausedProfile]) -> Option<&'a PausedProfile> {
    let of = |profile: &Profile| paused.iter().find(|paused| paused.name == profile.name);
    let Speakers { text, vision } = &definition.speakers;
    let speakers = [text, vision].into_iter().flatten();
    if let Some(paused) = speakers.map(|speaker| &speaker.profile).find_map(of) {
        return Some(paused);
    }
    let ways: Vec<_> = definition.picture_profiles().map(of).collect::<Option<_>>()?;
    ways.into_iter().min_by_key(|paused| paused.until_us.unwrap_or(i64::MAX))
}

/// One way to a job's pictures, as `status` tells of it.
#[derive(Clone, Debug, Serialize)]
pub struct WayState {
    /// Profile by name.
    pub profile: String,
    /// The model that is called.
    pub model: String,
    /// Its share of the tasks; 0 in a fail-over order.
    pub share: u32,
    /// Tasks whose pictures it made.
    pub tasks: u64,
    /// Why it is paused; `stable_infra` is an open circuit.
    pub paused: Option<PauseState>,
}

/// A pause.
#[derive(Clone, Debug, Serialize)]
pub struct PauseState {
    /// What it means.
    pub kind: FailureKind,
    /// A sentence for a person.
    pub reason: String,
    /// When it is tried again by itself, microseconds since 1970.
    pub until_us: Option<i64>,
}

/// The ways to a job's pictures, in the job's order.
pub async fn ways_of(store: &Store, job: &Job, paused: &[PausedProfile]) -> Result<Vec<WayState>, DeskError> {
    let done = store.calls().tasks_by_profile(job.id).await?;
    let way = |route: Route| WayState {
        tasks: done.iter().find(|(profile, _)| *profile == route.profile.name).map_or(0, |(_, tasks)| *tasks),
        paused: paused.iter().find(|paused| paused.name == route.profile.name).map(|paused| PauseState {
            kind: paused.kind,
            reason: paused.reason.clone(),
            until_us: paused.until_us,
        }),
        profile: route.profile.name,
        model: route.model,
        share: route.share,
    };
    Ok(job.definition.routes().into_iter().map(way).collect())
}

/// One example for each kind of failure of a job.
pub async fn failure_examples(store: &Store, job: &JobSnapshot) -> Result<Vec<FailureExample>, DeskError> {
    let mut examples = Vec::new();
    for (kind, tasks) in job.failures_by_kind() {
        let ended: Vec<TaskState> = TaskState::ALL.into_iter().filter(|state| state.is_ended()).collect();
        let filter = TaskFilter { job: job.id, states: Some(ended), failure: Some(kind) };
        let Some(task) = store.tasks().page(filter, None, 1).await?.into_iter().next() else { continue };
        let message = task.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
        examples.push(FailureExample { kind, tasks, task: task.id, title: task.spec.title(), message });
    }
    Ok(examples)
}

/// The first twenty calls of a job whose outcome nobody knows.
pub async fn unknown_calls(store: &Store, job: JobId) -> Result<Vec<UnknownCall>, DeskError> {
    let calls = store.calls().page_unknown(Some(job), None, 20).await?;
    Ok(calls.into_iter().map(|call| UnknownCall { call: call.id, task: call.task, ceiling: call.ceiling }).collect())
}
