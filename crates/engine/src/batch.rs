//! The batch lane: calls of a job are gathered, sent to their provider together, and answered within its window. Every request is
//! a call of its own in the ledger, durable before its batch is sent, and its answer takes the way of every other answer: it
//! is written down, its task is taken again and settles it. Waiting costs no worker.
//!
//! How a batch is gathered is in `gathering`, how it is sent, asked about and read in `tending`.

mod gathering;
mod tending;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use imagemill_domain::call::{Call, CallId, CallState, Usage};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::job::JobId;
use imagemill_domain::lane::{BatchFallback, BatchId, BatchTerms};
use imagemill_domain::money::Money;
use imagemill_domain::task::TaskState;
use imagemill_providers::{BatchProvider, CallFailure};
use imagemill_store::{Batch, CallEnd};

pub(crate) use gathering::{Gathering, Joined, Joining, join};
#[cfg(test)]
pub(crate) use tending::may_be_paid;
pub(crate) use tending::{Tended, recover, send, take_back, tend};

use crate::answers::{Kept, SavedAnswer, SavedItem};
use crate::context::{RunningJob, TaskContext};
use crate::drawing::Drawing;
use crate::paid::Step;
use crate::pictures::local;
use crate::retry::{self, Batched, Decision};
use crate::settle::{conclude_as, lock};
use crate::worker::decide_by;

/// Code of a request that its batch did not get to.
const UNFINISHED: &str = "batch_unfinished";

/// A provider's batches, and what they take and cost.
pub(crate) struct BatchWay {
    pub(crate) provider: Arc<dyn BatchProvider>,
    pub(crate) terms: BatchTerms,
}

/// What this process knows of batches beyond their rows.
pub(crate) struct Batches {
    /// Those that calls join, by what they have in common.
    gathering: tokio::sync::Mutex<All>,
    /// What became of these calls is here; their workers settle it.
    delivered: Mutex<HashMap<BatchId, HashSet<CallId>>>,
    /// Looks in vain for a batch whose creation was not answered.
    looks: Mutex<HashMap<BatchId, u32>>,
    /// Requests that are made ready at once: their pictures are in memory.
    ready: tokio::sync::Semaphore,
}

#[derive(Default)]
struct All {
    joined: HashMap<Group, Arc<Gathering>>,
    /// No further call fits in; they go out when those on their way are in.
    full: Vec<Arc<Gathering>>,
}

/// What the calls of a batch have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Group {
    job: JobId,
    profile: String,
    model: String,
    endpoint: &'static str,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            gathering: tokio::sync::Mutex::default(),
            delivered: Mutex::default(),
            looks: Mutex::default(),
            ready: tokio::sync::Semaphore::new(4),
        }
    }
}

impl Batches {
    /// Nothing more is known of batches that are not among `open`.
    pub(crate) fn forget_others(&self, open: &[Batch]) {
        lock(&self.delivered).retain(|id, _| open.iter().any(|batch| batch.id == *id));
        lock(&self.looks).retain(|id, _| open.iter().any(|batch| batch.id == *id));
    }

    /// An earlier process left what became of this call.
    pub(crate) fn inherited(&self, batch: BatchId, call: CallId) {
        lock(&self.delivered).entry(batch).or_default().insert(call);
    }
}

impl RunningJob {
    /// How the batches of a row are reached.
    pub(crate) fn way_of(&self, batch: &Batch) -> Option<Arc<BatchWay>> {
        let fits = |drawing: &&Arc<Drawing>| drawing.name() == batch.profile && drawing.route.model == batch.model;
        let own = self.drawings.iter().find(fits).and_then(|drawing| drawing.batch.clone());
        let speaker = || {
            let speakers = [&self.text, &self.vision].into_iter();
            let mut fitting =
                speakers.filter(|speaker| speaker.profile.name == batch.profile && speaker.model == batch.model);
            fitting.find_map(|speaker| speaker.batch.clone())
        };
        own.or_else(speaker)
    }
}

/// The name of a call's line. It begins with our name of the batch, so that results say whose they are.
fn line_id(key: &str, call: CallId, in_words: bool) -> String {
    format!("{key}-{}-{}", if in_words { "words" } else { "image" }, call.0)
}

/// Whether the line's answer is in words.
fn is_words(id: &str) -> bool {
    id.contains("-words-")
}

/// The call of a line of the batch `key`.
fn call_of(key: &str, id: &str) -> Option<CallId> {
    let (_, number) = id.strip_prefix(key)?.strip_prefix('-')?.split_once('-')?;
    number.parse().ok().map(CallId)
}

/// Whether this step goes at once, because a batch did not get to it and the job says so.
pub(crate) async fn fell_back(task: &TaskContext, step: &str) -> Result<bool, Failure> {
    if task.claimed.lease.attempt == 1 || task.job.definition.file.batch_fallback != BatchFallback::Sync {
        return Ok(false);
    }
    let calls = task.shared.store.calls().for_task(task.claimed.lease.task).await.map_err(|error| local(&error))?;
    let unfinished = |call: &Call| call.failure.as_ref().is_some_and(is_unfinished);
    Ok(calls.iter().any(|call| call.step == step && call.batch.is_some() && unfinished(call)))
}

/// The task waits until its batch brings something for `call`; what came of it when its batch ended meanwhile.
pub(crate) async fn wait(task: &TaskContext, call: CallId) -> Result<Step, Failure> {
    if rest(task, call).await? {
        return Ok(Step::Moved);
    }
    let ended = task.shared.store.calls().get(call).await.map_err(|error| local(&error))?;
    let failure = ended.and_then(|call| call.failure).filter(|failure| failure.kind != FailureKind::Stopped);
    let Some(failure) = failure else { return Ok(Step::Released) };
    let unknown = failure.kind == FailureKind::UnknownOutcome;
    let decision = Decision::End(if unknown { TaskState::Unknown } else { TaskState::Failed });
    Ok(Step::Judged { failure, decision, written: false })
}

/// Lets the task wait; `false` when its call is in no batch any more.
async fn rest(task: &TaskContext, call: CallId) -> Result<bool, Failure> {
    let (shared, now_us) = (&task.shared, task.shared.clock.now_us());
    let waits = shared.store.tasks().wait_for_result(task.claimed.lease, None, None, true, now_us).await;
    let waits = waits.map_err(|error| local(&error))?;
    // What came between the last look and the wait found nobody waiting.
    if waits && lock(&shared.stuck).contains_key(&call) {
        shared.store.batches().deliver(vec![call], now_us).await.map_err(|error| local(&error))?;
    }
    Ok(waits)
}

/// Ends a call of a batch that brought nothing: by the batch's own rules where it was not run, else like every other call.
pub(crate) async fn failed(
    task: &TaskContext,
    answer: SavedAnswer,
    kept: Option<Kept>,
    end: CallEnd,
    failure: Failure,
) -> Result<Step, Failure> {
    let decision = judge(task, &failure).await;
    match conclude_as(task, answer.call, end, failure, decision).await {
        Ok(step) => {
            kept.into_iter().for_each(Kept::settle);
            Ok(step)
        }
        Err(failure) => {
            lock(&task.shared.stuck).insert(answer.call, (answer, kept));
            Err(failure)
        }
    }
}

/// What becomes of the task of such a call.
async fn judge(task: &TaskContext, failure: &Failure) -> Decision {
    let batched = Batched {
        unfinished: is_unfinished(failure),
        fallback: task.job.definition.file.batch_fallback,
        stopping: task.stopping,
    };
    decide_by(task, failure, 0, |situation| retry::decide_batched(situation, batched)).await
}

pub(crate) fn is_unfinished(failure: &Failure) -> bool {
    failure.code.as_deref() == Some(UNFINISHED)
}

pub(crate) fn unfinished(outcome: &str) -> Failure {
    let message = format!("its batch ended before this request was run ({outcome}); nothing was charged for it");
    let mut failure = Failure::new(FailureKind::Transient, message).billing(Billing::NotBilled);
    failure.code = Some(UNFINISHED.to_owned());
    failure
}

impl SavedAnswer {
    /// What became of a call that brought nothing.
    fn of_failure(call: CallId, failed: CallFailure) -> Self {
        Self {
            call,
            items: vec![SavedItem::Failed(failed.failure.clone())],
            usage: failed.usage,
            http_status: failed.failure.http_status.unwrap_or_default(),
            raw: failed.raw,
            price: 1.0,
        }
    }

    /// The failure that is all there is.
    pub(crate) fn only_failure(&self) -> Option<Failure> {
        match &self.items[..] {
            [SavedItem::Failed(failure)] => Some(failure.clone()),
            _ => None,
        }
    }
}

/// A call's row is closed because its request certainly did not go out.
fn not_sent(why: &str) -> CallEnd {
    let failure = Failure::new(FailureKind::Stopped, why).billing(Billing::NotBilled);
    ended(failure)
}

/// The end of calls that all met the same.
fn ended(failure: Failure) -> CallEnd {
    let unknown = failure.kind == FailureKind::UnknownOutcome;
    CallEnd {
        state: if unknown { CallState::Unknown } else { CallState::Failed },
        usage: Usage::default(),
        cost: (!unknown).then_some(Money::ZERO),
        http_status: failure.http_status,
        failure: Some(failure),
        response_raw: Vec::new(),
        assets: Vec::new(),
    }
}
