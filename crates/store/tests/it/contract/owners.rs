//! Worker processes and what becomes of their tasks.

use imagemill_domain::call::CallState;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::task::TaskState;
use imagemill_store::{OpenCall, StoreError};

use crate::lab::{LEASE_US, Lab, T0, fetched, succeeded};

#[tokio::test]
async fn the_tasks_of_a_dead_owner_go_to_who_reaps_them_and_to_nobody_else() {
    let lab = Lab::new().await;
    let owners = lab.store.owners();
    let dead = lab.owner().await;
    let job = lab.submit("night", 0..4).await;
    let first = lab.claim(job, dead).await;
    let second = lab.claim(job, dead).await;
    let call = lab.opened(first.lease, 10).await;
    lab.store.calls().accepted(call, "remote", T0).await.unwrap();
    let ended = lab.opened(first.lease, 10).await;
    lab.store.calls().finish(ended, fetched(None, &[1]), None, T0).await.unwrap();
    let heir = owners.register("host", 2, T0, T0 + 10 * LEASE_US).await.unwrap();
    let live = lab.claim(job, heir).await.lease;

    assert!(owners.reap(heir, T0 + LEASE_US - 1, false).await.unwrap().is_empty(), "the lease still holds");
    let orphans = owners.reap(heir, T0 + LEASE_US, false).await.unwrap();
    assert_eq!(orphans.len(), 2);
    assert_eq!((orphans[0].lease.task, orphans[1].lease.task), (first.lease.task, second.lease.task));
    assert_eq!((orphans[0].lease.owner, orphans[0].lease.attempt, orphans[0].tries), (heir, 2, 1));
    assert_eq!((orphans[0].job, &orphans[0].spec), (job, &first.spec));
    let open: Vec<_> = orphans[0].open_calls.iter().map(|call| (call.id, call.state)).collect();
    assert_eq!(open, [(call, CallState::Accepted)]);
    assert!(orphans[1].open_calls.is_empty());
    assert!(owners.reap(heir, T0 + LEASE_US, true).await.unwrap().is_empty(), "once");

    // The one thought dead wakes up.
    assert!(!owners.beat(dead, T0, T0 + 100 * LEASE_US).await.unwrap());
    assert_eq!(lab.open(first.lease, 1).await, OpenCall::Fenced);
    assert!(!lab.store.tasks().finish(first.lease, succeeded(1), T0).await.unwrap());
    let error = lab.store.tasks().claim(job, 1, dead, T0).await.unwrap_err();
    assert!(matches!(error, StoreError::OwnerLost { .. }), "{error}");
    assert!(matches!(owners.reap(dead, T0, true).await, Err(StoreError::OwnerLost { .. })));
    assert!(lab.store.tasks().finish(orphans[0].lease, succeeded(1), T0).await.unwrap());
    assert!(lab.store.tasks().finish(live, succeeded(1), T0).await.unwrap(), "its own tasks are untouched");
}

#[tokio::test]
async fn at_start_all_others_can_be_declared_dead() {
    let lab = Lab::new().await;
    let owners = lab.store.owners();
    let dead = lab.owner().await;
    let job = lab.submit("night", 0..3).await;
    lab.store.tasks().claim(job, 2, dead, T0).await.unwrap();
    let heir = owners.register("host", 2, T0, T0 + LEASE_US).await.unwrap();
    assert_eq!(owners.reap(heir, T0, true).await.unwrap().len(), 2);
    let live: Vec<_> = owners.live(T0).await.unwrap().into_iter().map(|owner| (owner.id, owner.pid)).collect();
    assert_eq!(live, [(heir, 2)]);
    assert_eq!(lab.count(job, TaskState::Running).await, 2, "nothing was decided");
}

#[tokio::test]
async fn a_lease_lives_by_its_beats_and_numbers_are_never_given_twice() {
    let lab = Lab::new().await;
    let owners = lab.store.owners();
    let first = lab.owner().await;
    assert!(owners.live(T0 + LEASE_US).await.unwrap().is_empty());
    assert!(owners.beat(first, T0, T0 + 3 * LEASE_US).await.unwrap());
    let live = owners.live(T0 + LEASE_US).await.unwrap();
    assert_eq!((live[0].host.as_str(), live[0].since_us, live[0].until_us), ("host", T0, T0 + 3 * LEASE_US));
    let job = lab.submit("night", [0]).await;
    let lease = lab.claim(job, first).await.lease;
    owners.leave(first).await.unwrap();
    assert!(!owners.beat(first, T0, T0 + 9).await.unwrap());
    let second = lab.owner().await;
    assert!(second > first);
    let orphans = owners.reap(second, T0, false).await.unwrap();
    assert_eq!(orphans[0].lease.task, lease.task, "whoever left leaves its tasks");
}

#[tokio::test]
async fn paused_profiles_are_told_and_kept_until_they_are_resumed() {
    use imagemill_domain::event::EventBody;
    let lab = Lab::new().await;
    let profiles = lab.store.profiles();
    profiles.pause("openai", FailureKind::StableInfra, "five failures in a row", Some(T0 + 9), T0).await.unwrap();
    profiles.pause("openai", FailureKind::Auth, "the key was refused", None, T0 + 1).await.unwrap();
    let paused = profiles.paused().await.unwrap();
    assert_eq!(paused.len(), 1);
    assert_eq!((paused[0].name.as_str(), paused[0].kind, paused[0].until_us), ("openai", FailureKind::Auth, None));
    assert_eq!((paused[0].reason.as_str(), paused[0].since_us), ("the key was refused", T0));
    assert!(profiles.resume("openai", T0).await.unwrap());
    assert!(!profiles.resume("openai", T0).await.unwrap());
    assert!(profiles.paused().await.unwrap().is_empty());
    let told = lab.events_after(0).await;
    assert_eq!(told.len(), 3);
    assert_eq!(told[2], EventBody::ProfileResumed { profile: "openai".into() });
}
