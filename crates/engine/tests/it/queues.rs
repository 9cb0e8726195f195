//! Calls that are taken now and answered later, over the simulator's queues: every protocol, kills, stops, limits, faults.

use std::time::{Duration, Instant};

use imagemill_domain::call::{Call, CallState};
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::job_file::{JobFile, UnknownPolicy};
use imagemill_domain::money::Money;
use imagemill_domain::profile::{Profile, Protocol};
use imagemill_domain::task::TaskState::{Failed, Queued, Refused, Stopped, Succeeded, Unknown, Waiting};
use imagemill_simulator::{Act, Scenario, ScriptLine};
use imagemill_testkit::pictures;

use crate::harness::{Bed, settled};

const PROTOCOLS: [Protocol; 4] = [Protocol::Fal, Protocol::Replicate, Protocol::HostedMedia, Protocol::Automatic1111];

fn slow(latency_ms: u64) -> Scenario {
    Scenario { latency_ms, ..Scenario::default() }
}

/// Turns a profile for the simulator into one of this protocol.
fn speak(profile: &mut Profile, protocol: Protocol, base_url: String) {
    profile.protocol = protocol;
    profile.base_url = base_url;
    if protocol == Protocol::Replicate {
        // What follows a colon is a version, and some of the simulator's names have one.
        let version = if profile.model.contains(':') { "sim/sim:" } else { "sim/" };
        profile.model = format!("{version}{}", profile.model);
    }
}

impl Bed {
    async fn queue_job(
        &self,
        protocol: Protocol,
        model: &str,
        samples: u32,
        change: impl FnOnce(&mut JobFile, &mut Profile),
    ) -> JobId {
        let base_url = self.simulator.base_url_for(protocol);
        self.submit(model, samples, |file, profile| {
            speak(profile, protocol, base_url);
            file.retry.unknown = UnknownPolicy::Never;
            change(file, profile);
        })
        .await
    }

    pub(crate) async fn calls(&self, job: JobId) -> Vec<Call> {
        let mut calls = Vec::new();
        for task in self.tasks(job).await {
            calls.extend(self.store.calls().for_task(task.id).await.unwrap());
        }
        calls
    }

    pub(crate) async fn count_of(&self, job: JobId, state: CallState) -> usize {
        self.calls(job).await.iter().filter(|call| call.state == state).count()
    }

    async fn waiting(&self, job: JobId) -> u64 {
        self.store.jobs().counts(job).await.unwrap().get(Waiting)
    }

    async fn failure_of(&self, job: JobId) -> imagemill_domain::failure::Failure {
        self.tasks(job).await[0].failure.clone().expect("the task failed")
    }
}

#[tokio::test]
async fn an_end_in_order_does_not_wait_for_the_provider() {
    let bed = Bed::new(slow(60_000)).await;
    let limit = |_: &mut JobFile, profile: &mut Profile| profile.limits.concurrency = 2;
    let job = bed.queue_job(Protocol::Fal, "sim-image", 8, limit).await;
    let engine = bed.start().await;
    // The tasks of the line wait for places that calls with the provider hold.
    while bed.waiting(job).await < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::timeout(Duration::from_secs(10), engine.drain()).await.expect("it ends");
    assert_eq!(bed.states(job).await, [(Queued, 6), (Waiting, 2)]);
    assert_eq!(bed.count_of(job, CallState::Accepted).await, 2);
}

#[tokio::test]
async fn a_job_runs_over_every_protocol() {
    for protocol in PROTOCOLS {
        let bed = Bed::new(slow(150)).await;
        let job = bed.queue_job(protocol, "sim-image", 4, |file, _| file.retry.attempts = 1).await;
        bed.run().await;
        bed.expect_finished(job).await;
        assert_eq!(bed.states(job).await, [(Succeeded, 4)], "{protocol:?}: {:?}", bed.tasks(job).await);
        assert_eq!(bed.billed(), 4);
        let row = bed.job(job).await;
        assert_eq!((row.spent, row.reserved), (Money::from_dollars(0.16), Money::ZERO));
        let calls = bed.calls(job).await;
        assert_eq!(calls.len(), 4);
        assert!(calls.iter().all(|call| call.remote_id.is_some() == (protocol != Protocol::Automatic1111)));
        for task in bed.tasks(job).await {
            let assets = bed.store.assets().for_task(task.id).await.unwrap();
            assert_eq!((assets[0].facts.width, assets[0].facts.height), (64, 48));
        }
        assert_eq!(std::fs::read_dir(bed.files.spool_dir()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn sources_reach_every_protocol() {
    for protocol in PROTOCOLS {
        let bed = Bed::new(Scenario::default()).await;
        std::fs::write(bed.workspace.join("a.png"), pictures::png(3, 90, 70)).unwrap();
        let mut profile = bed.profile("sim-image-edit");
        speak(&mut profile, protocol, bed.simulator.base_url_for(protocol));
        let job = bed.submit_edit_with(&profile, &["a.png"]).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Succeeded, 1)], "{protocol:?}: {:?}", bed.tasks(job).await);
        let task = &bed.tasks(job).await[0];
        let assets = bed.store.assets().for_task(task.id).await.unwrap();
        assert_eq!((assets[0].facts.width, assets[0].facts.height), (90, 70), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_kill_between_the_ticket_and_the_result_pays_nothing_twice() {
    for protocol in [Protocol::Fal, Protocol::Replicate, Protocol::HostedMedia] {
        let bed = Bed::new(slow(1_500)).await;
        let job = bed.queue_job(protocol, "sim-image", 5, |_, _| {}).await;
        bed.run_and_kill(async || bed.waiting(job).await >= 3).await;
        let taken = bed.billed();
        assert!((3..=5).contains(&taken));
        assert!(bed.count_of(job, CallState::Accepted).await >= 3);
        bed.run().await;
        let unknown = bed.count_of(job, CallState::Unknown).await as u64;
        assert_eq!(bed.billed(), 5, "{protocol:?}: every task was paid for once");
        let counts = bed.store.jobs().counts(job).await.unwrap();
        assert_eq!((counts.get(Succeeded), counts.get(Unknown)), (5 - unknown, unknown), "{protocol:?}");
        assert_eq!(bed.calls(job).await.len(), 5);
    }
}

/// Whenever the process dies: what was billed is an asset or a listed unknown, and nothing is sent twice.
#[tokio::test]
async fn kills_at_any_moment_lose_nothing() {
    let bed = Bed::new(slow(300)).await;
    let job = bed.queue_job(Protocol::Replicate, "sim-image", 30, |_, profile| profile.limits.concurrency = 6).await;
    for round in 0..8_u64 {
        let until = Instant::now() + Duration::from_millis(120 + round * 70);
        bed.run_and_kill(async || Instant::now() >= until).await;
    }
    bed.run().await;
    let counts = bed.store.jobs().counts(job).await.unwrap();
    assert_eq!(counts.get(Succeeded) + counts.get(Unknown), 30, "{counts:?}");
    let pictures = bed.store.jobs().pictures(job).await.unwrap();
    let unknown = bed.store.calls().page_unknown(Some(job), None, 100).await.unwrap().len() as u64;
    let billed = bed.billed();
    assert!(
        billed >= pictures && billed <= pictures + unknown,
        "{billed} billed, {pictures} pictures, {unknown} unknown"
    );
    assert!(bed.simulator.bill().billed_by_request().values().all(|times| *times == 1));
    let calls = bed.calls(job).await;
    assert_eq!(calls.len(), 30, "an unknown call is not sent again: {calls:#?}");
}

#[tokio::test]
async fn questions_that_fail_are_asked_again_and_are_no_tries() {
    for protocol in [Protocol::Fal, Protocol::Replicate, Protocol::HostedMedia] {
        let bed = Bed::new(Scenario::default()).await;
        let job = bed.queue_job(protocol, "ask-err:3", 1, |file, _| file.retry.attempts = 1).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Succeeded, 1)], "{protocol:?}");
        assert_eq!((bed.billed(), bed.calls(job).await.len()), (1, 1));
    }
}

#[tokio::test]
async fn a_call_that_is_never_done_is_unknown_after_the_total_limit() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.queue_job(Protocol::Fal, "stuck", 1, |_, profile| profile.timeouts.total_ms = 1_200).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Unknown, 1)]);
    let failure = bed.failure_of(job).await;
    assert!(failure.message.contains("timeouts.total_ms") && failure.message.contains("sim-0"), "{failure}");
    let row = bed.job(job).await;
    assert_eq!((row.spent, row.reserved), (Money::ZERO, Money::from_dollars(0.04)), "its ceiling stays held");
    assert_eq!((bed.billed(), bed.simulator.cancelled()), (1, 1), "nobody will fetch it: the provider is told");
}

#[tokio::test]
async fn no_more_calls_are_with_the_provider_than_the_profile_allows() {
    let bed = Bed::new(slow(400)).await;
    let job = bed.queue_job(Protocol::Fal, "sim-image", 9, |_, profile| profile.limits.concurrency = 3).await;
    let engine = bed.start().await;
    let mut most = 0;
    while bed.job(job).await.state == JobState::Active {
        most = most.max(bed.count_of(job, CallState::Accepted).await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    engine.drain().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 9)]);
    assert!((2..=3).contains(&most), "{most} at once");
}

#[tokio::test]
async fn a_stop_tells_the_providers() {
    for (protocol, spent) in [(Protocol::Fal, 0.12), (Protocol::Replicate, 0.12)] {
        let bed = Bed::new(slow(600_000)).await;
        let job = bed.queue_job(protocol, "sim-image", 3, |_, _| {}).await;
        let engine = bed.start().await;
        while bed.waiting(job).await < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bed.store.jobs().stop(job, 1).await.unwrap();
        settled(&engine).await;
        engine.drain().await;
        assert_eq!(bed.states(job).await, [(Stopped, 3)], "{protocol:?}");
        assert_eq!(bed.simulator.cancelled(), 3);
        let row = bed.job(job).await;
        // Nobody says what a cancelled request costs, so it counts as spent.
        assert_eq!((row.state, row.spent, row.reserved), (JobState::Stopped, Money::from_dollars(spent), Money::ZERO));
        assert_eq!(bed.count_of(job, CallState::Accepted).await, 0);
    }
}

#[tokio::test]
async fn a_stop_without_an_engine_is_told_by_the_next_one_and_keeps_what_was_made() {
    let bed = Bed::new(slow(300)).await;
    let job = bed.queue_job(Protocol::HostedMedia, "sim-image", 2, |_, _| {}).await;
    bed.run_and_kill(async || bed.waiting(job).await == 2).await;
    bed.store.jobs().stop(job, 1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 2)], "it was paid for and came in spite of the stop");
    assert_eq!((bed.billed(), bed.job(job).await.state), (2, JobState::Stopped));
    assert_eq!(bed.store.jobs().pictures(job).await.unwrap(), 2);
}

#[tokio::test]
async fn the_end_of_the_process_leaves_calls_with_the_provider() {
    let bed = Bed::new(slow(700)).await;
    let job = bed.queue_job(Protocol::Fal, "sim-image", 2, |_, _| {}).await;
    let engine = bed.start().await;
    while bed.waiting(job).await < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    engine.stop().await;
    assert_eq!((bed.states(job).await, bed.simulator.cancelled()), (vec![(Waiting, 2)], 0));
    bed.run().await;
    assert_eq!((bed.states(job).await, bed.billed()), (vec![(Succeeded, 2)], 2));
}

#[tokio::test]
async fn what_is_paid_for_is_fetched_although_the_job_is_paused() {
    let bed = Bed::new(slow(200)).await;
    let job =
        bed.queue_job(Protocol::Fal, "sim-image", 5, |file, _| file.budget = Some(Money::from_dollars(0.08))).await;
    bed.run().await;
    assert_eq!(bed.job(job).await.state, JobState::Paused);
    assert_eq!(bed.states(job).await, [(Queued, 3), (Succeeded, 2)]);
    let row = bed.job(job).await;
    assert_eq!((row.spent, row.reserved), (Money::from_dollars(0.08), Money::ZERO));
}

#[tokio::test]
async fn a_paused_job_is_asked_for_by_the_next_process_too() {
    let bed = Bed::new(slow(500)).await;
    let job = bed.queue_job(Protocol::Replicate, "sim-image", 2, |_, _| {}).await;
    bed.run_and_kill(async || bed.waiting(job).await == 2).await;
    bed.store.jobs().set_state(job, JobState::Paused, None, 1).await.unwrap();
    bed.run().await;
    assert_eq!((bed.states(job).await, bed.billed()), (vec![(Succeeded, 2)], 2));
}

#[tokio::test]
async fn each_way_to_end_badly_has_its_state() {
    let cut = Scenario {
        script: vec![ScriptLine { at: 1, act: Act::Cut, retry_after_s: None, slow_ms: None }],
        ..Scenario::default()
    };
    for (protocol, model, scenario, state, kind, billed) in [
        (Protocol::Fal, "nsfw", Scenario::default(), Refused, FailureKind::Refused, 1),
        (Protocol::Replicate, "nsfw", Scenario::default(), Refused, FailureKind::Refused, 1),
        (Protocol::HostedMedia, "nsfw", Scenario::default(), Refused, FailureKind::Refused, 1),
        (Protocol::Replicate, "job-fails", Scenario::default(), Failed, FailureKind::Protocol, 0),
        (Protocol::HostedMedia, "job-fails", Scenario::default(), Failed, FailureKind::Protocol, 0),
        (Protocol::Fal, "lost-job", Scenario::default(), Unknown, FailureKind::UnknownOutcome, 1),
        (Protocol::Fal, "sim-image", cut.clone(), Unknown, FailureKind::UnknownOutcome, 1),
        (Protocol::Replicate, "expired-link", Scenario::default(), Failed, FailureKind::FetchExpired, 1),
        (Protocol::Automatic1111, "sim-image", cut, Unknown, FailureKind::UnknownOutcome, 1),
    ] {
        let bed = Bed::new(scenario).await;
        let job = bed.queue_job(protocol, model, 1, |_, _| {}).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(state, 1)], "{protocol:?} {model}: {:?}", bed.tasks(job).await);
        assert_eq!((bed.failure_of(job).await.kind, bed.billed()), (kind, billed), "{protocol:?} {model}");
    }
}

#[tokio::test]
async fn one_wait_is_told_however_often_it_is_asked_for() {
    let bed = Bed::new(slow(2_500)).await;
    let job = bed.queue_job(Protocol::Fal, "sim-image", 1, |_, _| {}).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    let events = bed.store.events().after(0, 1_000).await.unwrap();
    let states: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.body {
            imagemill_domain::event::EventBody::TaskState { state, .. } => Some(*state),
            _ => None,
        })
        .collect();
    assert_eq!(states, [Waiting, Succeeded]);
}
