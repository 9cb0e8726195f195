//! A recipe of several paid steps: words, a picture, a look at it, a better picture. Whatever breaks in between, no step is paid
//! twice, and the provider's bill is the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use imagemill_domain::call::{Call, CallState};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::job_file::{RecipeName, UnknownPolicy};
use imagemill_domain::money::Money;
use imagemill_domain::profile::Protocol;
use imagemill_domain::speaker::Speakers;
use imagemill_domain::task::TaskState::{Failed, Partial, Queued, Refused, Succeeded, Unknown, Waiting};
use imagemill_engine::{ChatAsk, Ending, Engine, EngineOptions, Recipe, RecipeFuture, TaskContext};
use imagemill_simulator::{Act, Scenario, ScriptLine};
use imagemill_store::{Files, Store, StoreOptions};
use serde_json::{Value, json};

use crate::harness::{self, Bed, settled};

/// Words → picture → judgement as JSON → picture.
pub(crate) struct Story {
    /// A first step that fails for its content is done without.
    pub(crate) tolerant: bool,
    /// The last picture is left out.
    pub(crate) ends_with_words: bool,
}

fn schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["result", "advice"],
        "properties": {"result": {"enum": ["PASS", "FAIL"]}, "advice": {"type": "string"}},
    })
}

impl Recipe for Story {
    fn name(&self) -> RecipeName {
        RecipeName::Generate
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(async move {
            let prompt = format!("{} {}", task.prompt(), task.spec().sample);
            let idea = match task.chat("idea", ChatAsk::new(prompt.clone()).system("be brief")).await {
                Ok(reply) => reply.text,
                Err(_) if self.tolerant => prompt,
                Err(failure) => return Err(failure),
            };
            let mut ask = task.ask("draft");
            ask.prompt = idea;
            let drafts = task.image("draft", ask).await?;
            let look =
                ChatAsk::new(format!("judge sample {}", task.spec().sample)).picture(task.picture_of(&drafts[0]));
            let judged = task.structured("review", look, &schema()).await?;
            if self.ends_with_words {
                let missing = (judged["result"] == "FAIL").then(|| Failure::new(FailureKind::Protocol, "not good"));
                return Ok(Ending::Done(missing));
            }
            let mut last = task.ask("final");
            last.prompt = format!("better: {}", judged["advice"].as_str().unwrap_or_default());
            last.pictures = vec![task.picture_of(&drafts[0])];
            Ok(Ending::Image(Box::new(last)))
        })
    }
}

/// No step at all, and something that is missing.
struct Missing;

impl Recipe for Missing {
    fn name(&self) -> RecipeName {
        RecipeName::Generate
    }

    fn run<'a>(&'a self, _task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(async { Ok(Ending::Done(Some(Failure::new(FailureKind::Protocol, "half of it is missing")))) })
    }
}

async fn bed_with(scenario: Scenario, story: Story, text: &str, vision: &str) -> Bed {
    let mut bed = Bed::new(scenario).await;
    bed.recipe = Some(Arc::new(story));
    bed.speakers = Speakers { text: Some(bed.speaker(text)), vision: Some(bed.speaker(vision)) };
    bed
}

async fn bed(scenario: Scenario) -> Bed {
    bed_with(scenario, Story { tolerant: false, ends_with_words: false }, "sim-text", "sim-text").await
}

fn script(lines: &[(u64, Act)]) -> Scenario {
    let line = |(at, act): &(u64, Act)| ScriptLine { at: *at, act: *act, retry_after_s: Some(1), slow_ms: None };
    Scenario { script: lines.iter().map(line).collect(), ..Scenario::default() }
}

async fn calls(bed: &Bed, job: JobId) -> Vec<Call> {
    let mut all = Vec::new();
    for task in bed.tasks(job).await {
        all.extend(bed.store.calls().for_task(task.id).await.unwrap());
    }
    all
}

/// Step and state of each call of the job's tasks.
async fn steps(bed: &Bed, job: JobId) -> Vec<(String, CallState)> {
    calls(bed, job).await.into_iter().map(|call| (call.step, call.state)).collect()
}

fn fetched(steps: &[&str]) -> Vec<(String, CallState)> {
    steps.iter().map(|step| ((*step).to_owned(), CallState::Fetched)).collect()
}

/// Every charged call of the bill is one call of the ledger, and the sums agree.
pub(crate) async fn expect_bill_is_ledger(bed: &Bed, job: JobId) {
    let bill = bed.simulator.bill();
    let charged = bill.billed_by_request();
    assert!(charged.values().all(|times| *times == 1), "{charged:?}");
    let held = |call: &Call| {
        let billed = call.failure.as_ref().is_none_or(|failure| failure.billing != Billing::NotBilled);
        matches!(call.state, CallState::Fetched | CallState::Unknown) || billed
    };
    let ledger: Vec<Call> = calls(bed, job).await.into_iter().filter(held).collect();
    let known = |request: &str| ledger.iter().any(|call| request.ends_with(&format!("-{}", call.id.0)));
    assert!(charged.keys().all(|request| known(request)), "{charged:?} {ledger:?}");
    if ledger.iter().all(|call| call.state == CallState::Fetched) {
        let row = bed.job(job).await;
        assert_eq!((row.spent.micros, row.reserved), (bill.micros, Money::ZERO));
    }
}

#[tokio::test]
async fn every_step_is_in_the_ledger_and_on_the_bill() {
    let bed = bed(Scenario::default()).await;
    let job = bed.submit("sim-image", 3, |_, _| {}).await;
    bed.run().await;
    bed.expect_finished(job).await;
    assert_eq!(bed.states(job).await, [(Succeeded, 3)]);
    assert_eq!(bed.billed(), 12);
    expect_bill_is_ledger(&bed, job).await;
    for task in bed.tasks(job).await {
        let calls = bed.store.calls().for_task(task.id).await.unwrap();
        let named: Vec<_> = calls.iter().map(|call| (call.step.clone(), call.state)).collect();
        assert_eq!(named, fetched(&["idea", "draft", "review", "final"]));
        assert!(
            calls.iter().all(|call| call.cost.unwrap() <= call.ceiling.unwrap() && call.cost.unwrap() > Money::ZERO)
        );
        let (request, answer) = bed.store.calls().raw(calls[2].id).await.unwrap().unwrap();
        assert!(request.contains("blake3:") && request.contains("json_schema") && request.len() < 4_000, "{request}");
        assert!(answer.contains("PASS"), "{answer}");
        let assets = bed.store.assets().for_task(task.id).await.unwrap();
        assert_eq!(assets.iter().map(|asset| asset.index).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((assets[0].parents.len(), &assets[1].parents), (0, &vec![assets[0].facts.blake3]));
    }
    assert_eq!(std::fs::read_dir(bed.files.spool_dir()).unwrap().count(), 0, "the spool is empty at the end");
}

#[tokio::test]
async fn words_may_be_the_end_and_may_say_what_is_missing() {
    let story = Story { tolerant: false, ends_with_words: true };
    let bed = bed_with(Scenario::default(), story, "sim-text", "sim-text").await;
    let job = bed.submit("sim-image", 1, |_, _| {}).await;
    let seen = bed.store.events().latest().await.unwrap();
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    let events = bed.store.events().after(seen, 100).await.unwrap();
    let end = events.iter().find_map(|event| match &event.body {
        imagemill_domain::event::EventBody::TaskState { state: Succeeded, pictures, cost, .. } => {
            Some((*pictures, *cost))
        }
        _ => None,
    });
    assert_eq!(end, Some((1, Some(bed.job(job).await.spent))), "the task's end tells all of its pictures and costs");

    let mut other = Bed::new(Scenario::default()).await;
    other.recipe = Some(Arc::new(Missing));
    let job = other.submit("sim-image", 1, |_, _| {}).await;
    other.run().await;
    assert_eq!(other.states(job).await, [(Partial, 1)]);
    assert!(other.tasks(job).await[0].failure.as_ref().unwrap().message.contains("half of it"));
}

#[tokio::test]
async fn words_come_over_every_protocol_plain_and_streamed() {
    for protocol in [Protocol::ChatCompletions, Protocol::Responses, Protocol::AnthropicMessages, Protocol::Gemini] {
        for stream in [None, Some(true)] {
            let mut bed = bed(Scenario::default()).await;
            for speaker in [&mut bed.speakers.text, &mut bed.speakers.vision] {
                let profile = &mut speaker.as_mut().unwrap().profile;
                profile.protocol = protocol;
                profile.base_url = bed.simulator.base_url_for(protocol);
                profile.stream = stream;
                profile.name = "words".into();
            }
            let job = bed.submit("sim-image", 1, |_, _| {}).await;
            bed.run().await;
            assert_eq!(bed.states(job).await, [(Succeeded, 1)], "{protocol:?} {stream:?}: {:?}", bed.tasks(job).await);
            assert_eq!(steps(&bed, job).await, fetched(&["idea", "draft", "review", "final"]), "{protocol:?}");
            expect_bill_is_ledger(&bed, job).await;
        }
    }
}

/// Names the workspace to the process that is killed.
const WORKSPACE: &str = "IMAGEMILL_TEST_WORKSPACE";

/// The process that is killed; does nothing on its own.
#[tokio::test]
async fn an_engine_for_the_kill_test() {
    let Ok(folder) = std::env::var(WORKSPACE) else { return };
    let folder = std::path::Path::new(&folder);
    let store = Store::open(&folder.join("db.sqlite"), StoreOptions::default()).await.unwrap();
    let story = Arc::new(Story { tolerant: false, ends_with_words: false });
    let parts = harness::parts(store, Files::open(folder).unwrap(), None, story);
    let engine = Engine::start(parts, EngineOptions::default()).await.unwrap();
    settled(&engine).await;
    engine.drain().await;
}

#[tokio::test]
async fn a_process_that_is_killed_between_steps_pays_nothing_twice() {
    let bed = bed(Scenario { latency_ms: 15, ..Scenario::default() }).await;
    let job = bed
        .submit("sim-image", 6, |file, profile| {
            file.retry.unknown = UnknownPolicy::Always;
            file.retry.attempts = 20;
            profile.limits.concurrency = 4;
        })
        .await;
    let mut killed = 0;
    while bed.job(job).await.state != JobState::Finished {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "steps::an_engine_for_the_kill_test", "--quiet"])
            .env(WORKSPACE, bed.workspace.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let before = bed.simulator.bill().calls;
        let progressed = async {
            while bed.simulator.bill().calls < before + 3 && bed.job(job).await.state != JobState::Finished {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // Not always at the same point of a step.
            tokio::time::sleep(Duration::from_millis(killed % 7 * 3)).await;
        };
        tokio::time::timeout(Duration::from_secs(30), progressed).await.expect("steps go on after each kill");
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
        assert!(killed < 60);
    }
    assert!(killed > 3, "{killed} kills");
    let failures: Vec<_> = bed.tasks(job).await.into_iter().filter_map(|task| task.failure).collect();
    assert_eq!(bed.states(job).await, [(Succeeded, 6)], "{failures:?}");
    expect_bill_is_ledger(&bed, job).await;
    for task in bed.tasks(job).await {
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for call in bed.store.calls().for_task(task.id).await.unwrap() {
            *times.entry(call.step).or_default() += u32::from(call.state == CallState::Fetched);
        }
        let once = ["draft", "final", "idea", "review"].map(|step| (step.to_owned(), 1));
        assert_eq!(times.into_iter().collect::<Vec<_>>(), once, "each step was answered once");
    }
}

#[tokio::test]
async fn finished_steps_come_back_in_a_later_attempt() {
    let bed = bed(script(&[(3, Act::RateLimited), (5, Act::RateLimited)])).await;
    let job = bed.submit("sim-image", 1, |file, _| file.retry.attempts = 1).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    assert_eq!((bed.billed(), bed.simulator.bill().calls), (4, 6));
    let expected = ["idea", "draft", "review", "review", "final", "final"];
    assert_eq!(steps(&bed, job).await.into_iter().map(|(step, _)| step).collect::<Vec<_>>(), expected);
    expect_bill_is_ledger(&bed, job).await;
}

#[tokio::test]
async fn a_refused_step_refuses_the_task_and_is_not_sent_again() {
    for model in ["sim-text+refuse", "sim-text+filtered"] {
        let story = Story { tolerant: false, ends_with_words: false };
        let bed = bed_with(Scenario::default(), story, model, "sim-text").await;
        let job = bed.submit("sim-image", 1, |_, _| {}).await;
        bed.run().await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Refused, 1)], "{model}");
        assert_eq!(steps(&bed, job).await, [("idea".to_owned(), CallState::Refused)], "{model}");
        assert_eq!(bed.simulator.bill().calls, 1, "{model}");
        let row = bed.job(job).await;
        assert_eq!((row.spent.micros, row.reserved), (bed.simulator.bill().micros, Money::ZERO), "{model}");
    }
}

#[tokio::test]
async fn a_recipe_may_go_on_after_a_step_that_failed_for_good() {
    // The second call of the job, the draft, is told to wait: the attempt after it meets the refused step again.
    let story = Story { tolerant: true, ends_with_words: false };
    let bed = bed_with(script(&[(2, Act::RateLimited)]), story, "sim-text+refuse", "sim-text").await;
    let job = bed.submit("sim-image", 1, |_, _| {}).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    let refused = steps(&bed, job).await.into_iter().filter(|(step, _)| step == "idea").collect::<Vec<_>>();
    assert_eq!(refused, [("idea".to_owned(), CallState::Refused)], "the later attempt does not send it again");
    assert_eq!(bed.billed(), 3);
}

#[tokio::test]
async fn answers_that_cannot_be_used_fail_in_the_providers_words_and_cost_what_was_counted() {
    for (model, words) in [("sim-text+truncated", "token limit (length)"), ("sim-text+empty", "said nothing (stop)")] {
        let story = Story { tolerant: false, ends_with_words: false };
        let bed = bed_with(Scenario::default(), story, model, "sim-text").await;
        let job = bed.submit("sim-image", 1, |_, _| {}).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Failed, 1)], "{model}");
        let failure = bed.tasks(job).await[0].failure.clone().unwrap();
        assert_eq!((failure.kind, failure.billing), (FailureKind::Protocol, Billing::Billed), "{model}");
        assert!(failure.message.contains(words), "{model}: {}", failure.message);
        let row = bed.job(job).await;
        assert_eq!((row.spent.micros, row.reserved), (bed.simulator.bill().micros, Money::ZERO), "{model}");
        assert!(row.spent > Money::ZERO);
    }
}

#[tokio::test]
async fn thoughts_are_no_answer() {
    let story = Story { tolerant: false, ends_with_words: false };
    let bed = bed_with(Scenario::default(), story, "sim-text+think", "sim-text+think").await;
    let job = bed.submit("sim-image", 1, |_, _| {}).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    let calls = calls(&bed, job).await;
    let (request, _) = bed.store.calls().raw(calls[1].id).await.unwrap().unwrap();
    assert!(request.contains("I read: a red barn 0") && !request.contains("think"), "{request}");
}

#[tokio::test]
async fn json_is_repaired_once_as_a_step_of_its_own() {
    // With a schema in the request, and in the words where the model takes none.
    for vision in ["sim-text+bad-json:1", "sim-chat+bad-json:1"] {
        let story = Story { tolerant: false, ends_with_words: false };
        let bed = bed_with(Scenario::default(), story, "sim-text", vision).await;
        let job = bed.submit("sim-image", 1, |_, _| {}).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Succeeded, 1)], "{vision}: {:?}", bed.tasks(job).await);
        assert_eq!(steps(&bed, job).await, fetched(&["idea", "draft", "review", "review/repair", "final"]), "{vision}");
        expect_bill_is_ledger(&bed, job).await;
        let calls = calls(&bed, job).await;
        let (request, _) = bed.store.calls().raw(calls[3].id).await.unwrap().unwrap();
        assert!(request.contains("missing properties"), "the repair says what is wrong: {request}");
        assert_eq!(request.contains("response_format"), vision.starts_with("sim-text"), "{request}");
    }
}

#[tokio::test]
async fn json_that_cannot_be_repaired_fails_with_the_validators_words() {
    let story = Story { tolerant: false, ends_with_words: false };
    let bed = bed_with(Scenario::default(), story, "sim-text", "sim-text+bad-json:9").await;
    let job = bed.submit("sim-image", 1, |_, _| {}).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Failed, 1)]);
    let failure = bed.tasks(job).await[0].failure.clone().unwrap();
    assert!(failure.message.contains("one repair did not help: missing properties 'advice'"), "{}", failure.message);
    assert_eq!(bed.billed(), 4);
    expect_bill_is_ledger(&bed, job).await;
}

#[tokio::test]
async fn the_budget_stops_between_steps_and_the_first_is_not_paid_again() {
    let bed = bed(Scenario::default()).await;
    // The words fit in, the picture for four cents does not.
    let job = bed.submit("sim-image", 1, |file, _| file.budget = Some(Money::from_dollars(0.03))).await;
    bed.run().await;
    let row = bed.job(job).await;
    assert_eq!((row.state, row.reserved), (JobState::Paused, Money::ZERO));
    assert!(row.reason.unwrap().contains("the budget of $0.0300 has no room"));
    assert_eq!(bed.states(job).await, [(Queued, 1)]);
    assert_eq!(steps(&bed, job).await, fetched(&["idea"]));
    let again = bed.submit("sim-image", 1, |file, _| file.budget = Some(Money::from_dollars(1.0))).await;
    assert_eq!(job, again);
    bed.store.jobs().set_state(job, JobState::Active, None, 9).await.unwrap();
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    assert_eq!(steps(&bed, job).await, fetched(&["idea", "draft", "review", "final"]));
    expect_bill_is_ledger(&bed, job).await;
}

#[tokio::test]
async fn lost_words_are_unknown_listed_and_follow_the_policy() {
    let bed = bed(script(&[(1, Act::Cut)])).await;
    let job = bed.submit("sim-image", 1, |file, _| file.retry.unknown = UnknownPolicy::Never).await;
    bed.run().await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Unknown, 1)]);
    assert_eq!((bed.billed(), bed.simulator.bill().calls), (1, 1));
    let unknown = bed.store.calls().page_unknown(Some(job), None, 10).await.unwrap();
    assert_eq!(unknown.iter().map(|call| call.step.as_str()).collect::<Vec<_>>(), ["idea"]);
    assert_eq!(bed.job(job).await.reserved, unknown[0].ceiling.unwrap());

    let bed = self::bed(script(&[(1, Act::Cut)])).await;
    let job = bed.submit("sim-image", 1, |file, _| file.retry.unknown = UnknownPolicy::Once).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    assert_eq!(bed.billed(), 5);
    expect_bill_is_ledger(&bed, job).await;
}

#[tokio::test]
async fn a_lost_step_ends_the_attempt_whatever_the_recipe_does() {
    let story = Story { tolerant: true, ends_with_words: false };
    let bed = bed_with(script(&[(1, Act::Cut)]), story, "sim-text", "sim-text").await;
    let job = bed.submit("sim-image", 1, |file, _| file.retry.unknown = UnknownPolicy::Never).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Unknown, 1)]);
    assert_eq!(steps(&bed, job).await, [("idea".to_owned(), CallState::Unknown)]);
}

#[tokio::test]
async fn words_that_a_dead_process_wrote_down_are_not_paid_again() {
    let bed = bed(Scenario::default()).await;
    let job = bed.submit("sim-image", 1, |file, _| file.retry.unknown = UnknownPolicy::Never).await;
    let dead = bed.store.owners().register("gone", 1, 1, 2).await.unwrap();
    let claimed = bed.store.tasks().claim(job, 1, dead, 1).await.unwrap().remove(0);
    let mut request = imagemill_domain::chat::ChatRequest::new(
        "sim-text",
        vec![imagemill_domain::chat::ChatPart::Text("a red barn 0".into())],
    );
    request.system = "be brief".into();
    let call = imagemill_store::NewCall {
        lease: claimed.lease,
        step: "idea".into(),
        request_hash: request.hash(),
        profile: "sim".into(),
        model: "sim-text".into(),
        ceiling: Some(Money::from_dollars(0.01)),
        request_raw: Vec::new(),
        idempotency_key: None,
        profile_budget: imagemill_domain::profile::ProfileBudget::default(),
        batch: None,
    };
    let imagemill_store::OpenCall::Opened(call) = bed.store.calls().open(call, 1).await.unwrap() else {
        panic!("the call opens")
    };
    let line = json!({
        "call": call, "usage": {"input_tokens": 1000, "output_tokens": 100}, "http_status": 200, "raw": "",
        "items": [{"words": {"text": "a barn in the rain", "finish": "stop"}}],
    });
    std::fs::write(bed.files.spool_dir().join("answers-999-1.jsonl"), format!("{line}\n")).unwrap();
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    assert_eq!(bed.billed(), 3, "the first step was not sent");
    let calls = calls(&bed, job).await;
    assert_eq!((calls[0].state, calls[0].cost), (CallState::Fetched, Some(Money::from_micros(700))));
    let (draft, _) = bed.store.calls().raw(calls[1].id).await.unwrap().unwrap();
    assert!(draft.contains("a barn in the rain"), "{draft}");
}

#[tokio::test]
async fn trouble_with_the_key_for_words_pauses_their_profile_and_its_jobs_wait() {
    let mut bed = bed(Scenario::default()).await;
    let text = bed.speakers.text.as_mut().unwrap();
    text.profile.name = "words".into();
    text.model = "err:401".into();
    let job = bed.submit("sim-image", 3, |_, _| {}).await;
    let engine = bed.start().await;
    settled(&engine).await;
    let blocked = engine.activity().borrow().blocked.clone();
    engine.drain().await;
    let named: Vec<_> = blocked.iter().map(|blocked| (blocked.profile.as_str(), blocked.kind)).collect();
    assert_eq!(named, [("words", FailureKind::Auth)]);
    assert_eq!(bed.states(job).await, [(Queued, 3)]);
    assert!(bed.simulator.bill().calls <= 3, "the queue does not spin");
    assert!(bed.store.profiles().paused().await.unwrap().iter().all(|paused| paused.name == "words"));
}

/// More tasks than are asked about at once: those that go on after their picture must not keep others from being asked for.
#[tokio::test]
async fn pictures_in_the_middle_come_over_a_queue() {
    let bed = bed(Scenario { latency_ms: 100, ..Scenario::default() }).await;
    let base_url = bed.simulator.base_url_for(Protocol::Fal);
    let job = bed
        .submit("sim-image", 90, |_, profile| {
            profile.protocol = Protocol::Fal;
            profile.base_url = base_url;
            profile.limits.concurrency = 8;
        })
        .await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 90)]);
    assert_eq!(calls(&bed, job).await.len(), 360);
    expect_bill_is_ledger(&bed, job).await;
}

#[tokio::test]
async fn a_kill_while_a_provider_makes_a_picture_in_the_middle_pays_nothing_twice() {
    let bed = bed(Scenario { latency_ms: 1_200, ..Scenario::default() }).await;
    let base_url = bed.simulator.base_url_for(Protocol::Replicate);
    let job = bed
        .submit("sim-image", 4, |file, profile| {
            profile.protocol = Protocol::Replicate;
            profile.model = "sim/sim-image".into();
            profile.base_url = base_url;
            file.retry.unknown = UnknownPolicy::Never;
        })
        .await;
    let waiting = async || bed.store.jobs().counts(job).await.unwrap().get(Waiting);
    bed.run_and_kill(async || waiting().await == 4).await;
    assert!(bed.count_of(job, CallState::Accepted).await > 0);
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 4)]);
    for task in bed.tasks(job).await {
        let made = bed.store.calls().for_task(task.id).await.unwrap();
        let steps: Vec<_> = made.into_iter().map(|call| (call.step, call.state)).collect();
        assert_eq!(steps, fetched(&["idea", "draft", "review", "final"]));
    }
    expect_bill_is_ledger(&bed, job).await;
}
