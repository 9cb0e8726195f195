//! `imagemill reconcile`: calls whose answer was lost, and a person's word on each: send again, or close as charged or not.

use imagemill_desk::{LostCall, now_us};
use imagemill_domain::call::CallId;
use imagemill_domain::job::Job;
use imagemill_domain::money::Money;
use imagemill_store::Store;

use crate::cli::ReconcileArgs;
use crate::clock::local_time;
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Calls that are listed for people.
const LISTED: usize = 50;

/// Lists, or acts on what is named.
pub(crate) async fn run(context: &Context, args: ReconcileArgs) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    if args.usage {
        return usage(context, &store, &args).await;
    }
    let lost = read(context, &store, &args).await?;
    if !(args.resend || args.charged || args.not_charged) {
        tell(context, &lost);
        let documents: Vec<_> = lost.iter().map(LostCall::document).collect();
        context.printer.json(&LostCall::list(&documents, &lost));
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
    let money = if args.not_charged { LostCall::ceiling(&done).to_string() } else { most(context, &done) };
    let text = say!(context.texts, key, calls = calls, money = money);
    if !args.resend || args.later || done.is_empty() {
        context.printer.line(text);
        let ids: Vec<_> = done.iter().map(|lost| lost.call.id).collect();
        context.printer.json(&LostCall::list(&ids, &done));
        return Ok(Exit::Ok);
    }
    context.printer.note(text);
    let mut jobs: Vec<Job> = done.into_iter().map(|lost| lost.job).collect();
    jobs.dedup_by_key(|job| job.id);
    Box::pin(super::state::carry_on(context, &store, jobs, "reconcile")).await
}

/// A day of the ledger beside the provider's account of it. Code 1 when the difference is not explained by lost calls.
async fn usage(context: &Context, store: &Store, args: &ReconcileArgs) -> anyhow::Result<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    let profile = imagemill_desk::choose(&context.desk.config, args.profile.as_deref())?;
    let day = match &args.day {
        Some(name) => {
            imagemill_desk::day_number(name).ok_or_else(|| Quit::usage(say!(texts, "reconcile.no_day", day = name)))?
        }
        None => imagemill_desk::yesterday(),
    };
    let check = match imagemill_desk::day_check(store, &profile, day).await? {
        Ok(check) => check,
        Err(failure) => {
            let why = texts.translated(&failure.message);
            anyhow::bail!(say!(texts, "reconcile.no_usage", profile = profile.name, why = why));
        }
    };
    let (ours, theirs) = (&check.ours, &check.theirs);
    let calls = texts.count("call", ours.calls);
    printer.line(say!(
        texts,
        "reconcile.usage_head",
        profile = check.profile,
        day = check.document()["day"].as_str().unwrap_or_default()
    ));
    printer.line(say!(texts, "reconcile.ours", money = ours.spent, calls = calls, held = ours.held));
    let requests = theirs.requests.map_or_else(String::new, |count| format!(" ({})", texts.count("call", count)));
    printer.line(say!(texts, "reconcile.theirs", money = theirs.cost, requests = requests));
    for (name, cost) in &theirs.lines {
        printer.line(printer.paint(Tone::Dim, format!("    {cost:>9}  {name}")));
    }
    let difference = check.difference();
    let (tone, key) = match difference.micros {
        0 => (Tone::Good, "reconcile.same"),
        _ if check.is_explained() => (Tone::Good, "reconcile.explained"),
        1.. => (Tone::Warn, "reconcile.more_there"),
        _ => (Tone::Warn, "reconcile.less_there"),
    };
    let shown = Money::from_micros(difference.micros.abs());
    printer.line(printer.paint(tone, say!(texts, key, money = shown)));
    if ours.unpriced > 0 {
        printer
            .line(printer.paint(Tone::Warn, say!(texts, "costs.unpriced", calls = texts.count("call", ours.unpriced))));
    }
    printer.json(&check.document());
    Ok(if difference.micros == 0 || check.is_explained() { Exit::Ok } else { Exit::SomeFailed })
}

async fn read(context: &Context, store: &Store, args: &ReconcileArgs) -> anyhow::Result<Vec<LostCall>> {
    let job = match &args.job {
        Some(job) => Some(imagemill_desk::find_job(store, job).await?.id),
        None => None,
    };
    let mut found = LostCall::all(store, job).await?;
    if let Some(missing) = args.calls.iter().find(|wanted| !found.iter().any(|lost| lost.call.id == CallId(**wanted))) {
        return Err(Quit::usage(say!(context.texts, "reconcile.no_call", call = missing)));
    }
    if !args.calls.is_empty() {
        found.retain(|lost| args.calls.contains(&lost.call.id.0));
    }
    Ok(found)
}

/// The most that they may have cost: `$0.12`, `$0.12 + 3 calls of unknown price`, `unknown`.
fn most(context: &Context, lost: &[LostCall]) -> String {
    let (known, unpriced) = (LostCall::ceiling(lost), LostCall::unpriced(lost));
    let rest = say!(context.texts, "money.unpriced", calls = context.texts.count("call", unpriced));
    match (known > Money::ZERO, unpriced > 0) {
        (_, false) => known.to_string(),
        (true, true) => format!("{known} + {rest}"),
        (false, true) => say!(context.texts, "money.unknown"),
    }
}

fn tell(context: &Context, lost: &[LostCall]) {
    let (texts, printer) = (&context.texts, &context.printer);
    if lost.is_empty() {
        printer.line(say!(texts, "reconcile.none"));
        return;
    }
    let calls = texts.count("call", lost.len() as u64);
    printer.line(say!(texts, "reconcile.head", calls = calls, money = most(context, lost)));
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
