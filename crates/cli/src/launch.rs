//! The whole story of a run: scan, plan, money gate, submit, run and follow, save, summary. `run`, `edit`, `generate`, `resume`,
//! `retry` and `demo` are thin callers.

use imagemill_desk::{
    JobInput, JobSnapshot, Lang, Planned, Progress, Runner, Target, failure_examples, most_it_may_cost, snapshot,
    submit, unknown_calls,
};
use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::job_file::RecipeName;
use imagemill_domain::money::Money;
use imagemill_domain::plan::{Plan, PlannedWay, PricedStep};
use imagemill_domain::sizes::SizeChoice;
use imagemill_domain::source::Scan;
use imagemill_domain::task::TaskState;
use imagemill_sources::ScanProgress;
use imagemill_store::{Store, Submitted};
use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::duration;
use crate::context::Context;
use crate::follow::{End, follow};
use crate::infographic_report;
use crate::printer::{Printer, Tone};
use crate::quit::Exit;
use crate::report::{Summary, money_line, render, rough};
use crate::saving::{save_critiques, save_job};
use crate::texts::{Texts, grouped, say};

/// Left-out files that are named one by one.
const NAMED_SKIPS: usize = 5;

/// Scans and plans, with a spinner on a terminal. `runner` as in [`imagemill_desk::plan`].
pub(crate) async fn plan(
    context: &Context,
    input: JobInput,
    table: &CapabilityTable,
    runner: Option<&mut Runner>,
) -> anyhow::Result<Planned> {
    let bar = (Printer::is_terminal() && !context.printer.quiet).then(|| {
        let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is ours");
        ProgressBar::new_spinner().with_style(style)
    });
    let (found_text, checked_text) = (say!(context.texts, "scan.found"), say!(context.texts, "scan.checked"));
    let shown = bar.clone();
    let progress = move |progress: ScanProgress| {
        let Some(bar) = &shown else { return };
        let text = if progress.checked == 0 {
            format!("{found_text} {}", grouped(progress.found))
        } else {
            format!("{checked_text} {}/{}", grouped(progress.checked), grouped(progress.found))
        };
        bar.set_message(text);
        bar.tick();
    };
    let planned = imagemill_desk::plan(&context.desk.config, input, table, runner, progress).await;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(planned?)
}

/// The plan in a few lines, for `plan` and before a run.
pub(crate) fn plan_lines(context: &Context, planned: &Planned) -> Vec<String> {
    let (texts, printer, plan) = (&context.texts, &context.printer, &planned.plan);
    let definition = &plan.definition;
    let mut lines = vec![say!(
        texts,
        "plan.head",
        job = printer.paint_err(Tone::Bold, &plan.name),
        recipe = definition.file.recipe.word(),
        model = of_ways(plan, |way| &way.model),
        profile = of_ways(plan, |way| &way.profile)
    )];
    let pictures = plan.scan.items.iter().filter(|item| !item.pictures.is_empty()).count() as u64;
    let mut what = texts.count("task", plan.tasks);
    if definition.file.recipe == RecipeName::Edit {
        let prompts = plan.prompt_count() as u64;
        what.push_str(&say!(
            texts,
            "plan.matrix",
            pictures = texts.count("picture", pictures),
            prompts = texts.count("prompt", prompts),
            samples = texts.count("sample", u64::from(definition.file.samples))
        ));
    }
    lines.push(format!("  {what}"));
    if plan.size != SizeChoice::default() {
        lines.push(format!("  {}", say!(texts, "plan.size", size = plan.size)));
    }
    if plan.ways.len() > 1 {
        lines.extend(plan.ways.iter().map(|way| format!("  {}", way_line(context, way))));
    }
    lines.push(format!("  {}", cost_line(context, plan)));
    lines.extend(steps_line(context, plan).map(|line| format!("  {line}")));
    if let Some(terms) = &definition.batch {
        let share = format!("{}%", (terms.price * 100.0).round());
        let (hours, date) = (terms.window_h, &terms.date);
        lines.push(format!(
            "  {}",
            say!(texts, "plan.batch", share = share, hours = hours, source = terms.source, date = date)
        ));
    }
    if let Some(seconds) = plan.seconds_at_rate {
        lines.push(format!("  {}", say!(texts, "plan.time", time = duration(seconds))));
    }
    lines.extend(skip_lines(context, &plan.scan).into_iter().map(|line| format!("  {line}")));
    lines
}

/// What the ways to the pictures have there, each thing once.
fn of_ways<'a>(plan: &'a Plan, what: impl Fn(&'a PlannedWay) -> &'a str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in plan.ways.iter().map(what) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(", ")
}

/// One of several ways: its share, its model, what goes out for sizes, what a call costs there.
fn way_line(context: &Context, way: &PlannedWay) -> String {
    let texts = &context.texts;
    let cost = match way.call {
        None => say!(texts, "money.unknown"),
        Some(call) if call.low == call.high => call.likely.to_string(),
        Some(call) => format!("{}–{}", call.low, call.high),
    };
    let size = if way.size == SizeChoice::default() { String::new() } else { format!(", {}", way.size) };
    let key = if way.share == 0 { "plan.way" } else { "plan.way_share" };
    say!(texts, key, profile = way.profile, model = way.model, share = way.share, size = size, cost = cost)
}

/// The calls of each task besides its last one.
fn steps_line(context: &Context, plan: &Plan) -> Option<String> {
    let texts = &context.texts;
    let step = |step: &PricedStep| {
        let [least, _, most] = step.times;
        let times = if least == most { most.to_string() } else { format!("{least}–{most}") };
        format!("{times} × {}", step.model)
    };
    let calls: Vec<String> = plan.steps.iter().map(step).collect();
    (!calls.is_empty()).then(|| say!(texts, "plan.steps", calls = calls.join(", ")))
}

fn cost_line(context: &Context, plan: &Plan) -> String {
    let (texts, printer) = (&context.texts, &context.printer);
    let Some(cost) = &plan.cost else { return printer.paint_err(Tone::Warn, say!(texts, "plan.cost_unknown")) };
    let likely = printer.paint_err(Tone::Bold, rough(cost.likely));
    if cost.low == cost.high {
        return say!(texts, "plan.cost_exact", likely = likely, source = cost.source, date = cost.date);
    }
    let (low, high) = (rough(cost.low), rough(cost.high));
    say!(texts, "plan.cost", likely = likely, low = low, high = high, source = cost.source, date = cost.date)
}

fn skip_lines(context: &Context, scan: &Scan) -> Vec<String> {
    let texts = &context.texts;
    let mut lines = Vec::new();
    if !scan.skipped.is_empty() {
        lines.push(say!(texts, "scan.skipped", files = texts.count("file", scan.skipped.len() as u64)));
    }
    for skip in scan.skipped.iter().take(NAMED_SKIPS) {
        lines.push(
            context
                .printer
                .paint_err(Tone::Dim, format!("  {}: {}", skip.path, texts.translated(&skip.reason.to_string()))),
        );
    }
    if scan.skipped.len() > NAMED_SKIPS {
        let more = grouped((scan.skipped.len() - NAMED_SKIPS) as u64);
        lines.push(context.printer.paint_err(Tone::Dim, format!("  {}", say!(texts, "scan.more", count = more))));
    }
    lines
}

/// Whether the money may be spent. `Some` ends the run with this code.
fn gate(context: &Context, planned: &[(Planned, u64)], yes: bool) -> Option<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    let mut most = Money::ZERO;
    for (planned, done) in planned {
        let plan = &planned.plan;
        match most_it_may_cost(plan, *done) {
            Some(money) => most += money,
            None if plan.definition.file.accept_unknown_price => {}
            None => {
                let ways = plan.ways.iter().filter(|way| way.call.is_none()).map(|way| &way.model);
                let steps = plan.steps.iter().filter(|step| step.call.is_none()).map(|step| &step.model);
                let model = ways.chain(steps).next().unwrap_or(&plan.definition.model);
                printer.error(say!(texts, "gate.unknown_price", job = plan.name, model = model));
                return Some(Exit::CannotStart);
            }
        }
    }
    if most <= context.desk.config.confirm_above || yes {
        return None;
    }
    if !Printer::can_ask() {
        printer.error(say!(texts, "gate.needs_yes", money = most, limit = context.desk.config.confirm_above));
        return Some(Exit::CannotStart);
    }
    let answer = Printer::ask(&say!(texts, "gate.question", money = most)).unwrap_or_default().to_lowercase();
    let agreed = ["y", "yes", "j", "是", "好"].contains(&answer.as_str());
    (!agreed).then(|| {
        printer.note(say!(texts, "gate.declined"));
        Exit::CannotStart
    })
}

/// Plans, asks, submits, runs, saves, and tells.
pub(crate) async fn run(context: &Context, inputs: Vec<JobInput>, yes: bool, runner: Runner) -> anyhow::Result<Exit> {
    run_after(context, inputs, yes, runner, || Ok(())).await
}

/// The same; `before` is done when the money is agreed to and nothing was submitted yet.
pub(crate) async fn run_after(
    context: &Context,
    inputs: Vec<JobInput>,
    yes: bool,
    mut runner: Runner,
    before: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Exit> {
    let planned = told(context, inputs, &mut runner).await?;
    let store = context.desk.store().await?;
    let exit = Box::pin(submit_and_run(context, &store, planned, yes, runner, before)).await;
    store.close().await;
    exit
}

/// Plans and tells.
async fn told(context: &Context, inputs: Vec<JobInput>, runner: &mut Runner) -> anyhow::Result<Vec<Planned>> {
    let table = context.desk.capabilities()?;
    let mut planned = Vec::new();
    for input in inputs {
        planned.push(plan(context, input, &table, Some(runner)).await?);
    }
    for job in &planned {
        for line in plan_lines(context, job) {
            context.printer.note(line);
        }
        for warning in &job.plan.warnings {
            context.warn(context.texts.translated(warning));
        }
    }
    Ok(planned)
}

/// Plans, tells and asks for the money of all tasks of these jobs; `Err` when it may not be spent.
pub(crate) async fn agreed(
    context: &Context,
    inputs: Vec<JobInput>,
    yes: bool,
    runner: &mut Runner,
) -> anyhow::Result<Result<Vec<Planned>, Exit>> {
    let planned: Vec<(Planned, u64)> = told(context, inputs, runner).await?.into_iter().map(|job| (job, 0)).collect();
    Ok(match gate(context, &planned, yes) {
        Some(exit) => Err(exit),
        None => Ok(planned.into_iter().map(|(job, _)| job).collect()),
    })
}

async fn submit_and_run(
    context: &Context,
    store: &Store,
    planned: Vec<Planned>,
    yes: bool,
    runner: Runner,
    before: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Exit> {
    let mut gated = Vec::new();
    for job in planned {
        let done = match store.jobs().by_name(&job.plan.name).await? {
            Some(known) => store.jobs().counts(known.id).await?.get(TaskState::Succeeded),
            None => 0,
        };
        gated.push((job, done));
    }
    if let Some(exit) = gate(context, &gated, yes) {
        return Ok(exit);
    }
    before()?;
    let since = store.events().latest().await?;
    let mut jobs = Vec::new();
    // Plans of large jobs hold every input; they are dropped here, not at the end of the run.
    for (job, _) in gated {
        let submitted = submit(store, &job.plan, None).await?;
        tell_submitted(context, store, &job, submitted).await?;
        let target = job.input.save_to.zip(job.input.file.save);
        jobs.push((submitted.job, target.map(|(folder, rule)| Target { folder, rule })));
    }
    run_submitted(context, store, jobs, runner, since).await
}

async fn tell_submitted(context: &Context, store: &Store, job: &Planned, submitted: Submitted) -> anyhow::Result<()> {
    let texts = &context.texts;
    if submitted.known > 0 {
        let counts = store.jobs().counts(submitted.job).await?;
        let text = say!(
            texts,
            "run.continues",
            job = job.plan.name,
            known = texts.count("task", submitted.known),
            done = grouped(counts.get(TaskState::Succeeded)),
            added = grouped(submitted.added)
        );
        context.printer.note(text);
    }
    if submitted.superseded > 0 {
        context.warn(say!(texts, "run.superseded", tasks = texts.count("task", submitted.superseded)));
    }
    Ok(())
}

/// Runs and follows jobs that are in the store, saves and tells. Events after `since` are told, too.
pub(crate) async fn run_submitted(
    context: &Context,
    store: &Store,
    jobs: Vec<(JobId, Option<Target>)>,
    mut runner: Runner,
    since: i64,
) -> anyhow::Result<Exit> {
    let ids: Vec<JobId> = jobs.iter().map(|(id, _)| *id).collect();
    let any_open = !all_finished(store, &ids).await?;
    if any_open {
        match runner.take_over(&context.desk, store).await? {
            Some(owner) => context.printer.note(say!(context.texts, "run.owned", owner = owner)),
            None => tell_others(context, store, &ids).await?,
        }
    }
    let (end, progress) = match follow(context, store, &ids, &mut runner, true, since).await {
        Ok(followed) => followed,
        Err(error) => {
            // Calls under way are paid for: they come in whatever became of following them.
            runner.finish(|answers| context.held(answers)).await;
            return Err(error);
        }
    };
    let mut exit = Exit::Ok;
    for (progress, (id, target)) in progress.into_iter().zip(jobs) {
        let progress = settle(store, progress, id).await?;
        let folder = target.as_ref().map(|target| target.folder.clone());
        if let Some(target) = target.as_ref().filter(|_| end == End::Settled) {
            save_critiques(context, store, id, &target.folder).await?;
        }
        let saved = match target {
            Some(target) if end == End::Settled && progress.now.pictures > 0 => {
                match Box::pin(save_job(context, store, id, &target)).await {
                    Ok(saved) => Some(saved),
                    // The run is told all the same; its pictures are in the workspace.
                    Err(error) => {
                        context.printer.error(say!(context.texts, "run.not_saved", error = format!("{error:#}")));
                        exit = exit.and(Exit::SomeFailed);
                        None
                    }
                }
            }
            _ => None,
        };
        let folder = folder.filter(|_| saved.is_some());
        let manifest = saved.as_ref().and_then(|saved| saved.manifest.clone());
        exit = exit.and(finish(context, store, progress, saved, end).await?);
        let job = store.jobs().get(id).await?;
        if end == End::Settled && job.is_some_and(|job| job.definition.file.recipe == RecipeName::Infographic) {
            infographic_report::tell(context, store, id, folder.as_deref().zip(manifest.as_deref())).await?;
        }
    }
    runner.finish(|answers| context.held(answers)).await;
    Ok(exit)
}

async fn all_finished(store: &Store, jobs: &[JobId]) -> anyhow::Result<bool> {
    for id in jobs {
        if store.jobs().get(*id).await?.is_none_or(|job| job.state != JobState::Finished) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Jobs that the engine goes on with because an earlier process left them.
async fn tell_others(context: &Context, store: &Store, ours: &[JobId]) -> anyhow::Result<()> {
    for open in store.jobs().open_jobs().await? {
        if !ours.contains(&open.job.id) {
            context.warn(say!(context.texts, "run.other_job", job = open.job.name));
        }
    }
    Ok(())
}

/// A last look after everything came to rest.
async fn settle(store: &Store, mut progress: Progress, id: JobId) -> anyhow::Result<Progress> {
    progress.take(snapshot(store, id, None).await?);
    Ok(progress)
}

/// Prints the summary and says what it means for the exit code.
pub(crate) async fn finish(
    context: &Context,
    store: &Store,
    progress: Progress,
    saved: Option<imagemill_export::Saved>,
    end: End,
) -> anyhow::Result<Exit> {
    let job = &progress.now;
    let exit = exit_of(&progress, end, saved.as_ref().is_some_and(|saved| saved.error_count > 0));
    let summary = Summary {
        seconds: progress.seconds(),
        put_off: progress.put_off.clone(),
        failures: failure_examples(store, job).await?,
        unknown: unknown_calls(store, job.id).await?,
        saved_shown: saved.as_ref().map(|saved| context.shown(&saved.folder)),
        saved,
        program: context.program(),
        originals: context.desk.workspace.state().join("files"),
        job: job.clone(),
    };
    context.printer.json(&summary.json());
    for line in render(&context.texts, &context.printer, &summary) {
        context.printer.line(line);
    }
    Ok(exit)
}

/// Whether a job stands still because somebody wanted it to, in whatever language that was said.
fn by_a_person(reason: Option<&str>) -> bool {
    let texts = [Lang::En, Lang::ZhCn].map(Texts::new);
    reason.is_some_and(|reason| {
        texts.iter().any(|texts| {
            [say!(texts, "pause.reason"), say!(texts, "interrupt.reason")].iter().any(|said| said == reason)
        })
    })
}

fn exit_of(progress: &Progress, end: End, save_failed: bool) -> Exit {
    let job = &progress.now;
    match job.state {
        _ if end == End::Interrupted => Exit::Stopped,
        JobState::Stopped => Exit::Stopped,
        JobState::Finished if job.counts.unsuccessful() == 0 && !save_failed => Exit::Ok,
        JobState::Finished => Exit::SomeFailed,
        JobState::Paused if by_a_person(job.reason.as_deref()) => Exit::Stopped,
        // No call can be made: the budget, this machine, or the profile.
        _ if progress.ended_here() == 0 && job.counts.get(TaskState::Succeeded) == 0 => Exit::CannotStart,
        _ => Exit::SomeFailed,
    }
}

/// Money of a job in one line, for lists.
pub(crate) fn money(context: &Context, job: &JobSnapshot) -> String {
    money_line(&context.texts, job)
}
