//! Money: what is held, what is settled, and that no number of callers spends more than they may.

use imagemill_domain::call::CallState;
use imagemill_domain::failure::Billing;
use imagemill_domain::money::Money;
use imagemill_domain::profile::ProfileBudget;
use imagemill_store::{BudgetOf, CostsOf, NewCall, OpenCall, OverBudget};

use crate::lab::{Lab, T0, call_end, fetched, new_call};

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_callers_at_once_never_hold_more_than_the_budget() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit_with_budget("night", 0..64, Some(1_000)).await;
    let claimed = lab.store.tasks().claim(job, 64, owner, T0).await.unwrap();
    let callers: Vec<_> = claimed
        .into_iter()
        .map(|claimed| {
            let store = lab.store.clone();
            tokio::spawn(async move { store.calls().open(new_call(claimed.lease, Some(30)), T0).await.unwrap() })
        })
        .collect();
    let (mut opened, mut refused) = (Vec::new(), 0);
    for caller in callers {
        match caller.await.unwrap() {
            OpenCall::Opened(call) => opened.push(call),
            OpenCall::OverBudget(over) => {
                assert_eq!((over.of, over.budget.micros, over.ceiling.micros), (BudgetOf::Job, 1_000, 30));
                assert_eq!((over.spent, over.reserved.micros, over.under_way.micros), (Money::ZERO, 990, 990));
                assert!(over.may_pass(), "the calls under way may cost less");
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((opened.len(), refused), (33, 31));
    assert_eq!(lab.money(job).await, (0, 990));
    for call in opened {
        lab.store.calls().finish(call, fetched(Some(12), &[]), None, T0).await.unwrap();
    }
    assert_eq!(lab.money(job).await, (396, 0));
}

#[tokio::test]
async fn each_end_settles_what_it_cost_and_no_more() {
    // State, what the failure says, cost as told; then what is spent and what stays held of 100.
    let rows = [
        (CallState::Fetched, None, Some(40), (40, 0)),
        (CallState::Fetched, None, None, (100, 0)),
        (CallState::Fetched, None, Some(130), (130, 0)),
        (CallState::Refused, Some(Billing::NotBilled), None, (0, 0)),
        (CallState::Refused, Some(Billing::Billed), None, (100, 0)),
        (CallState::Refused, Some(Billing::Billed), Some(7), (7, 0)),
        (CallState::Failed, Some(Billing::NotBilled), Some(7), (0, 0)),
        (CallState::Failed, Some(Billing::Unknown), None, (100, 0)),
        (CallState::Failed, None, None, (100, 0)),
        (CallState::Unknown, Some(Billing::Unknown), None, (0, 100)),
    ];
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    for (number, (state, billing, cost, expected)) in rows.into_iter().enumerate() {
        let job = lab.submit(&format!("job {number}"), [0]).await;
        let lease = lab.claim(job, owner).await.lease;
        let call = lab.opened(lease, 100).await;
        assert_eq!(lab.money(job).await, (0, 100));
        lab.store.calls().finish(call, call_end(state, cost, billing), None, T0).await.unwrap();
        assert_eq!(lab.money(job).await, expected, "{state:?} {billing:?} {cost:?}");
    }
}

#[tokio::test]
async fn a_call_without_a_known_price_holds_nothing_and_no_budget_means_no_limit() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit_with_budget("night", [0], Some(50)).await;
    let lease = lab.claim(job, owner).await.lease;
    let opened = lab.store.calls().open(new_call(lease, None), T0).await.unwrap();
    let OpenCall::Opened(call) = opened else { panic!("{opened:?}") };
    assert_eq!(lab.money(job).await, (0, 0));
    lab.store.calls().finish(call, fetched(None, &[1]), None, T0).await.unwrap();
    assert_eq!(lab.money(job).await, (0, 0));
    let free = lab.submit("free", [0]).await;
    let lease = lab.claim(free, owner).await.lease;
    assert!(matches!(lab.open(lease, i64::MAX / 4).await, OpenCall::Opened(_)));
}

/// Waiting helps only where calls under way hold the money: not what is settled, and not what nobody knows.
#[tokio::test]
async fn a_full_budget_says_whether_waiting_may_help() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit_with_budget("night", 0..4, Some(100)).await;
    let ask = async |ceiling| {
        let lease = lab.claim(job, owner).await.lease;
        match lab.open(lease, ceiling).await {
            OpenCall::OverBudget(over) => over,
            other => panic!("{other:?}"),
        }
    };
    let first = lab.opened(lab.claim(job, owner).await.lease, 90).await;
    assert!(ask(20).await.may_pass());
    assert!(!ask(101).await.may_pass(), "it never fits");
    lab.store
        .calls()
        .finish(first, call_end(CallState::Unknown, None, Some(Billing::Unknown)), None, T0)
        .await
        .unwrap();
    let over = ask(20).await;
    assert_eq!((over.reserved.micros, over.under_way, over.may_pass()), (90, Money::ZERO, false));
}

#[tokio::test]
async fn a_budget_that_was_raised_lets_calls_through_again() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit_with_budget("night", [0, 1], Some(100)).await;
    let lease = lab.claim(job, owner).await.lease;
    lab.opened(lease, 80).await;
    assert!(matches!(lab.open(lease, 21).await, OpenCall::OverBudget(_)));
    assert!(matches!(lab.open(lease, 20).await, OpenCall::Opened(_)));
    lab.submit_with_budget("night", [0, 1], Some(101)).await;
    assert!(matches!(lab.open(lease, 1).await, OpenCall::Opened(_)));
    assert!(matches!(lab.open(lease, 1).await, OpenCall::OverBudget(_)));
}

/// One profile in two jobs: its budgets hold over both, by the day and for good, and money that is freed is free again.
#[tokio::test]
async fn a_profile_has_budgets_over_all_its_jobs() {
    const DAY: i64 = 86_400_000_000;
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (one, two) = (lab.submit("one", 0..9).await, lab.submit("two", 0..9).await);
    let budget = ProfileBudget { day: Some(Money::from_micros(100)), total: Some(Money::from_micros(150)) };
    let open = async |job, now_us| {
        let lease = lab.claim(job, owner).await.lease;
        let call = NewCall { profile_budget: budget, ..new_call(lease, Some(60)) };
        lab.store.calls().open(call, now_us).await.unwrap()
    };
    let OpenCall::Opened(first) = open(one, T0).await else { panic!("there is room") };
    let over = |of, budget, spent, under_way| {
        OpenCall::OverBudget(OverBudget {
            of,
            budget: Money::from_micros(budget),
            spent: Money::from_micros(spent),
            reserved: Money::ZERO,
            under_way: Money::from_micros(under_way),
            ceiling: Money::from_micros(60),
        })
    };
    assert_eq!(open(two, T0).await, over(BudgetOf::ProfileDay, 100, 60, 60), "the other job's call is under way");
    lab.store.calls().finish(first, fetched(Some(35), &[]), None, T0).await.unwrap();
    let OpenCall::Opened(second) = open(two, T0).await else { panic!("what was not used is free again") };
    assert_eq!(open(one, T0 + DAY).await, over(BudgetOf::Profile, 150, 95, 60), "a new day, and the whole is used up");
    lab.store
        .calls()
        .finish(second, call_end(CallState::Failed, None, Some(Billing::NotBilled)), None, T0)
        .await
        .unwrap();
    assert!(matches!(open(one, T0 + DAY).await, OpenCall::Opened(_)));
}

#[tokio::test]
async fn costs_are_added_up_by_job_model_and_day() {
    const DAY: i64 = 86_400_000_000;
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..5).await;
    for (number, (at_us, end)) in [
        (T0, fetched(Some(40), &[])),
        (T0, fetched(None, &[])),
        (T0 + DAY, call_end(CallState::Unknown, None, Some(Billing::Unknown))),
        (T0 + DAY, call_end(CallState::Refused, None, Some(Billing::NotBilled))),
    ]
    .into_iter()
    .enumerate()
    {
        let lease = lab.claim(job, owner).await.lease;
        // The second one has no price.
        let call = new_call(lease, (number != 1).then_some(100));
        let OpenCall::Opened(call) = lab.store.calls().open(call, at_us).await.unwrap() else { panic!() };
        lab.store.calls().finish(call, end, None, at_us).await.unwrap();
    }
    let all = CostsOf { job: None, from_us: 0, until_us: i64::MAX, offset_us: 0 };
    let lines = lab.store.calls().costs(all).await.unwrap();
    let figures: Vec<_> = lines
        .iter()
        .map(|line| (line.day - T0 / DAY, line.calls, line.spent.micros, line.held.micros, line.unknown, line.unpriced))
        .collect();
    assert_eq!(figures, [(0, 2, 40, 0, 0, 1), (1, 2, 0, 100, 1, 0)]);
    assert!(lines.iter().all(|line| line.job_name == "night"));
    let later = CostsOf { from_us: T0 + DAY, ..all };
    assert_eq!(lab.store.calls().costs(later).await.unwrap().len(), 1);
}

#[tokio::test]
async fn calls_without_a_price_are_counted_beside_the_sum() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..6).await;
    let unpriced = async || lab.store.jobs().get(job).await.unwrap().unwrap().unpriced;
    let mut lost = Vec::new();
    for (end, then) in [
        (fetched(None, &[]), 1),
        (fetched(Some(40), &[]), 1),
        (call_end(CallState::Refused, None, Some(Billing::Billed)), 2),
        (call_end(CallState::Failed, None, Some(Billing::NotBilled)), 2),
        (call_end(CallState::Unknown, None, Some(Billing::Unknown)), 2),
        (call_end(CallState::Unknown, None, Some(Billing::Unknown)), 2),
    ] {
        let lease = lab.claim(job, owner).await.lease;
        let OpenCall::Opened(call) = lab.store.calls().open(new_call(lease, None), T0).await.unwrap() else { panic!() };
        lost.extend((end.state == CallState::Unknown).then_some(call));
        lab.store.calls().finish(call, end, None, T0).await.unwrap();
        assert_eq!(unpriced().await, then);
    }
    lab.store.calls().write_off(lost[0], false, T0).await.unwrap();
    assert_eq!(unpriced().await, 2, "it cost nothing");
    lab.store.calls().write_off(lost[1], true, T0).await.unwrap();
    assert_eq!(unpriced().await, 3, "it cost nobody knows what");
    lab.store.calls().finish(lost[1], fetched(Some(35), &[7]), None, T0).await.unwrap();
    assert_eq!((unpriced().await, lab.money(job).await), (2, (75, 0)), "its picture came late, with its price");
    let all = CostsOf { job: Some(job), from_us: 0, until_us: i64::MAX, offset_us: 0 };
    assert_eq!(lab.store.calls().costs(all).await.unwrap()[0].unpriced, 2, "the ledger says the same");
}
