//! What is done for a batch as a whole: sending it, finding it again, asking about it, reading its results. One question serves
//! all of its calls, and the file of its results is read as a stream, no faster than the answers are settled.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use imagemill_domain::call::CallId;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::job::JobId;
use imagemill_domain::lane::BatchId;
use imagemill_domain::task::TaskState;
use imagemill_providers::{BatchEnd, BatchItem, BatchStage, CallFailure, Found, ItemOutcome, NewBatch, Spool};
use imagemill_store::{Batch, BatchState, CallEnd, StoreError};

use super::{BatchWay, Gathering, call_of, ended, is_words, not_sent, unfinished};
use crate::answers::SavedAnswer;
use crate::context::Shared;
use crate::settle::lock;
use crate::worker::Effect;

/// The first question about a batch comes after this.
const FIRST_ASK_MS: u64 = 500;
/// The longest time between two questions.
const LONGEST_ASK_MS: u64 = 300_000;
/// Looks for a batch whose creation was not answered before it is given up, each twice as long after the one before.
const LOOKS: u32 = 4;
/// Answers that were read and are not settled yet, at most.
const BACKLOG: usize = 96;
/// How long the answer to a creation is awaited when the process is to end.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// A batch is given up so many times its window after it was sent.
const WINDOWS: u64 = 3;

/// Tells the files of one reading from those of another.
static READINGS: AtomicU64 = AtomicU64::new(0);

/// What the dispatcher has to know of a round of tending.
pub(crate) struct Tended {
    pub(crate) batch: BatchId,
    pub(crate) job: JobId,
    pub(crate) effect: Option<Effect>,
}

/// Takes back what an earlier process gathered and did not send. Before its tasks are looked at.
pub(crate) async fn recover(shared: &Shared) -> Result<(), StoreError> {
    for batch in shared.store.batches().open().await? {
        if may_be_paid(batch.state) {
            shared.store.batches().ask_at(batch.id, shared.clock.now_us()).await?;
        } else {
            take_back(shared, batch.id, "the program ended before its batch was sent; nothing was paid").await?;
        }
    }
    Ok(())
}

/// Whether a batch in this state may be with its provider: it is looked for or asked about, and never sent again.
pub(crate) fn may_be_paid(state: BatchState) -> bool {
    state != BatchState::Gathering
}

/// Closes the calls of a batch of which nothing was taken; their tasks are back in the line.
pub(crate) async fn take_back(shared: &Shared, batch: BatchId, why: &str) -> Result<(), StoreError> {
    close(shared, batch, not_sent(why), None).await
}

async fn close(shared: &Shared, batch: BatchId, end: CallEnd, task: Option<TaskState>) -> Result<(), StoreError> {
    let now_us = shared.clock.now_us();
    shared.store.batches().close_calls(batch, shared.owner, end, task, now_us).await?;
    shared.store.batches().end(batch, now_us).await
}

/// Sends what was gathered.
pub(crate) async fn send(shared: Arc<Shared>, gathering: Arc<Gathering>) -> Tended {
    let batch = gathering.whole().await;
    let effect = if batch.items == 0 {
        report(shared.store.batches().end(gathering.id, shared.clock.now_us()).await)
    } else {
        match try_send(&shared, &gathering, &batch).await {
            Ok(effect) => effect,
            Err(error) => report(Err(error)),
        }
    };
    gathering.remove_file();
    Tended { batch: gathering.id, job: gathering.job, effect }
}

async fn try_send(shared: &Shared, gathering: &Gathering, batch: &NewBatch) -> Result<Option<Effect>, StoreError> {
    let (id, provider) = (gathering.id, &gathering.way.provider);
    let batches = shared.store.batches();
    let uploaded = tokio::select! {
        uploaded = provider.upload(batch) => uploaded,
        () = shared.draining.cancelled() => {
            take_back(shared, id, "stopped before the batch was sent; nothing was paid").await?;
            return Ok(None);
        }
    };
    let file = match uploaded {
        Ok(file) => file,
        Err(failure) => return not_taken(shared, id, &gathering.profile, failure).await,
    };
    batches.creating(id, batch.items, shared.clock.now_us()).await?;
    let created = tokio::select! {
        created = provider.create(batch, &file) => created,
        () = async { shared.draining.cancelled().await; tokio::time::sleep(LAST_WAIT).await } => return Ok(None),
    };
    match created {
        Ok(remote_id) => {
            tracing::info!(batch = id.0, remote_id, items = batch.items, "a batch was sent");
            batches.created(id, &remote_id, shared.clock.after_ms(FIRST_ASK_MS)).await?;
            Ok(None)
        }
        // It is looked for among the provider's batches.
        Err(failed) if failed.failure.kind == FailureKind::UnknownOutcome => {
            tracing::warn!(batch = id.0, failure = %failed.failure, "the answer to the creation of a batch is lost");
            Ok(None)
        }
        Err(failed) => {
            batches.not_created(id).await?;
            not_taken(shared, id, &gathering.profile, failed.failure).await
        }
    }
}

/// The provider certainly did not take the batch.
async fn not_taken(
    shared: &Shared,
    batch: BatchId,
    profile: &str,
    failure: Failure,
) -> Result<Option<Effect>, StoreError> {
    tracing::warn!(batch = batch.0, %failure, "a batch was not taken");
    if failure.kind == FailureKind::Invalid {
        let failure = failure.billing(Billing::NotBilled);
        close(shared, batch, ended(failure), Some(TaskState::Failed)).await?;
        return Ok(None);
    }
    take_back(shared, batch, &failure.message).await?;
    Ok(Some(pause(profile, failure)))
}

/// Sent again when the profile goes on.
fn pause(profile: &str, failure: Failure) -> Effect {
    if failure.kind == FailureKind::Local {
        return Effect::PauseJob { reason: failure.message };
    }
    let (kind, again_in_ms) = match failure.kind {
        kind if kind.pauses_profile() => (kind, None),
        FailureKind::RateLimited => (FailureKind::RateLimited, Some(failure.retry_after_ms.unwrap_or(60_000))),
        _ => (FailureKind::StableInfra, Some(10_000)),
    };
    Effect::PauseProfile { profile: profile.to_owned(), kind, reason: failure.message, again_in_ms }
}

fn report(written: Result<(), StoreError>) -> Option<Effect> {
    let error = written.err()?;
    tracing::error!(%error, "what became of a batch could not be written");
    Some(Effect::PauseJob { reason: error.to_string() })
}

/// Does for a batch that was sent what is to be done now. `stopped`: its job was.
pub(crate) async fn tend(shared: Arc<Shared>, batch: Batch, way: Arc<BatchWay>, stopped: bool) -> Tended {
    let tending = Tending { shared: &shared, batch: &batch, way: &way };
    let effect = match batch.remote_id.clone() {
        None => tending.look().await,
        Some(remote_id) => tending.ask(&remote_id, stopped).await,
    };
    let effect = effect.unwrap_or_else(|error| report(Err(error)));
    Tended { batch: batch.id, job: batch.job, effect }
}

struct Tending<'a> {
    shared: &'a Shared,
    batch: &'a Batch,
    way: &'a BatchWay,
}

impl Tending<'_> {
    /// Looks among the provider's batches for one whose creation was not answered.
    async fn look(&self) -> Result<Option<Effect>, StoreError> {
        let (shared, batch) = (self.shared, self.batch);
        let wanted = NewBatch {
            key: batch.key.clone(),
            model: batch.model.clone(),
            endpoint: "",
            lines: std::path::PathBuf::new(),
            bytes: 0,
            items: batch.items,
            since_us: batch.opened_us,
        };
        let found = match self.way.provider.find(&wanted).await {
            Ok(found) => found,
            Err(failure) if failure.kind.pauses_profile() => return Ok(Some(pause(&batch.profile, failure))),
            Err(failure) => {
                tracing::info!(batch = batch.id.0, %failure, "the provider's batches could not be listed");
                return self.again(LONGEST_ASK_MS.min(15_000)).await;
            }
        };
        let known = shared.store.batches().remote_ids(&batch.profile).await?;
        let mut new: Vec<String> = found.into_iter().filter(|id| !known.contains(id)).collect();
        if let (1, Some(remote_id)) = (new.len(), new.pop()) {
            tracing::info!(batch = batch.id.0, remote_id, "a batch whose creation was not answered was found");
            shared.store.batches().created(batch.id, &remote_id, shared.clock.now_us()).await?;
            return Ok(None);
        }
        let looks = {
            let mut looks = lock(&shared.batches.looks);
            let looks = looks.entry(batch.id).or_default();
            *looks += 1;
            *looks
        };
        if looks < LOOKS {
            return self.again(FIRST_ASK_MS << looks).await;
        }
        let message = "the answer to the creation of its batch was lost, and the provider does not list the batch; it may have been run and charged";
        self.lost(Failure::new(FailureKind::UnknownOutcome, message)).await
    }

    async fn again(&self, wait_ms: u64) -> Result<Option<Effect>, StoreError> {
        self.shared.store.batches().ask_at(self.batch.id, self.shared.clock.after_ms(wait_ms)).await?;
        Ok(None)
    }

    /// Nobody can say what became of its calls.
    async fn lost(&self, failure: Failure) -> Result<Option<Effect>, StoreError> {
        tracing::warn!(batch = self.batch.id.0, %failure, "a batch is lost");
        let failure = failure.billing(Billing::Unknown);
        close(self.shared, self.batch.id, ended(failure), Some(TaskState::Unknown)).await?;
        Ok(None)
    }

    /// Calls of it that nothing is known of yet.
    async fn awaited(&self) -> Result<HashSet<CallId>, StoreError> {
        let mut awaited = HashSet::new();
        let mut after = None;
        loop {
            let page = self.shared.store.batches().open_calls(self.batch.id, after, 5_000).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.call);
            awaited.extend(page.iter().map(|call| call.call));
        }
        Ok(awaited)
    }

    async fn ask(&self, remote_id: &str, stopped: bool) -> Result<Option<Effect>, StoreError> {
        let (shared, batch) = (self.shared, self.batch);
        let mut awaited = self.awaited().await?;
        if awaited.is_empty() {
            shared.store.batches().end(batch.id, shared.clock.now_us()).await?;
            return Ok(None);
        }
        if let Some(delivered) = lock(&shared.batches.delivered).get(&batch.id) {
            awaited.retain(|call| !delivered.contains(call));
        }
        if awaited.is_empty() {
            // Their workers are at it.
            return self.again(FIRST_ASK_MS).await;
        }
        let age_ms = u64::try_from((shared.clock.now_us() - batch.sent_us.unwrap_or_default()) / 1_000).unwrap_or(0);
        let mut wait_ms = (age_ms / 8).clamp(FIRST_ASK_MS, LONGEST_ASK_MS);
        if stopped {
            // Told again with each question: that costs nothing, and a lost word does no harm.
            if let Err(failure) = self.way.provider.cancel(remote_id).await {
                tracing::info!(batch = batch.id.0, %failure, "the provider did not cancel a batch");
            }
            wait_ms = wait_ms.min(15_000);
        }
        let given_up = age_ms >= WINDOWS * u64::from(self.way.terms.window_h) * 3_600_000;
        match self.way.provider.ask(remote_id).await {
            Ok(BatchStage::Ended(end)) => self.read(&end, awaited).await,
            Ok(BatchStage::Pending { .. }) if given_up => {
                let hours = age_ms / 3_600_000;
                let message = format!("its batch is still not done after {hours} h; it may be run and charged");
                self.lost(Failure::new(FailureKind::UnknownOutcome, message)).await
            }
            Ok(BatchStage::Pending { again_in_ms }) => self.again(wait_ms.max(again_in_ms.unwrap_or(0))).await,
            Err(failed) if !failed.asking => self.lost(failed.failure).await,
            Err(failed) if failed.failure.kind.pauses_profile() => Ok(Some(pause(&batch.profile, failed.failure))),
            Err(failed) => {
                tracing::info!(batch = batch.id.0, failure = %failed.failure, "a question about a batch failed");
                self.again(wait_ms).await
            }
        }
    }

    /// Reads what became of the calls, and delivers each to its task.
    async fn read(&self, end: &BatchEnd, mut awaited: HashSet<CallId>) -> Result<Option<Effect>, StoreError> {
        let (shared, batch) = (self.shared, self.batch);
        shared.store.batches().outcome(batch.id, end.outcome).await?;
        if let Some(failure) = &end.failure {
            return not_taken(shared, batch.id, &batch.profile, failure.clone()).await;
        }
        let reading = READINGS.fetch_add(1, Ordering::Relaxed);
        let spool = Spool::new(shared.files.spool_dir(), &format!("b{}-{}-{reading}", batch.id, shared.owner.0));
        let mut results = self.way.provider.results(end, spool, is_words);
        let mut post = Post { shared, batch: batch.id, calls: Vec::new() };
        loop {
            if !post.has_room().await? {
                return Ok(None);
            }
            results.rested();
            match results.next().await {
                Ok(Some(item)) => {
                    let call = call_of(&batch.key, &item.id).filter(|call| awaited.remove(call));
                    match call {
                        Some(call) => post.deliver(self.saved(call, item, end)).await?,
                        None => discard(item),
                    }
                }
                Ok(None) => break,
                Err(failure) => {
                    post.flush().await?;
                    tracing::warn!(batch = batch.id.0, %failure, "the results of a batch broke off; they are read again");
                    return match failure.kind {
                        kind if kind.pauses_profile() => Ok(Some(pause(&batch.profile, failure))),
                        _ => self.again(2_000).await,
                    };
                }
            }
        }
        // What the results do not speak of.
        for call in awaited {
            if !post.has_room().await? {
                return Ok(None);
            }
            let failure = if end.outcome == "completed" {
                let message =
                    "the batch was completed and its results do not name this request; it may have been charged";
                Failure::new(FailureKind::UnknownOutcome, message).billing(Billing::Unknown)
            } else {
                unfinished(end.outcome)
            };
            post.deliver(SavedAnswer::of_failure(call, *CallFailure::without_answer(failure))).await?;
        }
        post.flush().await?;
        self.again(FIRST_ASK_MS).await
    }

    fn saved(&self, call: CallId, item: BatchItem, end: &BatchEnd) -> SavedAnswer {
        let mut saved = match item.outcome {
            ItemOutcome::Answer(answer) => SavedAnswer::of(call, *answer),
            ItemOutcome::Words(words) => SavedAnswer::of_words(call, *words),
            ItemOutcome::Failed(failed) => SavedAnswer::of_failure(call, *failed),
            ItemOutcome::Unfinished => {
                SavedAnswer::of_failure(call, *CallFailure::without_answer(unfinished(end.outcome)))
            }
        };
        saved.price = self.way.terms.price;
        saved
    }
}

/// Brings answers to their tasks, some at a time.
struct Post<'a> {
    shared: &'a Shared,
    batch: BatchId,
    calls: Vec<CallId>,
}

impl Post<'_> {
    async fn deliver(&mut self, answer: SavedAnswer) -> Result<(), StoreError> {
        let call = answer.call;
        // Only in memory when it cannot be written: the disk is full, and the end of the process waits for room.
        let kept = self.shared.answers.keep(&answer).ok();
        lock(&self.shared.stuck).insert(call, (answer, kept));
        lock(&self.shared.batches.delivered).entry(self.batch).or_default().insert(call);
        self.calls.push(call);
        if self.calls.len() >= 16 { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        if self.calls.is_empty() {
            return Ok(());
        }
        self.shared.store.batches().deliver(std::mem::take(&mut self.calls), self.shared.clock.now_us()).await
    }

    /// Waits until fewer answers wait to be settled; `false` when the process is to end.
    async fn has_room(&mut self) -> Result<bool, StoreError> {
        while lock(&self.shared.stuck).len() >= BACKLOG && !self.shared.draining.is_cancelled() {
            self.flush().await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if self.shared.draining.is_cancelled() {
            self.flush().await?;
            return Ok(false);
        }
        Ok(true)
    }
}

/// Nobody waits for it: its call ended before.
fn discard(item: BatchItem) {
    if let ItemOutcome::Answer(answer) = item.outcome {
        for found in answer.items {
            if let Found::Picture(picture) = found {
                picture.discard();
            }
        }
    }
}
