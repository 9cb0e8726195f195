//! `imagemill status [JOB]`: the jobs of the workspace, or one in detail. Works beside a running process.

use imagemill_desk::{DeskError, JobSnapshot, Owner, PauseState, WayState, documents};
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::{Job, JobState};
use imagemill_store::{BatchState, Store};
use serde_json::json;

use crate::cli::StatusArgs;
use crate::clock::local_time;
use crate::context::Context;
use crate::launch;
use crate::printer::Tone;
use crate::quit::Exit;
use crate::report::{Summary, bar, batch_line, counts_line, render};
use crate::texts::{grouped, say};

/// Characters of a job's bar.
const BAR_WIDTH: usize = 20;

/// Lists or shows.
pub(crate) async fn run(context: &Context, args: StatusArgs) -> anyhow::Result<Exit> {
    let Some(store) = context.desk.reading_store().await? else {
        let none = DeskError::NoWorkspace { folder: context.desk.workspace.root.clone() };
        if args.job.is_some() {
            return Err(none.into());
        }
        context.printer.line(context.texts.translated(&none.to_string()));
        context.printer.json(&json!({ "jobs": [], "owner": null }));
        return Ok(Exit::Ok);
    };
    let owner = context.desk.workspace.owner();
    match args.job {
        Some(job) => one(context, &store, imagemill_desk::find_job(&store, &job).await?, owner).await,
        None => list(context, &store, owner).await,
    }
}

async fn list(context: &Context, store: &Store, owner: Option<Owner>) -> anyhow::Result<Exit> {
    let paused = store.profiles().paused().await?;
    let mut jobs = Vec::new();
    for job in store.jobs().list().await? {
        jobs.push(imagemill_desk::snapshot_of(store, job, &paused, None).await?);
    }
    if jobs.is_empty() {
        context.printer.line(say!(context.texts, "status.empty", folder = context.desk.workspace.root.display()));
    }
    let width = jobs.iter().map(|job| job.name.chars().count()).max().unwrap_or_default().min(40);
    for job in &jobs {
        context.printer.line(job_line(context, job, width));
    }
    if let Some(owner) = &owner {
        context.printer.line(context.printer.paint(Tone::Dim, say!(context.texts, "status.owner", owner = owner)));
    }
    for paused in &paused {
        let text = say!(
            context.texts,
            "status.profile_paused",
            profile = paused.name,
            reason = context.texts.translated(&paused.reason)
        );
        context.printer.line(context.printer.paint(Tone::Warn, text));
    }
    let documents: Vec<_> = jobs.iter().map(documents::job).collect();
    context.printer.json(&json!({ "jobs": documents, "owner": owner }));
    Ok(Exit::Ok)
}

fn job_line(context: &Context, job: &JobSnapshot, width: usize) -> String {
    let (printer, counts) = (&context.printer, &job.counts);
    let tone = match job.state {
        JobState::Finished if counts.unsuccessful() == 0 => Tone::Good,
        JobState::Finished | JobState::Paused | JobState::Stopped => Tone::Warn,
        JobState::Active | JobState::Submitting => Tone::Bold,
    };
    let state = say!(context.texts, &format!("job_state.{}", job.state.word()));
    let gap = " ".repeat(width.saturating_sub(job.name.chars().count()));
    let reason = job.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!(
        "{}{gap}  {} {}/{}  {}{reason}  {}  {}",
        printer.paint(Tone::Bold, &job.name),
        bar(counts.ended(), counts.total(), BAR_WIDTH),
        grouped(counts.ended()),
        grouped(counts.total()),
        printer.paint(tone, state),
        launch::money(context, job),
        printer.paint(Tone::Dim, counts_line(&context.texts, counts)),
    )
}

async fn one(context: &Context, store: &Store, job: Job, owner: Option<Owner>) -> anyhow::Result<Exit> {
    let texts = &context.texts;
    let definition = job.definition.clone();
    let created = local_time(job.created_us);
    let paused = store.profiles().paused().await?;
    let ways = imagemill_desk::ways_of(store, &job, &paused).await?;
    let job = imagemill_desk::snapshot_of(store, job, &paused, None).await?;
    context.printer.line(job_line(context, &job, 0));
    let head = say!(
        texts,
        "status.detail",
        recipe = definition.file.recipe.word(),
        model = definition.model,
        profile = job.profile,
        time = created
    );
    context.printer.line(format!("  {head}"));
    if ways.len() > 1 {
        for way in &ways {
            context.printer.line(format!("  {}", way_line(context, way)));
        }
    }
    if let Some(owner) = &owner {
        context.printer.line(format!("  {}", say!(texts, "status.owner", owner = owner)));
    }
    let batches = store.batches().of_job(job.id).await?;
    for batch in batches.iter().filter(|batch| batch.state != BatchState::Ended) {
        context.printer.line(format!("  {}", batch_line(texts, batch)));
    }
    let summary = Summary {
        seconds: 0,
        put_off: std::collections::BTreeMap::new(),
        failures: imagemill_desk::failure_examples(store, &job).await?,
        unknown: imagemill_desk::unknown_calls(store, job.id).await?,
        saved: None,
        saved_shown: None,
        program: context.program(),
        originals: context.desk.workspace.state().join("files"),
        job,
    };
    // The headline speaks of a run; here the line above stands for it.
    render(texts, &context.printer, &summary).iter().skip(2).for_each(|line| context.printer.line(line));
    let mut document = documents::job(&summary.job);
    if let Some(object) = document.as_object_mut() {
        object.insert("ways".into(), serde_json::to_value(&ways)?);
        object.insert("model".into(), definition.model.clone().into());
        object.insert("recipe".into(), definition.file.recipe.word().into());
        object.insert("failures".into(), serde_json::to_value(&summary.failures)?);
        object.insert("unknown".into(), serde_json::to_value(&summary.unknown)?);
        let batches: Vec<_> = batches.iter().map(documents::batch).collect();
        object.insert("batches".into(), batches.into());
        object.insert("owner".into(), serde_json::to_value(&owner)?);
    }
    context.printer.json(&document);
    Ok(Exit::Ok)
}

/// One of several ways to a job's pictures: what it did and whether it works.
fn way_line(context: &Context, way: &WayState) -> String {
    let texts = &context.texts;
    let tasks = texts.count("task", way.tasks);
    let line = say!(texts, "status.way", profile = way.profile, model = way.model, tasks = tasks);
    let Some(PauseState { kind, reason, until_us }) = &way.paused else { return line };
    let key = if *kind == FailureKind::StableInfra { "status.way_open_circuit" } else { "status.way_paused" };
    let mut why = say!(texts, key, kind = say!(texts, &format!("failure.{kind}")), reason = texts.translated(reason));
    if let Some(until_us) = until_us {
        why.push_str(&say!(texts, "status.way_again", time = local_time(*until_us)));
    }
    format!("{line}  {}", context.printer.paint(Tone::Warn, why))
}
