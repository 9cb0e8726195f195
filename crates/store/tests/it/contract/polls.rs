//! Tasks whose call has a result elsewhere: with a provider's queue, or behind a link.

use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::task::TaskState;
use imagemill_store::{Claimed, OwnerId, PollJob};

use crate::lab::{Lab, T0, limited, succeeded};

const SECOND: i64 = 1_000_000;

/// A job of three tasks, the first of which waits for its provider until a second after [`T0`].
async fn waiting(lab: &Lab, owner: OwnerId) -> (JobId, Claimed) {
    let job = lab.submit("night", 0..3).await;
    let claimed = lab.claim(job, owner).await;
    let call = lab.opened(claimed.lease, 100).await;
    lab.store.calls().accepted(call, "{\"id\":\"r\"}", T0).await.unwrap();
    assert!(lab.store.tasks().wait_for_result(claimed.lease, Some(T0 + SECOND), None, true, T0).await.unwrap());
    (job, claimed)
}

#[tokio::test]
async fn they_are_taken_apart_from_the_line_and_keep_their_try() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, first) = waiting(&lab, owner).await;
    let tasks = lab.store.tasks();
    assert_eq!(lab.state(first.lease.task).await, TaskState::Waiting);
    assert_eq!(tasks.promote(i64::MAX).await.unwrap(), 0, "they are not put into the line");
    assert!(tasks.claim_polls(job, "simulator", 9, owner, T0).await.unwrap().is_empty(), "not yet");
    let poll = |due| PollJob { job, profile: "simulator".into(), state: JobState::Active, due, waiting: 1 };
    let listed = tasks.poll_jobs(T0).await.unwrap();
    assert_eq!(listed, [PollJob { profile: listed[0].profile.clone(), ..poll(0) }]);

    let again = tasks.claim_polls(job, "simulator", 9, owner, T0 + SECOND).await.unwrap().remove(0);
    assert_eq!((again.lease.task, again.tries, again.key), (first.lease.task, 1, first.key));
    assert!(again.lease.attempt > first.lease.attempt);
    assert_eq!(tasks.poll_jobs(T0).await.unwrap(), []);
    let failure = Some(limited());
    assert!(tasks.wait_for_result(again.lease, Some(T0 + 2 * SECOND), failure, false, T0).await.unwrap());
    assert!(
        !tasks.wait_for_result(first.lease, Some(T0), None, false, T0).await.unwrap(),
        "an old token moves nothing"
    );
    let task = lab.task(first.lease.task).await;
    assert_eq!(task.failure.unwrap().kind, FailureKind::RateLimited);
    assert_eq!(tasks.promote(i64::MAX).await.unwrap(), 0, "with a failure neither");
    tasks.poll_all_now(T0).await.unwrap();
    assert_eq!(tasks.claim_polls(job, "simulator", 9, owner, T0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_notice_makes_one_of_them_due() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, _) = waiting(&lab, owner).await;
    let tasks = lab.store.tasks();
    let profile = tasks.poll_jobs(T0).await.unwrap().remove(0).profile;
    for (profile, request) in [(profile.as_str(), "s"), ("another", "r"), (profile.as_str(), "")] {
        assert!(!tasks.poll_now(profile, request, T0).await.unwrap());
    }
    assert!(tasks.claim_polls(job, &profile, 9, owner, T0).await.unwrap().is_empty());
    assert!(tasks.poll_now(&profile, "r", T0).await.unwrap());
    assert!(!tasks.poll_now(&profile, "r", T0).await.unwrap(), "a repeated notice changes nothing");
    assert_eq!(tasks.claim_polls(job, &profile, 9, owner, T0).await.unwrap().len(), 1);
    assert!(!tasks.poll_now(&profile, "r", T0).await.unwrap(), "nor one about a call that is being asked about");
}

#[tokio::test]
async fn all_questions_about_one_call_are_one_event() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, _) = waiting(&lab, owner).await;
    let tasks = lab.store.tasks();
    let events = async || lab.store.events().after(0, 100).await.unwrap().len();
    let before = events().await;
    for _ in 0..5 {
        let claimed = tasks.claim_polls(job, "simulator", 1, owner, T0 + SECOND).await.unwrap().remove(0);
        tasks.wait_for_result(claimed.lease, Some(T0), None, false, T0).await.unwrap();
    }
    assert_eq!(events().await, before);
}

#[tokio::test]
async fn a_stop_leaves_them_to_their_worker() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, first) = waiting(&lab, owner).await;
    let tasks = lab.store.tasks();
    assert_eq!(lab.store.jobs().stop(job, T0).await.unwrap(), 2);
    assert_eq!(lab.state(first.lease.task).await, TaskState::Waiting);
    assert_eq!(tasks.poll_jobs(T0 + SECOND).await.unwrap()[0].state, JobState::Stopped);

    // Released by its worker, it goes on waiting; with its call ended, it stops.
    let again = tasks.claim_polls(job, "simulator", 1, owner, T0 + SECOND).await.unwrap().remove(0);
    assert!(tasks.release(again.lease, T0).await.unwrap());
    assert_eq!(lab.state(first.lease.task).await, TaskState::Waiting);
    let again = tasks.claim_polls(job, "simulator", 1, owner, T0 + SECOND).await.unwrap().remove(0);
    let call = lab.store.calls().for_task(first.lease.task).await.unwrap()[0].id;
    let end = crate::lab::fetched(Some(40), &[1]);
    let finished = lab.store.calls().finish(call, end, Some((again.lease, succeeded(1))), T0).await.unwrap();
    assert!(finished.task_moved, "a result that came in spite of the stop is the task's");
    assert_eq!(lab.state(first.lease.task).await, TaskState::Succeeded);
    assert_eq!(lab.job_state(job).await, JobState::Stopped);
}

#[tokio::test]
async fn a_job_submitted_without_them_does_not_lose_what_is_paid() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, first) = waiting(&lab, owner).await;
    assert_eq!(lab.submit("night", 1..3).await, job);
    assert_eq!(lab.state(first.lease.task).await, TaskState::Waiting);
    assert_eq!(lab.store.tasks().claim_polls(job, "simulator", 9, owner, T0 + SECOND).await.unwrap().len(), 1);
}

/// A job of three tasks, the first of which waits for a link until a second after [`T0`].
async fn behind_a_link(lab: &Lab, owner: OwnerId) -> (JobId, Claimed) {
    let job = lab.submit("night", 0..3).await;
    let claimed = lab.claim(job, owner).await;
    let call = lab.opened(claimed.lease, 100).await;
    lab.store.calls().produced(call, b"[\"https://a/b.png\"]".to_vec(), T0).await.unwrap();
    assert!(lab.store.tasks().wait(claimed.lease, T0 + SECOND, limited(), true, T0).await.unwrap());
    (job, claimed)
}

#[tokio::test]
async fn a_link_is_fetched_apart_from_the_line_and_each_time_is_a_try() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, first) = behind_a_link(&lab, owner).await;
    let tasks = lab.store.tasks();
    assert_eq!(tasks.promote(i64::MAX).await.unwrap(), 0, "it is not put into the line");
    assert!(tasks.claim_polls(job, "simulator", 9, owner, T0).await.unwrap().is_empty(), "not yet");
    let again = tasks.claim_polls(job, "simulator", 9, owner, T0 + SECOND).await.unwrap().remove(0);
    assert_eq!((again.lease.task, again.tries), (first.lease.task, 2));
    assert!(tasks.release(again.lease, T0).await.unwrap());
    assert!(
        tasks.claim_polls(job, "simulator", 9, owner, T0).await.unwrap().is_empty(),
        "not at once, the disk may be full"
    );
    let third = tasks.claim_polls(job, "simulator", 9, owner, T0 + SECOND).await.unwrap().remove(0);
    assert_eq!(third.tries, 2, "what was released was no try");
}

#[tokio::test]
async fn a_stop_or_another_submission_loses_no_picture_behind_a_link() {
    for stops in [true, false] {
        let lab = Lab::new().await;
        let owner = lab.owner().await;
        let (job, first) = behind_a_link(&lab, owner).await;
        if stops {
            assert_eq!(lab.store.jobs().stop(job, T0).await.unwrap(), 2);
        } else {
            lab.submit("night", 1..3).await;
        }
        assert_eq!(lab.state(first.lease.task).await, TaskState::Waiting);
        let tasks = lab.store.tasks();
        let again = tasks.claim_polls(job, "simulator", 1, owner, T0 + SECOND).await.unwrap().remove(0);
        assert!(tasks.wait(again.lease, T0 + SECOND, limited(), true, T0).await.unwrap());
        assert_eq!(lab.state(first.lease.task).await, TaskState::Waiting, "put off is not given up");
        let again = tasks.claim_polls(job, "simulator", 1, owner, T0 + SECOND).await.unwrap().remove(0);
        let call = lab.store.calls().for_task(first.lease.task).await.unwrap()[0].id;
        let end = (again.lease, succeeded(1));
        lab.store.calls().finish(call, crate::lab::fetched(Some(40), &[1]), Some(end), T0).await.unwrap();
        assert_eq!(lab.state(first.lease.task).await, TaskState::Succeeded);
        assert_eq!(lab.money(job).await, (40, 0));
    }
}

#[tokio::test]
async fn links_of_a_paused_job_wait_for_it() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let (job, _) = behind_a_link(&lab, owner).await;
    let (jobs, tasks) = (lab.store.jobs(), lab.store.tasks());
    jobs.set_state(job, JobState::Paused, Some("the disk is full".into()), T0).await.unwrap();
    assert_eq!(tasks.poll_jobs(T0 + SECOND).await.unwrap(), []);
    assert!(tasks.claim_polls(job, "simulator", 1, owner, T0 + SECOND).await.unwrap().is_empty());
    jobs.set_state(job, JobState::Active, None, T0).await.unwrap();
    assert_eq!(tasks.claim_polls(job, "simulator", 1, owner, T0 + SECOND).await.unwrap().len(), 1);
}
