//! The database file: damaged, newer, foreign, locked, full, copied, small.

use std::fs;

use imagemill_domain::job::JobState;
use imagemill_domain::task::TaskState;
use imagemill_store::{CallEnd, NewCall, OpenCall, Store, StoreError, StoreOptions};

use crate::lab::{Lab, T0, fetched, new_call, new_job, new_task, picture, succeeded};

const READ_ONLY: StoreOptions = StoreOptions { read_only: true };
const WRITING: StoreOptions = StoreOptions { read_only: false };

#[tokio::test]
async fn what_was_written_is_there_after_closing_and_opening() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..3).await;
    lab.succeed(job, owner, 1).await;
    let events = lab.events().await;
    let database = lab.database();
    lab.store.clone().close().await;
    let names: Vec<_> = fs::read_dir(lab.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["imagemill.db"], "one tidy file");
    assert!(matches!(lab.store.jobs().stop(job, T0).await, Err(StoreError::Closed)));
    assert!(matches!(lab.store.jobs().list().await, Err(StoreError::Closed)));

    let store = Store::open(&database, WRITING).await.unwrap();
    let counts = store.jobs().counts(job).await.unwrap();
    assert_eq!((counts.get(TaskState::Queued), counts.get(TaskState::Succeeded)), (2, 1));
    assert_eq!(store.events().after(0, 100).await.unwrap(), events);
}

#[tokio::test]
async fn a_store_that_was_never_closed_loses_nothing_that_was_confirmed() {
    let lab = Lab::new().await;
    let job = lab.submit("night", 0..3).await;
    // The files as a process that is killed now leaves them.
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(lab.folder.path()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let store = Store::open(&copy.path().join("imagemill.db"), WRITING).await.unwrap();
    assert_eq!(store.jobs().counts(job).await.unwrap().get(TaskState::Queued), 3);
}

#[tokio::test]
async fn a_damaged_file_is_told_and_left_as_it_is() {
    let lab = Lab::new().await;
    let job = lab.submit("night", 0..2_000).await;
    let database = lab.database();
    lab.store.clone().close().await;
    let sound = fs::read(&database).unwrap();
    let header = [&b"not a database at all"[..], &sound[21..]].concat();
    let cut = sound[..100].to_vec();
    let mut middle = sound.clone();
    middle[4_096..200_000].fill(0xa5);
    let half = sound[..sound.len() / 8_192 * 4_096].to_vec();
    let torn = sound[..half.len() + 1_000].to_vec();
    let cases =
        [("header", header), ("cut", cut), ("empty", Vec::new()), ("middle", middle), ("half", half), ("torn", torn)];
    for (what, bytes) in cases {
        fs::write(&database, &bytes).unwrap();
        let error = match Store::open(&database, WRITING).await {
            Err(error) => error,
            // Damage behind the first page shows when it is read.
            Ok(store) => {
                let error = read_everything(&store, job).await.unwrap_err();
                store.close().await;
                error
            }
        };
        assert!(matches!(error, StoreError::Damaged { .. }), "{what}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(&database.display().to_string()) && text.contains("restore a backup"), "{text}");
        assert_eq!(fs::read(&database).unwrap().len(), bytes.len(), "{what}: it was left alone");
    }
}

async fn read_everything(store: &Store, job: imagemill_domain::job::JobId) -> Result<(), StoreError> {
    store.jobs().list().await?;
    store.jobs().counts(job).await?;
    let filter = imagemill_store::TaskFilter { job, states: None, failure: None };
    store.tasks().page(filter, None, 5_000).await?;
    store.events().after(0, 100).await?;
    Ok(())
}

#[tokio::test]
async fn newer_older_and_foreign_databases_are_refused_untouched() {
    let lab = Lab::new().await;
    let database = lab.database();
    lab.store.clone().close().await;
    let set = |pragma: &str| {
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection.execute_batch(&format!("PRAGMA {pragma}")).unwrap();
    };
    set("user_version = 99");
    for options in [WRITING, READ_ONLY] {
        let error = Store::open(&database, options).await.unwrap_err();
        assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error}");
        assert!(error.to_string().contains("newer imagemill"));
    }
    set("user_version = 0");
    let error = Store::open(&database, READ_ONLY).await.unwrap_err();
    assert!(matches!(error, StoreError::OlderSchema { found: 0, .. }), "{error}");
    set("application_id = 7");
    let error = Store::open(&database, WRITING).await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[tokio::test]
async fn a_reader_looks_on_while_another_process_writes_and_cannot_change_anything() {
    let lab = Lab::new().await;
    let missing = lab.folder.path().join("none.db");
    assert!(matches!(Store::open(&missing, READ_ONLY).await, Err(StoreError::NoDatabase { .. })));
    assert!(!missing.exists());
    let looker = lab.second(true).await;
    let job = lab.submit("night", 0..3).await;
    assert_eq!(looker.jobs().counts(job).await.unwrap().get(TaskState::Queued), 3);
    lab.store.jobs().set_state(job, JobState::Paused, None, T0).await.unwrap();
    assert_eq!(looker.jobs().get(job).await.unwrap().unwrap().state, JobState::Paused);
    let error = looker.jobs().stop(job, T0).await.unwrap_err();
    assert!(matches!(error, StoreError::OpenedReadOnly { .. }), "{error}");
    looker.close().await;
}

#[tokio::test]
async fn a_second_process_may_pause_while_the_first_works() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..50).await;
    let second = lab.second(false).await;
    let working = async { while !lab.store.tasks().claim(job, 1, owner, T0).await.unwrap().is_empty() {} };
    let pausing = async {
        while lab.count(job, TaskState::Running).await < 3 {
            tokio::task::yield_now().await;
        }
        second.jobs().set_state(job, JobState::Paused, Some("a person".into()), T0).await.unwrap();
    };
    tokio::join!(working, pausing);
    assert_eq!(lab.job_state(job).await, JobState::Paused);
    second.close().await;
}

#[tokio::test]
async fn a_place_that_cannot_be_used_is_told_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("imagemill.db");
    fs::create_dir(&database).unwrap();
    let error = Store::open(&database, WRITING).await.unwrap_err();
    assert!(matches!(error, StoreError::CannotOpen { .. }), "{error:?}");
    fs::write(folder.path().join("file"), b"").unwrap();
    let below = folder.path().join("file").join("imagemill.db");
    let error = Store::open(&below, WRITING).await.unwrap_err().to_string();
    assert!(error.contains(&folder.path().join("file").display().to_string()), "{error}");
}

#[tokio::test]
async fn a_copy_is_whole_and_never_replaces_a_file() {
    let lab = Lab::new().await;
    let job = lab.submit("night", 0..100).await;
    let target = lab.folder.path().join("copy's of \"it\".db");
    lab.store.backup_to(&target).await.unwrap();
    lab.submit("later", [0]).await;
    let copy = Store::open(&target, WRITING).await.unwrap();
    assert_eq!(copy.jobs().counts(job).await.unwrap().get(TaskState::Queued), 100);
    assert_eq!(copy.jobs().list().await.unwrap().len(), 1);
    copy.close().await;
    let before = fs::read(&target).unwrap();
    let error = lab.store.backup_to(&target).await.unwrap_err();
    assert!(error.to_string().contains("copy's of"), "{error}");
    assert_eq!(fs::read(&target).unwrap(), before);
    assert_eq!(
        fs::read_dir(lab.folder.path())
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part") })
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn several_openings_of_a_new_workspace_at_once_make_one_database() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("new").join("imagemill.db");
    let stores = futures_like_join((0..4).map(|_| {
        let database = database.clone();
        tokio::spawn(async move { Store::open(&database, WRITING).await.unwrap() })
    }))
    .await;
    let job = stores[0].jobs().begin_submit(new_job("night", None), T0).await.unwrap();
    for store in &stores {
        assert_eq!(store.jobs().get(job).await.unwrap().unwrap().id, job);
    }
    for store in stores {
        store.close().await;
    }
}

async fn futures_like_join<T>(tasks: impl Iterator<Item = tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut values = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        values.push(task.await.unwrap());
    }
    values
}

#[tokio::test]
async fn a_finished_tiny_task_takes_little_room() {
    const TASKS: u32 = 2_000;
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.store.jobs().begin_submit(new_job("night", None), T0).await.unwrap();
    lab.store.jobs().add_tasks(job, (0..TASKS).map(new_task).collect()).await.unwrap();
    lab.store.jobs().finish_submit(job, T0).await.unwrap();
    // Like a worker with 32 slots: calls end in another order than they began.
    let mut done = 0;
    loop {
        let mut claimed = lab.store.tasks().claim(job, 32, owner, T0).await.unwrap();
        if claimed.is_empty() {
            break;
        }
        let mut open = Vec::new();
        for claimed in claimed.drain(..) {
            let call = NewCall { request_raw: raw_text(claimed.lease.task.0), ..new_call(claimed.lease, Some(40_000)) };
            let OpenCall::Opened(call) = lab.store.calls().open(call, T0).await.unwrap() else { panic!("not opened") };
            open.push((call, claimed.lease));
        }
        open.sort_by_key(|(call, _)| call.0 % 7);
        for (call, lease) in open {
            let mut asset = picture(done, 1);
            asset.parents.truncate(1);
            let end = CallEnd { response_raw: raw_text(-call.0), assets: vec![asset], ..fetched(Some(39_000), &[]) };
            let task = Some((lease, succeeded(1)));
            lab.store.calls().finish(call, end, task, T0 + done as i64).await.unwrap();
            done += 1;
        }
    }
    assert_eq!(done, u64::from(TASKS));
    let database = lab.database();
    lab.store.close().await;
    let per_task = fs::metadata(&database).unwrap().len() / u64::from(TASKS);
    assert!(per_task <= 2_048, "{per_task} bytes a task");
}

/// Some 300 bytes of JSON that differ from task to task as real ones do.
fn raw_text(number: i64) -> Vec<u8> {
    let noise =
        |salt: u8| imagemill_domain::hash::ContentHash::of(&[&number.to_be_bytes()[..], &[salt]].concat()).to_hex();
    format!(
        r#"{{"model":"good","messages":[{{"role":"user","content":"make it night, number {number}"}}],"picture":"{}","id":"{}","created":{number},"usage":{{"prompt_tokens":{},"completion_tokens":1290}}}}"#,
        noise(1),
        noise(2),
        number.rem_euclid(977),
    )
    .into_bytes()
}
