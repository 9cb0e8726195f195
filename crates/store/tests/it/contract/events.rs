//! One event a change, in order, without gaps.

use imagemill_domain::event::EventBody;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobState;
use imagemill_domain::task::TaskState;

use crate::lab::{Lab, T0, ended, limited, succeeded};

#[tokio::test]
async fn each_change_of_a_task_is_told_once_with_all_that_is_known() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let before = lab.store.events().latest().await.unwrap();
    let tasks = lab.store.tasks();
    let lease = lab.claim(job, owner).await.lease;
    tasks.wait(lease, T0 + 9, limited(), true, T0 + 1).await.unwrap();
    tasks.promote(T0 + 9).await.unwrap();
    let lease = lab.claim(job, owner).await.lease;
    tasks.release(lease, T0 + 2).await.unwrap();
    let lease = lab.claim(job, owner).await.lease;
    tasks.finish(lease, succeeded(2), T0 + 3).await.unwrap();

    let events = lab.store.events().after(before, 100).await.unwrap();
    let moved = |state| EventBody::TaskState {
        task: lease.task,
        state,
        pictures: 0,
        cost: None,
        failure: None,
        not_before_us: None,
    };
    let waits = EventBody::TaskState {
        task: lease.task,
        state: TaskState::Waiting,
        pictures: 0,
        cost: None,
        failure: Some(FailureKind::RateLimited),
        not_before_us: Some(T0 + 9),
    };
    let done = EventBody::TaskState {
        task: lease.task,
        state: TaskState::Succeeded,
        pictures: 2,
        cost: succeeded(2).cost,
        failure: None,
        not_before_us: None,
    };
    let finished = EventBody::JobState { state: JobState::Finished, reason: None };
    let told: Vec<_> = events.iter().map(|event| event.body.clone()).collect();
    assert_eq!(told, [waits, moved(TaskState::Queued), moved(TaskState::Queued), done, finished]);
    assert!(events.iter().all(|event| event.job == Some(job)));
    let times: Vec<_> = events.iter().map(|event| event.at_us - T0).collect();
    assert_eq!(times, [1, 9, 2, 3, 3]);
}

#[tokio::test]
async fn a_submission_and_each_move_of_a_job_is_told_and_standing_still_is_not() {
    let lab = Lab::new().await;
    let job = lab.submit("night", [0, 1]).await;
    let jobs = lab.store.jobs();
    jobs.set_state(job, JobState::Paused, Some("budget".into()), T0).await.unwrap();
    jobs.set_state(job, JobState::Paused, Some("budget".into()), T0).await.unwrap();
    jobs.set_state(job, JobState::Active, None, T0).await.unwrap();
    let state = |state, reason: Option<&str>| EventBody::JobState { state, reason: reason.map(Into::into) };
    let expected = [
        state(JobState::Submitting, None),
        EventBody::JobSubmitted { added: 2, known: 0 },
        state(JobState::Active, None),
        state(JobState::Paused, Some("budget")),
        state(JobState::Active, None),
    ];
    assert_eq!(lab.events_after(0).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_follows_sees_every_event_once_and_in_order() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..300).await;
    let claimed = lab.store.tasks().claim(job, 300, owner, T0).await.unwrap();
    let store = lab.store.clone();
    let follower = tokio::spawn(async move {
        let mut newest = store.events().watch();
        let mut seen: Vec<i64> = Vec::new();
        loop {
            let page = store.events().after(seen.last().copied().unwrap_or(0), 50).await.unwrap();
            let done =
                page.iter().any(|event| matches!(event.body, EventBody::JobState { state: JobState::Finished, .. }));
            let empty = page.is_empty();
            seen.extend(page.into_iter().map(|event| event.seq));
            if done {
                return seen;
            }
            if empty {
                newest.changed().await.unwrap();
            }
        }
    });
    let workers: Vec<_> = claimed
        .into_iter()
        .map(|claimed| {
            let store = lab.store.clone();
            tokio::spawn(
                async move { store.tasks().finish(claimed.lease, ended(TaskState::Failed), T0).await.unwrap() },
            )
        })
        .collect();
    for worker in workers {
        assert!(worker.await.unwrap());
    }
    let seen = follower.await.unwrap();
    assert_eq!(seen, (1..=lab.store.events().latest().await.unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_watch_moves_with_commits_that_wrote_events_and_only_with_them() {
    let lab = Lab::new().await;
    let mut newest = lab.store.events().watch();
    newest.mark_unchanged();
    lab.owner().await;
    assert!(!newest.has_changed().unwrap(), "registering is not an event");
    lab.submit("night", [0]).await;
    assert!(newest.has_changed().unwrap());
    assert_eq!(*newest.borrow_and_update(), lab.store.events().latest().await.unwrap());
    let reopened = lab.second(false).await;
    assert_eq!(*reopened.events().watch().borrow(), *newest.borrow());
    reopened.close().await;
}
