//! Single lines about a job: beside a progress bar, in a log without a terminal, in a list. Pure: from state to text.

use imagemill_desk::{JobSnapshot, Progress, now_us};
use imagemill_domain::job::{JobState, TaskCounts};
use imagemill_domain::money::Money;
use imagemill_domain::task::TaskState;
use imagemill_store::{Batch, BatchState};

use crate::clock::{duration, local_time};
use crate::texts::{Texts, grouped, say};

/// `████████░░░░`, `width` characters wide.
pub(crate) fn bar(done: u64, total: u64, width: usize) -> String {
    let filled = if total == 0 { 0 } else { (done as f64 / total as f64 * width as f64).floor() as usize }.min(width);
    format!("{}{}", "━".repeat(filled), "╌".repeat(width - filled))
}

/// `$1.20 spent, 3 calls of unknown price, $0.08 held, budget $5.00`.
pub(crate) fn money_line(texts: &Texts, job: &JobSnapshot) -> String {
    let mut parts = spent_parts(texts, &job.spent.to_string(), job.spent, job.unpriced);
    if job.reserved > Money::ZERO {
        parts.push(say!(texts, "money.held", money = job.reserved));
    }
    if let Some(budget) = job.budget {
        parts.push(say!(texts, "money.of_budget", money = budget));
    }
    parts.join(", ")
}

/// What was spent, `shown` so, and the calls that are not in it. Where there are only such calls nothing says that they were free.
pub(crate) fn spent_parts(texts: &Texts, shown: &str, spent: Money, unpriced: u64) -> Vec<String> {
    let known = (spent > Money::ZERO || unpriced == 0).then(|| say!(texts, "money.spent", money = shown));
    let rest = (unpriced > 0).then(|| say!(texts, "money.unpriced", calls = texts.count("call", unpriced)));
    known.into_iter().chain(rest).collect()
}

/// The same in a few characters: `$1.20`, `$1.20 + ?`, `?`.
pub(crate) fn spent_short(spent: Money, unpriced: u64) -> String {
    match (spent > Money::ZERO, unpriced > 0) {
        (_, false) => spent.to_string(),
        (true, true) => format!("{spent} + ?"),
        (false, true) => "?".to_owned(),
    }
}

/// An estimate: cents are enough from a dime on, hundredths of a cent below.
pub(crate) fn rough(money: Money) -> String {
    let digits = if money.micros >= 100_000 || money == Money::ZERO { 2 } else { 4 };
    format!("${:.digits$}", money.dollars())
}

/// `3 succeeded, 1 refused`: ended states that have tasks.
pub(crate) fn counts_line(texts: &Texts, counts: &TaskCounts) -> String {
    let parts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{} {}", grouped(count), say!(texts, &format!("state.{}", state.word()))))
        .collect();
    parts.join(", ")
}

/// A batch: what is in it, where it is, since when.
pub(crate) fn batch_line(texts: &Texts, batch: &Batch) -> String {
    let (id, profile) = (batch.id, &batch.profile);
    let since = local_time(batch.sent_us.unwrap_or(batch.opened_us));
    if batch.state == BatchState::Gathering {
        return say!(texts, "batch.gathering", id = id, profile = profile, time = since);
    }
    let items = texts.count("call", batch.items.into());
    let named = batch.remote_id.as_deref().unwrap_or(&batch.key);
    let head = say!(texts, "batch.sent", id = id, name = named, calls = items, profile = profile, time = since);
    let state = match (batch.state, batch.outcome.as_deref()) {
        (BatchState::Ended, None) => say!(texts, "batch.ended"),
        (_, Some(outcome)) => say!(texts, &format!("batch.{outcome}")),
        (BatchState::Creating, None) => say!(texts, "batch.creating"),
        _ => {
            let asks = batch.next_ask_us.map_or(0, |at| (at - now_us()).max(0) / 1_000_000) as u64;
            say!(texts, "batch.open", time = duration(asks))
        }
    };
    format!("{head}; {state}")
}

/// The line below a progress bar: rate, time to go, money, failures, what it waits for.
pub(crate) fn status_line(texts: &Texts, progress: &Progress) -> String {
    let now = &progress.now;
    let mut parts = Vec::new();
    if let Some(rate) = progress.rate_per_minute() {
        parts.push(say!(texts, "progress.rate", rate = short_rate(rate)));
    }
    if let Some(seconds) = progress.seconds_to_go() {
        parts.push(say!(texts, "progress.to_go", time = duration(seconds)));
    }
    parts.push(money_line(texts, now));
    if let Some((at_once, most)) = now.concurrency.filter(|(at_once, most)| at_once < most) {
        parts.push(say!(texts, "progress.slowed", at_once = at_once, most = most));
    }
    for (kind, count) in now.failures_by_kind() {
        parts.push(format!("{} {}", grouped(count), say!(texts, &format!("failure.{kind}"))));
    }
    parts.extend(waits(texts, progress));
    parts.join(" · ")
}

/// One line for a log: `night: 120 of 300 done, …`.
pub(crate) fn plain_line(texts: &Texts, progress: &Progress) -> String {
    let now = &progress.now;
    let done = say!(
        texts,
        "progress.done",
        job = now.name,
        ended = grouped(now.counts.ended()),
        total = grouped(now.counts.total())
    );
    format!("{done} · {}", status_line(texts, progress))
}

/// What keeps the job from moving.
fn waits(texts: &Texts, progress: &Progress) -> Option<String> {
    let now = &progress.now;
    let seconds = |until_us: i64| {
        let left = (until_us - now.at_us).max(0) as u64;
        duration(left.div_ceil(1_000_000))
    };
    if now.state == JobState::Paused {
        return Some(say!(
            texts,
            "progress.paused",
            reason = texts.translated(now.reason.as_deref().unwrap_or_default())
        ));
    }
    if let Some((kind, _, until_us)) = &now.paused {
        let kind = say!(texts, &format!("failure.{kind}"));
        return Some(match until_us {
            Some(until) => {
                say!(texts, "progress.profile_waits", profile = now.profile, kind = kind, time = seconds(*until))
            }
            None => say!(texts, "progress.profile_paused", profile = now.profile, kind = kind),
        });
    }
    if let Some(oldest) = now.batches.iter().min_by_key(|batch| batch.opened_us) {
        let waiting = texts.count("task", now.counts.get(TaskState::Waiting));
        let since = local_time(oldest.sent_us.unwrap_or(oldest.opened_us));
        let batches = texts.count("batch", now.batches.len() as u64);
        return Some(say!(texts, "progress.batched", tasks = waiting, batches = batches, time = since));
    }
    let until = now.waiting_until_us.filter(|until| *until > now.at_us)?;
    let waiting = now.counts.get(TaskState::Waiting);
    (waiting > 0).then(|| say!(texts, "progress.waiting", tasks = texts.count("task", waiting), time = seconds(until)))
}

/// `0.8`, `12`, `1,200`.
/// `0.4`, `12`, `1,200`.
pub(crate) fn short_rate(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1}") } else { grouped(rate.round() as u64) }
}
