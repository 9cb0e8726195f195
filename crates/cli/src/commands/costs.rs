//! `imagemill costs`: what calls cost, by job, profile, model or day, from the ledger.

use std::collections::BTreeMap;

use imagemill_domain::money::Money;
use imagemill_store::{CostLine, CostsOf};
use serde_json::json;

use crate::cli::{CostsArgs, CostsBy};
use crate::clock::{day_name, now_us, offset_us};
use crate::context::Context;
use crate::look;
use crate::printer::Tone;
use crate::quit::Exit;
use crate::report::{bar, rough};
use crate::texts::say;

/// Characters of a line's bar.
const BAR_WIDTH: usize = 24;
const DAY_US: i64 = 86_400_000_000;

/// Calls of one group, added up.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    calls: u64,
    pictures: u64,
    spent: Money,
    held: Money,
    unknown: u64,
    unpriced: u64,
}

impl Sum {
    fn add(&mut self, line: &CostLine) {
        self.calls += line.calls;
        self.pictures += line.pictures;
        self.spent += line.spent;
        self.held += line.held;
        self.unknown += line.unknown;
        self.unpriced += line.unpriced;
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "calls": self.calls, "pictures": self.pictures, "spent": self.spent, "held": self.held,
            "unknown": self.unknown, "unpriced": self.unpriced,
        })
    }
}

/// Adds up and shows.
pub(crate) async fn run(context: &Context, args: CostsArgs) -> anyhow::Result<Exit> {
    let store = context.existing_store().await?;
    let job = match &args.job {
        Some(job) => Some(look::job(context, &store, job).await?),
        None => None,
    };
    let now_us = now_us();
    let offset_us = offset_us(now_us);
    // Whole days of the person's own calendar, today included.
    let from_us = args
        .days
        .map_or(i64::MIN, |days| ((now_us + offset_us).div_euclid(DAY_US) - i64::from(days) + 1) * DAY_US - offset_us);
    let of = CostsOf { job: job.as_ref().map(|job| job.id), from_us, until_us: i64::MAX, offset_us };
    let lines = store.calls().costs(of).await?;
    let mut groups: BTreeMap<(i64, String), Sum> = BTreeMap::new();
    let mut total = Sum::default();
    for line in &lines {
        let key = match args.by {
            CostsBy::Job if line.job_name.is_empty() => (line.job.0, say!(context.texts, "costs.deleted")),
            CostsBy::Job => (line.job.0, line.job_name.clone()),
            CostsBy::Profile => (0, line.profile.clone()),
            CostsBy::Model => (0, format!("{} ({})", line.model, line.profile)),
            CostsBy::Day => (line.day, day_name(line.day)),
        };
        groups.entry(key).or_default().add(line);
        total.add(line);
    }
    let groups: Vec<(String, Sum)> = groups.into_iter().map(|((_, name), sum)| (name, sum)).collect();
    tell(context, &groups, &total);
    let documents: Vec<_> = groups
        .iter()
        .map(|(name, sum)| {
            let mut document = sum.json();
            document["name"] = name.as_str().into();
            document
        })
        .collect();
    context.printer.json(&json!({ "by": args.by.word(), "groups": documents, "total": total.json() }));
    Ok(Exit::Ok)
}

fn tell(context: &Context, groups: &[(String, Sum)], total: &Sum) {
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

/// `$12.30 spent, $0.04 held, 310 calls, 298 pictures, $0.0413 each`.
fn words(context: &Context, sum: &Sum) -> String {
    let texts = &context.texts;
    let mut parts = vec![say!(texts, "money.spent", money = rough(sum.spent))];
    if sum.held > Money::ZERO {
        parts.push(say!(texts, "money.held", money = rough(sum.held)));
    }
    parts.push(texts.count("call", sum.calls));
    parts.push(texts.count("picture", sum.pictures));
    if sum.pictures > 0 && sum.spent > Money::ZERO {
        let each = Money::from_micros(sum.spent.micros / i64::try_from(sum.pictures).unwrap_or(i64::MAX));
        parts.push(say!(texts, "costs.each", money = rough(each)));
    }
    parts.join(", ")
}
