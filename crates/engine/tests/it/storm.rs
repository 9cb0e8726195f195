//! The proof of docs/money.md under faults: a large job ends with the right count in every outcome and never exceeds its budget.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use imagemill_domain::job::JobState;
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::money::Money;
use imagemill_domain::profile::{RateLimits, Timeouts};
use imagemill_domain::source::Scan;
use imagemill_domain::task::TaskState::{Queued, Refused, Succeeded, Unknown};
use imagemill_simulator::{Outcome, Rates, Scenario};

use crate::harness::{Bed, settled};

const TASKS: u64 = 5_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_tasks_in_a_storm_are_all_accounted_for() {
    let rates = Rates { rate_limited: 0.05, cut: 0.02, refused: 0.01, hang: 0.01, ..Rates::default() };
    let bed = Bed::new(Scenario { rates, retry_after_s: 0, latency_ms: 5, ..Scenario::default() }).await;
    let mut file = JobFile {
        prompts: (0..TASKS).map(|number| format!("house {number}")).collect(),
        budget: Some(Money::from_dollars(40.0)),
        limits: Some(RateLimits { concurrency: 64, ..RateLimits::default() }),
        ..JobFile::new(RecipeName::Generate)
    };
    file.options.size = Some("16x16".into());
    file.options.stream = Some(true);
    file.retry.wait_ms = 20;
    let mut profile = bed.profile("sim-image");
    // A hang ends soon, and an answer that a busy machine brings late is none.
    profile.timeouts = Timeouts { first_byte_ms: 2_500, ..Timeouts::default() };

    // A fifth of the way the money is used up: not a cent more, spent or held, at any moment; and not a cent less, though many
    // calls that were under way when there was no room for the next one gave their money back.
    let job = bed.submit_file(&file, &profile, Scan::default()).await;
    let engine = bed.start().await;
    let mut activity = engine.activity();
    while !activity.borrow_and_update().nothing_to_do {
        let row = bed.job(job).await;
        assert!(row.spent + row.reserved <= Money::from_dollars(40.0), "{row:?}");
        let _ = tokio::time::timeout(Duration::from_millis(50), activity.changed()).await;
    }
    engine.drain().await;
    let row = bed.job(job).await;
    assert_eq!(row.state, JobState::Paused);
    assert_eq!(row.spent + row.reserved, Money::from_dollars(40.0), "a thousand calls at four cents");
    let counts = bed.store.jobs().counts(job).await.unwrap();
    assert!(counts.get(Queued) > 3_800, "{counts:?}");

    file.budget = Some(Money::from_dollars(400.0));
    assert_eq!(bed.submit_file(&file, &profile, Scan::default()).await, job);
    let engine = bed.start().await;
    settled(&engine).await;
    engine.drain().await;
    bed.expect_finished(job).await;

    // What the provider says: whom it refused, and for whom it made something.
    let bill = bed.simulator.bill();
    let made: HashMap<&str, u32> =
        bill.entries.iter().filter(|entry| entry.outcome == Outcome::Made).fold(HashMap::new(), |mut made, entry| {
            *made.entry(&*entry.request_id).or_default() += 1;
            made
        });
    let refused: HashSet<&str> = bill
        .entries
        .iter()
        .filter(|entry| entry.outcome == Outcome::Refused)
        .map(|entry| entry.request_id.split('-').next().unwrap_or_default())
        .collect();
    assert!(made.values().all(|times| *times == 1), "no call is sent twice");
    let states: HashMap<_, _> = bed.states(job).await.into_iter().collect();
    assert_eq!(states.values().sum::<u64>(), TASKS);
    assert_eq!(states.get(&Refused), Some(&(refused.len() as u64)), "{states:?}");
    assert_eq!(states[&Succeeded] + states[&Unknown], made.len() as u64, "{states:?}");
    assert_eq!(states.len(), 3, "succeeded, refused, unknown and nothing else: {states:?}");
    // 3 % of the calls that were let in, give or take.
    assert!((80..=230).contains(&states[&Unknown]), "{states:?}");
    assert!((20..=90).contains(&states[&Refused]), "{states:?}");
    let limited = bill.entries.iter().filter(|entry| entry.outcome == Outcome::RateLimited).count();
    assert!(limited > 150, "{limited}");
    let row = bed.job(job).await;
    assert_eq!(row.spent, Money::from_dollars(0.04).times(states[&Succeeded]));
    assert_eq!(row.reserved, Money::from_dollars(0.04).times(states[&Unknown]), "what nobody knows stays held");
    assert_eq!(
        row.spent + row.reserved,
        Money::from_micros(bill.micros),
        "every cent of the provider's bill is listed"
    );
}
