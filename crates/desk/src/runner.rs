//! Runs the workspace's jobs while this process owns it: the lock, the engine, and simulators in process. When another process
//! owns the workspace there is nothing to run here, until that one has gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::job::{Job, JobState};
use imagemill_domain::plan::Plan;
use imagemill_domain::profile::Profile;
use imagemill_engine::{Activity, Engine, EngineHandle, EngineOptions, EngineParts};
use imagemill_providers::Registry;
use imagemill_simulator::{Scenario, Simulator, SimulatorOptions};
use imagemill_store::Store;

use crate::desk::Desk;
use crate::error::DeskError;
use crate::profiles::{SIMULATOR, read_credential};
use crate::rehearsal::Rehearsal;
use crate::workspace::{Claim, Owner, OwnerLock, host_name};

/// What this process runs.
#[derive(Default)]
pub struct Runner {
    running: Option<(OwnerLock, EngineHandle)>,
    simulators: Vec<Simulator>,
    scenario: Scenario,
    command: String,
    rehearses: bool,
    rehearsal: Option<Rehearsal>,
}

impl Runner {
    /// `command` is what other processes are told; `scenario` is for simulators in process.
    pub fn new(command: impl Into<String>, scenario: Scenario) -> Self {
        Self { command: command.into(), scenario, ..Self::default() }
    }

    /// One whose jobs call a simulator that behaves by `scenario`, whatever their profiles. Its store should be a throw-away one.
    pub fn for_rehearsal(scenario: Scenario) -> Self {
        Self { rehearses: true, ..Self::new("run --rehearse", scenario) }
    }

    pub(crate) fn rehearses(&self) -> bool {
        self.rehearses
    }

    /// Where this is a rehearsal, lets the calls of `plan` go to the simulator.
    pub(crate) async fn rehearse(&mut self, plan: &mut Plan, table: &CapabilityTable) -> Result<(), DeskError> {
        if !self.rehearses {
            return Ok(());
        }
        let rehearsal = match &mut self.rehearsal {
            Some(started) => started,
            none => none.insert(Rehearsal::start(self.scenario.clone()).await?),
        };
        rehearsal.take(plan, table)
    }

    /// The same with the simulator's ordinary behaviour.
    pub fn named(command: impl Into<String>) -> Self {
        Self::new(command, Scenario::default())
    }

    /// Gives a simulator profile without an address one of a simulator in this process.
    pub async fn provide(&mut self, profile: &mut Profile) -> Result<(), DeskError> {
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
    pub async fn take_over(&mut self, desk: &Desk, store: &Store) -> Result<Option<Owner>, DeskError> {
        if self.running.is_some() {
            return Ok(None);
        }
        desk.workspace.create()?;
        let lock = match desk.workspace.claim(&self.command)? {
            Claim::Mine(lock) => lock,
            Claim::Theirs(owner) if owner.is_here() => return Ok(Some(owner)),
            Claim::Theirs(owner) => return Err(DeskError::Elsewhere(owner)),
        };
        self.revive_simulators(store).await?;
        let parts = EngineParts {
            store: store.clone(),
            files: desk.files()?,
            registry: Arc::new(Registry::new()),
            recipes: imagemill_recipes::all(Arc::new(desk.catalogue()?)),
            capabilities: Arc::new(match &self.rehearsal {
                Some(rehearsal) => desk.capabilities()?.overlaid_by(rehearsal.table.clone()),
                None => desk.capabilities()?,
            }),
            read_credential: Arc::new(read_credential),
        };
        let threads = match desk.config.picture_threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            threads => threads,
        };
        let options = EngineOptions { host: host_name(), pid: std::process::id(), picture_threads: threads };
        let engine = Engine::start(parts, options).await?;
        self.running = Some((lock, engine));
        Ok(None)
    }

    /// Jobs of an earlier process may call a simulator that lived in it. It comes back under the same address.
    async fn revive_simulators(&mut self, store: &Store) -> Result<(), DeskError> {
        // Not the open jobs: all tasks of a job may still count as running under a process that was killed.
        for job in store.jobs().list().await?.into_iter().filter(|job| job.state == JobState::Active) {
            self.revive_simulators_of(&job).await;
        }
        Ok(())
    }

    /// The same for one job, which is about to go on after its end or a pause.
    pub async fn revive_simulators_of(&mut self, job: &Job) {
        for profile in job.definition.profiles().into_iter().filter(|profile| profile.provider == SIMULATOR) {
            self.revive_simulator(&profile.base_url).await;
        }
    }

    async fn revive_simulator(&mut self, base_url: &str) {
        let address = base_url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let Some(address) = address.and_then(|address| address.parse::<SocketAddr>().ok()) else { return };
        let ours = self.simulators.iter().any(|simulator| simulator.address() == address);
        if ours || !address.ip().is_loopback() {
            return;
        }
        let options = SimulatorOptions { address, scenario: self.scenario.clone(), ..SimulatorOptions::default() };
        // When the address is taken, somebody serves it: a simulator of its own, as the profile may say.
        if let Ok(simulator) = Simulator::start(options).await {
            self.simulators.push(simulator);
        }
    }

    /// The engine, when this process runs one.
    pub fn engine(&self) -> Option<&EngineHandle> {
        self.running.as_ref().map(|(_, engine)| engine)
    }

    /// What the engine does.
    pub fn activity(&self) -> Option<Activity> {
        self.engine().map(|engine| engine.activity().borrow().clone())
    }

    /// Ends: nothing new starts, calls under way are awaited, the workspace is free again. `held` is told how many paid answers
    /// wait for room on a full disk; from then on Ctrl-C ends the waiting.
    pub async fn finish(mut self, held: impl FnOnce(u32)) {
        if let Some((lock, engine)) = self.running.take() {
            let mut activity = engine.activity();
            tokio::select! {
                () = engine.drain() => {}
                Ok(answers) = async { activity.wait_for(|activity| activity.held > 0).await.map(|activity| activity.held) } => {
                    held(answers);
                    tokio::select! {
                        () = engine.drain() => {}
                        _ = tokio::signal::ctrl_c() => {}
                    }
                }
            }
            engine.stop().await;
            drop(lock);
        }
        for simulator in self.simulators.into_iter().chain(self.rehearsal.map(Rehearsal::into_simulator)) {
            // A client that hangs must not hold up the end of the program.
            let _ = tokio::time::timeout(Duration::from_millis(500), simulator.stop()).await;
        }
    }
}
