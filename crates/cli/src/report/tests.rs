use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::{JobId, JobState, TaskCounts};
use imagemill_domain::money::Money;
use imagemill_domain::task::{TaskId, TaskState};

use imagemill_desk::{FailureExample, JobSnapshot, Progress, UnknownCall};

use super::*;
use crate::cli::Global;
use crate::printer::Printer;
use crate::texts::Texts;
use imagemill_desk::Lang;

fn look(at_s: i64, states: &[(TaskState, u64)]) -> JobSnapshot {
    let mut counts = TaskCounts::default();
    for (state, count) in states {
        counts.set(*state, *count);
    }
    JobSnapshot {
        at_us: at_s * 1_000_000,
        id: JobId(1),
        name: "night".into(),
        profile: "openai".into(),
        state: JobState::Active,
        reason: None,
        counts,
        spent: Money::from_dollars(1.25),
        unpriced: 0,
        reserved: Money::from_micros(80_000),
        budget: Some(Money::from_dollars(5.0)),
        failures: Vec::new(),
        pictures: 0,
        recipe: imagemill_domain::job_file::RecipeName::Generate,
        waiting_until_us: None,
        batches: Vec::new(),
        paused: None,
        concurrency: None,
    }
}

fn english() -> Texts {
    Texts::new(Lang::En)
}

#[test]
fn rate_and_time_to_go_come_from_the_last_minute() {
    let at = |s: i64, done: u64| look(s, &[(TaskState::Succeeded, done), (TaskState::Queued, 1_000 - done)]);
    let mut progress = Progress::new(at(0, 100));
    assert_eq!((progress.rate_per_minute(), progress.seconds_to_go()), (None, None));
    (1..=60).for_each(|s| progress.take(at(s, 100 + s as u64)));
    assert!((progress.rate_per_minute().unwrap() - 60.0).abs() < 1.0);
    // A burst long ago does not count any more.
    (61..=180).for_each(|s| progress.take(at(s, 160 + (s as u64 - 60) / 2)));
    assert!((progress.rate_per_minute().unwrap() - 30.0).abs() < 1.5, "{:?}", progress.rate_per_minute());
    assert_eq!(progress.ended_here(), 120);
    assert_eq!(progress.seconds_to_go(), Some(1_560));
}

#[test]
fn lines_tell_what_matters() {
    let mut progress = Progress::new(look(0, &[(TaskState::Queued, 300)]));
    let mut now = look(30, &[(TaskState::Succeeded, 12), (TaskState::Refused, 2), (TaskState::Waiting, 286)]);
    now.failures =
        vec![(FailureKind::Refused, TaskState::Refused, 2), (FailureKind::RateLimited, TaskState::Waiting, 286)];
    now.waiting_until_us = Some(42_500_000);
    now.concurrency = Some((2, 8));
    progress.take(now);
    insta::assert_snapshot!(plain_line(&english(), &progress), @"night: 14 of 300 · 28/min · 10m 13s to go · $1.25 spent, $0.0800 held, budget $5.00 · slowed to 2 of 8 at once · 2 refused by the provider · 286 tasks go on in 13s");
    insta::assert_snapshot!(plain_line(&Texts::new(Lang::ZhCn), &progress), @"night：14/300 · 28/分 · 还需 10m 13s · 已花费 $1.25, 预留 $0.0800, 预算 $5.00 · 并发降到 2/8 · 2 服务商拒绝 · 286 个任务 在 13s 后继续");
    let mut paused = progress.now.clone();
    paused.paused = Some((FailureKind::Quota, "out of money".into(), None));
    progress.take(paused);
    assert!(status_line(&english(), &progress).ends_with("openai is paused (out of quota)"));
    assert_eq!((bar(1, 4, 8), bar(0, 0, 2), bar(9, 4, 2)), ("━━╌╌╌╌╌╌".into(), "╌╌".into(), "━━".into()));
}

#[test]
fn the_summary_names_failures_money_and_next_commands() {
    let mut job = look(
        95,
        &[(TaskState::Succeeded, 7), (TaskState::Failed, 2), (TaskState::Refused, 1), (TaskState::Unknown, 1)],
    );
    job.state = JobState::Finished;
    job.pictures = 7;
    let summary = Summary {
        job,
        seconds: 95,
        put_off: [(FailureKind::RateLimited, 1)].into(),
        failures: vec![FailureExample {
            kind: FailureKind::Protocol,
            tasks: 2,
            task: TaskId(4),
            title: "a/004.png".into(),
            message: "the answer\nwas cut".into(),
        }],
        unknown: vec![UnknownCall {
            call: imagemill_domain::call::CallId(9),
            task: TaskId(8),
            ceiling: Some(Money::from_micros(120_000)),
        }],
        saved: Some(imagemill_export::Saved { pictures: 7, error_count: 0, ..imagemill_export::Saved::default() }),
        saved_shown: Some("./imagemill-out/night".into()),
        program: "imagemill".into(),
        originals: "/w/.imagemill/files".into(),
    };
    let printer = Printer::new(&Global { color: crate::cli::ColorWhen::Never, ..Global::default() });
    insta::assert_snapshot!(render(&english(), &printer, &summary).join("\n"), @r"

    night: finished with failures, 7 pictures in 1m 35s
      7 succeeded, 2 failed, 1 refused, 1 unknown
      put off 1 time and went on by itself: rate limit
      2 × unreadable answer, such as a/004.png: the answer was cut
        See with `imagemill explain` what came back; retry, or take another protocol or model. (docs/failures/protocol.md)
      $1.25 spent, $0.0800 held, budget $5.00
      1 call may have been charged without an answer:
        task 8, at most $0.1200
      7 files saved to ./imagemill-out/night
      imagemill explain 4    what happened to the first one
      imagemill retry night  do the failed ones again
    ");
    let json = summary.json();
    assert_eq!((&json["type"], &json["tasks"]["failed"], &json["spent"]), (&"summary".into(), &2.into(), &1.25.into()));
    assert_eq!(json["unknown"][0]["ceiling"], 0.12);
}

#[test]
fn a_paused_profile_says_how_to_go_on() {
    let mut job = look(1, &[(TaskState::Queued, 3)]);
    job.paused = Some((FailureKind::Auth, "401".into(), None));
    let summary = Summary {
        job,
        seconds: 1,
        put_off: std::collections::BTreeMap::new(),
        failures: Vec::new(),
        unknown: Vec::new(),
        saved: None,
        saved_shown: None,
        program: "imagemill".into(),
        originals: "/w".into(),
    };
    let printer = Printer::new(&Global { color: crate::cli::ColorWhen::Never, ..Global::default() });
    let text = render(&english(), &printer, &summary).join("\n");
    assert!(text.contains("imagemill resume --profile openai") && text.contains("Set the key"), "{text}");
}

#[test]
fn estimates_are_rounded() {
    let shown = [0, 8_165, 40_000, 445_720, 18_720_000].map(|micros| rough(Money::from_micros(micros)));
    assert_eq!(shown, ["$0.00", "$0.0082", "$0.0400", "$0.45", "$18.72"]);
}

#[test]
fn names_are_quoted_for_a_shell() {
    assert_eq!([quoted("a-b_1"), quoted("夜"), quoted("it's"), quoted("")], ["a-b_1", "夜", "'it'\\''s'", "''"]);
}
