//! What every request can use. Plain parts; what is done with them is said where it is done.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use imagemill_desk::{Desk, DeskError, JobInput, Runner, SIMULATOR, choose};
use imagemill_providers::NoticeReader;
use imagemill_store::{Files, Store};
use tokio::sync::Mutex;

use crate::activity::ActivityBoard;
use crate::audit::Audit;
use crate::events::EventHub;
use crate::owed_decks::OwedDecks;
use crate::queues::Queues;
use crate::roots::Roots;
use crate::runs::RequestRuns;
use crate::safety::Gate;
use crate::saves::Saves;
use crate::serve::ServeOptions;
use crate::stacks::Stacks;

/// A cheap clone of what every request can use.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Parts>);

/// See [`AppState`].
pub(crate) struct Parts {
    /// How it was started.
    pub(crate) options: ServeOptions,
    desk: RwLock<Arc<Desk>>,
    /// Rows.
    pub(crate) store: Store,
    /// Pictures.
    pub(crate) files: Files,
    /// Runs the workspace, when no other process does.
    pub(crate) runner: Mutex<Runner>,
    gate: Gate,
    /// Folders that requests may name.
    pub(crate) roots: Roots,
    /// What was changed, by whom.
    pub(crate) audit: Audit,
    /// Events to pages.
    pub(crate) hub: EventHub,
    /// Rates and times to go.
    pub(crate) board: ActivityBoard,
    /// Held while a file of settings is changed.
    pub(crate) settings_turn: Mutex<()>,
    /// Saves under way.
    pub(crate) saves: Saves,
    /// Runs of request files that have not ended.
    pub(crate) runs: RequestRuns,
    /// Decks that are not made yet.
    pub(crate) owed_decks: OwedDecks,
    /// Checks what providers tell by themselves.
    pub(crate) notices: NoticeReader,
    /// Rows of critiques for people.
    pub(crate) queues: Queues,
    /// Pictures that look alike.
    pub(crate) stacks: Stacks,
}

impl std::ops::Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl AppState {
    /// Puts the parts together.
    pub(crate) fn new(options: ServeOptions, desk: Desk, store: Store, files: Files, gate: Gate, roots: Roots) -> Self {
        let state = desk.workspace.state();
        Self(Arc::new(Parts {
            runner: Mutex::new(Runner::named("serve")),
            audit: Audit::new(state.join("audit.jsonl")),
            saves: Saves::new(state.join("tmp")),
            settings_turn: Mutex::default(),
            runs: RequestRuns::default(),
            owed_decks: OwedDecks::new(state.join("decks")),
            hub: EventHub::default(),
            board: ActivityBoard::default(),
            notices: NoticeReader::default(),
            queues: Queues::default(),
            stacks: Stacks::default(),
            desk: RwLock::new(Arc::new(desk)),
            options,
            store,
            files,
            gate,
            roots,
        }))
    }

    /// Settings and workspace as they are now.
    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the configuration anew, after it was changed.
    pub(crate) fn reload(&self) -> Result<(), DeskError> {
        let desk = (self.options.load)()?;
        *self.desk.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(desk);
        Ok(())
    }

    /// Who may ask.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Where uploads lie.
    pub(crate) fn uploads(&self) -> PathBuf {
        self.desk().workspace.state().join("uploads")
    }

    /// The settings with which a job is planned that will run: simulator profiles that it names have an address.
    pub(crate) async fn desk_for(&self, input: &JobInput) -> Result<Desk, DeskError> {
        let mut desk = Desk::clone(&self.desk());
        let file = &input.file;
        let speakers =
            [&file.text, &file.vision].into_iter().flatten().filter_map(|section| section.profile.as_deref());
        let wanted = file.wanted_profiles().map_err(|error| input.plan_error(error))?;
        let names: Vec<Option<&str>> = wanted.into_iter().map(|(name, _)| name).chain(speakers.map(Some)).collect();
        for named in names {
            let mut profile = choose(&desk.config, named)?;
            imagemill_desk::credential(&profile)?;
            if profile.provider == SIMULATOR {
                self.runner.lock().await.provide(&mut profile).await?;
                desk.config.profiles.insert(profile.name.clone(), profile);
            }
        }
        Ok(desk)
    }
}
