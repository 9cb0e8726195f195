//! Reads from the store what the reporter shows: snapshots, examples of failures, unknown calls.

use anyhow::Context as _;
use imagemill_domain::job::{Job, JobId};
use imagemill_domain::task::TaskState;
use imagemill_engine::Activity;
use imagemill_store::{BatchState, PausedProfile, Store, TaskFilter};

use crate::clock::now_us;
use crate::context::Context;
use crate::quit::Quit;
use crate::report::{FailureExample, JobSnapshot, UnknownCall};
use crate::texts::say;

/// A job by name or number, or by a part of its name that no other job has.
pub(crate) async fn job(context: &Context, store: &Store, wanted: &str) -> anyhow::Result<Job> {
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
    let hint =
        near.map(|near| format!(" {}", say!(context.texts, "word.did_you_mean", word = near))).unwrap_or_default();
    Err(Quit::usage(format!("{}{hint}", say!(context.texts, "job.unknown", job = wanted))))
}

/// One look at a job.
pub(crate) async fn snapshot(store: &Store, id: JobId, activity: Option<&Activity>) -> anyhow::Result<JobSnapshot> {
    let job = store.jobs().get(id).await?.context("the job was deleted meanwhile")?;
    let paused = store.profiles().paused().await?;
    snapshot_of(store, job, &paused, activity).await
}

/// The same for a job that was just read.
pub(crate) async fn snapshot_of(
    store: &Store,
    job: Job,
    paused: &[PausedProfile],
    activity: Option<&Activity>,
) -> anyhow::Result<JobSnapshot> {
    let counts = store.jobs().counts(job.id).await?;
    let profile = job.definition.profile.name.clone();
    let waits = counts.get(TaskState::Waiting) > 0 && counts.get(TaskState::Running) == 0;
    let concurrency = activity
        .and_then(|activity| activity.profiles.iter().find(|of| of.name == profile))
        .map(|of| (of.concurrency_now, of.concurrency_max));
    let open = counts.open() > 0;
    let waiting = counts.get(TaskState::Waiting) > 0;
    let mut batches = if waiting { store.batches().of_job(job.id).await? } else { Vec::new() };
    batches.retain(|batch| batch.state != BatchState::Ended);
    Ok(JobSnapshot {
        at_us: now_us(),
        id: job.id,
        state: job.state,
        reason: job.reason,
        spent: job.spent,
        reserved: job.reserved,
        budget: job.budget,
        failures: store.jobs().failures(job.id).await?,
        pictures: store.jobs().pictures(job.id).await?,
        batches,
        waiting_until_us: if waits { store.tasks().next_due().await? } else { None },
        paused: paused
            .iter()
            .find(|paused| paused.name == profile && open)
            .map(|paused| (paused.kind, paused.reason.clone(), paused.until_us)),
        concurrency,
        name: job.name,
        profile,
        counts,
    })
}

/// One example for each kind of failure of a job.
pub(crate) async fn failure_examples(store: &Store, job: &JobSnapshot) -> anyhow::Result<Vec<FailureExample>> {
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
pub(crate) async fn unknown_calls(store: &Store, job: JobId) -> anyhow::Result<Vec<UnknownCall>> {
    let calls = store.calls().page_unknown(Some(job), None, 20).await?;
    Ok(calls.into_iter().map(|call| UnknownCall { call: call.id, task: call.task, ceiling: call.ceiling }).collect())
}
