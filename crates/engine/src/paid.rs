//! The paid step up to its answer: limits, room on the disk, ledger, the call itself. In this order nothing that may cost
//! money is sent before its row is durable. What becomes of the answer is in `settle`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use imagemill_domain::call::{Call, CallId, CallState, RecoveryClass, Usage};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::hash::RequestHash;
use imagemill_domain::job_file::PrepareSection;
use imagemill_domain::request::ImageRequest;
use imagemill_providers::{CallFailure, Intake, PictureInput, Progress, Reply, Spool, WireCall};
use imagemill_store::{BudgetOf, NewCall, OpenCall, OverBudget, StoreError};

use crate::batch::{self, BatchWay, Joined, Joining};
use crate::context::TaskContext;
use crate::course::Account;
use crate::drawing::Drawing;
use crate::journal::{self, Entry};
use crate::pictures::local;
use crate::poll;
use crate::recipe::ImageAsk;
use crate::retry::{Decision, NO_ROOM_YET, PROFILE_BUDGET};
use crate::settle::{arrived, conclude, failed_end, lock, note_at_gate, settle};
use crate::sources::{self, SentPicture};
use crate::uploads;
use crate::worker::decide;

/// After a stop, an answer that is about to arrive gets this long before its socket is closed.
const STOP_GRACE: Duration = Duration::from_millis(600);
/// What a call holds in memory besides pictures that were prepared: buffers of the connection and the reader.
const CALL_BYTES: u64 = 512 << 10;

/// A task that must wait for a paused account looks again after this.
const BOUND_WAIT_MS: u64 = 5_000;

/// A call that has no room in the budget as long as others are under way asks again after this, so many times in its place.
const ROOM_WAIT: Duration = Duration::from_millis(300);
const ROOM_WAITS: u32 = 20;

const DAY_US: i64 = 86_400_000_000;

/// What became of the task.
pub(crate) enum Step {
    /// It moved, in the same transaction as its call.
    Moved,
    /// It goes on: the call's pictures are stored, or were before.
    Stored(CallId),
    /// The failure was judged; what was decided still has to be written unless `written`.
    Judged { failure: Failure, decision: Decision, written: bool },
    /// It goes back to the queue as if it had not been taken.
    Released,
}

/// Makes a picture call, or finishes what an earlier try of it left. Unless it is the task's last one, a call that was made
/// before is not made again, whichever way it went.
pub(crate) async fn image(task: &TaskContext, ask: ImageAsk) -> Result<Step, Failure> {
    let mut bound = false;
    if task.claimed.lease.attempt > 1 {
        let earlier = task.shared.store.calls().for_task(task.claimed.lease.task).await;
        let earlier = earlier.map_err(|error| local(&error))?;
        if let Some(step) = resume(task, &ask, &earlier).await? {
            return Ok(step);
        }
        if let Some(drawing) = task.bound_to(&earlier, &ask.step) {
            task.course.draw_at(drawing);
            bound = true;
        }
    }
    if !task.course.is_last()
        && (task.claimed.lease.attempt > 1 || task.course.has_steps())
        && let Some(step) = remembered(task, &ask).await?
    {
        return Ok(step);
    }
    let drawing = task.drawing();
    if let Some(way) = drawing.batch.clone()
        && !batch::fell_back(task, &ask.step).await?
    {
        return join_batch(task, &drawing, way, ask).await;
    }
    let pictures_asked = ask.options.n.unwrap_or(1);
    let permit = tokio::select! {
        biased;
        () = task.cancel.cancelled() => return Ok(Step::Released),
        () = task.shared.draining.cancelled() => return Ok(Step::Released),
        permit = drawing.gate.acquire(bytes_held(task, &ask), pictures_asked) => permit,
    };
    let Ok(permit) = permit else { return Ok(if bound { waits_for(&drawing) } else { Step::Released }) };
    let mut sent = prepare(task, &ask).await?;
    let placed = tokio::select! {
        placed = uploads::place(task, &drawing, &mut sent) => placed,
        () = task.cancel.cancelled() => return Ok(Step::Released),
    };
    let known = match placed {
        Ok(known) => known,
        Err(failure) => return Ok(not_placed(task, failure).await),
    };
    let request = request(task, &ask, &sent);
    let inputs: Vec<PictureInput> = sent.iter().map(|picture| picture.input.clone()).collect();
    let room = tokio::select! {
        room = task.shared.disk.room(pictures_asked) => room?,
        () = task.cancel.cancelled() => return Ok(Step::Released),
    };
    let request_text = drawing.provider.request_text(&request, &inputs);
    let idempotency_key =
        idempotency_key(task, &drawing.account(), &ask.step, request.hash()).await.map_err(|error| local(&error))?;
    let new_call = NewCall {
        lease: task.claimed.lease,
        step: ask.step.into_owned(),
        request_hash: request.hash(),
        profile: drawing.name().to_owned(),
        model: request.model.clone(),
        ceiling: drawing.ceiling(),
        request_raw: request_text.into_bytes(),
        idempotency_key,
        profile_budget: drawing.route.profile.budget,
        batch: None,
    };
    let key = new_call.idempotency_key.clone();
    let Some(call) = open(task, new_call).await? else { return Ok(Step::Released) };
    let step = match send(task, call, &request, &inputs, key.as_deref()).await {
        Ok(Reply::Answer(answer)) => {
            // Known before the next call has this one's place.
            drawing.cost_of(&answer.usage, answer.items.len() as u64, 1.0);
            drop(permit);
            arrived(task, call, answer, &sent).await
        }
        // It keeps its place until the provider is done; the room is taken again with each question.
        Ok(Reply::Accepted(ticket)) => poll::accepted(task, call, ticket, permit).await,
        Err(failed) => {
            drop(permit);
            // An answer that came and could not be kept was paid for: never sent again unasked.
            let lost = failed.failure.kind == FailureKind::Local && failed.failure.billing == Billing::Billed;
            let kind = if lost { FailureKind::UnknownOutcome } else { failed.failure.kind };
            let failure = drawing.with_billing(Failure { kind, ..failed.failure });
            let failure = uploads::refused(task, &drawing, &sent, known, failure).await;
            let end = failed_end(task, &failure, failed.usage, failed.raw);
            conclude(task, call, end, failure).await
        }
    };
    drop(room);
    step
}

/// Nothing was sent: a source picture could not be handed over.
async fn not_placed(task: &TaskContext, failure: Failure) -> Step {
    let faults = note_at_gate(task, &failure);
    let decision = decide(task, &failure, faults).await;
    Step::Judged { failure, decision, written: false }
}

/// The call goes with a batch.
async fn join_batch(task: &TaskContext, drawing: &Drawing, way: Arc<BatchWay>, ask: ImageAsk) -> Result<Step, Failure> {
    let ready = tokio::select! {
        ready = task.shared.batches.ready() => ready,
        () = task.cancel.cancelled() => return Ok(Step::Released),
    };
    let mut sent = prepare(task, &ask).await?;
    let placed = tokio::select! {
        placed = uploads::place(task, drawing, &mut sent) => placed,
        () = task.cancel.cancelled() => return Ok(Step::Released),
    };
    if let Err(failure) = placed {
        return Ok(not_placed(task, failure).await);
    }
    let request = request(task, &ask, &sent);
    let inputs: Vec<PictureInput> = sent.into_iter().map(|picture| picture.input).collect();
    let request_text = drawing.provider.request_text(&request, &inputs);
    let batch_ask = drawing.provider.batch_ask(&request, &inputs).ok_or_else(|| {
        let message = "the profile's protocol cannot make requests for batches; take another lane";
        Failure::new(FailureKind::Invalid, message)
    })?;
    let call = NewCall {
        lease: task.claimed.lease,
        step: ask.step.into_owned(),
        request_hash: request.hash(),
        profile: drawing.name().to_owned(),
        model: request.model.clone(),
        ceiling: drawing.ceiling(),
        request_raw: request_text.into_bytes(),
        idempotency_key: None,
        profile_budget: drawing.route.profile.budget,
        batch: None,
    };
    let pictures = ask.options.n.unwrap_or(1);
    let joined = batch::join(task, Joining { way, call, ask: batch_ask, in_words: false, pictures }).await;
    drop(ready);
    match joined? {
        Joined::Waits => Ok(Step::Moved),
        Joined::Refused(OpenCall::OverBudget(over)) => Err(over_budget(task, drawing.name(), over)),
        Joined::Refused(_) => Ok(Step::Released),
    }
}

/// What the journal has of a step, for whichever way it was asked.
async fn remembered(task: &TaskContext, ask: &ImageAsk) -> Result<Option<Step>, Failure> {
    let own = task.drawing();
    let others = task.job.drawings.iter().filter(|drawing| drawing.name() != own.name());
    for drawing in std::iter::once(&own).chain(others) {
        task.course.draw_at(drawing.clone());
        let sent = prepare(task, ask).await?;
        match journal::look(task, &ask.step, request(task, ask, &sent).hash()).await? {
            Entry::Done(call) => return Ok(Some(Step::Stored(call.id))),
            Entry::Failed(failure) => return Err(failure),
            Entry::Open(_) | Entry::Nothing => {}
        }
    }
    task.course.draw_at(own);
    Ok(None)
}

/// The only account where the step may be sent again is paused: it waits for that account instead of taking another one.
fn waits_for(drawing: &Drawing) -> Step {
    let failure = Failure::new(
        FailureKind::UnknownOutcome,
        format!(
            "the answer to an earlier request is lost, and only the profile {} can be asked again without paying twice; it is paused",
            drawing.name()
        ),
    );
    Step::Judged { failure, decision: Decision::Wait { wait_ms: BOUND_WAIT_MS, counts: false }, written: false }
}

/// Sends the request. A stop closes the socket after a short grace.
async fn send(
    task: &TaskContext,
    call: CallId,
    request: &ImageRequest,
    inputs: &[PictureInput],
    idempotency_key: Option<&str>,
) -> Result<Reply, Box<CallFailure>> {
    let drawing = task.drawing();
    let sending = Sending::default();
    let progress = |progress| sending.note(progress);
    let key = format!("{}-{}", task.claimed.key.short(), call.0);
    let wire = WireCall {
        request,
        pictures: inputs,
        key: &key,
        idempotency_key,
        spool: Spool::new(task.shared.files.spool_dir(), &call.0.to_string()),
        progress: &progress,
    };
    tokio::select! {
        biased;
        result = drawing.provider.image(wire) => result.inspect_err(|failed| {
            drawing.gate.hint(failed.rate.remaining_requests, failed.rate.reset_requests_ms);
        }),
        () = stop_asked(task) => Err(CallFailure::without_answer(sending.stopped())),
    }
}

/// The key that a request goes out under where its provider takes one: that of the same request whose answer was lost, so that it
/// is not run twice, else a new one.
pub(crate) async fn idempotency_key(
    task: &TaskContext,
    account: &Account,
    step: &str,
    request: RequestHash,
) -> Result<Option<String>, StoreError> {
    if account.recovery != RecoveryClass::Replayable {
        return Ok(None);
    }
    let (calls, lease) = (task.shared.store.calls(), task.claimed.lease);
    let earlier = if lease.attempt > 1 { calls.for_task(lease.task).await? } else { Vec::new() };
    let same = |call: &&Call| call.step == step && call.request_hash == request && call.profile == account.profile;
    if let Some(lost) = earlier.iter().filter(same).rfind(|call| call.state == CallState::Unknown)
        && let Some(key) = calls.idempotency_key(lost.id).await?
    {
        return Ok(Some(key));
    }
    Ok(Some(format!("{}-{step}-{}", task.claimed.key.short(), lease.attempt)))
}

/// Waits until the task is to stop, and then a little for an answer that is about to arrive.
pub(crate) async fn stop_asked(task: &TaskContext) {
    task.cancel.cancelled().await;
    tokio::time::sleep(STOP_GRACE).await;
}

/// How far a request is.
#[derive(Default)]
pub(crate) struct Sending {
    went_out: AtomicBool,
}

impl Sending {
    pub(crate) fn note(&self, progress: Progress) {
        if progress == Progress::Sent {
            self.went_out.store(true, Ordering::Relaxed);
        }
    }

    /// What it means that it was stopped here.
    pub(crate) fn stopped(&self) -> Failure {
        if self.went_out.load(Ordering::Relaxed) {
            Failure::new(
                FailureKind::UnknownOutcome,
                "stopped while the answer was awaited; the provider may have made and charged it",
            )
            .billing(Billing::Unknown)
        } else {
            Failure::new(FailureKind::Stopped, "stopped before the request was sent; nothing was paid")
        }
    }
}

/// The end of an earlier request could not be written when it came. Whatever it was, it is not sent again unasked.
pub(crate) fn end_not_written() -> Failure {
    Failure::new(
        FailureKind::UnknownOutcome,
        "what became of an earlier request of this task could not be written down; the provider may have made and charged the answer",
    )
    .billing(Billing::Unknown)
}

/// An earlier try of this task may have left an answer that was paid for: one with links to fetch, one that could not be
/// stored, or one that its provider is still making. It is finished instead of a new call.
async fn resume(task: &TaskContext, ask: &ImageAsk, earlier: &[Call]) -> Result<Option<Step>, Failure> {
    let calls = task.shared.store.calls();
    let open = |call: &&Call| call.step == ask.step && call.state.is_open();
    let Some(call) = earlier.iter().rfind(open) else { return Ok(None) };
    task.follow(call);
    let stuck = lock(&task.shared.stuck).remove(&call.id);
    let found = match stuck {
        None if call.state == CallState::Produced => {
            let answer = calls.answer(call.id).await.map_err(|error| local(&error))?;
            answer.and_then(|answer| serde_json::from_slice(&answer).ok()).map(|answer| (answer, None))
        }
        stuck => stuck,
    };
    if found.is_none()
        && let Some(ticket) = poll::ticket_of(task, call)
    {
        return poll::ask(task, ask, call, ticket).await.map(Some);
    }
    let Some((answer, kept)) = found else {
        if call.batch.is_some() {
            return batch::wait(task, call.id).await.map(Some);
        }
        let failure = end_not_written();
        let end = failed_end(task, &failure, Usage::default(), String::new());
        return conclude(task, call.id, end, failure).await.map(Some);
    };
    let settled = if let Some(failure) = answer.only_failure().filter(|_| call.batch.is_some()) {
        let failure = uploads::ended(task, ask, call, task.drawing().with_billing(failure)).await;
        let mut end = failed_end(task, &failure, answer.usage.clone(), answer.raw.clone());
        end.cost = end.cost.map(|cost| cost * answer.price);
        batch::failed(task, answer, kept, end, failure).await
    } else {
        // Only the comparison with the source needs it, and the source may be gone by now.
        let sent = prepare(task, ask).await.unwrap_or_default();
        settle(task, answer, kept, &sent).await
    };
    // After a step in the middle the task goes on like any other.
    task.asking.store(false, Ordering::Relaxed);
    match settled {
        Err(failure) if call.state == CallState::Accepted => poll::put_off(task, call.id, failure).await.map(Some),
        step => step.map(Some),
    }
}

fn request(task: &TaskContext, ask: &ImageAsk, sent: &[SentPicture]) -> ImageRequest {
    let drawing = task.drawing();
    let (prompt, negative_prompt) = drawing.route.negative.apply(ask.prompt.clone(), &ask.negative_prompt);
    ImageRequest {
        model: drawing.route.model.clone(),
        system_prompt: ask.system_prompt.clone(),
        prompt,
        negative_prompt,
        pictures: sent.iter().map(|picture| picture.input.blake3).collect(),
        options: drawing.route.fit(&ask.options, &task.job.definition.file.options),
        sample: task.claimed.spec.sample,
    }
}

pub(crate) async fn prepare(task: &TaskContext, ask: &ImageAsk) -> Result<Vec<SentPicture>, Failure> {
    if ask.pictures.is_empty() {
        return Ok(Vec::new());
    }
    let (job, drawing) = (task.job.clone(), task.drawing());
    let pictures = ask.pictures.clone();
    task.shared
        .pool
        .run(move || {
            let accepted = drawing.route.profile.accepted_formats();
            let rules = &job.definition.file.prepare;
            let all = |rules: &PrepareSection| -> Result<Vec<SentPicture>, Failure> {
                pictures.iter().map(|source| sources::prepare_for(source, rules, accepted)).collect()
            };
            let sent = all(rules)?;
            // A batch is cut by the bytes of its requests.
            let intake = if drawing.batch.is_some() { Intake::default() } else { drawing.provider.intake() };
            match uploads::share(intake, rules.oversize, pictures.len()) {
                Some(share) if sent.iter().map(|picture| picture.input.len).sum::<u64>() > intake.inline_bytes => {
                    let max_bytes = Some(rules.max_bytes.map_or(share, |bytes| bytes.min(share)));
                    all(&PrepareSection { max_bytes, ..rules.clone() })
                }
                _ => Ok(sent),
            }
        })
        .await
}

/// Bytes a call may hold: buffers, and its pictures where a copy has to be made.
fn bytes_held(task: &TaskContext, ask: &ImageAsk) -> u64 {
    let drawing = task.drawing();
    let accepted = drawing.route.profile.accepted_formats();
    let copies = |source: &imagemill_domain::task::SourcePicture| {
        let bytes = std::fs::metadata(&source.path).map_or(0, |metadata| metadata.len());
        let name = source.name.to_ascii_lowercase();
        let as_is = accepted.iter().any(|format| name.ends_with(format.extension()) || name.ends_with(format.word()));
        if as_is { 0 } else { bytes.saturating_mul(2) }
    };
    CALL_BYTES + ask.pictures.iter().map(copies).sum::<u64>()
}

/// Enters a call in the ledger and holds its ceiling; `None` when the task is no longer this worker's to send. Where calls
/// under way fill the budget, waits for them: most cost less than they hold.
pub(crate) async fn open(task: &TaskContext, call: NewCall) -> Result<Option<CallId>, Failure> {
    let profile = call.profile.clone();
    let mut waits = 0;
    loop {
        let opened = task.shared.store.calls().open(call.clone(), task.shared.clock.now_us()).await;
        let over = match opened.map_err(|error| local(&error))? {
            OpenCall::Opened(call) => return Ok(Some(call)),
            OpenCall::Fenced | OpenCall::NotActive => return Ok(None),
            OpenCall::OverBudget(over) => over,
        };
        if !over.may_pass() {
            return Err(over_budget(task, &profile, over));
        }
        // Not for ever: the calls it waits for may need its place to be asked about.
        if waits == ROOM_WAITS {
            let message = format!(
                "waits for room in the budget of {}: {} is held for calls under way",
                over.budget, over.under_way
            );
            return Err(Failure { code: Some(NO_ROOM_YET.to_owned()), ..Failure::new(FailureKind::Budget, message) });
        }
        waits += 1;
        tokio::select! {
            () = task.cancel.cancelled() => return Ok(None),
            () = task.shared.draining.cancelled() => return Ok(None),
            () = tokio::time::sleep(ROOM_WAIT) => {}
        }
    }
}

pub(crate) fn over_budget(task: &TaskContext, profile: &str, over: OverBudget) -> Failure {
    let OverBudget { of, budget, ceiling, .. } = over;
    let counted = over.spent + over.reserved;
    let room = format!("has no room for the next call (at most {ceiling}; spent or held for open calls {counted})");
    let message = match of {
        BudgetOf::Job => format!(
            "the budget of {budget} {room}. Raise `budget` and run the job again; nothing that was done is paid again"
        ),
        BudgetOf::ProfileDay => format!(
            "today's budget of {budget} of the profile {profile} {room}. It goes on after midnight UTC, or raise `day` in [profiles.{profile}.budget] and run the job again"
        ),
        BudgetOf::Profile => format!(
            "the budget of {budget} of the profile {profile} {room}. Raise `total` in [profiles.{profile}.budget] and run the job again"
        ),
    };
    let mut failure = Failure::new(FailureKind::Budget, message);
    if of != BudgetOf::Job {
        failure.code = Some(PROFILE_BUDGET.to_owned());
    }
    if of == BudgetOf::ProfileDay {
        let now_us = task.shared.clock.now_us();
        failure.retry_after_ms = Some(((DAY_US - now_us.rem_euclid(DAY_US)) / 1_000) as u64);
    }
    failure
}
