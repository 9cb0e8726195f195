//! A workspace, a simulator and an engine, and one line for a job.

use std::sync::Arc;
use std::time::{Duration, Instant};

use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::job::{Job, JobDefinition, JobId, JobState};
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::lane::Lane;
use imagemill_domain::plan;
use imagemill_domain::profile::{Credential, NetworkRules, Profile, Protocol};
use imagemill_domain::source::{Scan, SourceItem};
use imagemill_domain::speaker::{Speaker, Speakers};
use imagemill_domain::task::{SourcePicture, Task, TaskState};
use imagemill_engine::{Ending, Engine, EngineHandle, EngineOptions, EngineParts, Recipe, RecipeFuture, TaskContext};
use imagemill_providers::Registry;
use imagemill_simulator::{Scenario, Simulator, SimulatorOptions};
use imagemill_store::{Files, NewJob, NewTask, Store, StoreOptions, TaskFilter};
use imagemill_testkit::TempWorkspace;
use secrecy::SecretString;
use tokio::sync::oneshot;

/// Prices as in the shipped table: four cents a picture.
const TABLE: &str = r#"
[batch.openai]
max_items = 50
max_bytes = 1_000_000
window_h = 24
price = 0.5
date = "2026-01-01"
source = "test"

[batch.gemini]
max_items = 50
max_bytes = 1_000_000
window_h = 24
price = 0.5
date = "2026-01-01"
source = "test"

[batch.anthropic]
max_items = 50
max_bytes = 1_000_000
window_h = 24
price = 0.5
date = "2026-01-01"
source = "test"

[[model]]
provider = "gemini"
model = "*"
generations = true
edits = true
batch = "gemini"
price = { date = "2026-01-01", source = "test", per_image = 0.04 }

[[model]]
provider = "anthropic"
model = "*"
chat = true
batch = "anthropic"
price = { date = "2026-01-01", source = "test", text_in = 0.5, text_out = 2.0 }

[[model]]
provider = "simulator"
model = "sim-text*"
chat = true
batch = "openai"
json_schema = true
price = { date = "2026-01-01", source = "test", text_in = 0.5, text_out = 2.0 }

[[model]]
provider = "simulator"
model = "sim-chat*"
chat = true
price = { date = "2026-01-01", source = "test", text_in = 0.5, text_out = 2.0 }

[[model]]
provider = "simulator"
model = "sim-image+delay:1"
generations = true
chat = true
recovery = "replayable"
price = { date = "2026-01-01", source = "test", per_image = 0.04 }

[[model]]
provider = "simulator"
model = "*"
generations = true
edits = true
chat = true
responses = true
picture_field = "image_urls[]"
seed = "honoured"
max_n = 10
files = true
batch = "openai"
price = { date = "2026-01-01", source = "test", per_image = 0.04 }
"#;

pub(crate) struct Bed {
    pub(crate) workspace: TempWorkspace,
    pub(crate) store: Store,
    pub(crate) files: Files,
    pub(crate) simulator: Simulator,
    pub(crate) secret: Option<&'static str>,
    /// Who answers text and vision calls of jobs that are submitted.
    pub(crate) speakers: Speakers,
    /// Instead of the plainest recipe.
    pub(crate) recipe: Option<Arc<dyn Recipe>>,
    /// What models can do.
    pub(crate) table: CapabilityTable,
}

/// The plainest recipe: the task's own request. A prompt of "panic" panics, as a faulty recipe would.
struct Plain(RecipeName);

impl Recipe for Plain {
    fn name(&self) -> RecipeName {
        self.0
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(async move {
            assert_ne!(task.prompt(), "panic", "told to panic");
            Ok(Ending::Image(Box::new(task.ask("image"))))
        })
    }
}

/// An engine's parts with `recipe` as `generate`.
pub(crate) fn parts(store: Store, files: Files, secret: Option<&'static str>, recipe: Arc<dyn Recipe>) -> EngineParts {
    EngineParts {
        store,
        files,
        registry: Arc::new(Registry::new()),
        recipes: vec![recipe, Arc::new(Plain(RecipeName::Edit))],
        capabilities: Arc::new(CapabilityTable::parse(TABLE).unwrap()),
        read_credential: Arc::new(move |_| Ok(secret.map(SecretString::from))),
    }
}

impl Bed {
    pub(crate) async fn new(scenario: Scenario) -> Self {
        Self::with(SimulatorOptions { scenario, ..SimulatorOptions::default() }).await
    }

    pub(crate) async fn with(options: SimulatorOptions) -> Self {
        let workspace = TempWorkspace::new();
        let store = Store::open(&workspace.join("db.sqlite"), StoreOptions::default()).await.unwrap();
        let files = Files::open(workspace.path()).unwrap();
        let simulator = Simulator::start(options).await.unwrap();
        let table = CapabilityTable::parse(TABLE).unwrap();
        Self { workspace, store, files, simulator, secret: None, speakers: Speakers::default(), recipe: None, table }
    }

    pub(crate) fn profile(&self, model: &str) -> Profile {
        Profile {
            name: "sim".into(),
            provider: "simulator".into(),
            protocol: Protocol::ChatCompletions,
            base_url: self.simulator.base_url(),
            model: model.into(),
            credential: self.secret.map_or(Credential::None, |_| Credential::Env("TEST".into())),
            network: NetworkRules { allow_private_api: true, allow_private_downloads: true, ..NetworkRules::default() },
            ..Profile::default()
        }
    }

    /// A generate job of `samples` tasks, changed by `change`.
    pub(crate) async fn submit(
        &self,
        model: &str,
        samples: u32,
        change: impl FnOnce(&mut JobFile, &mut Profile),
    ) -> JobId {
        let mut file = JobFile { prompt: Some("a red barn".into()), samples, ..JobFile::new(RecipeName::Generate) };
        file.options.size = Some("64x48".into());
        file.retry.wait_ms = 20;
        let mut profile = self.profile(model);
        change(&mut file, &mut profile);
        self.submit_file(&file, &profile, Scan::default()).await
    }

    /// An edit job over files of the workspace.
    pub(crate) async fn submit_edit(&self, model: &str, names: &[&str]) -> JobId {
        self.submit_edit_with(&self.profile(model), names).await
    }

    pub(crate) async fn submit_edit_with(&self, profile: &Profile, names: &[&str]) -> JobId {
        self.submit_edit_in(profile, names, Lane::Auto).await
    }

    pub(crate) async fn submit_edit_in(&self, profile: &Profile, names: &[&str], lane: Lane) -> JobId {
        let items = names
            .iter()
            .map(|name| {
                let path = self.workspace.join(name);
                let blake3 = imagemill_domain::hash::ContentHash::of(&std::fs::read(&path).unwrap());
                let picture = SourcePicture { path: path.display().to_string(), name: (*name).into(), blake3 };
                SourceItem { pictures: vec![picture], ..SourceItem::default() }
            })
            .collect();
        let file = JobFile { prompt: Some("make it night".into()), lane, ..JobFile::new(RecipeName::Edit) };
        self.submit_file(&file, profile, Scan { items, ..Scan::default() }).await
    }

    pub(crate) async fn submit_file(&self, file: &JobFile, profile: &Profile, scan: Scan) -> JobId {
        self.submit_over(file, &[(profile.clone(), 0)], scan).await
    }

    /// A job with several ways to its pictures.
    pub(crate) async fn submit_over(&self, file: &JobFile, profiles: &[(Profile, u32)], scan: Scan) -> JobId {
        self.submit_as("job", file, profiles, scan).await
    }

    /// The same under a name: jobs of one name are one job.
    pub(crate) async fn submit_as(&self, name: &str, file: &JobFile, profiles: &[(Profile, u32)], scan: Scan) -> JobId {
        let plan = plan::expand_over(file, name, profiles, scan, &self.table).unwrap();
        let jobs = self.store.jobs();
        let job = NewJob {
            name: plan.name.clone(),
            priority: file.priority,
            budget: file.budget,
            definition: JobDefinition { speakers: self.speakers.clone(), ..plan.definition.clone() },
        };
        let id = jobs.begin_submit(job, 1).await.unwrap();
        let tasks = plan.tasks().map(|task| task.unwrap()).map(|task| NewTask { key: task.key, spec: task.spec });
        jobs.add_tasks(id, tasks.collect()).await.unwrap();
        jobs.finish_submit(id, 1).await.unwrap();
        id
    }

    pub(crate) async fn start(&self) -> EngineHandle {
        Engine::start(self.parts(), EngineOptions::default()).await.unwrap()
    }

    fn parts(&self) -> EngineParts {
        let recipe = self.recipe.clone().unwrap_or_else(|| Arc::new(Plain(RecipeName::Generate)));
        let parts = parts(self.store.clone(), self.files.clone(), self.secret, recipe);
        EngineParts { capabilities: Arc::new(self.table.clone()), ..parts }
    }

    /// A profile and model for words at the simulator.
    pub(crate) fn speaker(&self, model: &str) -> Speaker {
        Speaker { profile: self.profile(model), model: model.into() }
    }

    /// Runs an engine of its own until `enough` says so, and then kills it: nothing of it runs on, nothing is tidied up.
    pub(crate) async fn run_and_kill(&self, enough: impl AsyncFn() -> bool) {
        let parts = self.parts();
        let (started, start) = oneshot::channel();
        let (kill, killed) = oneshot::channel::<()>();
        // On one thread nothing is polled any more once this returns. The end of a runtime with several lets its tasks run on while
        // their files and names are refused to them, which no killed process ever sees.
        let process = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let engine = Engine::start(parts, EngineOptions::default()).await.unwrap();
                let _ = started.send(engine);
                let _ = killed.await;
            });
        });
        let engine = start.await.unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        while !enough().await {
            assert!(Instant::now() < until, "the moment to kill never came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        kill.send(()).unwrap();
        tokio::task::spawn_blocking(move || process.join().unwrap()).await.unwrap();
        drop(engine);
    }

    /// Runs until nothing can move by itself any more.
    pub(crate) async fn run(&self) {
        let engine = self.start().await;
        settled(&engine).await;
        engine.drain().await;
    }

    pub(crate) async fn job(&self, id: JobId) -> Job {
        self.store.jobs().get(id).await.unwrap().unwrap()
    }

    pub(crate) async fn tasks(&self, job: JobId) -> Vec<Task> {
        let filter = TaskFilter { job, states: None, failure: None };
        self.store.tasks().page(filter, None, 1_000).await.unwrap()
    }

    /// How many tasks are in each state, without zeros.
    pub(crate) async fn states(&self, job: JobId) -> Vec<(TaskState, u64)> {
        let counts = self.store.jobs().counts(job).await.unwrap();
        counts.iter().filter(|(_, count)| *count > 0).collect()
    }

    pub(crate) async fn expect_finished(&self, job: JobId) {
        assert_eq!(self.job(job).await.state, JobState::Finished);
    }

    pub(crate) fn billed(&self) -> u64 {
        self.simulator.bill().billed
    }
}

pub(crate) async fn settled(engine: &EngineHandle) {
    let mut activity = engine.activity();
    let wait = activity.wait_for(|activity| activity.nothing_to_do);
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the engine settles").unwrap();
}
