//! Calls that go to their provider together.

use imagemill_domain::call::{CallId, CallState, Usage};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::job::JobId;
use imagemill_domain::lane::BatchId;
use imagemill_domain::money::Money;
use imagemill_domain::task::{TaskId, TaskState};
use imagemill_store::{BatchState, CallEnd, NewCall, OpenCall, OwnerId};

use crate::lab::{Lab, T0, new_call};

/// A job of three tasks, two of which joined a batch.
async fn joined(lab: &Lab, owner: OwnerId) -> (JobId, BatchId, Vec<(TaskId, CallId)>) {
    let job = lab.submit("night", 0..3).await;
    let batch = lab.store.batches().begin(job, "im1", "simulator", "good", T0).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..2 {
        let lease = lab.claim(job, owner).await.lease;
        let call = NewCall { batch: Some(batch), ..new_call(lease, Some(100)) };
        let OpenCall::Opened(call) = lab.store.calls().open(call, T0).await.unwrap() else { panic!("it opens") };
        assert!(lab.store.tasks().wait_for_result(lease, None, None, true, T0).await.unwrap());
        calls.push((lease.task, call));
    }
    (job, batch, calls)
}

fn ended(kind: FailureKind, billing: Billing) -> CallEnd {
    let unknown = kind == FailureKind::UnknownOutcome;
    CallEnd {
        state: if unknown { CallState::Unknown } else { CallState::Failed },
        usage: Usage::default(),
        cost: (!unknown).then_some(Money::ZERO),
        http_status: None,
        failure: Some(Failure::new(kind, "x").billing(billing)),
        response_raw: Vec::new(),
        assets: Vec::new(),
    }
}

#[tokio::test]
async fn tasks_wait_for_their_batch_and_for_nothing_else() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, batch, calls) = joined(&lab, owner).await;
    let tasks = lab.store.tasks();
    assert_eq!(tasks.promote(i64::MAX).await.unwrap(), 0);
    tasks.poll_all_now(T0).await.unwrap();
    assert!(tasks.claim_polls(job, "simulator", 9, owner, i64::MAX).await.unwrap().is_empty());

    let batches = lab.store.batches();
    batches.creating(batch, 2, T0 + 1).await.unwrap();
    batches.created(batch, "batch_7", T0 + 5).await.unwrap();
    tasks.poll_all_now(T0).await.unwrap();
    assert!(tasks.claim_polls(job, "simulator", 9, owner, i64::MAX).await.unwrap().is_empty(), "nothing came yet");
    let row = batches.get(batch).await.unwrap().unwrap();
    assert_eq!((row.state, row.items, row.remote_id.as_deref()), (BatchState::Open, 2, Some("batch_7")));
    assert_eq!(batches.remote_ids("simulator").await.unwrap(), ["batch_7"]);
    assert_eq!(batches.open_calls(batch, Some(calls[0].1), 9).await.unwrap().len(), 1);
    let call = lab.store.calls().get(calls[0].1).await.unwrap().unwrap();
    assert_eq!((call.state, call.batch), (CallState::Accepted, Some(batch)));

    batches.deliver(vec![calls[1].1], T0 + 9).await.unwrap();
    let claimed = tasks.claim_polls(job, "simulator", 9, owner, T0 + 9).await.unwrap();
    assert_eq!(claimed.iter().map(|claimed| claimed.lease.task).collect::<Vec<_>>(), [calls[1].0]);
    let end = ended(FailureKind::Protocol, Billing::Billed);
    lab.store.calls().finish(calls[1].1, end.clone(), None, T0 + 10).await.unwrap();
    assert_eq!(batches.open().await.unwrap().len(), 1);
    lab.store.calls().finish(calls[0].1, end, None, T0 + 11).await.unwrap();
    assert!(batches.open().await.unwrap().is_empty(), "it ends with its last call");
    assert_eq!(batches.get(batch).await.unwrap().unwrap().ended_us, Some(T0 + 11));
    assert_eq!(batches.of_job(job).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_not_sent_is_taken_back_for_nothing() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, batch, calls) = joined(&lab, owner).await;
    assert_eq!(lab.money(job).await, (0, 200));
    let end = ended(FailureKind::Stopped, Billing::NotBilled);
    assert_eq!(lab.store.batches().close_calls(batch, owner, end, None, T0 + 1).await.unwrap(), 2);
    assert_eq!(lab.money(job).await, (0, 0));
    assert_eq!(lab.count(job, TaskState::Queued).await, 3);
    let again = lab.claim(job, owner).await;
    assert_eq!((again.lease.task, again.tries), (calls[0].0, 1), "it was no try");
}

#[tokio::test]
async fn a_stop_leaves_joined_tasks_to_their_batch_and_ends_them_with_it() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, batch, calls) = joined(&lab, owner).await;
    assert_eq!(lab.store.jobs().stop(job, T0).await.unwrap(), 1, "only the one in the line");
    assert_eq!(lab.state(calls[0].0).await, TaskState::Waiting);
    let end = ended(FailureKind::Stopped, Billing::NotBilled);
    lab.store.batches().close_calls(batch, owner, end, None, T0 + 1).await.unwrap();
    assert_eq!((lab.count(job, TaskState::Stopped).await, lab.money(job).await), (3, (0, 0)));
}

#[tokio::test]
async fn a_batch_that_is_lost_leaves_unknown_calls_with_their_ceilings_held() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, batch, _) = joined(&lab, owner).await;
    let end = ended(FailureKind::UnknownOutcome, Billing::Unknown);
    let state = Some(TaskState::Unknown);
    assert_eq!(lab.store.batches().close_calls(batch, owner, end.clone(), state, T0 + 1).await.unwrap(), 2);
    assert_eq!((lab.count(job, TaskState::Unknown).await, lab.money(job).await), (2, (0, 200)));
    assert_eq!(lab.store.batches().close_calls(batch, owner, end, state, T0 + 2).await.unwrap(), 0);
    assert_eq!(lab.store.calls().page_unknown(Some(job), None, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_task_never_waits_for_a_batch_that_ended_meanwhile() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, batch, calls) = joined(&lab, owner).await;
    lab.store.batches().deliver(vec![calls[0].1, calls[1].1], T0).await.unwrap();
    lab.store.batches().creating(batch, 2, T0).await.unwrap();
    lab.store.batches().created(batch, "batch_7", T0).await.unwrap();
    let claimed = lab.store.tasks().claim_polls(job, "simulator", 9, owner, T0).await.unwrap();
    let [held, queued] = &claimed[..] else { panic!("both are due") };
    lab.store.tasks().release(queued.lease, T0).await.unwrap();
    let end = ended(FailureKind::UnknownOutcome, Billing::Unknown);
    lab.store.batches().close_calls(batch, owner, end, Some(TaskState::Unknown), T0 + 1).await.unwrap();
    assert!(!lab.store.tasks().wait_for_result(held.lease, None, None, true, T0 + 2).await.unwrap());
    assert_eq!(lab.state(held.lease.task).await, TaskState::Running, "its worker decides");
    assert_eq!(lab.state(queued.lease.task).await, TaskState::Unknown, "it is not sent again from the line");
}
