//! Taking tasks and moving them.

use std::collections::HashSet;

use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobState;
use imagemill_domain::task::{TaskId, TaskState};
use imagemill_store::{OwnerId, StoreError, TaskFilter};

use crate::lab::{Lab, T0, ended, limited, succeeded};

#[tokio::test(flavor = "multi_thread")]
async fn two_claimers_never_share_a_task() {
    let lab = Lab::new().await;
    let job = lab.submit("night", 0..500).await;
    let claimers = (0..8_u32).map(|number| {
        let store = lab.store.clone();
        tokio::spawn(async move {
            let owner = store.owners().register("host", number, T0, T0 + 1).await.unwrap();
            let mut mine = Vec::new();
            loop {
                let claimed = store.tasks().claim(job, 1 + number, owner, T0).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                assert!(claimed.len() <= 1 + number as usize);
                mine.extend(claimed.into_iter().map(|claimed| claimed.lease.task));
            }
        })
    });
    let mut all = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        all.extend(claimer.await.unwrap());
    }
    assert_eq!(all.len(), 500);
    assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 500);
    assert_eq!(lab.count(job, TaskState::Running).await, 500);
}

#[tokio::test]
async fn two_processes_never_share_a_task() {
    let lab = Lab::new().await;
    let other = lab.second(false).await;
    let job = lab.submit("night", 0..60).await;
    let (first, second) = (lab.owner().await, other.owners().register("host", 2, T0, T0 + 1).await.unwrap());
    let mut seen = HashSet::new();
    for _ in 0..10 {
        let (here, there) = tokio::join!(async { lab.store.tasks().claim(job, 3, first, T0).await.unwrap() }, async {
            other.tasks().claim(job, 3, second, T0).await.unwrap()
        });
        for claimed in here.into_iter().chain(there) {
            assert!(seen.insert(claimed.lease.task));
        }
    }
    assert_eq!(seen.len(), 60);
    other.close().await;
}

#[tokio::test]
async fn tasks_are_taken_in_the_order_of_the_plan_whatever_their_numbers() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    lab.submit("night", 0..5).await;
    let job = lab.submit("night", [3, 9, 0]).await;
    let claimed = lab.store.tasks().claim(job, 10, owner, T0 + 5).await.unwrap();
    assert_eq!(claimed.iter().map(|claimed| claimed.spec.sample).collect::<Vec<_>>(), [3, 9, 0]);
    assert_eq!(claimed[0].key, crate::lab::key(3));
    let task = lab.task(claimed[0].lease.task).await;
    assert_eq!((task.state, task.attempt, task.started_us), (TaskState::Running, 1, Some(T0 + 5)));
}

#[tokio::test]
async fn an_owner_that_is_not_registered_gets_no_task() {
    let lab = Lab::new().await;
    let job = lab.submit("night", [0]).await;
    let error = lab.store.tasks().claim(job, 1, OwnerId(12), T0).await.unwrap_err();
    assert!(matches!(error, StoreError::OwnerLost { owner: 12 }), "{error}");
}

#[tokio::test]
async fn every_move_is_fenced_by_its_token() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0, 1]).await;
    let old = lab.claim(job, owner).await.lease;
    assert!(lab.store.tasks().release(old, T0).await.unwrap());
    let new = lab.claim(job, owner).await.lease;
    assert_eq!((new.task, new.attempt), (old.task, 2));
    let before = lab.store.events().latest().await.unwrap();

    let tasks = lab.store.tasks();
    let stranger = imagemill_store::Lease { owner: OwnerId(owner.0 + 1), ..new };
    for stale in [old, stranger] {
        assert!(!tasks.finish(stale, succeeded(0), T0).await.unwrap());
        assert!(!tasks.wait(stale, T0 + 1, limited(), true, T0).await.unwrap());
        assert!(!tasks.release(stale, T0).await.unwrap());
    }
    assert_eq!(lab.state(new.task).await, TaskState::Running);
    assert_eq!(lab.store.events().latest().await.unwrap(), before, "what did not happen is not told");
    assert!(tasks.finish(new, succeeded(0), T0).await.unwrap());
    assert!(!tasks.finish(new, ended(TaskState::Failed), T0).await.unwrap(), "an end is an end");
    assert_eq!(lab.state(new.task).await, TaskState::Succeeded);
}

#[tokio::test]
async fn a_task_cannot_end_in_a_state_that_is_no_end() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let lease = lab.claim(job, owner).await.lease;
    let error = lab.store.tasks().finish(lease, ended(TaskState::Waiting), T0).await.unwrap_err();
    assert!(matches!(error, StoreError::NotAnEnd { .. }), "{error}");
    assert_eq!(lab.state(lease.task).await, TaskState::Running);
}

#[tokio::test]
async fn waiting_tasks_go_on_when_their_time_has_come_and_tries_are_counted_right() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0, 1]).await;
    let tasks = lab.store.tasks();
    let first = lab.claim(job, owner).await;
    let second = lab.claim(job, owner).await;
    assert_eq!((first.tries, second.tries), (1, 1));
    assert!(tasks.wait(first.lease, T0 + 100, limited(), false, T0).await.unwrap());
    assert!(tasks.wait(second.lease, T0 + 200, limited(), true, T0).await.unwrap());
    let waiting = lab.task(first.lease.task).await;
    assert_eq!((waiting.state, waiting.not_before_us), (TaskState::Waiting, Some(T0 + 100)));
    assert_eq!(waiting.failure, Some(limited()));
    assert_eq!(tasks.next_due().await.unwrap(), Some(T0 + 100));

    assert_eq!(tasks.promote(T0 + 99).await.unwrap(), 0);
    assert_eq!(tasks.promote(T0 + 100).await.unwrap(), 1);
    assert_eq!(tasks.next_due().await.unwrap(), Some(T0 + 200));
    let again = lab.claim(job, owner).await;
    assert_eq!((again.lease.task, again.tries, again.lease.attempt), (first.lease.task, 1, 2));
    assert_eq!(tasks.promote(T0 + 500).await.unwrap(), 1);
    assert_eq!(tasks.next_due().await.unwrap(), None);
    let again = lab.claim(job, owner).await;
    assert_eq!((again.lease.task, again.tries), (second.lease.task, 2));
    assert!(tasks.release(again.lease, T0).await.unwrap());
    let released = lab.task(again.lease.task).await;
    assert_eq!((released.state, released.failure), (TaskState::Queued, None));
    assert_eq!(lab.claim(job, owner).await.tries, 2, "a release gives the try back");
}

#[tokio::test]
async fn a_clock_that_is_set_back_changes_no_order_and_loses_nothing() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0, 1]).await;
    let first = lab.claim(job, owner).await.lease;
    assert!(lab.store.tasks().wait(first, T0 + 1_000, limited(), true, T0).await.unwrap());
    // From here on the clock is an hour behind.
    let behind = T0 - 3_600_000_000;
    assert_eq!(lab.store.tasks().promote(behind).await.unwrap(), 0);
    let second = lab.store.tasks().claim(job, 5, owner, behind).await.unwrap();
    assert_eq!(second.len(), 1);
    assert!(lab.store.tasks().finish(second[0].lease, succeeded(1), behind + 1).await.unwrap());
    assert!(lab.store.owners().beat(owner, behind, behind + 10).await.unwrap());
    assert_eq!(lab.store.tasks().promote(T0 + 1_000).await.unwrap(), 1);
    let seqs: Vec<_> = lab.events().await.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
    assert_eq!(lab.task(second[0].lease.task).await.ended_us, Some(behind + 1));
}

#[tokio::test]
async fn the_last_task_finishes_an_active_job_and_no_other() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0, 1, 2]).await;
    lab.end(job, owner, TaskState::Succeeded).await;
    let last = lab.claim(job, owner).await.lease;
    let waits = lab.claim(job, owner).await.lease;
    lab.store.tasks().wait(waits, T0 + 1, limited(), true, T0).await.unwrap();
    lab.store.tasks().finish(last, succeeded(1), T0).await.unwrap();
    assert_eq!(lab.job_state(job).await, JobState::Active, "one waits");
    lab.store.jobs().set_state(job, JobState::Paused, Some("budget".into()), T0).await.unwrap();
    lab.store.tasks().promote(T0 + 1).await.unwrap();
    assert!(lab.store.tasks().claim(job, 1, owner, T0).await.unwrap().is_empty(), "paused");
    lab.store.jobs().set_state(job, JobState::Active, None, T0).await.unwrap();
    lab.end(job, owner, TaskState::Failed).await;
    let done = lab.store.jobs().get(job).await.unwrap().unwrap();
    assert_eq!((done.state, done.finished_us), (JobState::Finished, Some(T0)));
}

#[tokio::test]
async fn a_stopped_job_has_no_queued_or_waiting_task_and_gets_none_back() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..12_000).await;
    let waits = lab.claim(job, owner).await.lease;
    lab.store.tasks().wait(waits, T0 + 1, limited(), true, T0).await.unwrap();
    let (released, put_off) = (lab.claim(job, owner).await.lease, lab.claim(job, owner).await.lease);
    let before = lab.store.events().latest().await.unwrap();
    assert_eq!(lab.store.jobs().stop(job, T0).await.unwrap(), 11_998);
    assert_eq!(lab.events_after(before).await.len(), 1, "one event for the job");
    assert_eq!(lab.job_state(job).await, JobState::Stopped);
    assert_eq!(lab.count(job, TaskState::Running).await, 2);
    assert!(lab.store.tasks().release(released, T0).await.unwrap());
    assert!(lab.store.tasks().wait(put_off, T0 + 9, limited(), true, T0).await.unwrap());
    assert_eq!(lab.count(job, TaskState::Stopped).await, 12_000);
    assert_eq!(lab.store.tasks().next_due().await.unwrap(), None);
    assert!(lab.store.tasks().claim(job, 1, owner, T0).await.unwrap().is_empty());

    lab.submit("night", 0..12_000).await;
    assert_eq!(lab.count(job, TaskState::Queued).await, 12_000, "submitting again queues what was stopped");
    assert_eq!(lab.claim(job, owner).await.tries, 1);
}

#[tokio::test]
async fn only_active_jobs_with_work_are_open_and_the_more_urgent_come_first() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let low = lab.submit("low", [0, 1]).await;
    let mut urgent = crate::lab::new_job("urgent", None);
    urgent.priority = 5;
    let jobs = lab.store.jobs();
    let high = jobs.begin_submit(urgent, T0).await.unwrap();
    jobs.add_tasks(high, vec![crate::lab::new_task(0)]).await.unwrap();
    jobs.finish_submit(high, T0).await.unwrap();
    let paused = lab.submit("paused", [0]).await;
    jobs.set_state(paused, JobState::Paused, None, T0).await.unwrap();
    lab.claim(low, owner).await;

    let open = jobs.open_jobs().await.unwrap();
    assert_eq!(open.iter().map(|open| open.job.id).collect::<Vec<_>>(), [high, low]);
    assert_eq!((open[1].queued, open[1].running, open[1].waiting), (1, 1, 0));
    assert_eq!((open[0].job.profile.as_str(), open[0].job.model.as_str()), ("simulator", "good"));
    lab.end(high, owner, TaskState::Succeeded).await;
    assert_eq!(jobs.open_jobs().await.unwrap().len(), 1);
}

#[tokio::test]
async fn resuming_a_job_with_nothing_left_finishes_it_and_a_finished_one_is_not_paused() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let lease = lab.claim(job, owner).await.lease;
    let jobs = lab.store.jobs();
    jobs.set_state(job, JobState::Paused, Some("a person".into()), T0).await.unwrap();
    lab.store.tasks().finish(lease, succeeded(1), T0).await.unwrap();
    assert_eq!(lab.job_state(job).await, JobState::Paused);
    jobs.set_state(job, JobState::Active, None, T0).await.unwrap();
    assert_eq!(lab.job_state(job).await, JobState::Finished);
    jobs.set_state(job, JobState::Paused, Some("too late".into()), T0).await.unwrap();
    assert_eq!(lab.job_state(job).await, JobState::Finished);
}

#[tokio::test]
async fn pages_hold_the_chosen_states_and_kinds_in_order_and_each_task_once() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..40).await;
    for number in 0..30 {
        let state = [TaskState::Succeeded, TaskState::Failed, TaskState::Refused][number % 3];
        lab.end(job, owner, state).await;
    }
    assert_eq!(
        lab.all_tasks(job).await.iter().map(|task| task.spec.sample).collect::<Vec<_>>(),
        (0..40).collect::<Vec<_>>()
    );
    let tasks = lab.store.tasks();
    let states = Some(vec![TaskState::Refused, TaskState::Failed, TaskState::Refused]);
    let filter = TaskFilter { job, states, failure: None };
    let first = tasks.page(filter.clone(), None, 4).await.unwrap();
    assert_eq!(first.iter().map(|task| task.spec.sample).collect::<Vec<_>>(), [1, 2, 4, 5]);
    let next = tasks.page(filter, Some((first[3].position, first[3].id)), 4).await.unwrap();
    assert_eq!(next.iter().map(|task| task.spec.sample).collect::<Vec<_>>(), [7, 8, 10, 11]);
    let filter = TaskFilter { job, states: None, failure: Some(FailureKind::Refused) };
    let refused = tasks.page(filter, None, 100).await.unwrap();
    assert_eq!(refused.iter().map(|task| task.spec.sample).collect::<Vec<_>>(), (2..30).step_by(3).collect::<Vec<_>>());
    let failures = lab.store.jobs().failures(job).await.unwrap();
    let expected = [(FailureKind::Refused, TaskState::Refused, 10), (FailureKind::Protocol, TaskState::Failed, 10)];
    assert_eq!(failures, expected);
}

#[tokio::test]
async fn a_person_finds_a_task_by_number_key_or_source_name() {
    use imagemill_domain::hash::ContentHash;
    use imagemill_domain::task::SourcePicture;
    let lab = Lab::new().await;
    let mut tasks: Vec<_> = (0..20).map(crate::lab::new_task).collect();
    for (number, name) in [(4, "trip/夜 \"one\".png"), (7, "other.png")] {
        tasks[number].spec.pictures = vec![SourcePicture {
            path: format!("/photos/{name}"),
            name: name.into(),
            blake3: ContentHash::of(name.as_bytes()),
        }];
    }
    let jobs = lab.store.jobs();
    let job = jobs.begin_submit(crate::lab::new_job("night", None), T0).await.unwrap();
    jobs.add_tasks(job, tasks).await.unwrap();
    jobs.finish_submit(job, T0).await.unwrap();
    let all = lab.all_tasks(job).await;
    let found = async |text: &str| {
        let found = lab.store.tasks().find(job, text).await.unwrap();
        found.iter().map(|task| task.spec.sample).collect::<Vec<_>>()
    };
    assert_eq!(found("trip/夜 \"one\".png").await, [4]);
    assert_eq!(found("夜 \"one\"").await, [4]);
    assert_eq!(found("one").await, [] as [u32; 0]);
    assert_eq!(found("夜 \"one\".png").await, [4]);
    assert_eq!(found("/photos/other.png").await, [7]);
    assert_eq!(found("one").await, Vec::<u32>::new());
    assert_eq!(found(&all[9].id.0.to_string()).await, [9]);
    for digits in [5, 6, 32] {
        assert_eq!(found(&all[11].key.to_hex()[..digits].to_uppercase()).await, [11]);
    }
    let elsewhere = lab.submit("day", [0]).await;
    assert!(lab.store.tasks().find(elsewhere, &all[9].id.0.to_string()).await.unwrap().is_empty());
    assert_eq!(lab.store.tasks().get(TaskId(1 << 40)).await.unwrap(), None);
}
