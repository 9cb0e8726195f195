//! What all calls of one simulator share: the scenario, the bill, counters, and a shelf of drawn pictures. It must not know
//! HTTP or protocols.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::batches::Batches;
use crate::bill::{Bill, BillEntry, Ledger};
use crate::picture::Drawn;
use crate::queue::Queue;
use crate::scenario::Scenario;
use crate::uploads::Uploads;

/// The server's own id of a request, as in `x-request-id`.
#[derive(Clone, Debug)]
pub(crate) struct ServerId(pub(crate) String);

/// So many pictures can be read; a prompt has a few thousand bytes.
const REMEMBERED: usize = 2_000;

/// Shared by all calls.
#[derive(Debug)]
pub(crate) struct Shared {
    address: SocketAddr,
    scenario: Scenario,
    ledger: Ledger,
    require_key: Option<String>,
    any_model: bool,
    stopped: CancellationToken,
    calls: AtomicU64,
    requests: AtomicU64,
    seen: Mutex<HashMap<u64, u32>>,
    shelf: Mutex<Shelf>,
    /// What pictures were drawn for, by their content, so that they can be read.
    drawn: Mutex<HashMap<String, Arc<str>>>,
    queue: Queue,
    batches: Batches,
    uploads: Uploads,
    /// One place per processor: a decoded picture is large, and drawing more at once is not faster.
    drawing: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn new(
        address: SocketAddr,
        scenario: Scenario,
        ledger: Ledger,
        require_key: Option<String>,
        any_model: bool,
    ) -> Self {
        Self {
            address,
            scenario,
            ledger,
            require_key,
            any_model,
            stopped: CancellationToken::new(),
            calls: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            seen: Mutex::default(),
            shelf: Mutex::default(),
            drawn: Mutex::default(),
            queue: Queue::default(),
            batches: Batches::default(),
            uploads: Uploads::default(),
            drawing: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from))),
        }
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn base_url(&self) -> String {
        format!("{}/v1", self.origin())
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    pub(crate) fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    pub(crate) fn batches(&self) -> &Batches {
        &self.batches
    }

    /// A picture was drawn for `prompt`. The oldest are forgotten all at once: they only serve to be read soon.
    pub(crate) fn note_drawn(&self, name: String, prompt: &str) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.len() >= REMEMBERED {
            drawn.clear();
        }
        drawn.insert(name, prompt.into());
    }

    /// What a picture was drawn for.
    pub(crate) fn drawn_for(&self, name: &str) -> Option<Arc<str>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Whether the `at`-th text of this prompt is drawn with a wrong letter.
    pub(crate) fn misspells(&self, prompt: &str, at: usize) -> bool {
        let hash = blake3::hash(prompt.as_bytes());
        let key = u64::from_le_bytes(std::array::from_fn(|place| hash.as_bytes()[place]));
        self.scenario.draw("misspelt", key, at as u32) < self.scenario.rates.misspelt
    }

    /// What a call costs that would cost `micros` by itself.
    pub(crate) fn price(&self, request_id: &str, micros: i64) -> i64 {
        if self.batches.is_item(request_id) {
            (micros as f64 * self.scenario.batch.price).round() as i64
        } else {
            micros
        }
    }

    pub(crate) fn require_key(&self) -> Option<&str> {
        self.require_key.as_deref()
    }

    pub(crate) fn any_model(&self) -> bool {
        self.any_model
    }

    pub(crate) fn stopped(&self) -> CancellationToken {
        self.stopped.clone()
    }

    pub(crate) fn bill(&self) -> Bill {
        self.ledger.bill()
    }

    pub(crate) fn record(&self, entry: BillEntry) {
        self.ledger.record(entry);
    }

    /// The number of the next call, from 1.
    pub(crate) fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn next_server_id(&self) -> ServerId {
        ServerId(format!("req_sim{:016x}", self.requests.fetch_add(1, Ordering::Relaxed) + 1))
    }

    /// How often `key` was asked for before, counting this time for the next.
    pub(crate) fn times_seen(&self, key: u64) -> u32 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let times = seen.entry(key).or_default();
        *times += 1;
        *times - 1
    }

    /// Waits, but not beyond the end of the simulator.
    pub(crate) async fn pause(&self, time: Duration) {
        if !time.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(time) => {}
                () = self.stopped.cancelled() => {}
            }
        }
    }

    /// A place to draw a large picture.
    pub(crate) async fn place_to_draw(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.drawing).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// A picture that was drawn before, by what was asked for or by its name.
    pub(crate) fn on_shelf(&self, key: &str) -> Option<Arc<Drawn>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).pictures.get(key).cloned()
    }

    /// Keeps a picture under a key; the oldest make room.
    pub(crate) fn put_on_shelf(&self, key: String, picture: Arc<Drawn>) {
        let room = (self.scenario.kept_mib as usize) << 20;
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).put(key, picture, room);
    }
}

#[derive(Debug, Default)]
struct Shelf {
    pictures: HashMap<String, Arc<Drawn>>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Shelf {
    fn put(&mut self, key: String, picture: Arc<Drawn>, room: usize) {
        let size = picture.cost_bytes();
        if self.pictures.insert(key.clone(), picture).is_none() {
            self.bytes += size;
            self.order.push_back(key);
        }
        while self.bytes > room && self.order.len() > 1 {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(removed) = self.pictures.remove(&oldest) {
                self.bytes -= removed.cost_bytes();
            }
        }
    }
}
