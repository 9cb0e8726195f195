//! `imagemill costs`: what calls cost, by job, profile, model or day, from the ledger.

use imagemill_desk::{CostSum, costs, documents};
use imagemill_domain::money::Money;

use crate::cli::{CostsArgs, CostsBy};
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::Exit;
use crate::report::{bar, rough, spent_parts};
use crate::texts::say;

/// Characters of a line's bar.
const BAR_WIDTH: usize = 24;

/// Adds up and shows.
pub(crate) async fn run(context: &Context, args: CostsArgs) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    let job = match &args.job {
        Some(job) => Some(imagemill_desk::find_job(&store, job).await?),
        None => None,
    };
    let by = match args.by {
        CostsBy::Job => imagemill_desk::CostsBy::Job,
        CostsBy::Profile => imagemill_desk::CostsBy::Profile,
        CostsBy::Model => imagemill_desk::CostsBy::Model,
        CostsBy::Day => imagemill_desk::CostsBy::Day,
    };
    let deleted = say!(context.texts, "costs.deleted");
    let (groups, total) = costs(&store, by, job.map(|job| job.id), args.days, &deleted).await?;
    tell(context, &groups, &total);
    context.printer.json(&documents::costs(by, &groups, &total));
    Ok(Exit::Ok)
}

fn tell(context: &Context, groups: &[(String, CostSum)], total: &CostSum) {
    let (texts, printer) = (&context.texts, &context.printer);
    if groups.is_empty() {
        printer.line(say!(texts, "costs.none"));
        return;
    }
    let most = groups.iter().map(|(_, sum)| sum.spent + sum.held).max().unwrap_or_default();
    let name_width = groups.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().clamp(5, 44);
    for (name, sum) in groups {
        let filled = bar((sum.spent + sum.held).micros.max(0) as u64, most.micros.max(1) as u64, BAR_WIDTH);
        printer.line(format!("{name:<name_width$}  {}  {}", printer.paint(Tone::Good, filled), words(context, sum)));
    }
    if groups.len() > 1 {
        let name = say!(texts, "costs.total");
        let gap = " ".repeat(BAR_WIDTH + 2);
        printer.line(printer.paint(Tone::Bold, format!("{name:<name_width$}{gap}  {}", words(context, total))));
    }
    if total.unknown > 0 {
        let calls = texts.count("call", total.unknown);
        let command = printer.paint(Tone::Command, format!("{} reconcile", context.program()));
        printer.line(say!(texts, "costs.unknown", calls = calls, command = command));
    }
    if total.unpriced > 0 {
        let calls = texts.count("call", total.unpriced);
        printer.line(printer.paint(Tone::Warn, say!(texts, "costs.unpriced", calls = calls)));
    }
}

/// `$12.30 spent, $0.04 held, 310 calls, 298 pictures, $0.0413 each`. Nobody knows what one cost where prices are missing.
fn words(context: &Context, sum: &CostSum) -> String {
    let texts = &context.texts;
    let mut parts = spent_parts(texts, &rough(sum.spent), sum.spent, sum.unpriced);
    if sum.held > Money::ZERO {
        parts.push(say!(texts, "money.held", money = rough(sum.held)));
    }
    parts.push(texts.count("call", sum.calls));
    parts.push(texts.count("picture", sum.pictures));
    if sum.pictures > 0 && sum.spent > Money::ZERO && sum.unpriced == 0 {
        let each = Money::from_micros(sum.spent.micros / i64::try_from(sum.pictures).unwrap_or(i64::MAX));
        parts.push(say!(texts, "costs.each", money = rough(each)));
    }
    parts.join(", ")
}
