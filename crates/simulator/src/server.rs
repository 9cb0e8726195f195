//! Start and stop, routes, and what every answer carries. It must not know protocols.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post, put};
use axum::serve::ListenerExt;
use imagemill_domain::profile::Protocol;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::answer::error;
use crate::bill::{Bill, Ledger};
use crate::scenario::Scenario;
use crate::state::Shared;
use crate::{
    ark, batch_forms, chat, comfy_router, fal, faults, gemini, hosted, images, media, messages, replicate, responses,
    sdapi, uploads, webhooks,
};

/// Largest request body: 16 source pictures of 20 MiB as base64 and some room.
const MAX_REQUEST_BYTES: usize = 512 << 20;

/// How a simulator is started.
#[derive(Clone, Debug)]
pub struct SimulatorOptions {
    /// Where it listens; port 0 picks a free one.
    pub address: SocketAddr,
    /// How it behaves.
    pub scenario: Scenario,
    /// A JSON line per call is appended here: what was billed, by request id. Written before the answer goes out.
    pub log: Option<PathBuf>,
    /// The key that calls must carry (`Authorization: Bearer` or `Key`, `X-API-Key` or `X-Goog-Api-Key`); any or none when not set.
    pub require_key: Option<String>,
    /// Takes every model's name and makes nothing of the words in it: for rehearsals.
    pub any_model: bool,
}

impl Default for SimulatorOptions {
    /// On a free port of 127.0.0.1, well-behaved, no log, no key.
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scenario: Scenario::default(),
            log: None,
            require_key: None,
            any_model: false,
        }
    }
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The address is taken or not ours.
    #[error("the simulator cannot listen on {address}: {source}; another port can be given")]
    Listen {
        /// The wanted address.
        address: SocketAddr,
        /// The system's words.
        source: std::io::Error,
    },
    /// The log cannot be opened.
    #[error("the simulator's log {path} cannot be written: {source}", path = path.display())]
    Log {
        /// The wanted file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

/// A running simulator. It stops when this is dropped or by [`Simulator::stop`].
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Simulator {
    /// Listens and answers until stopped.
    ///
    /// # Errors
    /// The address cannot be listened on, or the log cannot be opened.
    pub async fn start(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        let SimulatorOptions { address, scenario, log, require_key, any_model } = options;
        let ledger = Ledger::open(log.as_deref())
            .map_err(|source| SimulatorError::Log { path: log.unwrap_or_default(), source })?;
        let listen_error = |source| SimulatorError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let shared = Arc::new(Shared::new(address, scenario, ledger, require_key, any_model));
        let listener = listener.tap_io(|stream| {
            // Small answers must not wait for the client's acknowledgements; without it they are only slower.
            let _ = stream.set_nodelay(true);
        });
        let stopped = shared.stopped().cancelled_owned();
        let app = router(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the simulator stopped listening");
            }
        });
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client takes as its base address: `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        self.shared.base_url()
    }

    /// The base address of a protocol's own: `/v1beta` for Gemini, `/api/v3` for Seedream, `/fal`, `/replicate/v1`, `/hosted`,
    /// `/comfy/v2`, and nothing more for the web UI's `/sdapi/v1`.
    pub fn base_url_for(&self, protocol: Protocol) -> String {
        let path = match protocol {
            Protocol::Gemini => "/v1beta",
            Protocol::Seedream => "/api/v3",
            Protocol::Fal => "/fal",
            Protocol::Replicate => "/replicate/v1",
            Protocol::HostedMedia => "/hosted",
            Protocol::ComfyRouter => "/comfy/v2",
            Protocol::Automatic1111 => "",
            _ => return self.base_url(),
        };
        format!("{}{path}", self.shared.origin())
    }

    /// Queued requests that were cancelled so far; they are billed all the same.
    pub fn cancelled(&self) -> u64 {
        self.shared.queue().cancelled()
    }

    /// Notices that a request ended which were taken by those who asked for them.
    pub fn notices(&self) -> u64 {
        self.shared.queue().notices()
    }

    /// Batches that were taken so far, and files that were uploaded for them.
    pub fn batches(&self) -> (u64, u64) {
        (self.shared.batches().taken(), self.shared.batches().uploads())
    }

    /// Source pictures that were handed over so far.
    pub fn uploads(&self) -> u64 {
        self.shared.uploads().count()
    }

    /// What was charged so far.
    pub fn bill(&self) -> Bill {
        self.shared.bill()
    }

    /// Takes no more calls, ends waiting ones, and returns when the port is free.
    pub async fn stop(mut self) {
        self.shared.stopped().cancel();
        let grace = std::time::Duration::from_millis(500);
        if tokio::time::timeout(grace, &mut self.server).await.is_err() {
            // A client that keeps its connection open does not keep us.
            self.server.abort();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.stopped().cancel();
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let with_key = Router::new()
        .route("/v1/models", get(models))
        .route("/v1/organization/costs", get(costs))
        .route("/v1/images/generations", post(images::generations))
        .route("/v1/images/edits", post(images::edits))
        .route("/v1/chat/completions", post(chat::completions))
        .route("/v1/responses", post(responses::create))
        .route("/v1/messages", post(messages::create))
        .route("/v1/files", post(batch_forms::openai_upload))
        .route("/v1/files/{id}/content", get(batch_forms::openai_content))
        .route("/v1/batches", post(batch_forms::openai_create).get(batch_forms::openai_list))
        .route("/v1/batches/{id}", get(batch_forms::openai_get))
        .route("/v1/batches/{id}/cancel", post(batch_forms::openai_cancel))
        .route("/upload/v1beta/files", post(batch_forms::gemini_begin_upload))
        .route("/upload/v1beta/files/{id}", post(batch_forms::gemini_upload))
        .route("/v1beta/files/{call}", get(batch_forms::gemini_download))
        .route("/v1beta/batches", get(batch_forms::gemini_list))
        .route("/v1beta/batches/{id}", get(batch_forms::gemini_get).post(batch_forms::gemini_cancel))
        .route("/v1/messages/batches", post(batch_forms::anthropic_create).get(batch_forms::anthropic_list))
        .route("/v1/messages/batches/{id}", get(batch_forms::anthropic_get))
        .route("/v1/messages/batches/{id}/cancel", post(batch_forms::anthropic_cancel))
        .route("/v1/messages/batches/{id}/results", get(batch_forms::anthropic_results))
        .route("/fal/.well-known/jwks.json", get(webhooks::keys))
        .route("/replicate/v1/webhooks/default/secret", get(webhooks::secret))
        .route("/fal/storage/upload/initiate", post(uploads::fal_begin))
        .route("/fal/{*path}", post(fal::submit).get(fal::ask).put(fal::cancel))
        .route("/replicate/v1/models/{owner}/{name}/predictions", post(replicate::of_model))
        .route("/replicate/v1/predictions", post(replicate::of_version).get(replicate::list))
        .route("/replicate/v1/files", post(uploads::replicate))
        .route("/replicate/v1/predictions/{id}", get(replicate::get))
        .route("/replicate/v1/predictions/{id}/stream", get(replicate::stream))
        .route("/replicate/v1/predictions/{id}/cancel", post(replicate::cancel))
        .route("/replicate/v1/account", get(replicate::account))
        .route("/hosted/{model}", post(hosted::submit))
        .route("/hosted/predictions/{id}/result", get(hosted::get))
        .route("/hosted/media/upload/binary", post(uploads::hosted))
        .route("/comfy/v2/models", get(comfy_router::models))
        .route("/comfy/v2/models/{provider}/{model}/requests", post(comfy_router::submit))
        .route("/comfy/v2/models/{provider}/{model}/requests/{id}", get(comfy_router::collect))
        .route("/comfy/v2/models/{provider}/{model}/requests/{id}/cancel", put(comfy_router::cancel))
        .route("/sdapi/v1/txt2img", post(sdapi::create))
        .route("/sdapi/v1/img2img", post(sdapi::create))
        .route("/sdapi/v1/sd-models", get(sdapi::models))
        .route("/v1/images", post(images::unified))
        .route("/v1/models/{*call}", post(gemini::generate_content))
        .route("/v1beta/models", get(gemini::models))
        .route("/v1beta/models/{*call}", post(gemini::generate_content))
        .route("/api/v3/models", get(models))
        .route("/api/v3/images/generations", post(ark::generations))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), check_key));
    Router::new()
        .merge(with_key)
        .route("/v1/media/images/{id}", get(media::picture))
        .route("/v1/blobs/{id}", get(media::picture))
        .route("/v1/simulator/bill", get(bill))
        .route("/simulator/bill", get(bill))
        .route("/uploads/{name}", get(uploads::get))
        .route("/put/{name}", put(uploads::put))
        .route("/healthz", get(|| async { Json(serde_json::json!({"status": "ok"})) }))
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), add_headers))
        .with_state(shared)
}

/// The endpoints of single calls, for the requests of a batch.
pub(crate) fn endpoints(shared: &Arc<Shared>) -> Router {
    router(Arc::clone(shared))
}

async fn nothing_here() -> Response {
    error(StatusCode::NOT_FOUND, "invalid_request_error", "not_found", "There is no such address here.")
}

/// OpenAI's list, and Anthropic's with it: they have the same address and no member that means two things.
async fn models() -> Response {
    let models = faults::NORMAL_MODELS.iter().map(|name| {
        serde_json::json!({
            "id": name, "object": "model", "created": 1_760_000_000, "owned_by": "imagemill-simulator",
            "type": "model", "display_name": name, "created_at": "2025-10-09T08:53:20Z",
        })
    });
    let models = models.collect::<Vec<_>>();
    let ends = [models.first(), models.last()].map(|model| model.map(|model| model["id"].clone()));
    Json(serde_json::json!({
        "object": "list", "data": models, "has_more": false, "first_id": ends[0], "last_id": ends[1],
    }))
    .into_response()
}

async fn bill(State(shared): State<Arc<Shared>>) -> Json<Bill> {
    Json(shared.bill())
}

/// OpenAI's account of a day. All that was billed was billed today.
async fn costs(State(shared): State<Arc<Shared>>, Query(asked): Query<DayAsked>) -> Response {
    let now_s = std::time::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_secs());
    let is_today = asked.start_time <= now_s && asked.end_time.is_none_or(|end| now_s < end);
    let mut lines: BTreeMap<Arc<str>, i64> = BTreeMap::new();
    for entry in shared.bill().entries.iter().filter(|entry| is_today && entry.billed) {
        *lines.entry(Arc::clone(&entry.model)).or_default() += entry.micros;
    }
    let result = |(model, micros): (&Arc<str>, &i64)| {
        serde_json::json!({"object": "organization.costs.result", "project_id": null, "line_item": model,
            "amount": {"value": *micros as f64 / 1e6, "currency": "usd"}})
    };
    let results: Vec<_> = lines.iter().map(result).collect();
    let bucket = serde_json::json!({"object": "bucket", "start_time": asked.start_time, "end_time": asked.end_time,
        "results": results});
    Json(serde_json::json!({"object": "page", "data": [bucket], "has_more": false, "next_page": null})).into_response()
}

/// Which day.
#[derive(Debug, Deserialize)]
struct DayAsked {
    start_time: u64,
    end_time: Option<u64>,
}

async fn check_key(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if let Some(wanted) = shared.require_key() {
        let headers = request.headers();
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = bearer
            .and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("Key ")))
            .or_else(|| {
                let named = ["x-api-key", "x-goog-api-key"].into_iter().find_map(|name| headers.get(name));
                named.and_then(|value| value.to_str().ok())
            });
        if given.map(str::trim) != Some(wanted) {
            let message = "Incorrect API key provided. The simulator was started with --key.";
            return error(StatusCode::UNAUTHORIZED, "invalid_request_error", "invalid_api_key", message);
        }
    }
    next.run(request).await
}

async fn add_headers(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let id = shared.next_server_id();
    request.extensions_mut().insert(id.clone());
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    let fixed = [
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-reset-requests", "6ms"),
        ("openai-version", "2020-10-01"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert("x-request-id", value);
    }
    answer
}
