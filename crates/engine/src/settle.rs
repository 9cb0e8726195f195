//! What becomes of an answer: its pictures are brought home, checked and stored, then one transaction ends the call and the
//! task. Nothing that was paid for is dropped on the way.

use std::time::Duration;

use imagemill_domain::asset::Delivery;
use imagemill_domain::call::{CallId, CallState, Usage};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::money::Money;
use imagemill_domain::picture::Finding;
use imagemill_domain::task::TaskState;
use imagemill_imaging as imaging;
use imagemill_providers::{Answer, Spool};
use imagemill_store::{CallEnd, NewAsset, TaskEnd};

use crate::answers::{Kept, SavedAnswer, SavedBody, SavedItem};
use crate::chat::is_tolerable;
use crate::context::{Shared, TaskContext};
use crate::paid::Step;
use crate::pictures::{Stored, local};
use crate::retry::Decision;
use crate::sources::SentPicture;
use crate::worker::decide;

/// Tries to fetch one link before the task waits; fetching is free.
const FETCH_TRIES: u32 = 4;
/// Code of a link whose address the profile's network rules refuse.
const NOT_ALLOWED: &str = imagemill_providers::ADDRESS_NOT_ALLOWED;

/// Writes an answer down that just came, then settles it.
pub(crate) async fn arrived(
    task: &TaskContext,
    call: CallId,
    answer: Answer,
    sent: &[SentPicture],
) -> Result<Step, Failure> {
    let gate = &task.drawing().gate;
    gate.succeeded();
    gate.hint(answer.rate.remaining_requests, answer.rate.reset_requests_ms);
    let answer = SavedAnswer::of(call, answer);
    match task.shared.answers.keep(&answer) {
        Ok(kept) => settle(task, answer, Some(kept), sent).await,
        Err(error) => Err(keep_failed(task, answer, &error)),
    }
}

/// Brings an answer's pictures home and ends the call and the task.
///
/// Fails only with `local`: the answer is held then, and the next try of its task starts from it.
pub(crate) async fn settle(
    task: &TaskContext,
    answer: SavedAnswer,
    kept: Option<Kept>,
    sent: &[SentPicture],
) -> Result<Step, Failure> {
    let step = match enter(task, &answer, sent).await {
        Ok(step) => step,
        Err(failure) => {
            lock(&task.shared.stuck).insert(answer.call, (answer, kept));
            return Err(failure);
        }
    };
    // It is in the ledger, with the links that are still to be fetched if there are any.
    kept.into_iter().for_each(Kept::settle);
    Ok(step)
}

async fn enter(task: &TaskContext, answer: &SavedAnswer, sent: &[SentPicture]) -> Result<Step, Failure> {
    let shared = &task.shared;
    let call = answer.call;
    if answer.has_links() {
        let json = serde_json::to_vec(answer).expect("texts, numbers and bytes always serialise");
        shared.store.calls().produced(call, json, shared.clock.now_us()).await.map_err(|error| local(&error))?;
    }
    let mut stored: Vec<(Stored, Delivery)> = Vec::new();
    let mut failures = Vec::new();
    let mut made = 0;
    let mut later = None;
    for (position, item) in answer.items.iter().cloned().enumerate() {
        let name = format!("{}-{position}", call.0);
        let is_link = matches!(item, SavedItem::Link(_));
        match bring_home(task, item, name).await {
            Ok(picture) => {
                made += 1;
                shared.disk.saw(picture.0.facts.bytes);
                stored.push(picture);
            }
            Err(failure) if failure.kind == FailureKind::Local => return Err(failure),
            // Every link of the job will be like this one, and each was paid for.
            Err(failure) if is_link && failure.code.as_deref() == Some(NOT_ALLOWED) => {
                return Err(Failure { kind: FailureKind::Local, ..failure });
            }
            Err(failure) if is_link => {
                // The picture was made, whatever became of its link.
                made += 1;
                let again = failure.kind == FailureKind::Transient && may_fetch_later(task);
                if again {
                    later.get_or_insert(failure);
                } else if failure.kind == FailureKind::BadPicture {
                    failures.push(failure);
                } else {
                    failures.push(Failure { kind: FailureKind::FetchExpired, billing: Billing::Billed, ..failure });
                }
            }
            Err(failure) => {
                made += u64::from(failure.kind == FailureKind::BadPicture);
                failures.push(final_word(failure));
            }
        }
    }
    if let Some(failure) = later {
        return Ok(fetch_later(task, failure).await);
    }
    let cost = task.drawing().cost_of(&answer.usage, made, answer.price);
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
    match (state, failure) {
        (Some(_), _) if !task.course.is_last() => {
            let finished = shared.store.calls().finish(call, end, None, shared.clock.now_us()).await;
            finished.map_err(|error| local(&error))?;
            task.course.ended(cost, 0);
            Ok(Step::Stored(call))
        }
        (Some(state), failure) => {
            let pictures = task.course.pictures() + end.assets.len() as u32;
            let cost = task.course.cost_with(cost);
            let moved = (task.claimed.lease, TaskEnd { state, failure, pictures, cost });
            let finished = shared.store.calls().finish(call, end, Some(moved), shared.clock.now_us()).await;
            finished.map_err(|error| local(&error))?;
            Ok(Step::Moved)
        }
        (None, Some(failure)) => conclude(task, call, end, failure).await,
        (None, None) => unreachable!("no picture and no failure is a failure"),
    }
}

/// One item of the answer: decoded already, a link to fetch, or a failure of its own.
async fn bring_home(task: &TaskContext, item: SavedItem, name: String) -> Result<(Stored, Delivery), Failure> {
    let picture = match item {
        SavedItem::Failed(failure) => return Err(task.drawing().with_billing(failure)),
        SavedItem::Words { .. } => {
            let message = "the answer that was kept for this step holds words and no picture";
            return Err(Failure::new(FailureKind::Protocol, message).billing(Billing::Billed));
        }
        SavedItem::Link(url) => SavedItem::of(fetch(task, &url, &name).await?),
        picture @ SavedItem::Picture { .. } => picture,
    };
    let SavedItem::Picture { delivery, body, .. } = &picture else { unreachable!("matched above") };
    // A picture that came by itself cannot be had again; one behind a link is fetched again.
    let fetched = match body {
        SavedBody::File(path) if *delivery == Delivery::Link => Some(path.clone()),
        _ => None,
    };
    let delivery = *delivery;
    match task.shared.pool.take_in(picture, name).await {
        Err(failure) => {
            if let Some(part) = fetched.filter(|_| failure.kind == FailureKind::Local) {
                // It may be where it belongs already.
                let _ = std::fs::remove_file(part);
            }
            Err(failure)
        }
        Ok(stored) => Ok((stored, delivery)),
    }
}

async fn fetch(task: &TaskContext, url: &str, name: &str) -> Result<imagemill_providers::Spooled, Failure> {
    let mut tried = 0;
    let drawing = task.drawing();
    loop {
        tried += 1;
        let spool = Spool::new(task.shared.files.spool_dir(), name);
        let result = tokio::select! {
            result = drawing.provider.download(url, spool) => result,
            () = task.cancel.cancelled() => {
                Err(Failure::new(FailureKind::Transient, "stopped while a picture was being fetched; it is fetched when the job goes on"))
            }
        };
        match result {
            Err(failure) if may_come(&failure) && tried < FETCH_TRIES && !task.cancel.is_cancelled() => {
                let wait = failure.retry_after_ms.unwrap_or(400 << tried).min(10_000);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            result => return result,
        }
    }
}

/// Whether a link may bring its picture in a moment: some hosts say "not found" or "not allowed" of a file that they are
/// about to have.
fn may_come(failure: &Failure) -> bool {
    failure.kind == FailureKind::Transient
        || (failure.kind == FailureKind::FetchExpired && matches!(failure.http_status, Some(403 | 404)))
}

/// An answer came and was paid for: what one item of it says of limits or of the server must not have the call sent again.
fn final_word(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::Refused | FailureKind::UnknownOutcome | FailureKind::BadPicture | FailureKind::FetchExpired => {
            failure
        }
        _ => Failure { kind: FailureKind::Protocol, ..failure },
    }
}

/// Whether a link may be fetched by a later try of the task. A stop is no try.
fn may_fetch_later(task: &TaskContext) -> bool {
    task.cancel.is_cancelled() || task.claimed.tries < task.job.definition.file.retry.attempts
}

/// The picture is made and paid for and its host does not answer: the call stays `produced`, the task waits and fetches again.
async fn fetch_later(task: &TaskContext, failure: Failure) -> Step {
    if task.cancel.is_cancelled() {
        return Step::Released;
    }
    let failure = Failure { should_retry: None, ..failure };
    let decision = decide(task, &failure, 0).await;
    Step::Judged { failure, decision, written: false }
}

/// Writes the end of a call that brought no picture, together with the task's end when that is the decision.
pub(crate) async fn conclude(
    task: &TaskContext,
    call: CallId,
    end: CallEnd,
    failure: Failure,
) -> Result<Step, Failure> {
    let faults = note_at_gate(task, &failure);
    let decision = decide(task, &failure, faults).await;
    conclude_as(task, call, end, failure, decision).await
}

/// The same where it is decided already what becomes of the task.
pub(crate) async fn conclude_as(
    task: &TaskContext,
    call: CallId,
    end: CallEnd,
    failure: Failure,
    decision: Decision,
) -> Result<Step, Failure> {
    // Before its last step a recipe may go on after a failure that concerns only this step.
    let task_end = match &decision {
        decision if is_tolerable(decision) && !task.course.is_last() => None,
        Decision::End(state) => {
            let (pictures, cost) = (task.course.pictures(), task.course.cost_with(end.cost));
            Some((task.claimed.lease, TaskEnd { state: *state, failure: Some(failure.clone()), pictures, cost }))
        }
        _ => None,
    };
    let written = task_end.is_some();
    let now_us = task.shared.clock.now_us();
    task.shared.store.calls().finish(call, end, task_end, now_us).await.map_err(|error| local(&error))?;
    Ok(Step::Judged { failure, decision, written })
}

/// Tells the gate; returns how many transport faults there were in a row.
pub(crate) fn note_at_gate(task: &TaskContext, failure: &Failure) -> u32 {
    let account = task.account();
    let gate = &account.gate;
    match failure.kind {
        FailureKind::RateLimited => {
            let wait_ms = failure.retry_after_ms.unwrap_or(1_000).min(account.longest_wait_ms);
            gate.rate_limited(Duration::from_millis(wait_ms));
            0
        }
        FailureKind::Transient | FailureKind::UnknownOutcome if !task.cancel.is_cancelled() => gate.fault(),
        _ => {
            gate.answered();
            0
        }
    }
}

/// The end of a call that brought no picture. What the provider counted all the same is what it cost.
pub(crate) fn failed_end(task: &TaskContext, failure: &Failure, usage: Usage, raw: String) -> CallEnd {
    let state = match failure.kind {
        FailureKind::Refused => CallState::Refused,
        FailureKind::UnknownOutcome => CallState::Unknown,
        _ => CallState::Failed,
    };
    let counted = task.drawing().cost_of(&usage, 0, 1.0).filter(|cost| *cost > Money::ZERO);
    let cost = match failure.billing {
        Billing::NotBilled => Some(Money::ZERO),
        // Charged without a count: the most it may have cost.
        Billing::Billed => counted.or(task.drawing().ceiling()),
        Billing::Unknown => None,
    };
    CallEnd {
        state,
        usage,
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

/// Positions, findings and lineage of the pictures of one answer.
async fn new_assets(
    task: &TaskContext,
    stored: Vec<(Stored, Delivery)>,
    sent: &[SentPicture],
) -> Result<Vec<NewAsset>, Failure> {
    let mut next_index = 1;
    if task.claimed.lease.attempt > 1 || task.course.has_steps() {
        let earlier = task.shared.store.assets().for_task(task.claimed.lease.task).await;
        next_index += earlier.map_err(|error| local(&error))?.iter().map(|asset| asset.index).max().unwrap_or(0);
    }
    let source_look = match sent.first() {
        Some(picture) if !stored.is_empty() => {
            let shared = task.shared.clone();
            let input = picture.input.clone();
            // Without it one finding is missing; no reason to hold up a picture that is here.
            task.shared.pool.run(move || Ok(shared.looks.of(&input))).await.unwrap_or_default()
        }
        _ => None,
    };
    let parents: Vec<_> = match sent {
        // A held answer, whose sources may be gone.
        [] if task.course.is_last() => task.claimed.spec.pictures.iter().map(|picture| picture.blake3).collect(),
        sent => sent.iter().map(|picture| picture.source).collect(),
    };
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

/// The answer is held in memory: the disk is full. The next try of its task starts from it.
pub(crate) fn keep_failed(task: &TaskContext, answer: SavedAnswer, error: &std::io::Error) -> Failure {
    lock(&task.shared.stuck).insert(answer.call, (answer, None));
    Failure::new(
        FailureKind::Local,
        format!(
            "an answer could not be written to {}: {error}. Free some space and resume the job; the answer is kept in memory until then",
            task.shared.files.spool_dir().display()
        ),
    )
}

pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Tries to write down answers that are only in memory; returns how many still are.
pub(crate) fn write_held(shared: &Shared) -> u32 {
    let mut held = 0;
    for (answer, kept) in lock(&shared.stuck).values_mut().filter(|(_, kept)| kept.is_none()) {
        match shared.answers.keep(answer) {
            Ok(written) => *kept = Some(written),
            Err(_) => held += 1,
        }
    }
    held
}
