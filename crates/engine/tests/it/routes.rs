//! Jobs with several ways to their pictures: who stands in for whom, who gets which task, and what never goes another way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobId;
use imagemill_domain::job_file::{JobFile, RecipeName, UnknownPolicy};
use imagemill_domain::money::Money;
use imagemill_domain::profile::{Profile, ProfileBudget, Protocol};
use imagemill_domain::route;
use imagemill_domain::source::Scan;
use imagemill_domain::task::TaskState::{Failed, Queued, Refused, Succeeded, Unknown, Waiting};
use imagemill_engine::{Ending, Recipe, RecipeFuture, TaskContext};
use imagemill_simulator::{Act, Scenario, ScriptLine, Simulator, SimulatorOptions};

use crate::harness::{Bed, settled};

/// Two accounts at two servers: `a` at the bed's own, `b` at `other`.
struct Pair {
    bed: Bed,
    other: Simulator,
}

impl Pair {
    async fn new(first: SimulatorOptions) -> Self {
        Self { bed: Bed::with(first).await, other: Simulator::start(SimulatorOptions::default()).await.unwrap() }
    }

    fn profiles(&self, shares: [u32; 2]) -> [(Profile, u32); 2] {
        let named = |name: &str, base_url| Profile { name: name.into(), base_url, ..self.bed.profile("sim-image") };
        let a = named("a", self.bed.simulator.base_url());
        [(a, shares[0]), (named("b", self.other.base_url()), shares[1])]
    }

    async fn submit(&self, samples: u32, shares: [u32; 2], change: impl FnOnce(&mut JobFile, &mut Profile)) -> JobId {
        let mut file = generate(samples);
        let mut profiles = self.profiles(shares);
        change(&mut file, &mut profiles[0].0);
        self.bed.submit_over(&file, &profiles, Scan::default()).await
    }

    async fn done(&self, job: JobId) -> BTreeMap<String, u64> {
        self.bed.store.calls().tasks_by_profile(job).await.unwrap().into_iter().collect()
    }

    /// The names of paused profiles with what it means.
    async fn paused(&self) -> Vec<(String, FailureKind)> {
        let paused = self.bed.store.profiles().paused().await.unwrap();
        paused.into_iter().map(|paused| (paused.name, paused.kind)).collect()
    }
}

fn generate(samples: u32) -> JobFile {
    let mut file = JobFile { prompt: Some("a red barn".into()), samples, ..JobFile::new(RecipeName::Generate) };
    file.options.size = Some("64x48".into());
    file.retry.wait_ms = 20;
    file
}

fn script(lines: &[(u64, Act, Option<u64>)]) -> SimulatorOptions {
    let line = |(at, act, retry_after_s): &(u64, Act, Option<u64>)| ScriptLine {
        at: *at,
        act: *act,
        retry_after_s: *retry_after_s,
        slow_ms: None,
    };
    let scenario = Scenario { script: lines.iter().map(line).collect(), ..Scenario::default() };
    SimulatorOptions { scenario, ..SimulatorOptions::default() }
}

fn locked() -> SimulatorOptions {
    SimulatorOptions { require_key: Some("right".into()), ..SimulatorOptions::default() }
}

fn by(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, tasks)| ((*name).to_owned(), *tasks)).collect()
}

#[tokio::test]
async fn the_next_profile_stands_in_for_one_that_is_paused() {
    let pair = Pair::new(locked()).await;
    let job = pair.submit(12, [0, 0], |_, _| {}).await;
    pair.bed.run().await;
    pair.bed.expect_finished(job).await;
    assert_eq!(pair.bed.states(job).await, [(Succeeded, 12)]);
    assert_eq!(pair.done(job).await, by(&[("b", 12)]));
    assert_eq!(pair.paused().await, [("a".to_owned(), FailureKind::Auth)]);
    assert_eq!((pair.bed.billed(), pair.other.bill().billed), (0, 12));
    assert_eq!(pair.bed.job(job).await.spent, Money::from_dollars(0.48));
}

#[tokio::test]
async fn a_provider_that_says_not_now_or_does_not_answer_is_stood_in_for() {
    let pair = Pair::new(script(&[(3, Act::RateLimited, Some(3_600))])).await;
    let job = pair.submit(8, [0, 0], |file, _| file.limits = Some(one_at_once())).await;
    pair.bed.run().await;
    assert_eq!(pair.bed.states(job).await, [(Succeeded, 8)]);
    assert_eq!(pair.done(job).await, by(&[("a", 2), ("b", 6)]));
    assert_eq!(pair.paused().await, [("a".to_owned(), FailureKind::RateLimited)]);

    let pair = Pair::new(SimulatorOptions::default()).await;
    let job = pair
        .submit(8, [0, 0], |file, profile| {
            file.retry.attempts = 9;
            profile.base_url = "http://127.0.0.1:9/v1".into();
        })
        .await;
    pair.bed.run().await;
    assert_eq!(pair.bed.states(job).await, [(Succeeded, 8)]);
    assert_eq!(pair.done(job).await, by(&[("b", 8)]));
    assert_eq!(pair.paused().await, [("a".to_owned(), FailureKind::StableInfra)]);
}

fn one_at_once() -> imagemill_domain::profile::RateLimits {
    imagemill_domain::profile::RateLimits { concurrency: 1, ..Default::default() }
}

#[tokio::test]
async fn what_concerns_one_item_never_goes_another_way() {
    let pair = Pair::new(script(&[(2, Act::Refuse, None), (4, Act::Cut, None)])).await;
    let job = pair.submit(6, [0, 0], |file, _| file.retry.unknown = UnknownPolicy::Never).await;
    pair.bed.run().await;
    assert_eq!(pair.bed.states(job).await, [(Succeeded, 4), (Refused, 1), (Unknown, 1)]);
    assert_eq!(pair.done(job).await, by(&[("a", 4)]));
    assert_eq!(pair.other.bill().calls, 0, "nothing was sent there");
}

#[tokio::test]
async fn shares_follow_the_task_and_spill_over_when_a_profile_pauses() {
    let pair = Pair::new(SimulatorOptions::default()).await;
    let job = pair.submit(40, [3, 1], |_, _| {}).await;
    pair.bed.run().await;
    assert_eq!(pair.bed.states(job).await, [(Succeeded, 40)]);
    for task in pair.bed.tasks(job).await {
        let calls = pair.bed.store.calls().for_task(task.id).await.unwrap();
        let expected = route::choose(&task.key, [("a", 3), ("b", 1)]).unwrap();
        assert_eq!(calls.iter().map(|call| call.profile.as_str()).collect::<Vec<_>>(), [expected]);
    }
    let done = pair.done(job).await;
    assert!((20..=38).contains(&done["a"]) && done["a"] + done["b"] == 40, "{done:?}");

    let pair = Pair::new(locked()).await;
    let job = pair.submit(40, [3, 1], |_, _| {}).await;
    pair.bed.run().await;
    assert_eq!(pair.done(job).await, by(&[("b", 40)]));
}

#[tokio::test]
async fn a_job_waits_only_when_every_way_is_paused() {
    let mut pair = Pair::new(locked()).await;
    pair.other = Simulator::start(locked()).await.unwrap();
    let job = pair.submit(5, [1, 1], |_, _| {}).await;
    let engine = pair.bed.start().await;
    settled(&engine).await;
    engine.drain().await;
    assert_eq!(pair.bed.states(job).await, [(Queued, 5)]);
    let auth = |name: &str| (name.to_owned(), FailureKind::Auth);
    assert_eq!(pair.paused().await, [auth("a"), auth("b")]);
}

#[tokio::test]
async fn budgets_of_profiles_hold_and_the_next_one_goes_on() {
    let pair = Pair::new(SimulatorOptions::default()).await;
    let budget = ProfileBudget { total: Some(Money::from_dollars(0.12)), ..ProfileBudget::default() };
    let job = pair.submit(9, [0, 0], |_, profile| profile.budget = budget).await;
    pair.bed.run().await;
    assert_eq!(pair.done(job).await, by(&[("a", 3), ("b", 6)]));
    assert_eq!(pair.paused().await, [("a".to_owned(), FailureKind::Budget)]);
}

#[tokio::test]
async fn a_call_that_one_provider_took_is_asked_for_there() {
    let pair = Pair::new(SimulatorOptions {
        scenario: Scenario { latency_ms: 1_500, ..Scenario::default() },
        ..SimulatorOptions::default()
    })
    .await;
    let url = pair.bed.simulator.base_url_for(Protocol::Fal);
    let job = pair.submit(3, [0, 0], |_, profile| (profile.protocol, profile.base_url) = (Protocol::Fal, url)).await;
    let waiting = async || pair.bed.store.jobs().counts(job).await.unwrap().get(Waiting) == 3;
    pair.bed.run_and_kill(waiting).await;
    pair.bed.run().await;
    assert_eq!(pair.bed.states(job).await, [(Succeeded, 3)]);
    assert_eq!((pair.bed.billed(), pair.other.bill().calls), (3, 0));
}

/// Two pictures in a row; between them, the first account's key is gone when told so.
struct TwoPictures;

impl Recipe for TwoPictures {
    fn name(&self) -> RecipeName {
        RecipeName::Generate
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(async move {
            let sketch = task.image("sketch", task.ask("sketch")).await?;
            let mut last = task.ask("final");
            last.prompt = format!("{} in oil", last.prompt);
            last.pictures = sketch.iter().map(|asset| task.picture_of(asset)).collect();
            Ok(Ending::Image(Box::new(last)))
        })
    }
}

#[tokio::test]
async fn a_step_that_ended_well_is_not_paid_again_when_the_rest_goes_another_way() {
    // The second call of the first account says "not now": the sketch is there, the final picture is not.
    let mut pair = Pair::new(script(&[(2, Act::RateLimited, Some(3_600))])).await;
    pair.bed.recipe = Some(Arc::new(TwoPictures));
    let job = pair.submit(1, [0, 0], |_, _| {}).await;
    pair.bed.run().await;
    let task = &pair.bed.tasks(job).await[0];
    assert_eq!(task.state, Succeeded, "{:?}", task.failure);
    assert_eq!((pair.bed.billed(), pair.other.bill().billed), (1, 1));
    let calls = pair.bed.store.calls().for_task(task.id).await.unwrap();
    let told: Vec<_> = calls.iter().map(|call| (call.step.as_str(), call.profile.as_str())).collect();
    assert_eq!(told, [("sketch", "a"), ("final", "a"), ("final", "b")]);
}

#[tokio::test]
async fn where_only_one_account_can_repeat_a_lost_call_the_task_waits_for_it() {
    // TABLE calls this model replayable: sent again under the same key, at the same account.
    let pair = Pair::new(script(&[(1, Act::Cut, None), (3, Act::RateLimited, Some(3_600))])).await;
    let mut profiles = pair.profiles([0, 0]);
    for (profile, _) in &mut profiles {
        profile.model = "sim-image+delay:1".into();
    }
    let mut file = generate(3);
    file.retry.wait_ms = 2_000;
    file.limits = Some(one_at_once());
    let job = pair.bed.submit_over(&file, &profiles, Scan::default()).await;
    let engine = pair.bed.start().await;
    let counts = async || pair.bed.states(job).await;
    for _ in 0..200 {
        if counts().await == [(Waiting, 1), (Succeeded, 2)] && !pair.paused().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(counts().await, [(Waiting, 1), (Succeeded, 2)]);
    // Its time has come, and it still waits.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(counts().await, [(Waiting, 1), (Succeeded, 2)]);
    assert_eq!(pair.other.bill().calls, 1, "the task that the first account put off");
    engine.stop().await;
    assert!(pair.bed.tasks(job).await.iter().all(|task| task.state != Failed));
}

#[tokio::test]
async fn a_lost_call_is_repeated_under_its_own_key_and_others_have_keys_of_their_own() {
    let bed = Bed::with(script(&[(1, Act::Cut, None), (2, Act::Cut, None)])).await;
    let change = |file: &mut JobFile, _: &mut Profile| {
        file.retry.unknown = UnknownPolicy::Never;
        file.retry.wait_ms = 400;
    };
    let job = bed.submit("sim-image+delay:1", 2, change).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 2)]);
    let mut keys = Vec::new();
    for task in bed.tasks(job).await {
        let mut own = Vec::new();
        for call in bed.store.calls().for_task(task.id).await.unwrap() {
            own.push(bed.store.calls().idempotency_key(call.id).await.unwrap().expect("TABLE calls it replayable"));
        }
        assert_eq!(own.len(), 2, "each task lost an answer");
        own.dedup();
        keys.append(&mut own);
    }
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_ne!(keys[0], keys[1]);
    let bed = Bed::new(Scenario::default()).await;
    let plain = bed.submit("sim-image", 1, |_, _| {}).await;
    bed.run().await;
    let call = &bed.calls(plain).await[0];
    assert_eq!(bed.store.calls().idempotency_key(call.id).await.unwrap(), None);
}
