//! A workspace, a simulator and an engine with every recipe.

use std::sync::Arc;
use std::time::Duration;

use imagemill_domain::call::{Call, CallState};
use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::catalogue::Catalogue;
use imagemill_domain::failure::Billing;
use imagemill_domain::infographic::Record;
use imagemill_domain::job::{Job, JobDefinition, JobId};
use imagemill_domain::job_file::JobFile;
use imagemill_domain::plan;
use imagemill_domain::profile::{NetworkRules, Profile, Protocol, Timeouts};
use imagemill_domain::source::Scan;
use imagemill_domain::speaker::{Speaker, Speakers};
use imagemill_domain::task::Task;
use imagemill_engine::{Engine, EngineOptions, EngineParts};
use imagemill_providers::Registry;
use imagemill_simulator::{Scenario, Simulator, SimulatorOptions};
use imagemill_store::{Files, NewJob, NewTask, Store, StoreOptions, TaskFilter};
use imagemill_testkit::TempWorkspace;

const TABLE: &str = r#"
[[model]]
provider = "simulator"
model = "sim-text*"
chat = true
json_schema = true
price = { date = "2026-01-01", source = "test", text_in = 0.5, text_out = 2.0 }

[[model]]
provider = "simulator"
model = "*"
generations = true
edits = true
chat = true
price = { date = "2026-01-01", source = "test", per_image = 0.04 }
"#;

pub(crate) struct Bed {
    pub(crate) workspace: TempWorkspace,
    pub(crate) store: Store,
    pub(crate) files: Files,
    pub(crate) simulator: Simulator,
}

fn catalogue() -> Catalogue {
    let mut all = Catalogue::parse(include_str!("../../../../data/layouts/relations.toml")).unwrap();
    all.layouts.extend(Catalogue::parse(include_str!("../../../../data/layouts/sequences.toml")).unwrap().layouts);
    all.styles = Catalogue::parse(include_str!("../../../../data/styles/design.toml")).unwrap().styles;
    all
}

impl Bed {
    pub(crate) async fn new(scenario: Scenario) -> Self {
        let workspace = TempWorkspace::new();
        let store = Store::open(&workspace.join("db.sqlite"), StoreOptions::default()).await.unwrap();
        let files = Files::open(workspace.path()).unwrap();
        let simulator = Simulator::start(SimulatorOptions { scenario, ..SimulatorOptions::default() }).await.unwrap();
        Self { workspace, store, files, simulator }
    }

    fn profile(&self) -> Profile {
        Profile {
            name: "sim".into(),
            provider: "simulator".into(),
            protocol: Protocol::ChatCompletions,
            base_url: self.simulator.base_url(),
            model: "sim-image".into(),
            network: NetworkRules { allow_private_api: true, allow_private_downloads: true, ..NetworkRules::default() },
            timeouts: Timeouts { first_byte_ms: 2_500, ..Timeouts::default() },
            ..Profile::default()
        }
    }

    pub(crate) async fn submit(&self, file: &JobFile) -> JobId {
        let table = CapabilityTable::parse(TABLE).unwrap();
        let mut file = file.clone();
        file.options.size.get_or_insert_with(|| "96x64".into());
        file.retry.wait_ms = 20;
        let profile = self.profile();
        let plan = plan::expand(&file, "job", &profile, Scan::default(), &table).unwrap();
        let words = Speaker { profile, model: "sim-text".into() };
        let speakers = Speakers { text: Some(words.clone()), vision: Some(words) };
        let definition = JobDefinition { speakers, ..plan.definition.clone() };
        let jobs = self.store.jobs();
        let new = NewJob { name: plan.name.clone(), priority: 0, budget: file.budget, definition };
        let id = jobs.begin_submit(new, 1).await.unwrap();
        let tasks = plan.tasks().map(|task| task.unwrap()).map(|task| NewTask { key: task.key, spec: task.spec });
        jobs.add_tasks(id, tasks.collect()).await.unwrap();
        jobs.finish_submit(id, 1).await.unwrap();
        id
    }

    fn parts(&self) -> EngineParts {
        EngineParts {
            store: self.store.clone(),
            files: self.files.clone(),
            registry: Arc::new(Registry::new()),
            recipes: imagemill_recipes::all(Arc::new(catalogue())),
            capabilities: Arc::new(CapabilityTable::parse(TABLE).unwrap()),
            read_credential: Arc::new(|_| Ok(None)),
        }
    }

    /// Runs until nothing can move by itself any more.
    pub(crate) async fn run(&self) {
        let engine = Engine::start(self.parts(), EngineOptions::default()).await.unwrap();
        let mut activity = engine.activity();
        let wait = activity.wait_for(|activity| activity.nothing_to_do);
        tokio::time::timeout(Duration::from_secs(120), wait).await.expect("the engine settles").unwrap();
        engine.drain().await;
    }

    /// Runs an engine of its own until `enough`, and kills it: nothing is tidied up.
    pub(crate) async fn run_and_kill(&self, enough: impl AsyncFn() -> bool) {
        let parts = self.parts();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let engine = runtime.spawn(async { Engine::start(parts, EngineOptions::default()).await.unwrap() });
        let engine = engine.await.unwrap();
        let until = std::time::Instant::now() + Duration::from_secs(60);
        while !enough().await {
            assert!(std::time::Instant::now() < until, "the moment to kill never came");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        runtime.shutdown_background();
        drop(engine);
    }

    pub(crate) async fn job(&self, id: JobId) -> Job {
        self.store.jobs().get(id).await.unwrap().unwrap()
    }

    pub(crate) async fn tasks(&self, job: JobId) -> Vec<Task> {
        self.store.tasks().page(TaskFilter { job, states: None, failure: None }, None, 1_000).await.unwrap()
    }

    pub(crate) async fn calls(&self, task: &Task) -> Vec<Call> {
        self.store.calls().for_task(task.id).await.unwrap()
    }

    /// Steps that ended well, in order.
    pub(crate) async fn steps(&self, task: &Task) -> Vec<String> {
        let calls = self.calls(task).await;
        calls.into_iter().filter(|call| call.state == CallState::Fetched).map(|call| call.step).collect()
    }

    pub(crate) fn record(&self, task: &Task) -> Option<Record> {
        let text = std::fs::read_to_string(self.files.drafts_of(task.job, task.id).join("record.json")).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }

    /// Every charged call of the bill is one call of the ledger that knows of it.
    pub(crate) async fn expect_bill_is_ledger(&self, job: JobId) {
        let bill = self.simulator.bill();
        let charged = bill.billed_by_request();
        assert!(charged.values().all(|times| *times == 1), "{charged:?}");
        let mut held = Vec::new();
        for task in self.tasks(job).await {
            held.extend(
                self.calls(&task)
                    .await
                    .into_iter()
                    .filter(|call| call.failure.as_ref().is_none_or(|failure| failure.billing != Billing::NotBilled)),
            );
        }
        let known = |request: &str| held.iter().any(|call| request.ends_with(&format!("-{}", call.id.0)));
        assert!(charged.keys().all(|request| known(request)));
    }
}
