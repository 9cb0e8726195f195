//! `imagemill plan JOB`: what would be done and what it would cost. Nothing is sent and nothing is written.

use imagemill_desk::{JobInput, documents};
use serde_json::json;

use crate::cli::{PlanArgs, SaveToArgs, StartArgs};
use crate::context::Context;
use crate::job_source::read;
use crate::launch;
use crate::quit::Exit;
use crate::texts::{grouped, say};

/// Reads, scans, plans, shows.
pub(crate) async fn run(context: &Context, args: PlanArgs) -> anyhow::Result<Exit> {
    let start = StartArgs { yes: false, accept_unknown_price: true };
    let input = read(context, &args.job, &args.overrides, &start, &SaveToArgs::default())?;
    show(context, input, args.tasks).await
}

/// The same for a job that was typed.
pub(crate) async fn show(context: &Context, input: JobInput, list: usize) -> anyhow::Result<Exit> {
    let table = context.desk.capabilities()?;
    let planned = launch::plan(context, input, &table, None).await?;
    for line in launch::plan_lines(context, &planned) {
        context.printer.line(line);
    }
    for warning in &planned.plan.warnings {
        context.warn(context.texts.translated(warning));
    }
    let mut listed = Vec::new();
    for task in planned.plan.tasks().take(list) {
        let task = task?;
        let prompt = imagemill_domain::plan::prompt_of(&planned.plan.definition, &task.spec).into_owned();
        context.printer.line(format!("  {}  {}  {prompt}", task.key.short(), task.spec.title()));
        listed.push(
            json!({ "key": task.key, "source": task.spec.title(), "prompt": prompt, "sample": task.spec.sample }),
        );
    }
    let more = planned.plan.tasks.saturating_sub(list as u64);
    if list > 0 && more > 0 {
        context.printer.line(format!("  {}", say!(context.texts, "plan.more_tasks", count = grouped(more))));
    }
    context.printer.json(&documents::plan(&planned.plan, &listed));
    Ok(Exit::Ok)
}
