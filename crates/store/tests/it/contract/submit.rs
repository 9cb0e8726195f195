//! Submitting, and submitting again.

use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobState;
use imagemill_domain::task::TaskState;
use imagemill_store::{StoreError, Submitted};

use crate::lab::{Lab, T0, new_job, new_task};

#[tokio::test]
async fn a_job_comes_back_as_it_was_given() {
    let lab = Lab::new().await;
    let mut given = new_job("night", Some(5_000_000));
    given.priority = 7;
    let jobs = lab.store.jobs();
    let id = jobs.begin_submit(given.clone(), T0).await.unwrap();
    assert_eq!(lab.job_state(id).await, JobState::Submitting);
    assert_eq!(jobs.add_tasks(id, vec![new_task(0), new_task(1)]).await.unwrap(), (2, 0));
    let submitted = jobs.finish_submit(id, T0 + 1).await.unwrap();
    assert_eq!(submitted, Submitted { job: id, added: 2, known: 0, superseded: 0 });

    let job = jobs.by_name("night").await.unwrap().unwrap();
    assert_eq!((job.id, &job.name, job.state), (id, &given.name, JobState::Active));
    assert_eq!((job.priority, job.budget, job.created_us), (7, given.budget, T0));
    assert_eq!(*job.definition, given.definition);
    assert_eq!(jobs.get(id).await.unwrap(), Some(job));
    assert_eq!(jobs.by_name("day").await.unwrap(), None);
    let second = lab.submit("day", [1]).await;
    assert_eq!(jobs.list().await.unwrap().iter().map(|job| job.id).collect::<Vec<_>>(), [second, id]);
}

#[tokio::test]
async fn nothing_is_claimed_while_a_job_is_submitted() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.store.jobs().begin_submit(new_job("night", None), T0).await.unwrap();
    lab.store.jobs().add_tasks(job, vec![new_task(0)]).await.unwrap();
    assert!(lab.store.tasks().claim(job, 10, owner, T0).await.unwrap().is_empty());
    assert!(lab.store.jobs().open_jobs().await.unwrap().is_empty());
    lab.store.jobs().finish_submit(job, T0).await.unwrap();
    assert_eq!(lab.store.tasks().claim(job, 10, owner, T0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn submitting_again_never_doubles_and_keeps_what_is_done() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..10).await;
    let done = lab.succeed(job, owner, 1).await.task;
    let failed = lab.end(job, owner, TaskState::Failed).await.task;

    let jobs = lab.store.jobs();
    assert_eq!(jobs.begin_submit(new_job("night", None), T0).await.unwrap(), job);
    // The same ones backwards, one of them twice, and one that is new.
    let mut plan: Vec<_> = (0..10).rev().map(new_task).collect();
    plan.extend([new_task(3), new_task(99)]);
    assert_eq!(jobs.add_tasks(job, plan).await.unwrap(), (1, 11));
    let submitted = jobs.finish_submit(job, T0).await.unwrap();
    assert_eq!(submitted, Submitted { job, added: 1, known: 11, superseded: 0 });

    let tasks = lab.all_tasks(job).await;
    assert_eq!(tasks.len(), 11);
    let samples: Vec<_> = tasks.iter().map(|task| task.spec.sample).collect();
    assert_eq!(samples, [9, 8, 7, 6, 5, 4, 2, 1, 0, 3, 99], "in the order of the newest plan");
    assert_eq!((lab.state(done).await, lab.state(failed).await), (TaskState::Succeeded, TaskState::Failed));
    assert_eq!(lab.claim(job, owner).await.spec.sample, 9);
}

#[tokio::test]
async fn a_moved_source_is_looked_for_where_it_lies_now() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let mut moved = new_task(0);
    moved.spec.columns.insert("folder".into(), "elsewhere".into());
    let jobs = lab.store.jobs();
    jobs.begin_submit(new_job("night", None), T0).await.unwrap();
    jobs.add_tasks(job, vec![moved.clone()]).await.unwrap();
    jobs.finish_submit(job, T0).await.unwrap();
    assert_eq!(lab.claim(job, owner).await.spec, moved.spec);
}

#[tokio::test]
async fn open_tasks_that_a_plan_no_longer_has_are_stopped_and_come_back_with_it() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..6).await;
    let done = lab.succeed(job, owner, 1).await.task;
    let waiting = lab.claim(job, owner).await.lease;
    lab.store.tasks().wait(waiting, T0 + 50, crate::lab::limited(), true, T0).await.unwrap();
    let running = lab.claim(job, owner).await.lease;

    let jobs = lab.store.jobs();
    jobs.begin_submit(new_job("night", None), T0).await.unwrap();
    jobs.add_tasks(job, vec![new_task(4)]).await.unwrap();
    let submitted = jobs.finish_submit(job, T0).await.unwrap();
    assert_eq!((submitted.known, submitted.superseded), (1, 3), "two queued, one waiting");
    let stopped = lab.task(waiting.task).await;
    assert_eq!((stopped.state, stopped.not_before_us), (TaskState::Stopped, None));
    assert_eq!(stopped.failure.unwrap().kind, FailureKind::Stopped);
    assert_eq!(lab.state(done).await, TaskState::Succeeded);
    // The running one is its worker's; put back, it would never be wanted.
    assert_eq!(lab.state(running.task).await, TaskState::Running);
    assert!(lab.store.tasks().release(running, T0).await.unwrap());
    assert_eq!(lab.state(running.task).await, TaskState::Stopped);
    assert_eq!(lab.claim(job, owner).await.spec.sample, 4);

    lab.submit("night", 0..6).await;
    assert_eq!(lab.count(job, TaskState::Stopped).await, 0);
    assert_eq!(lab.count(job, TaskState::Queued).await, 4);
}

#[tokio::test]
async fn a_job_of_which_all_is_done_is_finished_when_it_is_submitted_again() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    lab.succeed(job, owner, 1).await;
    assert_eq!(lab.job_state(job).await, JobState::Finished);
    lab.submit("night", [0]).await;
    assert_eq!(lab.job_state(job).await, JobState::Finished);
    lab.submit("night", [0, 1]).await;
    assert_eq!(lab.job_state(job).await, JobState::Active);
    assert_eq!(lab.submit("nothing", []).await, lab.store.jobs().by_name("nothing").await.unwrap().unwrap().id);
}

#[tokio::test]
async fn a_stop_during_a_submission_is_respected() {
    let lab = Lab::new().await;
    let jobs = lab.store.jobs();
    let job = jobs.begin_submit(new_job("night", None), T0).await.unwrap();
    jobs.add_tasks(job, vec![new_task(0)]).await.unwrap();
    jobs.set_state(job, JobState::Paused, Some("later".into()), T0).await.unwrap();
    jobs.finish_submit(job, T0).await.unwrap();
    let paused = jobs.get(job).await.unwrap().unwrap();
    assert_eq!((paused.state, paused.reason.as_deref()), (JobState::Paused, Some("later")));
}

#[tokio::test]
async fn tasks_for_a_job_that_does_not_exist_are_refused() {
    let lab = Lab::new().await;
    let ghost = imagemill_domain::job::JobId(77);
    let error = lab.store.jobs().add_tasks(ghost, vec![new_task(0)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { what: "job", id: 77 }), "{error}");
}

#[tokio::test]
async fn a_deleted_job_leaves_nothing_but_the_word_that_it_is_gone() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let kept = lab.submit("kept", [0]).await;
    let job = lab.submit("night", 0..3).await;
    let done = lab.succeed(job, owner, 1).await;
    let running = lab.claim(job, owner).await.lease;
    let error = lab.store.jobs().delete(job, T0).await.unwrap_err();
    assert!(matches!(error, StoreError::JobBusy { running: 1 }), "{error}");
    lab.store.tasks().release(running, T0).await.unwrap();
    let before = lab.store.events().latest().await.unwrap();

    lab.store.jobs().delete(job, T0).await.unwrap();
    assert_eq!(lab.store.jobs().get(job).await.unwrap(), None);
    assert_eq!(lab.store.tasks().get(done.task).await.unwrap(), None);
    assert!(lab.store.calls().for_task(done.task).await.unwrap().is_empty());
    assert!(!lab.store.assets().is_referenced(crate::lab::content(1)).await.unwrap());
    let told: Vec<_> = lab.events().await.into_iter().filter(|event| event.job == Some(job)).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].seq > before);
    assert_eq!(lab.count(kept, TaskState::Queued).await, 1);
    let fresh = lab.submit("night", [0]).await;
    assert_ne!(fresh, job, "numbers of jobs are not given twice");
}
