//! The paid step: limits, ledger, the call itself, its answer into assets. In this order nothing that may cost money is
//! sent before its row is durable, and nothing that was paid for is dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use imagemill_domain::call::{CallId, CallState};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::money::Money;
use imagemill_domain::picture::Finding;
use imagemill_domain::request::ImageRequest;
use imagemill_domain::task::TaskState;
use imagemill_imaging as imaging;
use imagemill_providers::{Answer, PictureInput, Progress, Spool, WireCall};
use imagemill_store::{CallEnd, NewAsset, NewCall, OpenCall, TaskEnd};

use crate::answers::{Kept, SavedAnswer, SavedItem};
use crate::context::TaskContext;
use crate::pictures::{Stored, local};
use crate::recipe::ImageAsk;
use crate::retry::Decision;
use crate::sources::{self, SentPicture};
use crate::worker::decide;

/// Tries to fetch one link before the task waits; fetching is free.
const FETCH_TRIES: u32 = 4;
/// After a stop, an answer that is about to arrive gets this long before its socket is closed.
const STOP_GRACE: Duration = Duration::from_millis(600);
/// What a call holds in memory besides pictures that were prepared: buffers of the connection and the reader.
const CALL_BYTES: u64 = 512 << 10;

/// What became of the task.
pub(crate) enum Step {
    /// It moved, in the same transaction as its call.
    Moved,
    /// The failure was judged; an `End` still has to be written unless `written`.
    Judged { failure: Failure, decision: Decision, written: bool },
    /// It goes back to the queue as if it had not been taken.
    Released,
}

/// Makes the last paid call of a task, or finishes what an earlier try of it left.
pub(crate) async fn last_image(task: &TaskContext, ask: ImageAsk) -> Result<Step, Failure> {
    if task.claimed.lease.attempt > 1
        && let Some(step) = resume(task, &ask).await?
    {
        return Ok(step);
    }
    let pictures_asked = ask.options.n.unwrap_or(1);
    let permit = tokio::select! {
        permit = task.job.gate.acquire(bytes_held(task, &ask), pictures_asked) => permit,
        () = task.cancel.cancelled() => return Ok(Step::Released),
    };
    let Ok(permit) = permit else { return Ok(Step::Released) };
    let sent = prepare(task, &ask).await?;
    let request = ImageRequest {
        model: task.job.definition.model.clone(),
        system_prompt: ask.system_prompt,
        prompt: ask.prompt,
        negative_prompt: ask.negative_prompt,
        pictures: sent.iter().map(|picture| picture.input.blake3).collect(),
        options: ask.options,
        sample: task.claimed.spec.sample,
    };
    let inputs: Vec<PictureInput> = sent.iter().map(|picture| picture.input.clone()).collect();
    task.shared.disk.check()?;
    let request_text = task.job.provider.request_text(&request, &inputs);
    let new_call = NewCall {
        lease: task.claimed.lease,
        step: ask.step.to_owned(),
        request_hash: request.hash(),
        profile: task.job.definition.profile.name.clone(),
        model: request.model.clone(),
        ceiling: task.job.definition.call_ceiling,
        request_raw: request_text.into_bytes(),
        idempotency_key: None,
    };
    let opened = task.shared.store.calls().open(new_call, task.shared.clock.now_us()).await;
    let call = match opened.map_err(|error| local(&error))? {
        OpenCall::Opened(call) => call,
        OpenCall::Fenced | OpenCall::NotActive => return Ok(Step::Released),
        OpenCall::OverBudget { budget, spent, reserved, ceiling } => {
            return Err(over_budget(budget, spent, reserved, ceiling));
        }
    };
    let result = send(task, call, &request, &inputs).await;
    drop(permit);
    match result {
        Ok(answer) => {
            task.job.gate.succeeded();
            task.job.gate.hint(answer.rate.remaining_requests, answer.rate.reset_requests_ms);
            let answer = SavedAnswer::of(call, answer);
            let kept = task.shared.answers.keep(&answer).map_err(|error| keep_failed(task, &answer, &error))?;
            settle(task, answer, Some(kept), &sent).await
        }
        Err((failure, raw)) => {
            let failure = with_billing(task, failure);
            let end = failed_end(task, &failure, raw);
            conclude(task, call, end, failure).await
        }
    }
}

/// Sends the request. A stop closes the socket after a short grace.
async fn send(
    task: &TaskContext,
    call: CallId,
    request: &ImageRequest,
    inputs: &[PictureInput],
) -> Result<Answer, (Failure, String)> {
    let went_out = AtomicBool::new(false);
    let progress = |progress| {
        if progress == Progress::Sent {
            went_out.store(true, Ordering::Relaxed);
        }
    };
    let key = format!("{}-{}", task.claimed.key.short(), call.0);
    let wire = WireCall {
        request,
        pictures: inputs,
        key: &key,
        idempotency_key: None,
        spool: Spool::new(task.shared.files.spool_dir(), &call.0.to_string()),
        progress: &progress,
    };
    let stop = async {
        task.cancel.cancelled().await;
        tokio::time::sleep(STOP_GRACE).await;
    };
    tokio::select! {
        biased;
        result = task.job.provider.image(wire) => result.map_err(|failure| {
            task.job.gate.hint(failure.rate.remaining_requests, failure.rate.reset_requests_ms);
            (failure.failure, failure.raw)
        }),
        () = stop => Err((stopped(went_out.load(Ordering::Relaxed)), String::new())),
    }
}

/// A refusal looks free on the wire; whether it is, the capability table says.
fn with_billing(task: &TaskContext, failure: Failure) -> Failure {
    let bills_refusals = task.job.capabilities.as_ref().and_then(|capabilities| capabilities.bills_refusals);
    match (failure.kind, bills_refusals) {
        (FailureKind::Refused, Some(true)) => failure.billing(Billing::Billed),
        (FailureKind::Refused, Some(false)) => failure.billing(Billing::NotBilled),
        _ => failure,
    }
}

fn stopped(went_out: bool) -> Failure {
    if went_out {
        Failure::new(
            FailureKind::UnknownOutcome,
            "stopped while the answer was awaited; the provider may have made and charged the picture",
        )
        .billing(Billing::Unknown)
    } else {
        Failure::new(FailureKind::Stopped, "stopped before the request was sent; nothing was paid")
    }
}

/// An earlier try of this task may have left an answer that was paid for: one with links to fetch, or one that could not be
/// stored. It is finished instead of a new call.
async fn resume(task: &TaskContext, ask: &ImageAsk) -> Result<Option<Step>, Failure> {
    let calls = task.shared.store.calls();
    let earlier = calls.for_task(task.claimed.lease.task).await.map_err(|error| local(&error))?;
    for call in earlier.iter().rev().filter(|call| call.step == ask.step) {
        let stuck = lock(&task.shared.stuck).remove(&call.id);
        let (saved, kept) = match (call.state, stuck) {
            (CallState::Sent | CallState::Accepted | CallState::Produced, Some((saved, kept))) => (saved, kept),
            (CallState::Produced, None) => {
                let answer = calls.answer(call.id).await.map_err(|error| local(&error))?;
                match answer.and_then(|answer| serde_json::from_slice(&answer).ok()) {
                    Some(saved) => (saved, None),
                    None => continue,
                }
            }
            _ => continue,
        };
        // Only the comparison with the source needs it, and the source may be gone by now.
        let sent = prepare(task, ask).await.unwrap_or_default();
        return settle(task, saved, kept, &sent).await.map(Some);
    }
    Ok(None)
}

/// Brings an answer's pictures home and ends the call and the task.
async fn settle(
    task: &TaskContext,
    answer: SavedAnswer,
    kept: Option<Kept>,
    sent: &[SentPicture],
) -> Result<Step, Failure> {
    let shared = &task.shared;
    let call = answer.call;
    if answer.has_links() {
        let json = serde_json::to_vec(&answer).expect("texts, numbers and bytes always serialise");
        shared.store.calls().produced(call, json, shared.clock.now_us()).await.map_err(|error| local(&error))?;
    }
    let mut stored: Vec<(Stored, imagemill_domain::asset::Delivery)> = Vec::new();
    let mut failures = Vec::new();
    let mut made = 0;
    for (position, item) in answer.items.iter().cloned().enumerate() {
        let name = format!("{}-{position}", call.0);
        match bring_home(task, item, name).await {
            Ok(picture) => {
                made += 1;
                stored.push(picture);
            }
            Err(failure) if failure.kind == FailureKind::Local => {
                // Nothing is lost: the next try of this task starts from the same answer.
                lock(&shared.stuck).insert(call, (answer, kept));
                return Err(failure);
            }
            Err(failure) if failure.kind == FailureKind::Transient => {
                // The links are in the ledger, so the line is not needed any more.
                kept.into_iter().for_each(Kept::settle);
                return Ok(fetch_later(task, call, failure).await);
            }
            Err(failure) => {
                made += u64::from(failure.kind == FailureKind::BadPicture || failure.kind == FailureKind::FetchExpired);
                failures.push(failure);
            }
        }
    }
    let cost = cost_of(task, &answer, made);
    let assets = new_assets(task, stored, sent).await?;
    let (state, call_state, failure) = verdict(task, assets.len(), &failures);
    let end = CallEnd {
        state: call_state,
        usage: answer.usage.clone(),
        cost,
        http_status: Some(answer.http_status),
        failure: failure.clone(),
        response_raw: answer.raw.clone().into_bytes(),
        assets,
    };
    let step = match (state, failure) {
        (Some(state), failure) => {
            let pictures = end.assets.len() as u32;
            let task_end = TaskEnd { state, failure, pictures, cost };
            let moved = (task.claimed.lease, task_end);
            shared
                .store
                .calls()
                .finish(call, end, Some(moved), shared.clock.now_us())
                .await
                .map_err(|error| local(&error))?;
            Step::Moved
        }
        (None, Some(failure)) => conclude(task, call, end, failure).await?,
        (None, None) => unreachable!("no picture and no failure is a failure"),
    };
    if let Some(kept) = kept {
        kept.settle();
    }
    Ok(step)
}

/// One item of the answer: decoded already, a link to fetch, or a failure of its own.
async fn bring_home(
    task: &TaskContext,
    item: SavedItem,
    name: String,
) -> Result<(Stored, imagemill_domain::asset::Delivery), Failure> {
    let picture = match item {
        SavedItem::Failed(failure) => return Err(with_billing(task, failure)),
        SavedItem::Link(url) => SavedItem::of(fetch(task, &url, &name).await?),
        picture @ SavedItem::Picture { .. } => picture,
    };
    let SavedItem::Picture { delivery, .. } = picture else { unreachable!("matched above") };
    Ok((task.shared.pool.take_in(picture, name).await?, delivery))
}

async fn fetch(task: &TaskContext, url: &str, name: &str) -> Result<imagemill_providers::Spooled, Failure> {
    let mut tried = 0;
    loop {
        tried += 1;
        let spool = Spool::new(task.shared.files.spool_dir(), name);
        let result = tokio::select! {
            result = task.job.provider.download(url, spool) => result,
            () = task.cancel.cancelled() => {
                Err(Failure::new(FailureKind::Transient, "stopped while a picture was being fetched; it is fetched when the job goes on"))
            }
        };
        match result {
            Err(failure)
                if failure.kind == FailureKind::Transient && tried < FETCH_TRIES && !task.cancel.is_cancelled() =>
            {
                let wait = failure.retry_after_ms.unwrap_or(400 << tried).min(10_000);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            result => return result,
        }
    }
}

/// The picture is made and paid for and its host does not answer: the call stays `produced`, the task waits and fetches again.
async fn fetch_later(task: &TaskContext, call: CallId, failure: Failure) -> Step {
    if task.claimed.tries < task.job.definition.file.retry.attempts {
        let decision = decide(task, &failure, 0).await;
        return Step::Judged { failure, decision, written: false };
    }
    let failure = Failure { kind: FailureKind::FetchExpired, billing: Billing::Billed, ..failure };
    let end = failed_end(task, &failure, String::new());
    conclude(task, call, end, failure.clone()).await.unwrap_or(Step::Judged {
        decision: Decision::End(TaskState::Failed),
        failure,
        written: false,
    })
}

/// Writes the end of a call that brought no picture, together with the task's end when that is the decision.
async fn conclude(task: &TaskContext, call: CallId, end: CallEnd, failure: Failure) -> Result<Step, Failure> {
    let faults = note_at_gate(task, &failure);
    let decision = decide(task, &failure, faults).await;
    let task_end = match &decision {
        Decision::End(state) => Some((
            task.claimed.lease,
            TaskEnd { state: *state, failure: Some(failure.clone()), pictures: 0, cost: end.cost },
        )),
        _ => None,
    };
    let written = task_end.is_some();
    let now_us = task.shared.clock.now_us();
    task.shared.store.calls().finish(call, end, task_end, now_us).await.map_err(|error| local(&error))?;
    Ok(Step::Judged { failure, decision, written })
}

/// Tells the gate; returns how many transport faults there were in a row.
fn note_at_gate(task: &TaskContext, failure: &Failure) -> u32 {
    let gate = &task.job.gate;
    match failure.kind {
        FailureKind::RateLimited => {
            let longest = task.job.definition.profile.limits.longest_wait_ms;
            gate.rate_limited(Duration::from_millis(failure.retry_after_ms.unwrap_or(1_000).min(longest)));
            0
        }
        FailureKind::Transient | FailureKind::UnknownOutcome if !task.cancel.is_cancelled() => gate.fault(),
        _ => {
            gate.answered();
            0
        }
    }
}

fn failed_end(task: &TaskContext, failure: &Failure, raw: String) -> CallEnd {
    let state = match failure.kind {
        FailureKind::Refused => CallState::Refused,
        FailureKind::UnknownOutcome => CallState::Unknown,
        _ => CallState::Failed,
    };
    let cost = match failure.billing {
        Billing::NotBilled => Some(Money::ZERO),
        // Charged without a count: the most it may have cost.
        Billing::Billed => task.job.definition.call_ceiling,
        Billing::Unknown => None,
    };
    CallEnd {
        state,
        usage: imagemill_domain::call::Usage::default(),
        cost,
        http_status: failure.http_status,
        failure: Some(failure.clone()),
        response_raw: raw.into_bytes(),
        assets: Vec::new(),
    }
}

/// State of the task, if it is clear already; state of the call; what to tell.
fn verdict(
    task: &TaskContext,
    pictures: usize,
    failures: &[Failure],
) -> (Option<TaskState>, CallState, Option<Failure>) {
    let asked = task.job.definition.file.options.n.unwrap_or(1) as usize;
    let worst = failures.iter().min_by_key(|failure| match failure.kind {
        FailureKind::Refused => 0,
        FailureKind::UnknownOutcome => 1,
        _ => 2,
    });
    match (pictures, worst) {
        (0, Some(worst)) => {
            let state = match worst.kind {
                FailureKind::Refused => CallState::Refused,
                FailureKind::UnknownOutcome => CallState::Unknown,
                _ => CallState::Failed,
            };
            (None, state, Some(worst.clone()))
        }
        (0, None) => {
            let failure =
                Failure::new(FailureKind::Protocol, "the provider's answer held no picture").billing(Billing::Billed);
            (None, CallState::Failed, Some(failure))
        }
        (pictures, None) if pictures >= asked => (Some(TaskState::Succeeded), CallState::Fetched, None),
        (pictures, worst) => {
            let kind = worst.map_or(FailureKind::Protocol, |worst| worst.kind);
            let why = worst.map_or_else(|| "the provider sent no more".to_owned(), |worst| worst.message.clone());
            let failure = Failure::new(
                kind,
                format!("{pictures} of {} pictures came; {why}", asked.max(pictures + failures.len())),
            );
            (Some(TaskState::Partial), CallState::Fetched, Some(failure))
        }
    }
}

fn cost_of(task: &TaskContext, answer: &SavedAnswer, made: u64) -> Option<Money> {
    if let Some(micros) = answer.usage.cost_micros {
        return Some(Money::from_micros(micros));
    }
    task.job.capabilities.as_ref()?.price.as_ref()?.settle(&answer.usage, made)
}

/// Positions, findings and lineage of the pictures of one answer.
async fn new_assets(
    task: &TaskContext,
    stored: Vec<(Stored, imagemill_domain::asset::Delivery)>,
    sent: &[SentPicture],
) -> Result<Vec<NewAsset>, Failure> {
    let mut next_index = 1;
    if task.claimed.lease.attempt > 1 {
        let earlier = task.shared.store.assets().for_task(task.claimed.lease.task).await;
        next_index += earlier.map_err(|error| local(&error))?.iter().map(|asset| asset.index).max().unwrap_or(0);
    }
    let source_look = match sent.first() {
        Some(picture) if !stored.is_empty() => {
            let shared = task.shared.clone();
            let input = picture.input.clone();
            task.shared.pool.run(move || Ok(shared.looks.of(&input))).await?
        }
        _ => None,
    };
    let parents = task.claimed.spec.pictures.iter().map(|picture| picture.blake3).collect::<Vec<_>>();
    let prepared: Vec<_> = sent.iter().filter_map(|picture| picture.prepared.clone()).collect();
    let prepared = (!prepared.is_empty()).then_some(serde_json::Value::Array(prepared));
    let mut siblings = Vec::new();
    let mut assets = Vec::new();
    for (picture, delivery) in stored {
        let mut findings = imaging::findings(&picture.look, source_look.as_deref(), &siblings);
        // Flat pictures all look alike; one finding says enough.
        if findings.contains(Finding::Blank) {
            findings = findings.iter().filter(|finding| *finding != Finding::NearDuplicate).collect();
        }
        siblings.push(picture.look.phash);
        assets.push(NewAsset {
            index: next_index,
            facts: picture.facts,
            findings,
            delivery,
            parents: parents.clone(),
            prepared: prepared.clone(),
        });
        next_index += 1;
    }
    Ok(assets)
}

async fn prepare(task: &TaskContext, ask: &ImageAsk) -> Result<Vec<SentPicture>, Failure> {
    if ask.pictures.is_empty() {
        return Ok(Vec::new());
    }
    let job = task.job.clone();
    let pictures = ask.pictures.clone();
    task.shared
        .pool
        .run(move || pictures.iter().map(|source| sources::prepare(source, &job.definition)).collect())
        .await
}

/// Bytes a call may hold: buffers, and its pictures where a copy has to be made.
fn bytes_held(task: &TaskContext, ask: &ImageAsk) -> u64 {
    let copies = |source: &imagemill_domain::task::SourcePicture| {
        let accepted = task.job.definition.profile.accepted_formats();
        let bytes = std::fs::metadata(&source.path).map_or(0, |metadata| metadata.len());
        let name = source.name.to_ascii_lowercase();
        let as_is = accepted.iter().any(|format| name.ends_with(format.extension()) || name.ends_with(format.word()));
        if as_is { 0 } else { bytes.saturating_mul(2) }
    };
    CALL_BYTES + ask.pictures.iter().map(copies).sum::<u64>()
}

fn over_budget(budget: Money, spent: Money, reserved: Money, ceiling: Money) -> Failure {
    Failure::new(
        FailureKind::Budget,
        format!(
            "the budget of {budget} has no room for the next call (at most {ceiling}; spent {spent}, held for open calls {reserved}). \
             Raise `budget` and run the job again; nothing that was done is paid again"
        ),
    )
}

fn keep_failed(task: &TaskContext, answer: &SavedAnswer, error: &std::io::Error) -> Failure {
    lock(&task.shared.stuck).insert(answer.call, (answer.clone(), None));
    Failure::new(
        FailureKind::Local,
        format!(
            "an answer could not be written to {}: {error}. Free some space and resume the job; the answer is kept in memory until then",
            task.shared.files.spool_dir().display()
        ),
    )
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
