//! Files that were given and batches that were taken: their requests are run one after the other through the same endpoints as
//! single calls, and billed at the batch price when they are run. The same for every form of batches. It must not know how
//! their objects are written.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::answer;
use crate::state::Shared;

/// Largest answer to one request.
const MAX_ANSWER_BYTES: usize = 512 << 20;

/// Everything that was given and taken.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    held: Mutex<Held>,
    next: AtomicU64,
    creates: AtomicU32,
    cuts: AtomicU32,
    uploads: AtomicU64,
}

#[derive(Debug, Default)]
struct Held {
    files: HashMap<String, Bytes>,
    batches: Vec<Arc<Batch>>,
    /// Ids of requests that are run for a batch.
    items: HashSet<String>,
}

/// One batch.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) id: String,
    /// What its form's ids begin with; each form lists its own.
    prefix: &'static str,
    /// What the client calls it: metadata or a display name.
    pub(crate) label: Value,
    pub(crate) endpoint: String,
    pub(crate) input: String,
    pub(crate) items: usize,
    pub(crate) created: u64,
    /// Its creation was not answered and it is not listed.
    hidden: bool,
    stop: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    done: VecDeque<Done>,
    left: Vec<String>,
}

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Running,
    Completed,
    Expired,
    Cancelled,
    /// Its file was not accepted.
    Failed,
}

/// A request that was run.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) id: String,
    pub(crate) status: u16,
    /// One line of JSON.
    pub(crate) body: Bytes,
}

/// A request to be run.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// A batch as it is asked for.
pub(crate) struct Wanted {
    pub(crate) prefix: &'static str,
    pub(crate) label: Value,
    pub(crate) endpoint: String,
    pub(crate) input: String,
    pub(crate) items: Vec<Item>,
}

impl Batches {
    /// Keeps a file under a new name that begins with `prefix`.
    pub(crate) fn keep(&self, prefix: &str, bytes: Bytes) -> String {
        self.uploads.fetch_add(1, Ordering::Relaxed);
        let name = self.new_name(prefix);
        self.lock().files.insert(name.clone(), bytes);
        name
    }

    pub(crate) fn new_name(&self, prefix: &str) -> String {
        format!("{prefix}sim{:08x}", self.next.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn file(&self, name: &str) -> Option<Bytes> {
        self.lock().files.get(name).cloned()
    }

    /// Files that were given, in all.
    pub(crate) fn uploads(&self) -> u64 {
        self.uploads.load(Ordering::Relaxed)
    }

    /// Batches that were taken, in all.
    pub(crate) fn taken(&self) -> u64 {
        self.lock().batches.len() as u64
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Batch>> {
        self.lock().batches.iter().find(|batch| batch.id == id && !batch.hidden).cloned()
    }

    /// Those of one form, newest first.
    pub(crate) fn list(&self, prefix: &str) -> Vec<Arc<Batch>> {
        self.lock().batches.iter().rev().filter(|batch| !batch.hidden && batch.prefix == prefix).cloned().collect()
    }

    /// Whether a request is one of a batch.
    pub(crate) fn is_item(&self, id: &str) -> bool {
        self.lock().items.contains(id)
    }

    /// Whether this reading of results is to break off.
    pub(crate) fn cuts(&self, shared: &Shared) -> bool {
        self.cuts.fetch_add(1, Ordering::Relaxed) < shared.scenario().batch.cut_results
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a batch and begins to run it. `true` when the answer to its creation is to be lost.
pub(crate) fn enter(
    shared: &Arc<Shared>,
    endpoints: Router,
    wanted: Wanted,
    headers: &HeaderMap,
) -> (Arc<Batch>, bool) {
    let rules = &shared.scenario().batch;
    let batches = shared.batches();
    let lost = batches.creates.fetch_add(1, Ordering::Relaxed) < rules.lost_creates;
    let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let stage = if rules.rejects { Stage::Failed } else { Stage::Running };
    let left = wanted.items.iter().map(|item| item.id.clone()).collect();
    let batch = Arc::new(Batch {
        id: batches.new_name(wanted.prefix),
        prefix: wanted.prefix,
        label: wanted.label,
        endpoint: wanted.endpoint,
        input: wanted.input,
        items: wanted.items.len(),
        created,
        hidden: lost && rules.hides_lost,
        stop: CancellationToken::new(),
        state: Mutex::new(State { stage, done: VecDeque::new(), left }),
    });
    let mut held = batches.lock();
    held.batches.push(Arc::clone(&batch));
    held.items.extend(wanted.items.iter().map(|item| item.id.clone()));
    drop(held);
    if stage == Stage::Running {
        let keys = [header::AUTHORIZATION.as_str(), "x-api-key", "x-goog-api-key", "anthropic-version"];
        let keys = headers.iter().filter(|(name, _)| keys.contains(&name.as_str()));
        let keys: HeaderMap = keys.map(|(name, value)| (name.clone(), value.clone())).collect();
        tokio::spawn(run(Arc::clone(shared), endpoints, Arc::clone(&batch), wanted.items, keys));
    }
    (batch, lost)
}

async fn run(shared: Arc<Shared>, endpoints: Router, batch: Arc<Batch>, items: Vec<Item>, keys: HeaderMap) {
    let rules = &shared.scenario().batch;
    let count = items.len().max(1) as u32;
    let pace = Duration::from_millis(rules.takes_ms) / count;
    let mut end = Stage::Completed;
    for (position, item) in items.into_iter().enumerate() {
        tokio::select! {
            () = shared.pause(pace) => {}
            () = batch.stop.cancelled() => {}
        }
        if batch.stop.is_cancelled() {
            end = Stage::Cancelled;
            break;
        }
        if rules.expires_after.is_some_and(|most| position as u64 >= most) {
            end = Stage::Expired;
            break;
        }
        let done = run_item(&endpoints, item, &keys).await;
        let mut state = batch.lock();
        state.left.retain(|id| *id != done.id);
        // Never in the order of the requests.
        state.done.push_front(done);
    }
    batch.lock().stage = end;
}

async fn run_item(endpoints: &Router, item: Item, keys: &HeaderMap) -> Done {
    let mut request = Request::post(&item.path).body(Body::from(item.body.to_string())).unwrap_or_default();
    let headers = request.headers_mut();
    headers.extend(keys.clone());
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(answer::JSON));
    headers.extend(item.id.parse().ok().map(|id| (header::HeaderName::from_static("x-client-request-id"), id)));
    let Ok(response) = endpoints.clone().oneshot(request).await;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), MAX_ANSWER_BYTES).await;
    let whole = body.ok().filter(|body| body.starts_with(b"{") && !body.contains(&b'\n'));
    let (status, body) = whole.map_or_else(
        || {
            let words = r#"{"error":{"message":"The request could not be run.","type":"server_error","code":null}}"#;
            (StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(words.as_bytes()))
        },
        |body| (status, body),
    );
    Done { id: item.id, status: status.as_u16(), body }
}

impl Batch {
    pub(crate) fn stage(&self) -> Stage {
        self.lock().stage
    }

    /// Asks it to end; what was run stays.
    pub(crate) fn cancel(&self) {
        self.stop.cancel();
    }

    /// Whether it was asked to end and has not.
    pub(crate) fn is_cancelling(&self) -> bool {
        self.stop.is_cancelled() && self.stage() == Stage::Running
    }

    /// Requests that were run, the last one first.
    pub(crate) fn done(&self) -> Vec<Done> {
        self.lock().done.iter().cloned().collect()
    }

    /// Ids of requests that were not run.
    pub(crate) fn left(&self) -> Vec<String> {
        self.lock().left.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
