//! `imagemill run JOB --rehearse`: the same jobs against a simulator in this process, in a folder that is thrown away, and what would
//! have happened. Needs no key and no consent, sends nothing and keeps nothing.

use imagemill_desk::config::{Config, known_profiles};
use imagemill_desk::{Desk, Progress, Runner, failure_examples, snapshot, submit, unknown_calls};
use imagemill_domain::job::JobState;
use imagemill_domain::task::TaskState;
use imagemill_store::Store;

use crate::cli::RunArgs;
use crate::commands::simulate::scenario;
use crate::context::{Context, variable};
use crate::follow::{End, follow};
use crate::launch;
use crate::quit::Exit;
use crate::report::{Summary, told};
use crate::texts::say;

/// Rehearses.
pub(crate) async fn run(context: Context, args: RunArgs) -> anyhow::Result<Exit> {
    let inputs = super::run::inputs(&context, &args)?;
    let scenario = scenario(args.scenario.as_deref())?;
    let folder = tempfile::tempdir()?;
    let mut context = context.in_workspace(folder.path().to_path_buf());
    let with_all_keys = with_all_keys(&context.desk)?;
    fill_up(&mut context.desk.config, with_all_keys);
    let table = context.desk.capabilities()?;
    let mut runner = Runner::for_rehearsal(scenario);
    let store = context.desk.store().await?;
    let mut jobs = Vec::new();
    for input in inputs {
        let job = launch::plan(&context, input, &table, Some(&mut runner)).await?;
        for line in launch::plan_lines(&context, &job) {
            context.printer.note(line);
        }
        for warning in &job.plan.warnings {
            context.warn(context.texts.translated(warning));
        }
        jobs.push(submit(&store, &job.plan, None).await?.job);
    }
    runner.take_over(&context.desk, &store).await?;
    let (end, progress) = follow(&context, &store, &jobs, &mut runner, true, 0).await?;
    let mut exit = Exit::Ok;
    for (mut progress, id) in progress.into_iter().zip(jobs) {
        progress.take(snapshot(&store, id, None).await?);
        exit = exit.and(tell(&context, &store, progress, end).await?);
    }
    context.printer.line(say!(context.texts, "rehearse.nothing_kept"));
    runner.finish(|answers| context.held(answers)).await;
    store.close().await;
    Ok(exit)
}

/// The settings as they would be if every key were there, so that built-in profiles can be rehearsed without one.
fn with_all_keys(desk: &Desk) -> anyhow::Result<Config> {
    let needed: Vec<String> = known_profiles().into_iter().flat_map(|(_, needs)| needs).collect();
    let pretend = |name: &str| {
        let is_needed = needed.iter().flat_map(|names| names.split(" / ")).any(|needed| needed == name);
        variable(name).or_else(|| is_needed.then(|| "rehearsal".to_owned()))
    };
    let desk = Desk::load(desk.workspace.clone(), desk.current.clone(), &pretend, None)?;
    Ok(desk.config)
}

/// What is there already stays as it is.
fn fill_up(config: &mut Config, with_all_keys: Config) {
    for (name, profile) in with_all_keys.profiles {
        config.profiles.entry(name).or_insert(profile);
    }
    if config.ready.is_empty() {
        config.ready = with_all_keys.ready;
    }
}

/// What would have happened to one job.
async fn tell(context: &Context, store: &Store, progress: Progress, end: End) -> anyhow::Result<Exit> {
    let job = progress.now.clone();
    let summary = Summary {
        seconds: progress.seconds(),
        put_off: progress.put_off.clone(),
        failures: failure_examples(store, &job).await?,
        unknown: unknown_calls(store, job.id).await?,
        saved: None,
        saved_shown: None,
        program: context.program(),
        originals: context.desk.workspace.state(),
        job,
    };
    for line in told(&context.texts, &context.printer, &summary) {
        context.printer.line(line);
    }
    let job = &summary.job;
    let unknown = job.counts.get(TaskState::Unknown);
    if unknown > 0 {
        let tasks = context.texts.count("task", unknown);
        context.printer.line(format!("  {}", say!(context.texts, "rehearse.unknown", tasks = tasks)));
    }
    let mut document = summary.json();
    document["type"] = "rehearsal".into();
    document["unknown_tasks"] = unknown.into();
    context.printer.json(&document);
    Ok(match job.state {
        _ if end == End::Interrupted => Exit::Stopped,
        JobState::Finished if job.counts.unsuccessful() == 0 => Exit::Ok,
        _ => Exit::SomeFailed,
    })
}
