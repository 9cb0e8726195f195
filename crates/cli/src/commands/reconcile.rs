//! `imagemill reconcile`: calls whose answer was lost, and a person's word on each: send again, or close as charged or not.

use imagemill_domain::call::{Call, CallId};
use imagemill_domain::job::Job;
use imagemill_domain::money::Money;
use imagemill_domain::task::Task;
use imagemill_providers::Ticket;
use imagemill_store::Store;
use serde_json::json;

use crate::cli::ReconcileArgs;
use crate::clock::{local_time, now_us};
use crate::context::Context;
use crate::look;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Calls of one reading.
const PAGE: u32 = 1_000;
/// Calls that are listed for people.
const LISTED: usize = 50;

/// One lost call with what it belongs to.
struct Lost {
    call: Call,
    task: Task,
    job: Job,
}

/// Lists, or acts on what is named.
pub(crate) async fn run(context: &Context, args: ReconcileArgs) -> anyhow::Result<Exit> {
    let store = context.existing_store().await?;
    let lost = read(context, &store, &args).await?;
    if !(args.resend || args.charged || args.not_charged) {
        tell(context, &lost);
        let documents: Vec<_> = lost.iter().map(document).collect();
        context.printer.json(&json!({ "calls": documents, "ceiling": ceiling(&lost) }));
        return Ok(Exit::Ok);
    }
    if args.calls.is_empty() && !args.all {
        return Err(Quit::usage(say!(context.texts, "reconcile.which")));
    }
    let mut done = Vec::new();
    for lost in lost {
        let calls = store.calls();
        let acted = if args.resend {
            calls.resend(lost.call.id, now_us()).await?
        } else {
            calls.write_off(lost.call.id, args.charged, now_us()).await?
        };
        if acted {
            done.push(lost);
        }
    }
    let key = match (args.resend, args.charged) {
        (true, _) => "reconcile.resent",
        (_, true) => "reconcile.charged",
        _ => "reconcile.not_charged",
    };
    let calls = context.texts.count("call", done.len() as u64);
    let text = say!(context.texts, key, calls = calls, money = ceiling(&done));
    if !args.resend || args.later || done.is_empty() {
        context.printer.line(text);
        let ids: Vec<_> = done.iter().map(|lost| lost.call.id).collect();
        context.printer.json(&json!({ "calls": ids, "ceiling": ceiling(&done) }));
        return Ok(Exit::Ok);
    }
    context.printer.note(text);
    let mut jobs: Vec<Job> = done.into_iter().map(|lost| lost.job).collect();
    jobs.dedup_by_key(|job| job.id);
    Box::pin(super::state::carry_on(context, &store, jobs, "reconcile")).await
}

async fn read(context: &Context, store: &Store, args: &ReconcileArgs) -> anyhow::Result<Vec<Lost>> {
    let job = match &args.job {
        Some(job) => Some(look::job(context, store, job).await?.id),
        None => None,
    };
    let mut found: Vec<Call> = Vec::new();
    loop {
        let page = store.calls().page_unknown(job, found.last().map(|call| call.id), PAGE).await?;
        let last = page.len() < PAGE as usize;
        found.extend(page);
        if last {
            break;
        }
    }
    if let Some(missing) = args.calls.iter().find(|wanted| !found.iter().any(|call| call.id == CallId(**wanted))) {
        return Err(Quit::usage(say!(context.texts, "reconcile.no_call", call = missing)));
    }
    if !args.calls.is_empty() {
        found.retain(|call| args.calls.contains(&call.id.0));
    }
    let mut lost: Vec<Lost> = Vec::new();
    for call in found {
        let Some(task) = store.tasks().get(call.task).await? else { continue };
        let job = match lost.iter().find(|lost| lost.job.id == task.job) {
            Some(known) => Some(known.job.clone()),
            None => store.jobs().get(task.job).await?,
        };
        lost.extend(job.map(|job| Lost { call, task, job }));
    }
    Ok(lost)
}

/// The most that all of them may have cost, as far as prices are known.
fn ceiling(lost: &[Lost]) -> Money {
    lost.iter().filter_map(|lost| lost.call.ceiling).sum()
}

fn document(lost: &Lost) -> serde_json::Value {
    json!({
        "call": lost.call.id,
        "task": lost.task.id,
        "task_state": lost.task.state,
        "title": lost.task.spec.title(),
        "job": lost.job.name,
        "profile": lost.call.profile,
        "model": lost.call.model,
        "sent_us": lost.call.sent_us,
        "ceiling": lost.call.ceiling,
        "remote_id": lost.call.remote_id.as_deref().map(remote_id),
        "message": lost.call.failure.as_ref().map(|failure| failure.message.as_str()),
    })
}

/// The provider's own name of the request, out of the ticket that is kept of it.
fn remote_id(kept: &str) -> String {
    serde_json::from_str::<Ticket>(kept).map_or_else(|_| kept.to_owned(), |ticket| ticket.id)
}

fn tell(context: &Context, lost: &[Lost]) {
    let (texts, printer) = (&context.texts, &context.printer);
    if lost.is_empty() {
        printer.line(say!(texts, "reconcile.none"));
        return;
    }
    let calls = texts.count("call", lost.len() as u64);
    printer.line(say!(texts, "reconcile.head", calls = calls, money = ceiling(lost)));
    for lost in lost.iter().take(LISTED) {
        let price = lost.call.ceiling.map_or_else(|| "?".to_owned(), |ceiling| ceiling.to_string());
        printer.line(format!(
            "  {:>6}  {}  {price:>8}  {}  {}  {}",
            lost.call.id.0,
            local_time(lost.call.sent_us),
            lost.job.name,
            lost.task.spec.title(),
            printer.paint(Tone::Dim, format!("{} ({})", lost.call.model, lost.call.profile)),
        ));
    }
    if lost.len() > LISTED {
        printer.line(say!(texts, "reconcile.more", count = lost.len() - LISTED));
    }
    for (option, key) in [
        ("--resend", "reconcile.can_resend"),
        ("--charged", "reconcile.can_charge"),
        ("--not-charged", "reconcile.can_free"),
    ] {
        let command = printer.paint(Tone::Command, format!("{} reconcile --all {option}", context.program()));
        printer.line(format!("  {command}  {}", printer.paint(Tone::Dim, say!(texts, key))));
    }
}
