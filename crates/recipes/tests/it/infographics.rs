//! Rounds that make use of what was found, and what is left when something breaks.

use std::collections::HashSet;

use imagemill_domain::call::CallState;
use imagemill_domain::infographic::{Expand, Fidelity, InfographicSection, LabelState, Repair, Stopped, rank};
use imagemill_domain::job::JobState;
use imagemill_domain::job_file::{JobFile, RecipeName, UnknownPolicy};
use imagemill_domain::money::Money;
use imagemill_domain::profile::RateLimits;
use imagemill_domain::task::TaskState;
use imagemill_simulator::{Act, Rates, Scenario, ScriptLine};

use crate::bed::Bed;

const TEA: &str = "How green tea is made: pick the leaves, steam them for 90 seconds, roll them, dry them at 80 °C";

fn file(rounds: u32) -> JobFile {
    JobFile {
        prompt: Some(TEA.into()),
        infographic: Some(InfographicSection { rounds: Some(rounds), ..InfographicSection::default() }),
        ..JobFile::new(RecipeName::Infographic)
    }
}

fn misspelling(share: f64) -> Scenario {
    Scenario { rates: Rates { misspelt: share, ..Rates::default() }, ..Scenario::default() }
}

/// The `at`-th call goes wrong, whatever it is.
fn broken(at: u64, act: Act) -> Scenario {
    let line = ScriptLine { at, act, retry_after_s: Some(1), slow_ms: None };
    Scenario { script: vec![line], rates: Rates { misspelt: 1.0, ..Rates::default() }, ..Scenario::default() }
}

#[tokio::test]
async fn a_picture_that_passes_ends_the_rounds() {
    let bed = Bed::new(Scenario::default()).await;
    let job = bed.submit(&file(4)).await;
    bed.run().await;
    let task = &bed.tasks(job).await[0];
    assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.failure);
    let record = bed.record(task).unwrap();
    assert_eq!((record.stopped, record.rounds.len(), record.ended_early()), (Stopped::Passed, 1, true));
    let review = record.rounds[0].review.as_ref().unwrap();
    assert!(review.labels.len() >= 4 && review.labels.iter().all(|check| check.state == LabelState::Same));
    bed.expect_bill_is_ledger(job).await;
}

#[tokio::test]
async fn the_next_round_is_told_what_was_wrong_and_the_best_is_kept() {
    let bed = Bed::new(misspelling(0.4)).await;
    let job = bed.submit(&file(6)).await;
    bed.run().await;
    let task = &bed.tasks(job).await[0];
    let record = bed.record(task).unwrap();
    assert!(record.rounds.len() > 1, "{record:?}");
    let (first, second) = (&record.rounds[0], &record.rounds[1]);
    let wrong: Vec<&str> = first.review.as_ref().unwrap().misprints().map(|check| check.label.as_str()).collect();
    assert!(!wrong.is_empty() && first.corrections.is_empty());
    for label in wrong {
        assert!(second.corrections.iter().any(|text| text.contains(label)), "{label} in {:?}", second.corrections);
        assert!(second.prompt.starts_with(&record.prompt) && second.prompt.len() > record.prompt.len());
    }
    let prompts: HashSet<&str> = record.rounds.iter().map(|round| round.prompt.as_str()).collect();
    assert!(prompts.len() > 1);
    assert_eq!(record.ranking, rank(&record.rounds));
    let best = record.best().unwrap().review.as_ref().unwrap();
    let others = record.rounds.iter().filter_map(|round| round.review.as_ref());
    assert!(others.into_iter().all(|other| other.text_fidelity <= best.text_fidelity));
}

#[tokio::test]
async fn rounds_that_bring_nothing_better_end() {
    let bed = Bed::new(misspelling(1.0)).await;
    let job = bed.submit(&file(8)).await;
    bed.run().await;
    let record = bed.record(&bed.tasks(job).await[0]).unwrap();
    assert_eq!((record.stopped, record.rounds.len(), record.ranking[0]), (Stopped::Plateau, 3, 1));
    assert!(!record.ended_early());
}

#[tokio::test]
async fn a_repair_edits_the_best_picture() {
    let bed = Bed::new(misspelling(1.0)).await;
    let mut file = file(2);
    file.infographic.as_mut().unwrap().repair = Repair::Edit;
    let job = bed.submit(&file).await;
    bed.run().await;
    let task = &bed.tasks(job).await[0];
    let record = bed.record(task).unwrap();
    assert_eq!((record.rounds[1].edits, record.stopped), (Some(1), Stopped::Rounds));
    let pictures = bed.store.assets().for_task(task.id).await.unwrap();
    assert_eq!(pictures[1].parents, [pictures[0].facts.blake3]);
}

/// Calls: evaluation, analysis, content, expansion, then image, reading, review in each round.
#[tokio::test]
async fn a_later_failure_keeps_earlier_rounds() {
    for (at, pictures) in [(8, 1), (9, 2), (10, 2)] {
        let bed = Bed::new(broken(at, Act::Refuse)).await;
        let job = bed.submit(&file(3)).await;
        bed.run().await;
        let task = &bed.tasks(job).await[0];
        assert_eq!(task.state, TaskState::Partial, "call {at}: {:?}", task.failure);
        let record = bed.record(task).unwrap();
        assert_eq!((record.stopped, record.ranking.len(), record.ranking[0]), (Stopped::Failed, pictures, 1));
        assert!(record.rounds[1].error.is_some());
        assert_eq!(bed.store.assets().for_task(task.id).await.unwrap().len(), pictures);
        bed.expect_bill_is_ledger(job).await;
    }
}

#[tokio::test]
async fn a_first_failure_is_the_tasks_and_a_deaf_judge_is_none() {
    for at in [2, 3, 4, 5] {
        let bed = Bed::new(broken(at, Act::Refuse)).await;
        let job = bed.submit(&file(2)).await;
        bed.run().await;
        let task = &bed.tasks(job).await[0];
        assert_eq!(task.state, TaskState::Refused, "call {at}");
        assert!(bed.record(task).is_none());
    }
    let bed = Bed::new(broken(1, Act::Refuse)).await;
    let job = bed.submit(&file(1)).await;
    bed.run().await;
    let task = &bed.tasks(job).await[0];
    let record = bed.record(task).unwrap();
    assert_eq!(task.state, TaskState::Succeeded);
    assert!(record.notes.iter().any(|note| note.contains("could not be judged")), "{:?}", record.notes);
}

#[tokio::test]
async fn rounds_stop_when_the_money_does() {
    let bed = Bed::new(misspelling(1.0)).await;
    // Words hold their longest answer while they are asked: four cents for the picture, and room for them.
    let job = bed.submit(&JobFile { budget: Some(Money::from_dollars(0.075)), ..file(3) }).await;
    bed.run().await;
    let task = &bed.tasks(job).await[0];
    let record = bed.record(task).unwrap_or_else(|| panic!("{task:?}"));
    assert_eq!((record.stopped, record.rounds.len(), task.state), (Stopped::Money, 1, TaskState::Succeeded));
    assert_eq!(bed.job(job).await.state, JobState::Finished);
}

#[tokio::test]
async fn a_request_that_is_complete_is_drawn_as_it_is() {
    let bed = Bed::new(Scenario::default()).await;
    let mut file = file(2);
    file.infographic.as_mut().unwrap().expand = Some(Expand::Disable);
    file.prompt = Some("A poster that says \"Green tea\" and \"80 °C\" over a cup".into());
    let job = bed.submit(&file).await;
    bed.run().await;
    let task = &bed.tasks(job).await[0];
    assert_eq!(bed.steps(task).await, ["round-1/image", "round-1/reading", "round-1/review"]);
    let record = bed.record(task).unwrap();
    assert_eq!((record.expand_skipped, record.labels.len(), record.choice.is_none()), (true, 2, true));
    assert_eq!(record.stopped, Stopped::Passed);
}

/// Strict: told once what nobody said, and without it when that does not help. Enrich takes what it is given.
#[tokio::test]
async fn what_nobody_said_is_not_drawn() {
    let rates = Rates { invented: 1.0, ..Rates::default() };
    for fidelity in [Fidelity::Strict, Fidelity::Enrich] {
        let bed = Bed::new(Scenario { rates, ..Scenario::default() }).await;
        let mut file = file(1);
        file.infographic.as_mut().unwrap().fidelity = fidelity;
        let job = bed.submit(&file).await;
        bed.run().await;
        let task = &bed.tasks(job).await[0];
        let record = bed.record(task).unwrap();
        let strict = fidelity == Fidelity::Strict;
        assert_eq!(record.labels.iter().any(|label| label.contains("97")), !strict, "{:?}", record.labels);
        assert_eq!(record.prompt.contains("97"), !strict);
        assert_eq!(bed.steps(task).await.contains(&"content/faithful".to_owned()), strict);
        assert_eq!(record.notes.iter().any(|note| note.contains("97")), strict, "{:?}", record.notes);
    }
}

/// The same request is drawn the same, variants of it are not.
#[tokio::test]
async fn variants_differ_and_can_be_repeated() {
    let mut all = Vec::new();
    for _ in 0..2 {
        let bed = Bed::new(Scenario::default()).await;
        let job = bed.submit(&JobFile { samples: 6, ..file(1) }).await;
        bed.run().await;
        let tasks = bed.tasks(job).await;
        let choice = |task| bed.record(task).unwrap().choice.unwrap();
        all.push(
            tasks
                .iter()
                .map(choice)
                .map(|choice| (choice.layout.name, choice.style.name, choice.seed))
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(all[0], all[1]);
    let distinct: HashSet<_> = all[0].iter().map(|(layout, style, _)| (layout, style)).collect();
    assert!(distinct.len() > 1, "{distinct:?}");
}

/// Killed again and again, at every step: nothing that ended well is paid a second time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_engine_pays_no_step_twice() {
    let bed = Bed::new(Scenario { latency_ms: 15, ..misspelling(1.0) }).await;
    let mut file = file(3);
    file.retry.unknown = UnknownPolicy::Always;
    file.retry.attempts = 20;
    let job = bed.submit(&file).await;
    for ended in 1..=10 {
        bed.run_and_kill(async || {
            let tasks = bed.tasks(job).await;
            tasks[0].state.is_ended() || bed.steps(&tasks[0]).await.len() >= ended
        })
        .await;
    }
    bed.run().await;
    let task = &bed.tasks(job).await[0];
    assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.failure);
    let steps = bed.steps(task).await;
    let once: HashSet<&String> = steps.iter().collect();
    assert_eq!((once.len(), steps.len()), (13, 13), "{steps:?}");
    bed.expect_bill_is_ledger(job).await;
}

/// Each ends with its best picture or its true error, and the provider's bill is the ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_in_a_storm_all_end() {
    let rates = Rates {
        rate_limited: 0.05,
        refused: 0.03,
        server_error: 0.03,
        cut: 0.02,
        html: 0.01,
        misspelt: 0.2,
        ..Rates::default()
    };
    let bed = Bed::new(Scenario { rates, retry_after_s: 0, latency_ms: 2, ..Scenario::default() }).await;
    let prompts = (0..100).map(|number| format!("{TEA}, number {number}"));
    let job = bed
        .submit(&JobFile {
            prompt: None,
            prompts: prompts.collect(),
            limits: Some(RateLimits { concurrency: 16, ..RateLimits::default() }),
            ..file(3)
        })
        .await;
    bed.run().await;
    let tasks = bed.tasks(job).await;
    let (mut pictures, mut errors) = (0, 0);
    for task in &tasks {
        assert!(task.state.is_ended(), "{task:?}");
        let shown = bed.store.assets().for_task(task.id).await.unwrap();
        if let Some(record) = bed.record(task) {
            let best = record.best().unwrap().picture.as_ref().unwrap();
            assert!(shown.iter().any(|asset| asset.facts.blake3 == best.blake3));
            // A later round that failed, or whose answer was lost, is told; the picture is there all the same.
            let told = matches!(task.state, TaskState::Partial | TaskState::Unknown);
            assert_eq!((record.stopped == Stopped::Failed, task.failure.is_some()), (told, told), "{task:?}");
            pictures += 1;
        } else {
            let failure = task.failure.as_ref().unwrap_or_else(|| panic!("no picture and no error: {task:?}"));
            assert!(!failure.message.is_empty());
            let open = bed.calls(task).await.into_iter().filter(|call| call.state == CallState::Sent).count();
            assert_eq!(open, 0, "{task:?}");
            errors += 1;
        }
    }
    assert_eq!(tasks.len(), 100);
    assert!(pictures > 40 && errors > 5, "{pictures} {errors}");
    bed.expect_bill_is_ledger(job).await;
    let row = bed.job(job).await;
    assert!(bed.simulator.bill().micros <= (row.spent + row.reserved).micros, "{} {}", row.spent, row.reserved);
    assert!(bed.workspace.path().join("drafts").exists());
}
