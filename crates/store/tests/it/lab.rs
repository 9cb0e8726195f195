//! A store in a temporary folder, and short ways to say what tests say often.

use std::path::PathBuf;

use imagemill_domain::asset::Delivery;
use imagemill_domain::call::{CallId, CallState, Usage};
use imagemill_domain::event::{Event, EventBody};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::hash::{ContentHash, RequestHash, Sha256Hash, TaskKey};
use imagemill_domain::job::{JobDefinition, JobId, JobState};
use imagemill_domain::job_file::{JobFile, RecipeName, UnknownPolicy};
use imagemill_domain::money::Money;
use imagemill_domain::picture::{Findings, PictureFacts, PictureFormat};
use imagemill_domain::profile::Profile;
use imagemill_domain::task::{Task, TaskId, TaskSpec, TaskState};
use imagemill_store::{
    CallEnd, Claimed, Lease, NewAsset, NewCall, NewJob, NewTask, OpenCall, OwnerId, Store, StoreOptions, TaskEnd,
    TaskFilter,
};

/// The time tests begin at.
pub(crate) const T0: i64 = 1_790_000_000_000_000;
/// How long a test's lease holds.
pub(crate) const LEASE_US: i64 = 30_000_000;

/// A store and its folder.
pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Lab {
    /// An empty store. The one place that names a backend.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("imagemill.db"), StoreOptions::default()).await.unwrap();
        Self { folder, store }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("imagemill.db")
    }

    /// Another handle, as a second process has one.
    pub(crate) async fn second(&self, read_only: bool) -> Store {
        Store::open(&self.database(), StoreOptions { read_only }).await.unwrap()
    }

    /// An owner whose lease holds from [`T0`].
    pub(crate) async fn owner(&self) -> OwnerId {
        self.store.owners().register("host", 1, T0, T0 + LEASE_US).await.unwrap()
    }

    /// A job of the tasks with these numbers.
    pub(crate) async fn submit(&self, name: &str, numbers: impl IntoIterator<Item = u32>) -> JobId {
        self.submit_with_budget(name, numbers, None).await
    }

    pub(crate) async fn submit_with_budget(
        &self,
        name: &str,
        numbers: impl IntoIterator<Item = u32>,
        budget: Option<i64>,
    ) -> JobId {
        let jobs = self.store.jobs();
        let job = jobs.begin_submit(new_job(name, budget), T0).await.unwrap();
        jobs.add_tasks(job, numbers.into_iter().map(new_task).collect()).await.unwrap();
        jobs.finish_submit(job, T0).await.unwrap();
        job
    }

    /// Claims one task.
    pub(crate) async fn claim(&self, job: JobId, owner: OwnerId) -> Claimed {
        self.store.tasks().claim(job, 1, owner, T0).await.unwrap().pop().expect("a task is queued")
    }

    /// Opens a call that holds `ceiling` micro-dollars.
    pub(crate) async fn open(&self, lease: Lease, ceiling: i64) -> OpenCall {
        self.store.calls().open(new_call(lease, Some(ceiling)), T0).await.unwrap()
    }

    pub(crate) async fn opened(&self, lease: Lease, ceiling: i64) -> CallId {
        match self.open(lease, ceiling).await {
            OpenCall::Opened(call) => call,
            other => panic!("the call was not opened: {other:?}"),
        }
    }

    /// Claims a task, makes a call that brings one picture, and ends both.
    pub(crate) async fn succeed(&self, job: JobId, owner: OwnerId, picture: u64) -> Lease {
        let lease = self.claim(job, owner).await.lease;
        let call = self.opened(lease, 100).await;
        let end = fetched(Some(40), &[picture]);
        assert!(self.store.calls().finish(call, end, Some((lease, succeeded(1))), T0).await.unwrap().task_moved);
        lease
    }

    /// Claims a task and ends it without a call.
    pub(crate) async fn end(&self, job: JobId, owner: OwnerId, state: TaskState) -> Lease {
        let lease = self.claim(job, owner).await.lease;
        assert!(self.store.tasks().finish(lease, ended(state), T0).await.unwrap());
        lease
    }

    pub(crate) async fn task(&self, task: TaskId) -> Task {
        self.store.tasks().get(task).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, task: TaskId) -> TaskState {
        self.task(task).await.state
    }

    pub(crate) async fn job_state(&self, job: JobId) -> JobState {
        self.store.jobs().get(job).await.unwrap().unwrap().state
    }

    pub(crate) async fn count(&self, job: JobId, state: TaskState) -> u64 {
        self.store.jobs().counts(job).await.unwrap().get(state)
    }

    /// Spent and reserved micro-dollars.
    pub(crate) async fn money(&self, job: JobId) -> (i64, i64) {
        let job = self.store.jobs().get(job).await.unwrap().unwrap();
        (job.spent.micros, job.reserved.micros)
    }

    /// All tasks of a job in order, read in small pages.
    pub(crate) async fn all_tasks(&self, job: JobId) -> Vec<Task> {
        let filter = TaskFilter { job, states: None, failure: None };
        let mut tasks: Vec<Task> = Vec::new();
        loop {
            let after = tasks.last().map(|task| (task.position, task.id));
            let page = self.store.tasks().page(filter.clone(), after, 7).await.unwrap();
            if page.is_empty() {
                return tasks;
            }
            tasks.extend(page);
        }
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        self.store.events().after(0, 1_000_000).await.unwrap()
    }

    pub(crate) async fn events_after(&self, seq: i64) -> Vec<EventBody> {
        self.store.events().after(seq, 1_000_000).await.unwrap().into_iter().map(|event| event.body).collect()
    }
}

pub(crate) fn new_job(name: &str, budget: Option<i64>) -> NewJob {
    let definition = JobDefinition {
        version: 1,
        file: JobFile::new(RecipeName::Edit),
        profile: Profile { name: "simulator".into(), ..Profile::default() },
        model: "good".into(),
        speakers: imagemill_domain::speaker::Speakers::default(),
        critique: None,
        negative: imagemill_domain::request::NegativePrompt::default(),
        call_ceiling: None,
        batch: None,
        share: 0,
        others: Vec::new(),
        unknown: UnknownPolicy::Never,
    };
    NewJob { name: name.into(), priority: 0, budget: budget.map(Money::from_micros), definition }
}

pub(crate) fn key(number: u32) -> TaskKey {
    let hash = ContentHash::of(&number.to_be_bytes());
    TaskKey::from_slice(&hash.as_bytes()[..16]).unwrap()
}

pub(crate) fn new_task(number: u32) -> NewTask {
    NewTask { key: key(number), spec: TaskSpec { prompt_index: Some(0), sample: number, ..TaskSpec::default() } }
}

pub(crate) fn new_call(lease: Lease, ceiling: Option<i64>) -> NewCall {
    NewCall {
        lease,
        step: "image".into(),
        request_hash: request(1),
        profile: "simulator".into(),
        model: "good".into(),
        ceiling: ceiling.map(Money::from_micros),
        request_raw: br#"{"prompt":"make it night"}"#.to_vec(),
        idempotency_key: None,
        profile_budget: imagemill_domain::profile::ProfileBudget::default(),
        batch: None,
    }
}

pub(crate) fn request(number: u8) -> RequestHash {
    RequestHash([number; 16])
}

/// A picture whose content follows from its number.
pub(crate) fn picture(number: u64, index: u32) -> NewAsset {
    NewAsset {
        index,
        facts: PictureFacts {
            blake3: content(number),
            sha256: Sha256Hash(content(number + 1_000_000).0),
            bytes: 1_500_000 + number,
            format: PictureFormat::Webp,
            width: 1024,
            height: 768,
            phash: u64::MAX - number,
        },
        findings: Findings::from_bits(0b101),
        delivery: Delivery::Link,
        parents: vec![content(number + 2_000_000)],
        prepared: None,
    }
}

pub(crate) fn content(number: u64) -> ContentHash {
    ContentHash::of(&number.to_be_bytes())
}

pub(crate) fn fetched(cost: Option<i64>, pictures: &[u64]) -> CallEnd {
    let assets = pictures.iter().zip(1..).map(|(number, index)| picture(*number, index)).collect();
    CallEnd { assets, ..call_end(CallState::Fetched, cost, None) }
}

pub(crate) fn call_end(state: CallState, cost: Option<i64>, billing: Option<Billing>) -> CallEnd {
    CallEnd {
        state,
        usage: Usage { output_tokens: Some(1_290), ..Usage::default() },
        cost: cost.map(Money::from_micros),
        http_status: Some(200),
        failure: billing.map(|billing| Failure::new(FailureKind::Protocol, "no picture").billing(billing)),
        response_raw: br#"{"choices":[]}"#.to_vec(),
        assets: Vec::new(),
    }
}

pub(crate) fn succeeded(pictures: u32) -> TaskEnd {
    TaskEnd { state: TaskState::Succeeded, failure: None, pictures, cost: Some(Money::from_micros(40)) }
}

pub(crate) fn ended(state: TaskState) -> TaskEnd {
    let failure = match state {
        TaskState::Succeeded => None,
        TaskState::Refused => Some(FailureKind::Refused),
        TaskState::Unknown => Some(FailureKind::UnknownOutcome),
        TaskState::Stopped => Some(FailureKind::Stopped),
        _ => Some(FailureKind::Protocol),
    };
    TaskEnd { state, failure: failure.map(|kind| Failure::new(kind, "told")), pictures: 0, cost: None }
}

/// Why a task waits.
pub(crate) fn limited() -> Failure {
    Failure::new(FailureKind::RateLimited, "the provider asks to wait").status(429)
}
