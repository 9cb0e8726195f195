//! Starting and steering the engine. The dispatcher itself is behind a channel; nothing else holds run state.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::profile::Profile;
use imagemill_providers::Registry;
use imagemill_store::{Files, Store};
use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::answers::AnswerLog;
use crate::clock::Clock;
use crate::context::Shared;
use crate::disk::Disk;
use crate::dispatcher::{Command, Dispatcher};
use crate::error::EngineError;
use crate::pictures::PicturePool;
use crate::recipe::Recipe;
use crate::recovery;
use crate::sources::SourceLooks;

/// A worker process's lease; a beat every third of it.
pub(crate) const LEASE_MS: u64 = 30_000;

/// Finds a profile's secret: in the environment, in a file.
pub type ReadCredential = Arc<dyn Fn(&Profile) -> Result<Option<SecretString>, Failure> + Send + Sync>;

/// The concrete parts, put together by the caller.
pub struct EngineParts {
    /// Rows.
    pub store: Store,
    /// Asset files.
    pub files: Files,
    /// Makes providers from profiles.
    pub registry: Arc<Registry>,
    /// What can be done with a task.
    pub recipes: Vec<Arc<dyn Recipe>>,
    /// Prices and abilities.
    pub capabilities: Arc<CapabilityTable>,
    /// Finds secrets.
    pub read_credential: ReadCredential,
}

/// Who runs it and how many threads it may use.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Name of this machine, for people.
    pub host: String,
    /// Process id, for people.
    pub pid: u32,
    /// Pictures decoded at once.
    pub picture_threads: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            pid: std::process::id(),
            picture_threads: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }
}

/// What the engine is doing, for a progress line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity {
    /// Tasks under way.
    pub running: u32,
    /// Profiles that are paused while jobs want them.
    pub blocked: Vec<Blocked>,
    /// Every profile in use.
    pub profiles: Vec<ProfileActivity>,
    /// No open task can move by itself any more: all ended, or what is left waits for a person.
    pub nothing_to_do: bool,
    /// Answers that are paid for and wait in memory for room on a full disk; the end of the engine waits for them.
    pub held: u32,
}

/// Why tasks do not move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The profile.
    pub profile: String,
    /// What the pause means.
    pub kind: FailureKind,
    /// A sentence for a person.
    pub reason: String,
    /// When it tries again by itself, microseconds since 1970.
    pub until_us: Option<i64>,
}

/// How hard a profile is pushed right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileActivity {
    /// Its name.
    pub name: String,
    /// Calls under way.
    pub in_flight: u32,
    /// Calls at once that it allows itself now.
    pub concurrency_now: u32,
    /// Calls at once at most.
    pub concurrency_max: u32,
}

/// The engine.
pub struct Engine;

/// Steers a running engine. Clones steer the same one.
#[derive(Clone)]
pub struct EngineHandle {
    commands: mpsc::UnboundedSender<Command>,
    activity: watch::Receiver<Activity>,
    ended: Arc<Mutex<Option<tokio::task::JoinHandle<()>>>>,
}

impl Engine {
    /// Takes over what a dead process left, then runs every active job of the store until it is drained or stopped.
    ///
    /// The caller holds the workspace's lock: every other owner in the store is taken to be dead.
    pub async fn start(parts: EngineParts, options: EngineOptions) -> Result<EngineHandle, EngineError> {
        let clock = Clock::start();
        let now_us = clock.now_us();
        let owner = parts.store.owners().register(&options.host, options.pid, now_us, clock.after_ms(LEASE_MS)).await?;
        let shared = Arc::new(Shared {
            pool: PicturePool::new(parts.files.clone(), options.picture_threads).map_err(EngineError::Threads)?,
            disk: Disk::of(parts.files.spool_dir()),
            looks: SourceLooks::default(),
            answers: AnswerLog::new(parts.files.spool_dir(), owner),
            stuck: Mutex::default(),
            tickets: Mutex::default(),
            uploads: crate::uploads::Turns::default(),
            batches: crate::batch::Batches::default(),
            recipes: parts.recipes.iter().map(|recipe| (recipe.name(), recipe.clone())).collect(),
            capabilities: parts.capabilities.clone(),
            draining: CancellationToken::new(),
            store: parts.store,
            files: parts.files,
            clock,
            owner,
        });
        let recovered = recovery::recover(&shared).await?;
        if recovered != recovery::Recovered::default() {
            tracing::warn!(?recovered, "went on where an earlier process ended");
        }
        // Starting again is a person's wish to try again: a key may have been mended meanwhile.
        for paused in shared.store.profiles().paused().await? {
            shared.store.profiles().resume(&paused.name, shared.clock.now_us()).await?;
        }
        let (commands, inbox) = mpsc::unbounded_channel();
        let (activity_in, activity) = watch::channel(Activity::default());
        let dispatcher = Dispatcher::new(shared, parts.registry, parts.read_credential, inbox, activity_in);
        let ended = tokio::spawn(dispatcher.run());
        Ok(EngineHandle { commands, activity, ended: Arc::new(Mutex::new(Some(ended))) })
    }
}

impl EngineHandle {
    /// Rows changed (a job was submitted, resumed or retried): look now instead of at the next tick.
    pub fn wake(&self) {
        let _ = self.commands.send(Command::Wake);
    }

    /// What it is doing; changes as it happens.
    pub fn activity(&self) -> watch::Receiver<Activity> {
        self.activity.clone()
    }

    /// Claims nothing more and returns when every call under way has ended.
    pub async fn drain(&self) {
        self.end(Command::Drain).await;
    }

    /// Closes every socket within a second and returns. Tasks that had sent nothing are queued again.
    pub async fn stop(&self) {
        self.end(Command::Stop).await;
    }

    async fn end(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
        let (reply, done) = oneshot::channel();
        if self.commands.send(command(reply)).is_ok() {
            // The dispatcher answers when its last worker is gone; a closed channel means the same.
            let _ = done.await;
        }
        let handle = self.ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(handle) = handle
            && tokio::time::timeout(Duration::from_secs(10), handle).await.is_err()
        {
            tracing::error!("the dispatcher did not end in time");
        }
    }
}
