//! The batch lane over the simulator's batches: every dialect, failures of single requests, expiry, kills, stops, budgets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use imagemill_domain::call::CallState;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::job_file::{JobFile, UnknownPolicy};
use imagemill_domain::lane::{BatchFallback, BatchKind, Lane};
use imagemill_domain::money::Money;
use imagemill_domain::profile::{Profile, Protocol};
use imagemill_domain::speaker::Speakers;
use imagemill_domain::task::TaskState::{Failed, Queued, Refused, Stopped, Succeeded, Unknown, Waiting};
use imagemill_simulator::{BatchRules, Rates, Scenario};
use imagemill_store::BatchState;
use imagemill_testkit::pictures;

use crate::harness::{Bed, settled};
use crate::steps::{Story, expect_bill_is_ledger};

fn rules(batch: BatchRules) -> Scenario {
    Scenario { batch, ..Scenario::default() }
}

fn taking(takes_ms: u64) -> Scenario {
    rules(BatchRules { takes_ms, ..BatchRules::default() })
}

impl Bed {
    async fn batch_job(&self, samples: u32, change: impl FnOnce(&mut JobFile, &mut Profile)) -> JobId {
        self.submit("sim-image", samples, |file, profile| {
            file.lane = Lane::Batch;
            file.retry.unknown = UnknownPolicy::Always;
            profile.protocol = Protocol::Images;
            change(file, profile);
        })
        .await
    }

    fn speak(&self, file: &mut JobFile, profile: &mut Profile, protocol: Protocol) {
        profile.protocol = protocol;
        if protocol == Protocol::Gemini {
            profile.provider = "gemini".into();
            profile.base_url = self.simulator.base_url_for(protocol);
            file.options.size = None;
        }
    }

    /// Every charged call is a picture, a charged refusal or a listed unknown; what is not charged is not held.
    async fn expect_all_accounted_for(&self, job: JobId) {
        let calls = self.calls(job).await;
        let count = |state: CallState| calls.iter().filter(|call| call.state == state).count() as u64;
        let assets = self.store.jobs().pictures(job).await.unwrap();
        assert_eq!(assets, count(CallState::Fetched));
        assert!(calls.iter().all(|call| !call.state.is_open()), "{calls:?}");
        let (billed, unknown) = (self.billed(), count(CallState::Unknown));
        let known = assets + self.simulator.bill().refused_billed;
        assert!(known <= billed && billed <= known + unknown, "{known} known, {unknown} unknown, {billed} billed");
        assert!(self.simulator.bill().billed_by_request().values().all(|times| *times == 1));
    }

    async fn wait_for(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        while !is_so().await {
            assert!(Instant::now() < until, "{what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_job_runs_in_every_form_of_batches() {
    for protocol in [Protocol::Images, Protocol::ChatCompletions, Protocol::Responses, Protocol::Gemini] {
        let bed = Bed::new(taking(200)).await;
        let job = bed.batch_job(6, |file, profile| bed.speak(file, profile, protocol)).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Succeeded, 6)], "{protocol:?}: {:?}", bed.tasks(job).await);
        bed.expect_finished(job).await;
        assert_eq!((bed.billed(), bed.simulator.batches()), (6, (1, 1)), "{protocol:?}");
        assert_eq!(bed.simulator.bill().micros, 120_000);
        let row = bed.job(job).await;
        assert_eq!((row.spent, row.reserved), (Money::from_dollars(0.12), Money::ZERO), "{protocol:?}");
        let batches = bed.store.batches().of_job(job).await.unwrap();
        assert_eq!((batches.len(), batches[0].state, batches[0].items), (1, BatchState::Ended, 6));
        assert_eq!(batches[0].outcome.as_deref(), Some("completed"));
        for call in bed.calls(job).await {
            assert_eq!((call.batch, call.ceiling), (Some(batches[0].id), Some(Money::from_dollars(0.02))));
        }
        assert_eq!(std::fs::read_dir(bed.files.spool_dir()).unwrap().count(), 0, "{protocol:?}");
    }
}

#[tokio::test]
async fn results_are_joined_by_id_whatever_their_order() {
    // The simulator gives them last one first.
    let bed = Bed::new(Scenario::default()).await;
    for (name, seed, width) in [("a.png", 1, 90), ("b.png", 2, 70), ("c.png", 3, 50)] {
        bed.workspace.write(name, pictures::png(seed, width, 40));
    }
    let profile = Profile { protocol: Protocol::Images, ..bed.profile("sim-image-edit") };
    let job = bed.submit_edit_in(&profile, &["a.png", "b.png", "c.png"], Lane::Batch).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 3)], "{:?}", bed.tasks(job).await);
    assert_eq!(bed.simulator.batches().0, 1);
    for (task, width) in bed.tasks(job).await.iter().zip([90, 70, 50]) {
        let assets = bed.store.assets().for_task(task.id).await.unwrap();
        assert_eq!(assets[0].facts.width, width);
        assert_eq!(assets[0].parents, [task.spec.pictures[0].blake3]);
    }
}

#[tokio::test]
async fn requests_that_fail_fail_for_themselves() {
    let rates = Rates { refused: 0.5, ..Rates::default() };
    let bed = Bed::new(Scenario { rates, ..Scenario::default() }).await;
    let prompts: Vec<String> = (0..12).map(|n| format!("barn {n}")).collect();
    let job = bed.batch_job(1, |file, _| (file.prompt, file.prompts) = (None, prompts)).await;
    bed.run().await;
    let counts = bed.store.jobs().counts(job).await.unwrap();
    let (good, refused) = (counts.get(Succeeded), counts.get(Refused));
    assert!(good > 0 && refused > 0 && good + refused == 12, "{counts:?}");
    assert_eq!((bed.billed(), bed.simulator.batches().0), (good, 1));
    let failure = bed.tasks(job).await.into_iter().find_map(|task| task.failure).unwrap();
    assert_eq!(failure.kind, FailureKind::Refused);
    bed.expect_all_accounted_for(job).await;
    assert_eq!(bed.job(job).await.reserved, Money::ZERO);
}

#[tokio::test]
async fn batches_are_cut_by_count_and_by_bytes() {
    let mut bed = Bed::new(Scenario::default()).await;
    bed.table.batch.get_mut(&BatchKind::Openai).unwrap().max_items = 4;
    let job = bed.batch_job(10, |_, _| {}).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 10)]);
    let mut items: Vec<u32> = bed.store.batches().of_job(job).await.unwrap().iter().map(|batch| batch.items).collect();
    items.sort_unstable();
    assert_eq!(items, [2, 4, 4]);
    assert_eq!(bed.billed(), 10);

    let mut bed = Bed::new(Scenario::default()).await;
    bed.table.batch.get_mut(&BatchKind::Openai).unwrap().max_bytes = 9_000;
    let long = |n: usize| format!("{n} {}", "a barn ".repeat(400));
    let job = bed.batch_job(1, |file, _| (file.prompt, file.prompts) = (None, (0..6).map(long).collect())).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 6)]);
    let batches = bed.store.batches().of_job(job).await.unwrap();
    assert!(batches.len() >= 3 && batches.iter().all(|batch| batch.items <= 2), "{batches:?}");

    bed.table.batch.get_mut(&BatchKind::Openai).unwrap().max_bytes = 700;
    let job = bed.batch_job(1, |file, _| (file.name, file.prompt) = (Some("one".into()), Some(long(9)))).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Failed, 1)]);
    let message = bed.tasks(job).await[0].failure.clone().unwrap().message;
    assert!(message.contains("nothing was sent"), "{message}");
}

#[tokio::test]
async fn an_expired_batch_keeps_what_it_finished() {
    let expires = || rules(BatchRules { expires_after: Some(3), ..BatchRules::default() });
    // Into a further batch.
    let bed = Bed::new(expires()).await;
    let job = bed.batch_job(5, |_, _| {}).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 5)], "{:?}", bed.tasks(job).await);
    assert_eq!((bed.billed(), bed.simulator.batches().0), (5, 2));
    assert_eq!(bed.job(job).await.spent, Money::from_dollars(0.10));
    let outcomes = bed.store.batches().of_job(job).await.unwrap();
    let outcomes: Vec<_> = outcomes.iter().map(|batch| batch.outcome.clone().unwrap()).collect();
    assert_eq!(outcomes, ["expired", "completed"]);
    // At once, at the full price.
    let bed = Bed::new(expires()).await;
    let job = bed.batch_job(5, |file, _| file.batch_fallback = BatchFallback::Sync).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 5)]);
    assert_eq!((bed.billed(), bed.simulator.batches().0), (5, 1));
    assert_eq!(bed.job(job).await.spent, Money::from_dollars(0.14));
    // Not at all.
    let bed = Bed::new(expires()).await;
    let job = bed.batch_job(5, |file, _| file.batch_fallback = BatchFallback::Stop).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 3), (Failed, 2)]);
    assert_eq!((bed.billed(), bed.job(job).await.reserved), (3, Money::ZERO));
    let failure = bed.tasks(job).await.into_iter().find_map(|task| task.failure).unwrap();
    assert!(failure.message.contains("expired") && failure.message.contains("nothing was charged"), "{failure:?}");
}

#[tokio::test]
async fn a_batch_that_is_not_accepted_costs_nothing() {
    let bed = Bed::new(rules(BatchRules { rejects: true, ..BatchRules::default() })).await;
    let job = bed.batch_job(3, |_, _| {}).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Failed, 3)]);
    assert_eq!((bed.billed(), bed.job(job).await.reserved), (0, Money::ZERO));
    let failure = bed.tasks(job).await[0].failure.clone().unwrap();
    assert!(failure.message.contains("rejected on purpose"), "{failure:?}");
}

#[tokio::test]
async fn a_batch_whose_creation_was_not_answered_is_found_and_not_paid_again() {
    for protocol in [Protocol::Images, Protocol::Gemini] {
        let bed = Bed::new(rules(BatchRules { lost_creates: 1, takes_ms: 100, ..BatchRules::default() })).await;
        let job = bed.batch_job(4, |file, profile| bed.speak(file, profile, protocol)).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Succeeded, 4)], "{protocol:?}: {:?}", bed.tasks(job).await);
        assert_eq!((bed.billed(), bed.simulator.batches().0), (4, 1), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_batch_that_cannot_be_found_leaves_unknowns() {
    let bed = Bed::new(rules(BatchRules { lost_creates: 1, hides_lost: true, ..BatchRules::default() })).await;
    let job = bed.batch_job(3, |_, _| {}).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Unknown, 3)]);
    assert_eq!((bed.billed(), bed.simulator.batches().0), (3, 1));
    let unknown = bed.store.calls().page_unknown(Some(job), None, 10).await.unwrap();
    assert_eq!(unknown.len(), 3);
    assert_eq!(bed.job(job).await.reserved, Money::from_dollars(0.06), "its ceiling stays held");
    bed.expect_all_accounted_for(job).await;
}

#[tokio::test]
async fn results_that_break_off_are_read_again() {
    let bed = Bed::new(rules(BatchRules { cut_results: 2, ..BatchRules::default() })).await;
    let job = bed.batch_job(8, |file, _| file.options.size = Some("400x300".into())).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 8)], "{:?}", bed.tasks(job).await);
    assert_eq!((bed.billed(), bed.simulator.batches().0), (8, 1));
    assert_eq!(std::fs::read_dir(bed.files.spool_dir()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_kill_before_the_batch_is_sent_takes_everything_back() {
    let bed = Bed::new(Scenario::default()).await;
    // Calls to nobody: the batch cannot go out.
    let job = bed.batch_job(5, |_, profile| profile.limits.concurrency = 1).await;
    bed.run_and_kill(async || bed.calls(job).await.len() >= 2).await;
    let sent = bed.simulator.batches().0;
    bed.run().await;
    bed.expect_all_accounted_for(job).await;
    let unknown = bed.count_of(job, CallState::Unknown).await as u64;
    if sent == 0 {
        assert_eq!((unknown, bed.billed()), (0, 5), "nothing was sent, so nothing is in doubt");
    }
    assert_eq!(bed.store.jobs().counts(job).await.unwrap().get(Succeeded), 5 - unknown);
}

/// Where a process dies, in the order of a batch's life.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Point {
    Gathering,
    Uploaded,
    Created,
    InTheResults,
}

#[tokio::test]
async fn kills_at_every_point_pay_nothing_twice() {
    for protocol in [Protocol::Images, Protocol::Gemini] {
        for point in [Point::Gathering, Point::Uploaded, Point::Created, Point::InTheResults] {
            let bed = Bed::new(taking(300)).await;
            let job = bed.batch_job(8, |file, profile| bed.speak(file, profile, protocol)).await;
            let done = async || bed.store.jobs().counts(job).await.unwrap().get(Succeeded);
            bed.run_and_kill(async || match point {
                Point::Gathering => !bed.calls(job).await.is_empty(),
                Point::Uploaded => bed.simulator.batches().1 >= 1,
                Point::Created => bed.simulator.batches().0 >= 1,
                Point::InTheResults => done().await >= 1,
            })
            .await;
            let created = bed.simulator.batches().0;
            bed.run().await;
            let unknown = bed.store.jobs().counts(job).await.unwrap().get(Unknown);
            let told = format!("{protocol:?} {point:?}: {:?}", bed.tasks(job).await);
            assert_eq!((done().await + unknown, bed.simulator.batches().0), (8, 1 - unknown / 8), "{told}");
            // Only a creation that was on its way and did not arrive is in doubt.
            assert!(unknown == 0 || created == 0, "{told}");
            assert_eq!(bed.billed(), 8 - unknown, "{told}");
            bed.expect_all_accounted_for(job).await;
            assert_eq!(std::fs::read_dir(bed.files.spool_dir()).unwrap().count(), 0);
        }
    }
}

#[tokio::test]
async fn kills_at_any_moment_lose_nothing_of_a_batch() {
    let mut bed = Bed::new(taking(150)).await;
    bed.table.batch.get_mut(&BatchKind::Openai).unwrap().max_items = 7;
    let job = bed.batch_job(30, |file, _| file.retry.attempts = 20).await;
    for round in 0..10_u64 {
        let until = Instant::now() + Duration::from_millis(60 + round * 67);
        bed.run_and_kill(async || Instant::now() >= until).await;
    }
    bed.run().await;
    let counts = bed.store.jobs().counts(job).await.unwrap();
    assert_eq!(counts.get(Succeeded) + counts.get(Unknown), 30, "{:#?}", bed.calls(job).await);
    assert!((counts.get(Succeeded)..=30).contains(&bed.billed()), "no request was paid for twice");
    bed.expect_all_accounted_for(job).await;
}

#[tokio::test]
async fn stopping_a_job_cancels_its_batch_and_keeps_what_was_finished() {
    let bed = Bed::new(taking(4_000)).await;
    let job = bed.batch_job(8, |_, _| {}).await;
    let engine = bed.start().await;
    bed.wait_for("requests of the batch are run", async || bed.billed() >= 3).await;
    bed.store.jobs().stop(job, 5).await.unwrap();
    engine.wake();
    tokio::time::sleep(Duration::from_millis(300)).await;
    settled(&engine).await;
    engine.drain().await;
    let counts = bed.store.jobs().counts(job).await.unwrap();
    let billed = bed.billed();
    assert!((3..8).contains(&billed), "{billed}");
    assert_eq!((counts.get(Succeeded), counts.get(Stopped)), (billed, 8 - billed), "{:?}", bed.tasks(job).await);
    bed.expect_all_accounted_for(job).await;
    assert_eq!(bed.job(job).await.reserved, Money::ZERO);
}

#[tokio::test]
async fn the_end_of_the_process_takes_back_what_was_not_sent_and_leaves_what_was() {
    let bed = Bed::new(taking(1_500)).await;
    let job = bed.batch_job(4, |_, _| {}).await;
    let engine = bed.start().await;
    bed.wait_for("the batch is sent", async || bed.simulator.batches().0 == 1).await;
    let begun = Instant::now();
    engine.drain().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "waiting costs the process nothing");
    assert_eq!(bed.states(job).await, [(Waiting, 4)]);
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 4)]);
    assert_eq!((bed.billed(), bed.simulator.batches().0), (4, 1));
}

#[tokio::test]
async fn the_budget_holds_at_the_batch_price() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.batch_job(9, |file, _| file.budget = Some(Money::from_dollars(0.07))).await;
    let engine = bed.start().await;
    bed.wait_for("the job pauses", async || bed.job(job).await.state == JobState::Paused).await;
    bed.wait_for("what the budget allowed is done", async || {
        bed.store.jobs().counts(job).await.unwrap().get(Succeeded) == 3
    })
    .await;
    engine.drain().await;
    let row = bed.job(job).await;
    assert_eq!((row.spent, row.reserved), (Money::from_dollars(0.06), Money::ZERO));
    assert_eq!((bed.billed(), bed.simulator.bill().micros), (3, 60_000));
    assert_eq!(bed.states(job).await, [(Queued, 6), (Succeeded, 3)]);
}

#[tokio::test]
async fn every_step_of_a_recipe_goes_in_batches() {
    for provider in ["simulator", "anthropic"] {
        let mut bed = Bed::new(Scenario::default()).await;
        bed.recipe = Some(Arc::new(Story { tolerant: false, ends_with_words: false }));
        let mut speaker = bed.speaker("sim-text");
        if provider == "anthropic" {
            speaker.profile.provider = provider.into();
            speaker.profile.name = provider.into();
            speaker.profile.protocol = Protocol::AnthropicMessages;
        }
        bed.speakers = Speakers { text: Some(speaker.clone()), vision: Some(speaker) };
        let job = bed.batch_job(2, |_, _| {}).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Succeeded, 2)], "{provider}: {:?}", bed.tasks(job).await);
        let calls = bed.calls(job).await;
        assert!(calls.iter().all(|call| call.batch.is_some() && call.state == CallState::Fetched), "{calls:?}");
        assert_eq!((calls.len(), bed.billed()), (8, 8));
        expect_bill_is_ledger(&bed, job).await;
    }
}

#[tokio::test]
async fn a_batch_of_words_whose_creation_was_not_answered_is_found_by_its_size_and_time() {
    let mut bed = Bed::new(rules(BatchRules { lost_creates: 1, ..BatchRules::default() })).await;
    bed.recipe = Some(Arc::new(Story { tolerant: false, ends_with_words: true }));
    let mut speaker = bed.speaker("sim-text");
    speaker.profile.provider = "anthropic".into();
    speaker.profile.name = "anthropic".into();
    speaker.profile.protocol = Protocol::AnthropicMessages;
    bed.speakers = Speakers { text: Some(speaker.clone()), vision: Some(speaker) };
    let job = bed.batch_job(3, |_, _| {}).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 3)], "{:?}", bed.tasks(job).await);
    let calls = bed.calls(job).await.len() as u64;
    assert_eq!((calls, bed.billed()), (9, 9));
}
