//! The engine against the simulator over real HTTP: what becomes of tasks, calls, money and pictures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod batches;
mod crashes;
mod harness;
mod links;
mod queues;
mod routes;
mod steps;
mod storm;
mod uploads;

use std::time::{Duration, Instant};

use harness::{Bed, settled};
use imagemill_domain::call::CallState;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobState;
use imagemill_domain::job_file::UnknownPolicy;
use imagemill_domain::money::Money;
use imagemill_domain::picture::{Finding, PictureFormat};
use imagemill_domain::task::TaskState::{Failed, Partial, Queued, Refused, Succeeded, Unknown, Waiting};
use imagemill_simulator::{Act, Scenario, ScriptLine, SimulatorOptions};
use imagemill_testkit::pictures;

fn script(lines: &[(u64, Act)]) -> Scenario {
    let line = |(at, act): &(u64, Act)| ScriptLine { at: *at, act: *act, retry_after_s: Some(1), slow_ms: None };
    Scenario { script: lines.iter().map(line).collect(), ..Scenario::default() }
}

#[tokio::test]
async fn a_job_runs_and_every_picture_is_there_byte_for_byte() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("sim-image", 12, |_, _| {}).await;
    bed.run().await;
    bed.expect_finished(job).await;
    assert_eq!(bed.states(job).await, [(Succeeded, 12)]);
    assert_eq!(bed.billed(), 12);
    assert_eq!(bed.job(job).await.spent, Money::from_dollars(0.48));
    assert_eq!(bed.job(job).await.reserved, Money::ZERO);
    for task in bed.tasks(job).await {
        let assets = bed.store.assets().for_task(task.id).await.unwrap();
        assert_eq!(assets.len(), 1);
        let facts = &assets[0].facts;
        assert_eq!((facts.width, facts.height, facts.format), (64, 48, PictureFormat::Png));
        let bytes = std::fs::read(bed.files.original_path(&facts.blake3, facts.format)).unwrap();
        assert_eq!(imagemill_domain::hash::ContentHash::of(&bytes), facts.blake3);
        assert!(bed.files.thumb_path(&facts.blake3).exists());
        let calls = bed.store.calls().for_task(task.id).await.unwrap();
        assert_eq!(calls.iter().map(|call| call.state).collect::<Vec<_>>(), [CallState::Fetched]);
    }
    assert_eq!(std::fs::read_dir(bed.files.spool_dir()).unwrap().count(), 0, "the spool is empty at the end");
}

#[tokio::test]
async fn running_again_pays_nothing_again() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("sim-image", 3, |_, _| {}).await;
    bed.run().await;
    let again = bed.submit("sim-image", 5, |_, _| {}).await;
    bed.run().await;
    assert_eq!(job, again);
    assert_eq!(bed.states(job).await, [(Succeeded, 5)]);
    assert_eq!(bed.billed(), 5);
}

#[tokio::test]
async fn a_rate_limit_waits_as_told_and_a_refusal_ends_its_item_only() {
    let bed = Bed::new(script(&[(2, Act::RateLimited), (4, Act::Refuse)])).await;
    let job = bed.submit("sim-image", 6, |file, _| file.retry.attempts = 1).await;
    let begin = Instant::now();
    bed.run().await;
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(bed.states(job).await, [(Succeeded, 5), (Refused, 1)]);
    assert_eq!(bed.billed(), 5);
}

#[tokio::test]
async fn a_wrong_key_pauses_the_profile_and_loses_nothing() {
    let options = SimulatorOptions { require_key: Some("right".into()), ..SimulatorOptions::default() };
    let mut bed = Bed::with(options).await;
    bed.secret = Some("wrong");
    let job = bed.submit("sim-image", 4, |_, _| {}).await;
    let engine = bed.start().await;
    settled(&engine).await;
    let blocked = engine.activity().borrow().blocked.clone();
    assert_eq!(blocked.iter().map(|blocked| blocked.kind).collect::<Vec<_>>(), [FailureKind::Auth]);
    engine.drain().await;
    assert_eq!(bed.states(job).await, [(Queued, 4)]);
    bed.secret = Some("right");
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 4)]);
}

#[tokio::test]
async fn the_budget_holds_with_many_calls_at_once() {
    let bed = Bed::new(Scenario { latency_ms: 30, ..Scenario::default() }).await;
    let job = bed.submit("sim-image", 20, |file, _| file.budget = Some(Money::from_dollars(0.20))).await;
    bed.run().await;
    let row = bed.job(job).await;
    assert_eq!((row.state, row.spent, row.reserved), (JobState::Paused, Money::from_dollars(0.20), Money::ZERO));
    assert!(row.reason.unwrap().contains("budget of $0.2000"));
    assert_eq!(bed.states(job).await, [(Queued, 15), (Succeeded, 5)]);
    assert_eq!(bed.billed(), 5);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_not_paid_twice() {
    let bed = Bed::new(script(&[(3, Act::Cut)])).await;
    let job = bed.submit("sim-image", 5, |file, _| file.retry.unknown = UnknownPolicy::Never).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 4), (Unknown, 1)]);
    assert_eq!(bed.billed(), 5);
    let unknown = bed.store.calls().page_unknown(Some(job), None, 10).await.unwrap();
    assert_eq!(unknown.len(), 1);
    let row = bed.job(job).await;
    assert_eq!((row.spent, row.reserved), (Money::from_dollars(0.16), Money::from_dollars(0.04)));
}

#[tokio::test]
async fn a_lost_answer_is_sent_again_once_where_the_job_says_so() {
    let bed = Bed::new(script(&[(1, Act::Cut)])).await;
    let job = bed.submit("sim-image", 1, |file, _| file.retry.unknown = UnknownPolicy::Once).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    assert_eq!(bed.billed(), 2);
    assert_eq!(bed.store.calls().page_unknown(Some(job), None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_again_is_not_sent_a_third_time() {
    let bed = Bed::new(script(&[(1, Act::Cut), (2, Act::Cut)])).await;
    let job = bed.submit("sim-image", 1, |file, _| file.retry.unknown = UnknownPolicy::Once).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Unknown, 1)]);
    assert_eq!(bed.billed(), 2);
    assert_eq!(bed.store.calls().page_unknown(Some(job), None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_link_that_does_not_answer_is_never_paid_again() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("expired-link", 1, |file, _| file.retry.attempts = 3).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Failed, 1)]);
    let task = &bed.tasks(job).await[0];
    assert_eq!(task.failure.as_ref().unwrap().kind, FailureKind::FetchExpired);
    assert_eq!(bed.billed(), 1);
}

#[tokio::test]
async fn links_are_fetched() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("json-url", 3, |_, _| {}).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 3)]);
}

#[tokio::test]
async fn a_missing_sibling_makes_a_partial_task() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed
        .submit("n-1", 1, |file, profile| {
            file.options.n = Some(3);
            profile.protocol = imagemill_domain::profile::Protocol::Images;
        })
        .await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Partial, 1)]);
    let task = &bed.tasks(job).await[0];
    assert!(task.failure.as_ref().unwrap().message.contains("2 of 3"), "{task:?}");
    assert_eq!(bed.store.assets().for_task(task.id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn pictures_that_do_not_decode_are_kept_as_evidence_only() {
    for model in ["broken-picture", "bomb"] {
        let bed = Bed::new(Scenario::default()).await;
        let job = bed.submit(model, 1, |_, _| {}).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Failed, 1)], "{model}");
        let task = &bed.tasks(job).await[0];
        assert_eq!(task.failure.as_ref().unwrap().kind, FailureKind::BadPicture, "{model}");
        assert!(bed.store.assets().for_task(task.id).await.unwrap().is_empty());
        assert_eq!(std::fs::read_dir(bed.workspace.join("evidence")).unwrap().count(), 1, "{model}");
    }
}

#[tokio::test]
async fn answers_without_a_picture_say_why_in_the_providers_words() {
    for (model, words) in [("text", "no picture"), ("html", "web page")] {
        let bed = Bed::new(Scenario::default()).await;
        let job = bed.submit(model, 1, |file, _| file.retry.unknown = UnknownPolicy::Never).await;
        bed.run().await;
        let task = &bed.tasks(job).await[0];
        assert!(task.state.is_ended() && task.state != Succeeded, "{model}: {task:?}");
        let message = &task.failure.as_ref().unwrap().message;
        assert!(message.contains(words), "{model}: {message}");
    }
}

#[tokio::test]
async fn an_error_event_in_a_stream_is_the_gateways_own_word() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("sse-error-event", 1, |_, _| {}).await;
    let engine = bed.start().await;
    tokio::time::timeout(Duration::from_secs(10), async {
        while bed.tasks(job).await[0].state != Waiting {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the account is cooling down, so the task waits");
    engine.drain().await;
    let failure = bed.tasks(job).await[0].failure.clone().unwrap();
    assert_eq!(failure.kind, FailureKind::RateLimited);
    assert!(failure.message.contains("cooling down"), "{failure:?}");
}

#[tokio::test]
async fn a_blank_picture_is_found() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("blank", 1, |_, _| {}).await;
    bed.run().await;
    let task = &bed.tasks(job).await[0];
    let assets = bed.store.assets().for_task(task.id).await.unwrap();
    assert!(assets[0].findings.contains(Finding::Blank));
}

#[tokio::test]
async fn edits_keep_their_lineage_and_prepare_what_must_be_prepared() {
    let bed = Bed::new(Scenario::default()).await;
    bed.workspace.write("plain.png", pictures::png(1, 80, 60));
    bed.workspace.write("turned.jpg", pictures::jpeg_with_orientation(2, 80, 60, 6));
    bed.workspace.write("old.gif", pictures::gif(3, 80, 60));
    let job = bed.submit_edit("sim-image-edit", &["plain.png", "turned.jpg", "old.gif"]).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 3)]);
    let mut steps = Vec::new();
    for task in bed.tasks(job).await {
        let asset = bed.store.assets().for_task(task.id).await.unwrap().remove(0);
        assert_eq!(asset.parents, [task.spec.pictures[0].blake3]);
        assert!(asset.findings.is_empty(), "{:?} of {}", asset.findings, task.spec.title());
        let prepared = bed.store.assets().prepared(asset.id).await.unwrap();
        steps.push(prepared.map(|prepared| prepared[0]["steps"][0]["step"].as_str().unwrap().to_owned()));
        let (request, _) = bed.store.calls().raw(asset.call).await.unwrap().unwrap();
        assert!(request.contains("blake3:") && request.len() < 4_000, "{request}");
    }
    assert_eq!(steps, [None, Some("rotated".into()), Some("converted".into())]);
}

#[tokio::test]
async fn a_source_that_is_gone_or_changed_costs_nothing() {
    let bed = Bed::new(Scenario::default()).await;
    for (name, seed) in [("a.png", 1), ("b.png", 2), ("c.png", 3)] {
        bed.workspace.write(name, pictures::png(seed, 40, 30));
    }
    let job = bed.submit_edit("sim-image-edit", &["a.png", "b.png", "c.png"]).await;
    std::fs::remove_file(bed.workspace.join("a.png")).unwrap();
    bed.workspace.write("b.png", pictures::png(9, 40, 30));
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1), (Failed, 2)]);
    let tasks = bed.tasks(job).await;
    let message = |index: usize| &tasks[index].failure.as_ref().unwrap().message;
    assert!(message(0).contains("a.png is gone") && message(1).contains("b.png changed"), "{tasks:?}");
    assert_eq!(bed.simulator.bill().calls, 1);
}

#[tokio::test]
async fn stop_closes_sockets_within_a_second_and_lists_what_may_have_been_paid() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("hang:30", 10, |_, profile| profile.limits.concurrency = 3).await;
    let engine = bed.start().await;
    tokio::time::timeout(Duration::from_secs(10), async {
        while engine.activity().borrow().profiles.first().is_none_or(|profile| profile.in_flight < 3) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("three calls are under way");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begin = Instant::now();
    engine.stop().await;
    assert!(begin.elapsed() < Duration::from_millis(1_500), "{:?}", begin.elapsed());
    assert_eq!(bed.states(job).await, [(Queued, 7), (Unknown, 3)]);
    assert_eq!(bed.store.calls().page_unknown(Some(job), None, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn stopping_a_job_by_its_row_ends_it_within_a_second() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("hang:30", 3, |_, _| {}).await;
    let engine = bed.start().await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    bed.store.jobs().stop(job, 5).await.unwrap();
    settled(&engine).await;
    tokio::time::timeout(Duration::from_secs(3), async {
        while engine.activity().borrow().running > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("running tasks of a stopped job end");
    engine.drain().await;
    assert_eq!(bed.states(job).await, [(Unknown, 3)]);
}

#[tokio::test]
async fn a_paused_job_starts_nothing_and_goes_on() {
    let bed = Bed::new(Scenario { latency_ms: 50, ..Scenario::default() }).await;
    let job = bed.submit("sim-image", 40, |_, profile| profile.limits.concurrency = 2).await;
    let engine = bed.start().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    bed.store.jobs().set_state(job, JobState::Paused, None, 5).await.unwrap();
    settled(&engine).await;
    let done = bed.store.jobs().counts(job).await.unwrap().get(Succeeded);
    assert!((1..40).contains(&done), "{done}");
    bed.store.jobs().set_state(job, JobState::Active, None, 6).await.unwrap();
    engine.wake();
    tokio::time::sleep(Duration::from_millis(100)).await;
    settled(&engine).await;
    engine.drain().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 40)]);
    assert_eq!(bed.billed(), 40);
}

#[tokio::test]
async fn jobs_share_a_profile_fairly_and_priority_goes_first() {
    let bed = Bed::new(Scenario { latency_ms: 20, ..Scenario::default() }).await;
    let named = |name: &'static str, priority: i32| {
        move |file: &mut imagemill_domain::job_file::JobFile, profile: &mut imagemill_domain::profile::Profile| {
            file.name = Some(name.into());
            file.prompt = Some(name.into());
            file.priority = priority;
            profile.limits.concurrency = 2;
        }
    };
    let low = bed.submit("sim-image", 60, named("low", 0)).await;
    let other = bed.submit("sim-image", 60, named("other", 0)).await;
    let high = bed.submit("sim-image", 20, named("high", 5)).await;
    let engine = bed.start().await;
    tokio::time::timeout(Duration::from_secs(20), async {
        while bed.store.jobs().counts(high).await.unwrap().get(Succeeded) < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    let done = async |job| bed.store.jobs().counts(job).await.unwrap().get(Succeeded);
    let lower = done(low).await + done(other).await;
    assert!(lower < 20, "{lower} tasks of lower priority went before the last high one");
    settled(&engine).await;
    engine.drain().await;
    assert_eq!((done(low).await, done(other).await), (60, 60));
}

#[tokio::test]
async fn a_panic_costs_its_task_only() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("sim-image", 1, |file, _| file.prompts = vec!["panic".into(), "fine".into()]).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 2), (Failed, 1)]);
}

#[tokio::test]
async fn a_dead_gateway_pauses_the_profile_and_does_not_eat_the_batch() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("sim-image", 30, |_, profile| profile.base_url = "http://127.0.0.1:9/v1".into()).await;
    let engine = bed.start().await;
    let mut activity = engine.activity();
    tokio::time::timeout(Duration::from_secs(10), activity.wait_for(|activity| !activity.blocked.is_empty()))
        .await
        .expect("the profile pauses")
        .unwrap();
    let blocked = activity.borrow().blocked[0].clone();
    assert_eq!(blocked.kind, FailureKind::StableInfra);
    assert!(blocked.until_us.is_some(), "it probes by itself");
    engine.drain().await;
    let counts = bed.store.jobs().counts(job).await.unwrap();
    assert_eq!(counts.ended(), 0, "no task failed for it: {counts:?}");
}

#[tokio::test]
async fn an_answer_that_was_written_down_is_not_paid_again() {
    // A crash between "answer written down" and "ledger": the call is open, its answer stands in a dead process's file.
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("sim-image", 1, |file, _| file.retry.unknown = UnknownPolicy::Never).await;
    let dead = bed.store.owners().register("gone", 1, 1, 2).await.unwrap();
    let claimed = bed.store.tasks().claim(job, 1, dead, 1).await.unwrap().remove(0);
    let call = imagemill_store::NewCall {
        lease: claimed.lease,
        step: "image".into(),
        request_hash: imagemill_domain::hash::RequestHash([1; 16]),
        profile: "sim".into(),
        model: "sim-image".into(),
        ceiling: Some(Money::from_dollars(0.04)),
        request_raw: Vec::new(),
        idempotency_key: None,
        profile_budget: imagemill_domain::profile::ProfileBudget::default(),
        batch: None,
    };
    let imagemill_store::OpenCall::Opened(call) = bed.store.calls().open(call, 1).await.unwrap() else {
        panic!("the call opens")
    };
    let part = bed.files.spool_dir().join("1-0.part");
    let bytes = pictures::png(5, 200, 150);
    std::fs::write(&part, &bytes).unwrap();
    let line = serde_json::json!({
        "call": call, "usage": {}, "http_status": 200, "raw": "",
        "items": [{"picture": {"body": {"file": part}, "bytes": bytes.len(), "delivery": "inline",
            "blake3": imagemill_domain::hash::ContentHash::of(&bytes), "sha256": "00".repeat(32)}}],
    });
    std::fs::write(bed.files.spool_dir().join("answers-999-1.jsonl"), format!("{line}\n")).unwrap();

    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    assert_eq!(bed.billed(), 0, "nothing was sent");
    assert_eq!(bed.job(job).await.spent, Money::from_dollars(0.04));
    assert_eq!(std::fs::read_dir(bed.files.spool_dir()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_call_without_an_answer_is_unknown_after_a_crash() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("sim-image", 2, |file, _| file.retry.unknown = UnknownPolicy::Never).await;
    let dead = bed.store.owners().register("gone", 1, 1, 2).await.unwrap();
    let claimed = bed.store.tasks().claim(job, 2, dead, 1).await.unwrap();
    let call = imagemill_store::NewCall {
        lease: claimed[0].lease,
        step: "image".into(),
        request_hash: imagemill_domain::hash::RequestHash([1; 16]),
        profile: "sim".into(),
        model: "sim-image".into(),
        ceiling: None,
        request_raw: Vec::new(),
        idempotency_key: None,
        profile_budget: imagemill_domain::profile::ProfileBudget::default(),
        batch: None,
    };
    bed.store.calls().open(call, 1).await.unwrap();
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1), (Unknown, 1)]);
    assert_eq!(bed.billed(), 1);
}

/// Everything an earlier process wrote down was for a time that this clock has not reached: its lease, a task's wait, a
/// profile's pause.
#[tokio::test]
async fn a_clock_that_was_set_back_holds_nothing_up() {
    const IN_A_CENTURY: i64 = 4_900_000_000_000_000;
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit("sim-image", 3, |_, _| {}).await;
    let earlier = bed.store.owners().register("here", 1, IN_A_CENTURY, IN_A_CENTURY + 1).await.unwrap();
    let claimed = bed.store.tasks().claim(job, 2, earlier, IN_A_CENTURY).await.unwrap();
    let failure = imagemill_domain::failure::Failure::new(FailureKind::RateLimited, "slow down");
    bed.store.tasks().wait(claimed[0].lease, IN_A_CENTURY * 2, failure, false, IN_A_CENTURY).await.unwrap();
    let profiles = bed.store.profiles();
    profiles.pause("sim", FailureKind::StableInfra, "down", Some(IN_A_CENTURY), IN_A_CENTURY).await.unwrap();
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 3)]);
}

/// The table says a sixteenth of what a call really costs: the first one teaches the others.
#[tokio::test]
async fn a_wrong_price_does_not_empty_a_budget_unseen() {
    let mut bed = Bed::new(Scenario::default()).await;
    let wrong = r#"
[[model]]
provider = "simulator"
model = "sim-image"
generations = true
[model.price]
date = "2026-01-01"
source = "test"
image_out = 10000.0
image_out_tokens = { low = 1 }
"#;
    bed.table = bed.table.clone().overlaid_by(imagemill_domain::capability::CapabilityTable::parse(wrong).unwrap());
    let job = bed
        .submit("sim-image", 9, |file, profile| {
            profile.protocol = imagemill_domain::profile::Protocol::Images;
            profile.limits.concurrency = 1;
            file.options.quality = Some("low".into());
            file.budget = Some(Money::from_dollars(0.10));
        })
        .await;
    bed.run().await;
    let row = bed.job(job).await;
    assert_eq!((row.state, row.reserved), (JobState::Paused, Money::ZERO), "{row:?}");
    // The first one is still being stored, and holds little, while the second one is sent.
    assert!((Money::from_dollars(0.08)..=Money::from_dollars(0.12)).contains(&row.spent), "{row:?}");
}
