//! The ledger, the journal, and results that come late.

use imagemill_domain::call::{CallState, Usage};
use imagemill_domain::failure::Billing;
use imagemill_domain::job::JobState;
use imagemill_domain::task::TaskState;
use imagemill_store::{OpenCall, StoreError};

use crate::lab::{LEASE_US, Lab, T0, call_end, content, ended, fetched, limited, new_call, request, succeeded};

#[tokio::test]
async fn a_call_comes_back_as_it_was_made_with_its_raw_texts() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let lease = lab.claim(job, owner).await.lease;
    let mut given = new_call(lease, Some(100));
    given.idempotency_key = Some("key-1".into());
    let calls = lab.store.calls();
    let OpenCall::Opened(id) = calls.open(given, T0 + 3).await.unwrap() else { panic!("not opened") };
    let call = calls.get(id).await.unwrap().unwrap();
    assert_eq!((call.task, call.attempt, call.step.as_str()), (lease.task, 1, "image"));
    assert_eq!((call.state, call.request_hash, call.sent_us), (CallState::Sent, request(1), T0 + 3));
    assert_eq!((call.ceiling.unwrap().micros, call.cost, call.ended_us), (100, None, None));
    assert_eq!((call.profile.as_str(), call.model.as_str()), ("simulator", "good"));
    assert_eq!(calls.idempotency_key(id).await.unwrap().as_deref(), Some("key-1"));
    assert_eq!(calls.raw(id).await.unwrap().unwrap(), (r#"{"prompt":"make it night"}"#.into(), String::new()));

    calls.accepted(id, "remote-7", T0 + 4).await.unwrap();
    let call = calls.get(id).await.unwrap().unwrap();
    assert_eq!((call.state, call.remote_id.as_deref()), (CallState::Accepted, Some("remote-7")));
    assert_eq!(calls.answer(id).await.unwrap(), None);
    calls.produced(id, b"[\"https://a/b.png\"]".to_vec(), T0 + 5).await.unwrap();
    assert_eq!(calls.get(id).await.unwrap().unwrap().state, CallState::Produced);
    assert_eq!(calls.answer(id).await.unwrap().as_deref(), Some(&b"[\"https://a/b.png\"]"[..]));

    calls.finish(id, fetched(Some(40), &[1]), None, T0 + 6).await.unwrap();
    let call = calls.get(id).await.unwrap().unwrap();
    assert_eq!((call.state, call.cost.unwrap().micros, call.http_status), (CallState::Fetched, 40, Some(200)));
    assert_eq!(call.usage, Usage { output_tokens: Some(1_290), ..Usage::default() });
    assert_eq!(call.ended_us, Some(T0 + 6));
    assert_eq!(calls.raw(id).await.unwrap().unwrap().1, r#"{"choices":[]}"#);
    assert_eq!(calls.answer(id).await.unwrap(), None);
    // Reports that overtook each other change nothing.
    calls.accepted(id, "other", T0).await.unwrap();
    calls.produced(id, b"[]".to_vec(), T0).await.unwrap();
    assert_eq!(calls.for_task(lease.task).await.unwrap(), [call]);
    assert_eq!(calls.raw(imagemill_domain::call::CallId(99)).await.unwrap(), None);
}

#[tokio::test]
async fn only_a_worker_with_the_token_of_an_active_job_may_call() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0, 1]).await;
    let old = lab.claim(job, owner).await.lease;
    lab.store.tasks().release(old, T0).await.unwrap();
    let new = lab.claim(job, owner).await.lease;
    assert_eq!(lab.open(old, 10).await, OpenCall::Fenced);
    assert!(matches!(lab.open(new, 10).await, OpenCall::Opened(_)));
    for state in [JobState::Paused, JobState::Stopped] {
        lab.store.jobs().set_state(job, state, None, T0).await.unwrap();
        assert_eq!(lab.open(new, 10).await, OpenCall::NotActive);
    }
    assert_eq!(lab.money(job).await, (0, 10), "what was not opened holds nothing");
    assert_eq!(lab.store.calls().for_task(new.task).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_journal_answers_for_the_same_step_and_request_of_the_same_round() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let lease = lab.claim(job, owner).await.lease;
    let calls = lab.store.calls();
    let failed = lab.opened(lease, 10).await;
    calls.finish(failed, call_end(CallState::Failed, None, Some(Billing::Billed)), None, T0).await.unwrap();
    assert_eq!(calls.find(lease.task, 0, "image", request(1)).await.unwrap(), None, "it did not end well");
    let good = lab.opened(lease, 10).await;
    let stored = calls.finish(good, fetched(Some(10), &[5, 6]), None, T0).await.unwrap().assets;

    let hit = calls.find(lease.task, 0, "image", request(1)).await.unwrap().unwrap();
    assert_eq!(hit.id, good);
    let pictures = lab.store.assets().for_call(good).await.unwrap();
    assert_eq!(pictures.iter().map(|asset| asset.id).collect::<Vec<_>>(), stored);
    assert_eq!(pictures[1].facts.blake3, content(6));
    assert_eq!(calls.find(lease.task, 0, "round-2/image", request(1)).await.unwrap(), None);
    assert_eq!(calls.find(lease.task, 0, "image", request(2)).await.unwrap(), None);
    assert_eq!(calls.find(lease.task, 1, "image", request(1)).await.unwrap(), None);
}

#[tokio::test]
async fn call_and_task_end_in_one_change() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let lease = lab.claim(job, owner).await.lease;
    let call = lab.opened(lease, 10).await;
    let before = lab.store.events().latest().await.unwrap();
    let done = lab.store.calls().finish(call, fetched(Some(7), &[1]), Some((lease, succeeded(1))), T0).await.unwrap();
    assert!(done.task_moved);
    assert_eq!(lab.store.assets().for_task(lease.task).await.unwrap()[0].id, done.assets[0]);
    assert_eq!(lab.state(lease.task).await, TaskState::Succeeded);
    assert_eq!(lab.store.jobs().pictures(job).await.unwrap(), 1);
    assert_eq!(lab.events_after(before).await.len(), 2, "the task's end and the job's");
}

#[tokio::test]
async fn an_end_that_is_told_twice_counts_once() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let lease = lab.claim(job, owner).await.lease;
    let call = lab.opened(lease, 10).await;
    let calls = lab.store.calls();
    let first = calls.finish(call, fetched(Some(7), &[1, 2]), None, T0).await.unwrap();
    let second = calls.finish(call, fetched(Some(7), &[1, 2]), Some((lease, succeeded(2))), T0).await.unwrap();
    assert_eq!(first.assets, second.assets);
    assert!(!first.task_moved && second.task_moved, "the task may still move with the second");
    let failed = call_end(CallState::Failed, None, Some(Billing::NotBilled));
    calls.finish(call, failed, None, T0).await.unwrap();
    assert_eq!(calls.get(call).await.unwrap().unwrap().state, CallState::Fetched, "a picture is never lost again");
    assert_eq!(lab.money(job).await, (7, 0));
    assert_eq!(lab.store.assets().for_task(lease.task).await.unwrap().len(), 2);
    let open = call_end(CallState::Produced, None, None);
    assert!(matches!(calls.finish(call, open, None, T0).await, Err(StoreError::NotAnEnd { .. })));
}

#[tokio::test]
async fn a_late_result_is_kept_and_adopted_by_a_task_that_is_not_done() {
    for state in [TaskState::Queued, TaskState::Waiting, TaskState::Unknown] {
        let lab = Lab::new().await;
        let owner = lab.owner().await;
        let job = lab.submit("night", [0]).await;
        let late = lab.claim(job, owner).await.lease;
        let call = lab.opened(late, 10).await;
        let tasks = lab.store.tasks();
        assert!(match state {
            TaskState::Queued => tasks.release(late, T0).await.unwrap(),
            TaskState::Waiting => tasks.wait(late, T0 + 5, limited(), true, T0).await.unwrap(),
            _ => tasks.finish(late, ended(TaskState::Unknown), T0).await.unwrap(),
        });
        let done =
            lab.store.calls().finish(call, fetched(Some(7), &[1]), Some((late, succeeded(1))), T0).await.unwrap();
        assert!(done.task_moved, "{state:?}");
        let task = lab.task(late.task).await;
        assert_eq!((task.state, task.not_before_us, task.failure), (TaskState::Succeeded, None, None), "{state:?}");
        assert_eq!(lab.job_state(job).await, JobState::Finished, "{state:?}");
        assert_eq!(tasks.next_due().await.unwrap(), None);
        assert_eq!(lab.store.assets().for_task(late.task).await.unwrap().len(), 1);
        assert_eq!(lab.money(job).await, (7, 0));
    }
}

#[tokio::test]
async fn a_late_result_is_kept_and_moves_nothing_when_another_works_on_the_task_or_it_ended() {
    for state in [TaskState::Running, TaskState::Failed, TaskState::Stopped] {
        let lab = Lab::new().await;
        let dead = lab.owner().await;
        let job = lab.submit("night", [0]).await;
        let late = lab.claim(job, dead).await.lease;
        let call = lab.opened(late, 10).await;
        if state == TaskState::Running {
            let heir = lab.store.owners().register("host", 2, T0, T0 + 10 * LEASE_US).await.unwrap();
            assert_eq!(lab.store.owners().reap(heir, T0 + 2 * LEASE_US, false).await.unwrap().len(), 1);
        } else {
            assert!(lab.store.tasks().finish(late, ended(state), T0).await.unwrap());
        }
        let done =
            lab.store.calls().finish(call, fetched(Some(7), &[1]), Some((late, succeeded(1))), T0).await.unwrap();
        assert!(!done.task_moved, "{state:?}");
        assert_eq!(lab.state(late.task).await, state);
        assert_eq!(lab.store.assets().for_task(late.task).await.unwrap().len(), 1, "{state:?}");
        // Who works on it now finds it in the journal.
        assert!(lab.store.calls().find(late.task, 0, "image", request(1)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_late_failure_ends_no_task_that_its_worker_lost() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let late = lab.claim(job, owner).await.lease;
    let call = lab.opened(late, 10).await;
    lab.store.tasks().release(late, T0).await.unwrap();
    let end = call_end(CallState::Refused, None, Some(Billing::NotBilled));
    let done = lab.store.calls().finish(call, end, Some((late, ended(TaskState::Refused))), T0).await.unwrap();
    assert!(!done.task_moved);
    assert_eq!(lab.state(late.task).await, TaskState::Queued);
    assert_eq!(lab.money(job).await, (0, 0), "the call itself is settled");
}

#[tokio::test]
async fn a_late_result_of_an_earlier_round_is_taken_only_where_nothing_better_is() {
    for has_picture in [false, true] {
        let lab = Lab::new().await;
        let owner = lab.owner().await;
        let job = lab.submit("night", [0]).await;
        let late = lab.claim(job, owner).await.lease;
        let call = lab.opened(late, 10).await;
        let other = lab.opened(late, 10).await;
        let end = if has_picture { fetched(Some(1), &[9]) } else { call_end(CallState::Unknown, None, None) };
        lab.store.calls().finish(other, end, Some((late, ended(TaskState::Failed))), T0).await.unwrap();
        let retry = imagemill_store::RetrySelection::Failed;
        assert_eq!(lab.store.tasks().retry(job, retry, false, T0).await.unwrap(), 1);
        let done =
            lab.store.calls().finish(call, fetched(Some(7), &[1]), Some((late, succeeded(1))), T0).await.unwrap();
        assert_eq!(done.task_moved, !has_picture);
        let expected = if has_picture { TaskState::Queued } else { TaskState::Succeeded };
        assert_eq!(lab.state(late.task).await, expected);
        let pictures = lab.store.assets().for_task(late.task).await.unwrap().len();
        assert_eq!(pictures, 1 + usize::from(has_picture), "kept and not hidden either way");
    }
}

#[tokio::test]
async fn a_person_writes_unknown_calls_off_or_sends_them_again() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..3).await;
    let elsewhere = lab.submit("day", [0]).await;
    let mut unknown = Vec::new();
    for job in [job, job, job, elsewhere] {
        let lease = lab.claim(job, owner).await.lease;
        let call = lab.opened(lease, 10).await;
        let end = call_end(CallState::Unknown, None, Some(Billing::Unknown));
        let task = Some((lease, ended(TaskState::Unknown)));
        assert!(lab.store.calls().finish(call, end, task, T0).await.unwrap().task_moved);
        unknown.push((call, lease.task));
    }
    let calls = lab.store.calls();
    assert_eq!(lab.money(job).await, (0, 30), "unknown calls keep what they hold");
    let ids = |page: Vec<imagemill_domain::call::Call>| page.into_iter().map(|call| call.id).collect::<Vec<_>>();
    let first = ids(calls.page_unknown(None, None, 2).await.unwrap());
    assert_eq!(first, [unknown[0].0, unknown[1].0]);
    assert_eq!(ids(calls.page_unknown(None, Some(first[1]), 9).await.unwrap()), [unknown[2].0, unknown[3].0]);
    assert_eq!(ids(calls.page_unknown(Some(elsewhere), None, 9).await.unwrap()), [unknown[3].0]);

    assert!(calls.write_off(unknown[0].0, true, T0).await.unwrap());
    assert!(!calls.write_off(unknown[0].0, false, T0).await.unwrap(), "once");
    assert!(calls.write_off(unknown[1].0, false, T0).await.unwrap());
    assert_eq!(lab.money(job).await, (10, 10));
    assert_eq!(lab.state(unknown[0].1).await, TaskState::Failed);

    assert_eq!(lab.job_state(job).await, JobState::Finished);
    assert!(calls.resend(unknown[2].0, T0).await.unwrap());
    assert!(!calls.resend(unknown[2].0, T0).await.unwrap(), "it is queued already");
    assert_eq!((lab.state(unknown[2].1).await, lab.job_state(job).await), (TaskState::Queued, JobState::Active));
    assert_eq!(ids(calls.page_unknown(Some(job), None, 9).await.unwrap()), [unknown[2].0], "still not accounted for");
    assert_eq!(lab.money(job).await, (10, 10));

    // The answer of one that was written off comes after all.
    calls.finish(unknown[1].0, fetched(Some(4), &[3]), None, T0).await.unwrap();
    assert_eq!(lab.money(job).await, (14, 10));
    assert_eq!(lab.store.assets().for_task(unknown[1].1).await.unwrap().len(), 1);
}
