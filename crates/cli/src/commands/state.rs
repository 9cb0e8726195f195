//! `imagemill pause`, `stop` and `resume`: rows that whoever runs the workspace acts on within a second.

use imagemill_desk::{Runner, now_us, stored_target};
use imagemill_domain::job::{Job, JobState};
use imagemill_domain::task::TaskState;
use imagemill_simulator::Scenario;
use imagemill_store::Store;
use serde_json::json;

use crate::cli::{JobArg, ResumeArgs};
use crate::context::Context;
use crate::launch;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// How long `pause` and `stop` wait for calls under way, in looks of 100 ms.
const LOOKS: u32 = 20;

/// `pause`.
pub(crate) async fn pause(context: &Context, args: JobArg) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    let job = imagemill_desk::find_job(&store, &args.job).await?;
    match job.state {
        JobState::Paused => {}
        JobState::Active | JobState::Submitting => {
            let reason = say!(context.texts, "pause.reason");
            store.jobs().set_state(job.id, JobState::Paused, Some(reason), now_us()).await?;
        }
        JobState::Stopped | JobState::Finished => return Err(not_open(context, &job)),
    }
    let running = store.jobs().counts(job.id).await?.get(TaskState::Running);
    context.printer.line(say!(context.texts, "pause.done", job = job.name));
    context.printer.json(&json!({ "job": job.name, "id": job.id, "state": JobState::Paused, "running": running }));
    Ok(Exit::Ok)
}

/// `stop`.
pub(crate) async fn stop(context: &Context, args: JobArg) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    let job = imagemill_desk::find_job(&store, &args.job).await?;
    if job.state == JobState::Finished {
        return Err(not_open(context, &job));
    }
    store.jobs().stop(job.id, now_us()).await?;
    let running = wait_for_running(context, &store, &job).await?;
    let stopped = store.jobs().counts(job.id).await?.get(TaskState::Stopped);
    let tasks = context.texts.count("task", stopped);
    context.printer.line(say!(context.texts, "stop.done", job = job.name, tasks = tasks));
    if running > 0 {
        context.warn(say!(context.texts, "stop.still_running", tasks = context.texts.count("task", running)));
    }
    context.printer.json(&json!({
        "job": job.name, "id": job.id, "state": JobState::Stopped, "stopped_tasks": stopped, "running": running,
    }));
    Ok(Exit::Ok)
}

/// Tasks still running once the owner had time to close their connections.
async fn wait_for_running(context: &Context, store: &Store, job: &Job) -> anyhow::Result<u64> {
    let owned = context.desk.workspace.owner().is_some();
    let mut running = store.jobs().counts(job.id).await?.get(TaskState::Running);
    for _ in 0..LOOKS {
        if running == 0 || !owned {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        running = store.jobs().counts(job.id).await?.get(TaskState::Running);
    }
    Ok(running)
}

/// `resume`.
pub(crate) async fn resume(context: &Context, args: ResumeArgs) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    let mut jobs = Vec::new();
    if let Some(profile) = &args.profile {
        let was_paused = store.profiles().resume(profile, now_us()).await?;
        if !was_paused {
            context.printer.note(say!(context.texts, "resume.not_paused", profile = profile));
        }
        for open in store.jobs().open_jobs().await?.into_iter().filter(|open| open.job.profile == *profile) {
            jobs.extend(store.jobs().get(open.job.id).await?);
        }
    }
    if let Some(wanted) = &args.job {
        let job = imagemill_desk::find_job(&store, wanted).await?;
        match job.state {
            JobState::Finished | JobState::Stopped => return Err(not_open(context, &job)),
            JobState::Submitting => return Err(Quit::usage(say!(context.texts, "resume.submitting", job = job.name))),
            JobState::Active => {}
            JobState::Paused => store.jobs().set_state(job.id, JobState::Active, None, now_us()).await?,
        }
        if jobs.iter().all(|known: &Job| known.id != job.id) {
            jobs.push(job);
        }
    }
    if jobs.is_empty() {
        context.printer.line(say!(context.texts, "resume.nothing"));
        context.printer.json(&json!({ "jobs": [], "profile": args.profile }));
        return Ok(Exit::Ok);
    }
    carry_on(context, &store, jobs, "resume").await
}

/// Runs jobs that are in the store, here or in the process that owns the workspace.
pub(crate) async fn carry_on(context: &Context, store: &Store, jobs: Vec<Job>, command: &str) -> anyhow::Result<Exit> {
    if let Some(owner) = context.desk.workspace.owner() {
        let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
        context.printer.line(say!(context.texts, "resume.owner", jobs = names.join(", "), owner = owner));
        context.printer.json(&json!({ "jobs": names, "owner": owner }));
        return Ok(Exit::Ok);
    }
    for job in &jobs {
        for profile in job.definition.profiles() {
            imagemill_desk::credential(profile)?;
        }
    }
    let targets = jobs.iter().map(|job| (job.id, stored_target(&context.desk.current, job))).collect();
    let since = store.events().latest().await?;
    launch::run_submitted(context, store, targets, Runner::new(command, Scenario::default()), since).await
}

fn not_open(context: &Context, job: &Job) -> anyhow::Error {
    let key = if job.state == JobState::Finished { "job.is_finished" } else { "job.is_stopped" };
    Quit::usage(say!(context.texts, key, job = crate::report::quoted(&job.name)))
}
