//! Requests that are taken now and done later: what was taken, how far it is, and what asking and cancelling do. The same
//! for every queue protocol. The picture is made and billed when the request is taken, as real providers bill a request
//! whose client never asks again. It must not know how an answer is written.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::answer::{Refused, bad_request};
use crate::call::{Asked, Made, take};
use crate::faults;
use crate::request::{self, Incoming};
use crate::state::Shared;

/// What a run says whose source cannot be had.
const SOURCE_GONE: &str = "Failed to download the file. Please check if the URL is accessible and try again.";
/// Requests remembered; the oldest make room.
const MOST: usize = 65_536;

/// All requests that were taken.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    taken: Mutex<Taken>,
    next: AtomicU64,
    cancelled: AtomicU64,
    heard: AtomicU64,
}

#[derive(Debug, Default)]
struct Taken {
    by_id: HashMap<String, Arc<Job>>,
    order: VecDeque<String>,
}

/// One request.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) prompt: String,
    ready: Instant,
    /// Links to its pictures; `None` when it fails.
    links: Option<Vec<String>>,
    /// It fails because a link to a source picture ended.
    lacks_source: bool,
    nsfw: bool,
    stuck: bool,
    lost: bool,
    /// Questions that are still answered with 500.
    errors_left: AtomicU32,
    state: Mutex<Option<Stage>>,
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Waiting,
    Cancelled,
    Failed,
    Done,
}

/// What asking for a request brings.
pub(crate) enum Found {
    Job(Arc<Job>),
    /// There is no such request (any more).
    Unknown,
    /// This question fails.
    Error,
}

impl Queue {
    /// The request with this id, or what asking for it brings instead.
    pub(crate) fn ask(&self, id: &str) -> Found {
        let Some(job) = self.lock().by_id.get(id).cloned() else { return Found::Unknown };
        if job.lost {
            return Found::Unknown;
        }
        let left = job.errors_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_ok() { Found::Error } else { Found::Job(job) }
    }

    /// The last requests that were taken, the newest first.
    pub(crate) fn newest(&self, most: usize) -> Vec<Arc<Job>> {
        let taken = self.lock();
        let jobs = taken.order.iter().rev().filter_map(|id| taken.by_id.get(id)).filter(|job| !job.lost);
        jobs.take(most).cloned().collect()
    }

    /// Drops a request that is not done; whether it was dropped.
    pub(crate) fn cancel(&self, job: &Job) -> bool {
        if job.stage() != Stage::Waiting {
            return false;
        }
        *job.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(Stage::Cancelled);
        self.cancelled.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// How many requests were dropped.
    pub(crate) fn cancelled(&self) -> u64 {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// A notice that a request ended was taken.
    pub(crate) fn heard(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// How many notices were taken.
    pub(crate) fn notices(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    fn put(&self, job: Job) -> Arc<Job> {
        let job = Arc::new(job);
        let mut taken = self.lock();
        taken.by_id.insert(job.id.clone(), Arc::clone(&job));
        taken.order.push_back(job.id.clone());
        while taken.order.len() > MOST {
            let oldest = taken.order.pop_front().unwrap_or_default();
            taken.by_id.remove(&oldest);
        }
        drop(taken);
        job
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    pub(crate) fn stage(&self) -> Stage {
        if let Some(stage) = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return stage;
        }
        match &self.links {
            _ if self.stuck || Instant::now() < self.ready => Stage::Waiting,
            None => Stage::Failed,
            Some(_) => Stage::Done,
        }
    }

    pub(crate) fn links(&self) -> &[String] {
        self.links.as_deref().unwrap_or_default()
    }

    /// Whether each picture is flagged.
    pub(crate) fn flags(&self) -> Vec<bool> {
        vec![self.nsfw; self.links().len()]
    }

    pub(crate) fn is_flagged(&self) -> bool {
        self.nsfw
    }

    /// Whether it failed because a link to a source picture ended.
    pub(crate) fn lacks_source(&self) -> bool {
        self.lacks_source
    }

    /// Why it failed.
    pub(crate) fn reason(&self) -> &'static str {
        if self.lacks_source { SOURCE_GONE } else { "The model failed on purpose" }
    }
}

/// A request with what a queue finds out when its turn comes.
pub(crate) struct Order {
    pub(crate) asked: Asked,
    lacks_source: bool,
}

/// What a body asks for, with the members that models of these providers have.
pub(crate) fn asked(shared: &Shared, mut incoming: Incoming) -> Result<Order, Refused> {
    let fields = std::mem::take(&mut incoming.fields);
    let (sources, lacks_source) = sources(shared, &fields)?;
    incoming.fields = fields;
    let Some(prompt) = incoming.text("prompt").map(str::to_owned) else {
        return Err(bad_request("missing_required_parameter", "Missing required parameter: 'prompt'.", Some("prompt")));
    };
    let mut count = 1;
    for name in ["num_images", "num_outputs", "max_images", "n_iter", "n"] {
        count = incoming.number(name, 1..=10)?.map_or(count, |count| count as u32);
    }
    let seed = match incoming.fields.get("seed").and_then(Value::as_i64) {
        Some(seed) if seed < 0 => None,
        _ => incoming.number("seed", 0..=u64::MAX)?,
    };
    let size = match edges(&incoming.fields) {
        Some(size) => Some(size),
        None => incoming.size()?,
    };
    let asked = Asked {
        format: incoming.format()?,
        request_id: incoming.request_id,
        model: incoming.model,
        behaviour: incoming.behaviour,
        prompt,
        sources,
        count,
        size,
        seed,
        draft: false,
    };
    Ok(Order { asked, lacks_source })
}

/// `{"image_size": {"width", "height"}}`, the edges side by side, or `W*H`.
fn edges(fields: &Map<String, Value>) -> Option<(u32, u32)> {
    if let Some((width, height)) = fields.get("size").and_then(Value::as_str).and_then(|size| size.split_once('*')) {
        return faults::size(&format!("{width}x{height}"));
    }
    let holder = fields.get("image_size").and_then(Value::as_object).unwrap_or(fields);
    let edge = |name: &str| holder.get(name).and_then(Value::as_u64).and_then(|edge| u32::try_from(edge).ok());
    let (width, height) = (edge("width")?, edge("height")?);
    faults::size(&format!("{width}x{height}"))
}

/// The source pictures, and whether a link among them ended that is only looked at later.
fn sources(shared: &Shared, fields: &Map<String, Value>) -> Result<(Vec<bytes::Bytes>, bool), Refused> {
    let names = ["image", "images", "image_url", "image_urls", "input_image", "image_input", "init_images"];
    let listed = names.iter().filter_map(|name| fields.get(*name)).flat_map(|value| match value {
        Value::Array(items) => items.iter().collect::<Vec<_>>(),
        Value::Null => Vec::new(),
        one => vec![one],
    });
    let (mut sources, mut lacks_one) = (Vec::new(), false);
    for item in listed {
        let message = "A picture is given as text: a data URL or a link.";
        let url = item.as_str().ok_or_else(|| bad_request("invalid_image_input", message, Some("image")))?;
        match request::source(shared, url, false) {
            Err(_) if shared.scenario().uploads.late && url.starts_with("http") => lacks_one = true,
            source => sources.push(source?),
        }
    }
    Ok((sources, lacks_one))
}

/// Takes a request: it is made and billed now, and done after its latency; one that lacks a source is neither made nor billed.
/// `true` when the answer to it breaks off.
pub(crate) async fn enter(shared: &Arc<Shared>, order: Order) -> Result<(Arc<Job>, bool), Refused> {
    let Order { asked, lacks_source } = order;
    let behaviour = asked.behaviour.clone();
    let (model, prompt) = (asked.model.clone(), asked.prompt.clone());
    let (made, latency) = if lacks_source { (None, Duration::ZERO) } else { take(shared, asked).await? };
    let cut = made.as_ref().is_some_and(Made::is_cut);
    let links = made.map(|made| made.indexes().map(|index| made.link(shared, index, false)).collect::<Vec<_>>());
    let number = shared.queue().next.fetch_add(1, Ordering::Relaxed) + 1;
    let job = shared.queue().put(Job {
        id: format!("sim-{number:08x}"),
        model,
        prompt,
        ready: Instant::now() + latency + Duration::from_millis(behaviour.delay_ms),
        links,
        lacks_source,
        nsfw: behaviour.nsfw,
        stuck: behaviour.stuck,
        lost: behaviour.lost_job,
        errors_left: AtomicU32::new(behaviour.ask_errors),
        state: Mutex::new(None),
    });
    Ok((job, cut))
}
