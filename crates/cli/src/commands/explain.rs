//! `imagemill explain TASK`: one screen that answers "what happened here, what did it cost, what now?".

use imagemill_desk::{DeskError, TaskStory, now_us};
use imagemill_domain::asset::Asset;
use imagemill_domain::call::{Call, CallState};
use imagemill_domain::job::{Job, JobState};
use imagemill_domain::plan::prompt_of;
use imagemill_domain::task::{Task, TaskId, TaskState};
use imagemill_store::{Batch, Store};
use serde_json::Value;

use crate::cli::ExplainArgs;
use crate::clock::local_time;
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::report::{batch_line, page, quoted};
use crate::texts::say;

/// Lines of a request or an answer that are shown.
const RAW_LINES: usize = 40;

/// Finds and tells.
pub(crate) async fn run(context: &Context, args: ExplainArgs) -> anyhow::Result<Exit> {
    let missing = || DeskError::NoWorkspace { folder: context.desk.workspace.root.clone() };
    let store = context.desk.reading_store().await?.ok_or_else(missing)?;
    let job = match &args.job {
        Some(job) => Some(imagemill_desk::find_job(&store, job).await?),
        None => None,
    };
    let task = find(context, &store, job.as_ref(), &args.task).await?;
    let known = TaskStory::read(&store, task).await?;
    if context.printer.json {
        context.printer.json(&known.document(context.desk.files().ok().as_ref()));
    } else {
        tell(context, &known);
    }
    Ok(Exit::Ok)
}

/// A task by number, beginning of its key, or name of its source. Several = an error that lists them.
pub(crate) async fn find(context: &Context, store: &Store, job: Option<&Job>, text: &str) -> anyhow::Result<Task> {
    if let Ok(number) = text.parse() {
        let task = store.tasks().get(TaskId(number)).await?;
        if let Some(task) = task.filter(|task| job.is_none_or(|job| job.id == task.job)) {
            return Ok(task);
        }
    }
    let jobs = match job {
        Some(job) => vec![job.clone()],
        None => store.jobs().list().await?,
    };
    let mut found = Vec::new();
    for job in &jobs {
        found.extend(store.tasks().find(job.id, text).await?.into_iter().map(|task| (task, job.name.clone())));
    }
    if found.len() > 1 {
        let lines: Vec<String> = found
            .iter()
            .take(10)
            .map(|(task, job)| format!("  {}  {}  {}  {}", task.id.0, job, task.spec.title(), task.state.word()))
            .collect();
        return Err(Quit::usage(say!(context.texts, "explain.several", task = text, list = lines.join("\n"))));
    }
    let none = || Quit::usage(say!(context.texts, "explain.none", task = text));
    found.pop().map(|(task, _)| task).ok_or_else(none)
}

fn tell(context: &Context, known: &TaskStory) {
    let (texts, printer, task) = (&context.texts, &context.printer, &known.task);
    let state = say!(texts, &format!("state.{}", task.state.word()));
    let title = printer.paint(Tone::Bold, task.spec.title());
    let head = say!(texts, "explain.head", id = task.id.0, title = title, job = known.job.name, state = state);
    printer.line(head);
    printer.line(format!("  {}", say!(texts, "explain.key", key = task.key)));
    for picture in &task.spec.pictures {
        let there =
            if std::path::Path::new(&picture.path).exists() { String::new() } else { say!(texts, "explain.gone") };
        let text = say!(texts, "explain.source", path = picture.path, hash = picture.blake3.short());
        printer.line(format!("  {text}{there}"));
    }
    let definition = &known.job.definition;
    if !definition.file.system_prompt.is_empty() {
        printer.line(format!("  {}", say!(texts, "explain.system", prompt = definition.file.system_prompt)));
    }
    printer.line(format!("  {}", say!(texts, "explain.prompt", prompt = prompt_of(definition, &task.spec))));
    if !definition.file.negative_prompt.is_empty() {
        printer.line(format!("  {}", say!(texts, "explain.negative", prompt = definition.file.negative_prompt)));
    }
    for (call, raw) in &known.calls {
        let batch = known.batches.iter().find(|batch| call.batch == Some(batch.id));
        tell_call(context, call, raw.as_ref(), batch);
    }
    if known.calls.is_empty() {
        printer.line(format!("  {}", say!(texts, "explain.no_calls")));
    }
    for (asset, prepared) in &known.assets {
        tell_asset(context, asset, prepared.as_ref());
    }
    if let Some(document) = &known.document {
        printer.line("");
        printer.line(format!("  {}", printer.paint(Tone::Dim, say!(texts, "explain.document"))));
        for line in format!("{document:#}").lines() {
            printer.line(format!("    {line}"));
        }
    }
    if let Some(failure) = &task.failure {
        let kind = say!(texts, &format!("failure.{}", failure.kind));
        printer.line(format!(
            "  {} {}",
            printer.paint(Tone::Bad, format!("{kind}:")),
            texts.translated(&failure.message)
        ));
    }
    for line in next(context, known) {
        printer.line(format!("  {line}"));
    }
}

fn tell_call(context: &Context, call: &Call, raw: Option<&(String, String)>, batch: Option<&Batch>) {
    let (texts, printer) = (&context.texts, &context.printer);
    let seconds =
        call.ended_us.map_or_else(String::new, |ended| format!("{:.1}s", (ended - call.sent_us) as f64 / 1e6));
    let http = call.http_status.map_or_else(String::new, |status| format!("HTTP {status}"));
    let tone = match call.state {
        CallState::Fetched => Tone::Good,
        CallState::Unknown => Tone::Bad,
        _ => Tone::Warn,
    };
    let head = say!(
        texts,
        "explain.call",
        id = call.id.0,
        step = call.step,
        attempt = call.attempt,
        model = call.model,
        profile = call.profile,
        time = local_time(call.sent_us)
    );
    let state = printer.paint(tone, call.state.word());
    printer.line("");
    printer.line(format!("  {head}  {state} {http} {seconds}"));
    printer.line(format!("    {}", cost_line(context, call)));
    if let Some(batch) = batch {
        printer.line(format!("    {}", batch_line(texts, batch)));
    }
    if let Some(failure) = &call.failure {
        let code = failure.code.as_deref().map(|code| format!(" [{code}]")).unwrap_or_default();
        printer.line(format!("    {}{code}", printer.paint(Tone::Bad, texts.translated(&failure.message))));
    }
    let Some((request, response)) = raw else { return };
    for (key, text) in [("explain.request", request), ("explain.answer", response)] {
        if !text.is_empty() {
            printer.line(format!("    {}", printer.paint(Tone::Dim, say!(texts, key))));
            for line in pretty(text) {
                printer.line(format!("      {line}"));
            }
        }
    }
}

fn cost_line(context: &Context, call: &Call) -> String {
    let texts = &context.texts;
    let unknown = || say!(texts, "money.unknown");
    match (call.cost, call.state) {
        (Some(cost), _) => say!(texts, "explain.cost", money = cost),
        (None, state) if state.is_open() || state == CallState::Unknown => {
            say!(texts, "explain.ceiling", money = call.ceiling.map_or_else(unknown, |money| money.to_string()))
        }
        (None, CallState::Fetched) => say!(texts, "explain.cost", money = unknown()),
        (None, _) => match call.failure.as_ref().map(|failure| failure.billing) {
            Some(imagemill_domain::failure::Billing::NotBilled) => say!(texts, "explain.not_billed"),
            _ => say!(texts, "explain.cost", money = unknown()),
        },
    }
}

fn tell_asset(context: &Context, asset: &Asset, prepared: Option<&Value>) {
    let (texts, printer, facts) = (&context.texts, &context.printer, &asset.facts);
    let head = say!(
        texts,
        "explain.asset",
        index = asset.index,
        width = facts.width,
        height = facts.height,
        format = facts.format,
        bytes = crate::texts::grouped(facts.bytes),
        call = asset.call.0
    );
    printer.line("");
    printer.line(format!("  {head}"));
    if let Ok(files) = context.desk.files() {
        printer.line(format!("    {}", files.original_path(&facts.blake3, facts.format).display()));
    }
    let parents: Vec<String> = asset.parents.iter().map(imagemill_domain::hash::ContentHash::short).collect();
    if !parents.is_empty() {
        printer.line(format!("    {}", say!(texts, "explain.parents", parents = parents.join(", "))));
    }
    if let Some(prepared) = prepared {
        printer.line(format!("    {}", say!(texts, "explain.prepared", steps = prepared)));
    }
    for finding in asset.findings.iter() {
        let text = say!(texts, &format!("finding.{}", finding.word()));
        printer.line(format!("    {}", printer.paint(Tone::Warn, text)));
    }
}

/// What happens next by itself, and what a person can do.
fn next(context: &Context, known: &TaskStory) -> Vec<String> {
    let (texts, task, job) = (&context.texts, &known.task, &known.job);
    let mut lines = vec![String::new()];
    let by_itself = match (task.state, job.state) {
        (TaskState::Waiting, _) if task.not_before_us.is_none() => say!(texts, "explain.waits_for_batch"),
        (TaskState::Waiting, _) => {
            let seconds = task.not_before_us.map_or(0, |until| (until - now_us()).max(0) / 1_000_000);
            say!(texts, "explain.waits", time = crate::clock::duration(seconds as u64))
        }
        (TaskState::Queued | TaskState::Running, JobState::Paused) => {
            say!(texts, "explain.job_paused", job = quoted(&job.name))
        }
        (TaskState::Queued, _) => say!(texts, "explain.queued"),
        (TaskState::Running, _) => say!(texts, "explain.running"),
        _ => say!(texts, "explain.nothing_more"),
    };
    lines.push(by_itself);
    if let Some(failure) = &task.failure {
        let todo = say!(texts, &format!("todo.{}", failure.kind));
        lines.push(format!("{todo} {}", say!(texts, "summary.page", page = page(texts, failure.kind))));
    }
    if task.state.is_ended() {
        let command = format!("imagemill retry {} --task {}", quoted(&job.name), task.id.0);
        lines.push(context.printer.paint(Tone::Command, command));
    }
    lines
}

/// JSON indented, other text as it is; bounded.
fn pretty(text: &str) -> Vec<String> {
    let indented = serde_json::from_str::<Value>(text).and_then(|value| serde_json::to_string_pretty(&value));
    let text = indented.unwrap_or_else(|_| text.to_owned());
    let mut lines: Vec<String> = text.lines().take(RAW_LINES).map(|line| line.chars().take(200).collect()).collect();
    if text.lines().count() > RAW_LINES {
        lines.push("…".to_owned());
    }
    lines
}
