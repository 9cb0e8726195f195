//! Runs the workspace's jobs while this process owns it: the lock, the engine, and simulators in process. When another process
//! owns the workspace there is nothing to run here, until that one has gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use imagemill_domain::job::JobState;
use imagemill_domain::profile::Profile;
use imagemill_engine::{Activity, Engine, EngineHandle, EngineOptions, EngineParts};
use imagemill_providers::Registry;
use imagemill_simulator::{Scenario, Simulator, SimulatorOptions};
use imagemill_store::Store;

use crate::context::Context;
use crate::profiles::{SIMULATOR, read_credential};
use crate::texts::say;
use crate::workspace::{Claim, Owner, OwnerLock, host_name};

/// What this process runs.
#[derive(Default)]
pub(crate) struct Runner {
    running: Option<(OwnerLock, EngineHandle)>,
    simulators: Vec<Simulator>,
    scenario: Scenario,
    command: String,
}

impl Runner {
    /// `command` is what other processes are told; `scenario` is for simulators in process.
    pub(crate) fn new(command: impl Into<String>, scenario: Scenario) -> Self {
        Self { command: command.into(), scenario, ..Self::default() }
    }

    /// Gives a simulator profile without an address one of a simulator in this process.
    pub(crate) async fn provide(&mut self, profile: &mut Profile) -> anyhow::Result<()> {
        if profile.provider != SIMULATOR || !profile.base_url.is_empty() {
            return Ok(());
        }
        if self.simulators.is_empty() {
            let options = SimulatorOptions { scenario: self.scenario.clone(), ..SimulatorOptions::default() };
            self.simulators.push(Simulator::start(options).await?);
        }
        profile.base_url = self.simulators[0].base_url_for(profile.protocol);
        Ok(())
    }

    /// Becomes the owner and starts the engine, unless another process is the owner; that one is returned.
    pub(crate) async fn take_over(&mut self, context: &Context, store: &Store) -> anyhow::Result<Option<Owner>> {
        if self.running.is_some() {
            return Ok(None);
        }
        context.workspace.create()?;
        let lock = match context.workspace.claim(&self.command)? {
            Claim::Mine(lock) => lock,
            Claim::Theirs(owner) if owner.is_here() => return Ok(Some(owner)),
            Claim::Theirs(owner) => {
                anyhow::bail!(say!(context.texts, "workspace.elsewhere", owner = owner));
            }
        };
        self.revive_simulators(store).await?;
        let parts = EngineParts {
            store: store.clone(),
            files: context.files()?,
            registry: Arc::new(Registry::new()),
            recipes: imagemill_recipes::all(),
            capabilities: Arc::new(context.capabilities()?),
            read_credential: Arc::new(read_credential),
        };
        let threads = match context.config.picture_threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            threads => threads,
        };
        let options = EngineOptions { host: host_name(), pid: std::process::id(), picture_threads: threads };
        let engine = Engine::start(parts, options).await?;
        self.running = Some((lock, engine));
        Ok(None)
    }

    /// Jobs of an earlier process may call a simulator that lived in it. It comes back under the same address.
    async fn revive_simulators(&mut self, store: &Store) -> anyhow::Result<()> {
        // Not the open jobs: all tasks of a job may still count as running under a process that was killed.
        for job in store.jobs().list().await?.into_iter().filter(|job| job.state == JobState::Active) {
            let profile = &job.definition.profile;
            let address = profile.base_url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
            let Some(address) = address.and_then(|address| address.parse::<SocketAddr>().ok()) else { continue };
            let ours = self.simulators.iter().any(|simulator| simulator.address() == address);
            if profile.provider != SIMULATOR || ours || !address.ip().is_loopback() {
                continue;
            }
            let options = SimulatorOptions { address, scenario: self.scenario.clone(), ..SimulatorOptions::default() };
            // When the address is taken, somebody serves it: a simulator of its own, as the profile may say.
            if let Ok(simulator) = Simulator::start(options).await {
                self.simulators.push(simulator);
            }
        }
        Ok(())
    }

    /// The engine, when this process runs one.
    pub(crate) fn engine(&self) -> Option<&EngineHandle> {
        self.running.as_ref().map(|(_, engine)| engine)
    }

    /// What the engine does.
    pub(crate) fn activity(&self) -> Option<Activity> {
        self.engine().map(|engine| engine.activity().borrow().clone())
    }

    /// Ends: nothing new starts, calls under way are awaited, the workspace is free again.
    pub(crate) async fn finish(mut self, context: &Context) {
        if let Some((lock, engine)) = self.running.take() {
            let mut activity = engine.activity();
            tokio::select! {
                () = engine.drain() => {}
                Ok(held) = async { activity.wait_for(|activity| activity.held > 0).await.map(|activity| activity.held) } => {
                    let answers = context.texts.count("answer", held.into());
                    context.printer.error(say!(context.texts, "run.held", answers = answers, folder = context.workspace.state().display()));
                    tokio::select! {
                        () = engine.drain() => {}
                        _ = tokio::signal::ctrl_c() => {}
                    }
                }
            }
            engine.stop().await;
            drop(lock);
        }
        for simulator in self.simulators {
            // A client that hangs must not hold up the end of the program.
            let _ = tokio::time::timeout(Duration::from_millis(500), simulator.stop()).await;
        }
    }
}
