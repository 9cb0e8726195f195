//! Starting and ending the server: the listener, the workspace it runs, the tasks beside the requests.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use imagemill_desk::{Desk, DeskError, Owner};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::ServerError;
use crate::roots::Roots;
use crate::safety::Gate;
use crate::state::AppState;
use crate::{activity, api, events, owed_decks, runs, saves};

/// Between two attempts to become the owner of the workspace.
const TAKE_OVER_EVERY: Duration = Duration::from_secs(1);

/// Reads the configuration anew.
pub type LoadDesk = Arc<dyn Fn() -> Result<Desk, DeskError> + Send + Sync>;

/// How it is started.
#[derive(Clone)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// What clients must know. Needed when other machines reach the address.
    pub token: Option<SecretString>,
    /// Pages of elsewhere that may ask (`https://studio.example`).
    pub allowed_origins: Vec<String>,
    /// Raw requests and answers, and the log, also for clients on other machines.
    pub raw_for_all: bool,
    /// Folders that requests may name when other machines reach the address, besides the workspace.
    pub roots: Vec<PathBuf>,
    /// Largest uploaded picture, in bytes.
    pub max_picture_bytes: u64,
    /// Whether an export of profiles may hold secrets when it is asked for.
    pub export_secrets: bool,
    /// The language that people at this machine read.
    pub lang: imagemill_desk::Lang,
    /// Reads the configuration.
    pub load: LoadDesk,
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    state: AppState,
    stopping: CancellationToken,
    listening: JoinHandle<()>,
    beside: Vec<JoinHandle<()>>,
}

impl Server {
    /// Listens, and runs the workspace unless another process does; then it takes over when that one has gone.
    ///
    /// # Errors
    /// A busy port, an address that other machines reach without a token, a workspace that cannot be opened.
    pub async fn start(options: ServeOptions) -> Result<Self, ServerError> {
        if let Some(token) = &options.token
            && token.expose_secret().chars().count() < 16
        {
            return Err(ServerError::ShortToken);
        }
        if options.token.is_none() && !options.address.ip().is_loopback() {
            return Err(ServerError::NoToken(options.address));
        }
        let listen = |source| ServerError::Listen { address: options.address, source };
        let listener = TcpListener::bind(options.address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let desk = (options.load)()?;
        let store = desk.store().await?;
        let files = desk.files()?;
        let gate =
            Gate::new(address, &options.allowed_origins, options.token.as_ref().map(ExposeSecret::expose_secret));
        let roots = roots(&options, &desk, gate.is_remote())?;
        let state = AppState::new(options, desk, store, files, gate, roots);
        // Before the first request, so that a client sees who runs the workspace.
        take_over(&state).await?;
        let stopping = CancellationToken::new();
        let app = api::router(&state);
        let stopped = stopping.clone().cancelled_owned();
        let listening = tokio::spawn(async move {
            let app = app.into_make_service_with_connect_info::<SocketAddr>();
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the server stopped listening");
            }
        });
        let beside = vec![
            tokio::spawn(events::follow(state.clone())),
            tokio::spawn(activity::look_around(state.clone())),
            tokio::spawn(keep_running(state.clone())),
            tokio::spawn(saves::save_what_ended(state.clone())),
            tokio::spawn(runs::collect_what_ended(state.clone())),
            tokio::spawn(owed_decks::follow(state.clone())),
        ];
        Ok(Self { address, state, stopping, listening, beside })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The other process that runs the workspace, when there is one.
    pub async fn other_owner(&self) -> Option<Owner> {
        if self.state.runner.lock().await.engine().is_some() { None } else { self.state.desk().workspace.owner() }
    }

    /// Lets nothing new start; calls under way are awaited, because they are paid for. Jobs stay as they are and go on with
    /// the next start. `held` as in [`imagemill_desk::Runner::finish`].
    pub async fn drain(self, held: impl FnOnce(u32)) {
        self.stopping.cancel();
        for task in &self.beside {
            task.abort();
        }
        let runner = std::mem::take(&mut *self.state.runner.lock().await);
        runner.finish(held).await;
        // Event streams never end by themselves.
        self.listening.abort();
        self.state.store.clone().close().await;
    }

    /// Closes connections to providers; calls without an answer are `unknown`. For a second Ctrl-C while [`Self::drain`] waits.
    pub async fn engine(&self) -> Option<imagemill_engine::EngineHandle> {
        self.state.runner.lock().await.engine().cloned()
    }
}

fn roots(options: &ServeOptions, desk: &Desk, remote: bool) -> Result<Roots, ServerError> {
    let mut folders = vec![desk.workspace.root.clone()];
    folders.extend(options.roots.iter().map(|root| desk.current.join(root)));
    if !remote && options.roots.is_empty() {
        folders.extend(std::env::home_dir().filter(|home| !folders.contains(home)));
        return Ok(Roots::all(folders));
    }
    for path in &folders {
        std::fs::canonicalize(path).map_err(|source| ServerError::Root { path: path.clone(), source })?;
    }
    Roots::only(&folders).map_err(|source| ServerError::Root { path: desk.workspace.root.clone(), source })
}

async fn take_over(state: &AppState) -> Result<(), DeskError> {
    let desk = state.desk();
    let mut runner = state.runner.lock().await;
    match runner.take_over(&desk, &state.store).await {
        // An owner on another machine does its work; this server shows it.
        Ok(_) | Err(DeskError::Elsewhere(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn keep_running(state: AppState) {
    loop {
        tokio::time::sleep(TAKE_OVER_EVERY).await;
        if state.runner.lock().await.engine().is_none()
            && let Err(error) = take_over(&state).await
        {
            tracing::error!(%error, "the workspace cannot be run");
        }
    }
}
