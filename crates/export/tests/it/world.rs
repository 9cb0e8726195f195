//! A workspace with a finished job in it, and what lies in a folder afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use imagemill_domain::asset::{AssetId, Delivery};
use imagemill_domain::call::{CallState, Usage};
use imagemill_domain::hash::{ContentHash, RequestHash, Sha256Hash, TaskKey};
use imagemill_domain::job::{Job, JobDefinition};
use imagemill_domain::job_file::{JobFile, RecipeName, UnknownPolicy};
use imagemill_domain::money::Money;
use imagemill_domain::picture::{Findings, PictureFacts, PictureFormat};
use imagemill_domain::profile::Profile;
use imagemill_domain::review::{Review, Verdict};
use imagemill_domain::save_rule::{SaveRule, built_in};
use imagemill_domain::task::{SourcePicture, TaskSpec, TaskState};
use imagemill_export::{ExportError, SaveRequest, Saved, Selection, save};
use imagemill_store::{
    CallEnd, Files, Lease, NewAsset, NewCall, NewJob, NewTask, OpenCall, RetrySelection, Store, StoreOptions, TaskEnd,
};
use imagemill_testkit::TempWorkspace;
use imagemill_testkit::pictures::{jpeg, png};

/// A task to be made: its source and the number of its results.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Path of the source below the source folder; `None` for a picture made from words.
    pub(crate) source: Option<String>,
    /// The bytes of each result.
    pub(crate) results: Vec<Vec<u8>>,
    pub(crate) prompt: String,
    pub(crate) columns: BTreeMap<String, String>,
}

/// A task with one small PNG result of the colour `seed`.
pub(crate) fn edit(source: &str, seed: u64) -> Plan {
    Plan { source: Some(source.into()), results: vec![png(seed, 8, 6)], prompt: "night".into(), ..Plan::default() }
}

pub(crate) fn generate(prompt: &str, seed: u64) -> Plan {
    Plan { results: vec![png(seed, 8, 6)], prompt: prompt.into(), ..Plan::default() }
}

impl Plan {
    pub(crate) fn results(self, results: Vec<Vec<u8>>) -> Self {
        Self { results, ..self }
    }

    pub(crate) fn column(mut self, name: &str, value: &str) -> Self {
        self.columns.insert(name.into(), value.into());
        self
    }
}

/// A workspace with one job whose tasks are done.
pub(crate) struct World {
    pub(crate) dir: TempWorkspace,
    pub(crate) store: Store,
    pub(crate) files: Files,
    pub(crate) job: Job,
    pub(crate) assets: Vec<AssetId>,
}

impl World {
    pub(crate) async fn of(plans: &[Plan]) -> Self {
        Self::named("holiday", JobFile::new(RecipeName::Edit), plans).await
    }

    pub(crate) async fn named(name: &str, file: JobFile, plans: &[Plan]) -> Self {
        let dir = TempWorkspace::new();
        let store = Store::open(&dir.join("state.db"), StoreOptions { read_only: false }).await.unwrap();
        let files = Files::open(&dir.join("assets")).unwrap();
        let mut world = Self { job: job_of(&store, name, file).await, dir, store, files, assets: Vec::new() };
        world.add(plans).await;
        world
    }

    /// Adds finished tasks; sources lie below `photos`.
    pub(crate) async fn add(&mut self, plans: &[Plan]) {
        if !self.assets.is_empty() {
            submit(&self.store, &self.job.name, JobDefinition::clone(&self.job.definition)).await;
        }
        let before = self.store.jobs().counts(self.job.id).await.unwrap().total();
        let tasks: Vec<NewTask> =
            plans.iter().enumerate().map(|(at, plan)| self.task(before + at as u64, plan)).collect();
        self.store.jobs().add_tasks(self.job.id, tasks).await.unwrap();
        self.store.jobs().finish_submit(self.job.id, 2).await.unwrap();
        let owner = self.store.owners().register("here", 1, 3, i64::MAX).await.unwrap();
        let claimed = self.store.tasks().claim(self.job.id, 1_000, owner, 4).await.unwrap();
        assert_eq!(claimed.len(), plans.len());
        for (claimed, plan) in claimed.iter().zip(plans) {
            self.finish(claimed.lease, plan).await;
        }
        self.job = self.store.jobs().get(self.job.id).await.unwrap().unwrap();
    }

    /// Does the first task again; its earlier results are dropped once the new ones are there.
    pub(crate) async fn redo(&mut self, plan: &Plan) {
        let task = self.store.assets().get(self.assets[0]).await.unwrap().unwrap().task;
        self.store.tasks().retry(self.job.id, RetrySelection::Task(task), false, 6).await.unwrap();
        let owner = self.store.owners().register("here", 2, 7, i64::MAX).await.unwrap();
        let claimed = self.store.tasks().claim(self.job.id, 1, owner, 8).await.unwrap();
        self.finish(claimed[0].lease, plan).await;
    }

    fn task(&self, number: u64, plan: &Plan) -> NewTask {
        let pictures = plan.source.iter().map(|name| {
            let is_jpeg = name.rsplit('.').next() == Some("jpg");
            let bytes = if is_jpeg { jpeg(1_000 + number, 9, 7) } else { png(1_000 + number, 9, 7) };
            let path = self.photos().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
            SourcePicture { path: path.to_str().unwrap().into(), name: name.clone(), blake3: ContentHash::of(&bytes) }
        });
        let spec = TaskSpec {
            pictures: pictures.collect(),
            prompt: Some(plan.prompt.clone()),
            columns: plan.columns.clone(),
            ..TaskSpec::default()
        };
        NewTask { key: TaskKey(u128::from(number + 1).to_be_bytes()), spec }
    }

    async fn finish(&mut self, lease: Lease, plan: &Plan) {
        let call = NewCall {
            lease,
            step: "image".into(),
            request_hash: RequestHash([7; 16]),
            profile: "simulator".into(),
            model: "sim-image".into(),
            ceiling: None,
            request_raw: Vec::new(),
            idempotency_key: None,
            profile_budget: imagemill_domain::profile::ProfileBudget::default(),
            batch: None,
        };
        let OpenCall::Opened(call) = self.store.calls().open(call, 5).await.unwrap() else {
            panic!("the call cannot be opened")
        };
        let assets = plan.results.iter().enumerate().map(|(at, bytes)| {
            let facts = facts(bytes);
            self.files.put_original_bytes(bytes, &facts.blake3, facts.format).unwrap();
            NewAsset {
                index: at as u32 + 1,
                facts,
                findings: Findings::NONE,
                delivery: Delivery::Inline,
                parents: Vec::new(),
                prepared: None,
            }
        });
        let end = CallEnd {
            state: CallState::Fetched,
            usage: Usage::default(),
            cost: Some(Money::from_micros(40_000)),
            http_status: Some(200),
            failure: None,
            response_raw: Vec::new(),
            assets: assets.collect(),
        };
        let pictures = plan.results.len() as u32;
        let task = TaskEnd { state: TaskState::Succeeded, failure: None, pictures, cost: end.cost };
        let finished = self.store.calls().finish(call, end, Some((lease, task)), 1_700_000_000_000_000).await.unwrap();
        self.assets.extend(finished.assets);
    }

    pub(crate) fn photos(&self) -> PathBuf {
        self.dir.path().join("photos")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    pub(crate) fn request<'a>(&'a self, rule: &'a SaveRule) -> SaveRequest<'a> {
        SaveRequest {
            store: &self.store,
            files: &self.files,
            job: &self.job,
            rule,
            folder: self.out(),
            selection: Selection::Job,
            dry_run: false,
        }
    }

    /// Saves the whole job to `out`.
    pub(crate) async fn save(&self, rule: &SaveRule) -> Saved {
        self.try_save(rule).await.unwrap()
    }

    pub(crate) async fn try_save(&self, rule: &SaveRule) -> Result<Saved, ExportError> {
        save(self.request(rule), |_| {}).await
    }

    pub(crate) async fn dry_run(&self, rule: &SaveRule) -> Saved {
        save(SaveRequest { dry_run: true, ..self.request(rule) }, |_| {}).await.unwrap()
    }

    pub(crate) async fn review(&self, asset: AssetId, reviewer: &str, verdict: Verdict) {
        let (reviewer, note) = (reviewer.to_owned(), String::new());
        self.store.reviews().put(Review { asset, reviewer, verdict, rating: 0, note, at_us: 9 }).await.unwrap();
    }

    /// File and BLAKE3 of each entry of the manifest.
    pub(crate) fn manifest_entries(&self) -> BTreeMap<String, String> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let manifest = self.manifest();
        let entries = manifest["entries"].as_array().unwrap();
        entries.iter().map(|entry| (text(&entry["file"]), text(&entry["blake3"]))).collect()
    }

    pub(crate) fn manifest(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.out().join("manifest.json")).unwrap()).unwrap()
    }
}

async fn job_of(store: &Store, name: &str, file: JobFile) -> Job {
    let definition = JobDefinition {
        version: 1,
        profile: Profile { name: "simulator".into(), ..Profile::default() },
        model: "sim-image".into(),
        speakers: imagemill_domain::speaker::Speakers::default(),
        critique: None,
        negative: imagemill_domain::request::NegativePrompt::default(),
        call_ceiling: None,
        batch: None,
        share: 0,
        others: Vec::new(),
        unknown: UnknownPolicy::Never,
        file,
    };
    submit(store, name, definition).await
}

async fn submit(store: &Store, name: &str, definition: JobDefinition) -> Job {
    let job = NewJob { name: name.into(), priority: 0, budget: None, definition };
    let id = store.jobs().begin_submit(job, 1).await.unwrap();
    store.jobs().get(id).await.unwrap().unwrap()
}

fn facts(bytes: &[u8]) -> PictureFacts {
    let blake3 = ContentHash::of(bytes);
    PictureFacts {
        blake3,
        sha256: Sha256Hash(blake3.0),
        bytes: bytes.len() as u64,
        format: PictureFormat::sniff(bytes).unwrap(),
        width: 8,
        height: 6,
        phash: 0xabc,
    }
}

/// A rule that only names; no manifest, so that a test sees only what it is about.
pub(crate) fn plain(name: &str) -> SaveRule {
    SaveRule { name: name.into(), manifest: false, ..SaveRule::default() }
}

pub(crate) fn preset(name: &str) -> SaveRule {
    built_in().into_iter().find(|(known, ..)| *known == name).unwrap().2
}

/// Every file below `folder` with `/`, sorted; links too.
pub(crate) fn tree(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                pending.push(path);
            } else {
                files.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}
