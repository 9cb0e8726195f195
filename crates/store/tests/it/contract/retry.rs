//! Asking again.

use imagemill_domain::event::EventBody;
use imagemill_domain::job::JobState;
use imagemill_domain::task::TaskState;
use imagemill_store::RetrySelection;

use crate::lab::{Lab, T0, content, ended, fetched, limited, request, succeeded};

const ENDED: [TaskState; 6] = [
    TaskState::Succeeded,
    TaskState::Partial,
    TaskState::Failed,
    TaskState::Refused,
    TaskState::Unknown,
    TaskState::Stopped,
];

#[tokio::test]
async fn a_selection_takes_what_it_names_and_nothing_else() {
    let cases = [
        (RetrySelection::Failed, vec![TaskState::Partial, TaskState::Failed]),
        (
            RetrySelection::States(vec![TaskState::Unknown, TaskState::Refused]),
            vec![TaskState::Refused, TaskState::Unknown],
        ),
        (RetrySelection::All, vec![TaskState::Succeeded, TaskState::Partial, TaskState::Failed, TaskState::Stopped]),
        (RetrySelection::States(vec![TaskState::Running, TaskState::Waiting]), vec![]),
    ];
    for (selection, expected) in cases {
        let lab = Lab::new().await;
        let owner = lab.owner().await;
        let job = lab.submit("night", 0..9).await;
        let mut leases = Vec::new();
        for state in ENDED {
            leases.push((state, lab.end(job, owner, state).await));
        }
        let running = lab.claim(job, owner).await.lease;
        let waiting = lab.claim(job, owner).await.lease;
        lab.store.tasks().wait(waiting, T0 + 1, limited(), true, T0).await.unwrap();
        let retried = lab.store.tasks().retry(job, selection.clone(), true, T0).await.unwrap();
        assert_eq!(retried, expected.len() as u64, "{selection:?}");
        for (state, lease) in leases {
            let now = if expected.contains(&state) { TaskState::Queued } else { state };
            assert_eq!(lab.state(lease.task).await, now, "{selection:?} {state:?}");
        }
        assert_eq!(lab.state(running.task).await, TaskState::Running);
        assert_eq!(lab.state(waiting.task).await, TaskState::Waiting);
    }
}

#[tokio::test]
async fn a_retried_task_starts_afresh_in_a_new_round_and_its_job_with_it() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let lease = lab.claim(job, owner).await.lease;
    let call = lab.opened(lease, 10).await;
    let end = Some((lease, ended(TaskState::Failed)));
    lab.store.calls().finish(call, fetched(Some(1), &[1]), end, T0).await.unwrap();
    assert_eq!(lab.job_state(job).await, JobState::Finished);
    assert!(lab.store.calls().find(lease.task, lease.round, "image", request(1)).await.unwrap().is_some());
    let before = lab.store.events().latest().await.unwrap();

    assert_eq!(lab.store.tasks().retry(job, RetrySelection::Failed, true, T0 + 1).await.unwrap(), 1);
    let told = lab.events_after(before).await;
    assert!(matches!(&told[..], [EventBody::JobState { state: JobState::Active, reason: Some(_) }]), "{told:?}");
    let task = lab.task(lease.task).await;
    assert_eq!((task.failure, task.ended_us, task.started_us), (None, None, None));
    let again = lab.claim(job, owner).await;
    assert_eq!((again.lease.round, again.lease.attempt, again.tries), (1, 2, 1));
    let hit = lab.store.calls().find(lease.task, again.lease.round, "image", request(1)).await.unwrap();
    assert_eq!(hit, None, "a person asked for another answer");
}

#[tokio::test]
async fn old_pictures_are_hidden_only_by_new_ones() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let task = lab.succeed(job, owner, 1).await.task;
    let visible = async || {
        let assets = lab.store.assets().for_task(task).await.unwrap();
        assert_eq!(lab.store.jobs().pictures(job).await.unwrap(), assets.len() as u64);
        assets.into_iter().map(|asset| asset.facts.blake3).collect::<Vec<_>>()
    };
    let retry = async |keep| lab.store.tasks().retry(job, RetrySelection::Task(task), keep, T0).await.unwrap();
    assert_eq!(retry(false).await, 1);
    lab.end(job, owner, TaskState::Failed).await;
    assert_eq!(visible().await, [content(1)], "a retry that failed loses nothing");
    assert_eq!(retry(false).await, 1);
    lab.succeed(job, owner, 2).await;
    assert_eq!(visible().await, [content(2)]);
    assert_eq!(lab.store.assets().history_of_task(task).await.unwrap().len(), 2, "hidden, not deleted");
    assert!(lab.store.assets().is_referenced(content(1)).await.unwrap());
    assert_eq!(retry(true).await, 1);
    lab.succeed(job, owner, 3).await;
    assert_eq!(visible().await, [content(2), content(3)]);
}

#[tokio::test]
async fn a_running_task_is_not_retried_and_a_task_of_another_job_is_an_error() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let other = lab.submit("day", [0]).await;
    let lease = lab.claim(job, owner).await.lease;
    let tasks = lab.store.tasks();
    assert_eq!(tasks.retry(job, RetrySelection::Task(lease.task), true, T0).await.unwrap(), 0);
    assert!(tasks.finish(lease, succeeded(1), T0).await.unwrap(), "its token still holds");
    assert!(tasks.retry(other, RetrySelection::Task(lease.task), true, T0).await.is_err());
}

#[tokio::test]
async fn tasks_the_job_no_longer_has_come_back_only_by_name() {
    let lab = Lab::new().await;
    let job = lab.submit("night", [0, 1]).await;
    lab.submit("night", [1]).await;
    let gone = lab.all_tasks(job).await.into_iter().find(|task| task.spec.sample == 0).unwrap();
    assert_eq!(gone.state, TaskState::Stopped);
    let tasks = lab.store.tasks();
    let before = lab.store.events().latest().await.unwrap();
    assert_eq!(tasks.retry(job, RetrySelection::All, true, T0).await.unwrap(), 0);
    assert_eq!(lab.events_after(before).await, [], "nothing happened, so nothing is told");
    assert_eq!(tasks.retry(job, RetrySelection::Task(gone.id), true, T0).await.unwrap(), 1);
    let owner = lab.owner().await;
    let claimed = tasks.claim(job, 9, owner, T0).await.unwrap();
    let lease = claimed.into_iter().find(|claimed| claimed.spec.sample == 0).unwrap().lease;
    assert!(tasks.release(lease, T0).await.unwrap());
    assert_eq!(lab.state(gone.id).await, TaskState::Queued, "it is part of the job again");
}

#[tokio::test]
async fn more_tasks_than_fit_one_chunk_are_each_retried_once() {
    let lab = Lab::new().await;
    let job = lab.submit("night", 0..11_000).await;
    lab.store.jobs().stop(job, T0).await.unwrap();
    let selection = RetrySelection::States(vec![TaskState::Stopped]);
    assert_eq!(lab.store.tasks().retry(job, selection, true, T0).await.unwrap(), 11_000);
    let owner = lab.owner().await;
    let claimed = lab.store.tasks().claim(job, 20_000, owner, T0).await.unwrap();
    assert_eq!(claimed.len(), 11_000);
    assert!(claimed.iter().all(|claimed| claimed.lease.round == 1));
}
