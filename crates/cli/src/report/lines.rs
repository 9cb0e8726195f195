//! Single lines about a job: beside a progress bar, in a log without a terminal, in a list. Pure: from state to text.

use imagemill_desk::Progress;
use imagemill_domain::job::{JobState, TaskCounts};
use imagemill_domain::money::Money;
use imagemill_domain::task::TaskState;

use crate::clock::duration;
use crate::texts::{Texts, grouped, say};

/// `████████░░░░`, `width` characters wide.
pub(crate) fn bar(done: u64, total: u64, width: usize) -> String {
    let filled = if total == 0 { 0 } else { (done as f64 / total as f64 * width as f64).floor() as usize }.min(width);
    format!("{}{}", "━".repeat(filled), "╌".repeat(width - filled))
}

/// `spent $1.20, $0.08 held, of $5.00`.
pub(crate) fn money_line(texts: &Texts, spent: Money, reserved: Money, budget: Option<Money>) -> String {
    let mut parts = vec![say!(texts, "money.spent", money = spent)];
    if reserved > Money::ZERO {
        parts.push(say!(texts, "money.held", money = reserved));
    }
    if let Some(budget) = budget {
        parts.push(say!(texts, "money.of_budget", money = budget));
    }
    parts.join(", ")
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
    parts.push(money_line(texts, now.spent, now.reserved, now.budget));
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
    let until = now.waiting_until_us.filter(|until| *until > now.at_us)?;
    let waiting = now.counts.get(TaskState::Waiting);
    (waiting > 0).then(|| say!(texts, "progress.waiting", tasks = texts.count("task", waiting), time = seconds(until)))
}

/// `0.8`, `12`, `1,200`.
/// `0.4`, `12`, `1,200`.
pub(crate) fn short_rate(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1}") } else { grouped(rate.round() as u64) }
}
