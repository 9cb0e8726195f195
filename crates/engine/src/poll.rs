//! A call that its provider took and answers later: the ticket is durable before the first question, then the task waits
//! without a worker, is asked about at growing intervals and settled like any other answer. Nothing is ever paid again for
//! it, by this process or the next one.
//!
//! When to ask is decided in `retry`; how to ask, by the provider.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use imagemill_domain::call::{Call, CallId, CallState, Usage};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_providers::{Polled, Spool, Ticket};
use tokio::time::Instant;

use crate::context::{Shared, TaskContext};
use crate::limits::Permit;
use crate::paid::{self, Step};
use crate::pictures::local;
use crate::recipe::ImageAsk;
use crate::retry::{self, Asked, Decision};
use crate::settle::{arrived, conclude, failed_end, lock};
use crate::uploads;
use crate::worker::decide;

/// How long telling a provider to drop a request may take.
const CANCEL_WAIT: Duration = Duration::from_secs(10);

/// What this process knows of calls that are with a provider.
pub(crate) type Tickets = HashMap<CallId, Held>;

/// One of them.
pub(crate) struct Held {
    ticket: Ticket,
    /// Its place among the calls at once.
    _place: Permit,
    /// Not in the ledger yet: it could not be written.
    unwritten: bool,
    /// An event told that the task waits.
    told: bool,
    /// The provider was told to drop it.
    cancelled: bool,
    /// Since when every question failed.
    failing_since: Option<Instant>,
}

/// Enters the ticket of a call and lets its task wait. `place` is kept until the call has ended.
pub(crate) async fn accepted(
    task: &TaskContext,
    call: CallId,
    ticket: Ticket,
    mut place: Permit,
) -> Result<Step, Failure> {
    task.drawing().gate.answered();
    place.keep_place_only();
    let held = Held { ticket, _place: place, unwritten: true, told: false, cancelled: false, failing_since: None };
    lock(&task.shared.tickets).insert(call, held);
    write(&task.shared, call).await?;
    wait(task, call, retry::FIRST_POLL_MS, None).await
}

/// The ticket of an open call, where it has one.
pub(crate) fn ticket_of(task: &TaskContext, call: &Call) -> Option<Ticket> {
    if let Some(held) = lock(&task.shared.tickets).get(&call.id) {
        return Some(held.ticket.clone());
    }
    parse(call)
}

/// The ticket in the ledger.
pub(crate) fn parse(call: &Call) -> Option<Ticket> {
    let text = call.remote_id.as_ref().filter(|_| call.state == CallState::Accepted)?;
    serde_json::from_str(text).ok()
}

/// Asks about a call once, and settles it, lets it wait on, or gives it up.
pub(crate) async fn ask(task: &TaskContext, ask: &ImageAsk, call: &Call, ticket: Ticket) -> Result<Step, Failure> {
    match ask_once(task, ask, call, ticket).await {
        Err(failure) if failure.kind == FailureKind::Local => put_off(task, call.id, failure).await,
        step => step,
    }
}

/// A fault of this machine, such as a full disk: the job pauses, and the call is looked at again in a while all the same,
/// because it is paid for.
pub(crate) async fn put_off(task: &TaskContext, call: CallId, failure: Failure) -> Result<Step, Failure> {
    wait(task, call, retry::LONGEST_POLL_MS, Some(failure.clone())).await?;
    Ok(Step::Judged { failure, decision: Decision::PauseJob, written: true })
}

async fn ask_once(task: &TaskContext, ask: &ImageAsk, call: &Call, ticket: Ticket) -> Result<Step, Failure> {
    hold(task, call.id, &ticket);
    write(&task.shared, call.id).await?;
    if task.stopping && first_cancel(task, call.id) {
        cancel(task, &ticket).await;
    }
    let room = tokio::select! {
        room = task.shared.disk.room(ask.options.n.unwrap_or(1)) => room?,
        () = task.cancel.cancelled() => return wait(task, call.id, 0, None).await,
    };
    let drawing = task.drawing();
    let spool = Spool::new(task.shared.files.spool_dir(), &call.id.0.to_string());
    let polled = tokio::select! {
        biased;
        polled = drawing.provider.poll(&ticket, spool) => polled,
        () = task.cancel.cancelled() => return wait(task, call.id, 0, None).await,
    };
    let age_ms = u64::try_from(task.shared.clock.now_us().saturating_sub(call.sent_us) / 1_000).unwrap_or(0);
    let total_ms = drawing.route.profile.timeouts.total_ms;
    match polled {
        Ok(Polled::Answer(answer)) => {
            drawing.cost_of(&answer.usage, answer.items.len() as u64, 1.0);
            forget(task, call.id);
            // Only the comparison with the source needs it, and the source may be gone by now.
            let sent = paid::prepare(task, ask).await.unwrap_or_default();
            let step = arrived(task, call.id, *answer, &sent).await;
            drop(room);
            // A step in the middle: the task goes on like any other.
            task.asking.store(false, Ordering::Relaxed);
            step
        }
        Ok(Polled::Pending { again_in_ms, queue_position }) => {
            drawing.gate.answered();
            tracing::debug!(call = call.id.0, age_ms, ?queue_position, "the provider is not done yet");
            lock(&task.shared.tickets).entry(call.id).and_modify(|held| held.failing_since = None);
            match retry::ask_again(Asked { age_ms, total_ms, hint_ms: again_in_ms, failing_ms: None }) {
                Some(wait_ms) => wait(task, call.id, wait_ms, None).await,
                None => give_up(task, call.id, &ticket, age_ms, "the provider is still not done").await,
            }
        }
        Err(failure) if failure.asking => asked_in_vain(task, call.id, &ticket, failure.failure, age_ms).await,
        Err(failure) => {
            forget(task, call.id);
            let ended = uploads::ended(task, ask, call, drawing.with_billing(failure.failure)).await;
            let end = failed_end(task, &ended, failure.usage, failure.raw);
            conclude(task, call.id, end, ended).await
        }
    }
}

/// Only the question failed. What an account cannot do pauses the profile; everything else is asked again.
async fn asked_in_vain(
    task: &TaskContext,
    call: CallId,
    ticket: &Ticket,
    failure: Failure,
    age_ms: u64,
) -> Result<Step, Failure> {
    if failure.kind == FailureKind::Local {
        return Err(failure);
    }
    if failure.kind.pauses_profile() {
        let decision = decide(task, &failure, 0).await;
        wait_because(task, call, 0, failure.clone()).await?;
        return Ok(Step::Judged { failure, decision, written: true });
    }
    if failure.kind == FailureKind::Transient && failure.http_status.is_none() && !task.cancel.is_cancelled() {
        task.drawing().gate.fault();
    }
    let failing_ms = {
        let mut tickets = lock(&task.shared.tickets);
        let since = tickets.get_mut(&call).map(|held| *held.failing_since.get_or_insert_with(Instant::now));
        since.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
    };
    let total_ms = task.drawing().route.profile.timeouts.total_ms;
    let asked = Asked { age_ms, total_ms, hint_ms: failure.retry_after_ms, failing_ms: Some(failing_ms) };
    let Some(wait_ms) = retry::ask_again(asked) else {
        return give_up(task, call, ticket, age_ms, &failure.message).await;
    };
    tracing::info!(call = call.0, kind = %failure.kind, wait_ms, "a question about a call failed");
    wait_because(task, call, wait_ms, failure.clone()).await?;
    Ok(Step::Judged { failure, decision: Decision::Wait { wait_ms, counts: false }, written: true })
}

/// The total limit is over. Nobody will fetch the result, so the provider is told.
async fn give_up(task: &TaskContext, call: CallId, ticket: &Ticket, age_ms: u64, why: &str) -> Result<Step, Failure> {
    cancel(task, ticket).await;
    forget(task, call);
    let failure = Failure::new(
        FailureKind::UnknownOutcome,
        format!(
            "no result {} s after the request {} was taken (the profile's timeouts.total_ms is the limit): {why}. The provider may have made and charged the picture",
            age_ms / 1_000,
            ticket.id
        ),
    )
    .billing(Billing::Unknown);
    let end = failed_end(task, &failure, Usage::default(), String::new());
    conclude(task, call, end, failure).await
}

/// Whether the provider was not told yet.
fn first_cancel(task: &TaskContext, call: CallId) -> bool {
    lock(&task.shared.tickets).get_mut(&call).is_some_and(|held| !std::mem::replace(&mut held.cancelled, true))
}

async fn cancel(task: &TaskContext, ticket: &Ticket) {
    let drawing = task.drawing();
    let told = tokio::time::timeout(CANCEL_WAIT, drawing.provider.cancel(ticket)).await;
    match told {
        Ok(Ok(())) => tracing::info!(request = ticket.id, "the provider was told to drop a request"),
        Ok(Err(failure)) => tracing::info!(request = ticket.id, %failure, "the provider did not drop a request"),
        Err(_) => tracing::info!(request = ticket.id, "the provider did not say whether it drops a request"),
    }
}

/// Makes the ticket durable, if it is not.
async fn write(shared: &Shared, call: CallId) -> Result<(), Failure> {
    let json = {
        let tickets = lock(&shared.tickets);
        let Some(held) = tickets.get(&call).filter(|held| held.unwritten) else { return Ok(()) };
        serde_json::to_string(&held.ticket).expect("texts and numbers always serialise")
    };
    let written = shared.store.calls().accepted(call, &json, shared.clock.now_us()).await;
    written.map_err(|error| local(&error))?;
    lock(&shared.tickets).entry(call).and_modify(|held| held.unwritten = false);
    Ok(())
}

/// Takes a call over from an earlier process, with a place of its own, which may be one too many for a while.
fn hold(task: &TaskContext, call: CallId, ticket: &Ticket) {
    lock(&task.shared.tickets).entry(call).or_insert_with(|| Held {
        ticket: ticket.clone(),
        _place: task.drawing().gate.join(),
        unwritten: false,
        told: false,
        cancelled: false,
        failing_since: None,
    });
}

/// Whether a call is with a provider, as far as this process knows.
pub(crate) fn any_taken(shared: &Shared) -> bool {
    lock(&shared.tickets).values().any(|held| !held.unwritten)
}

/// Nothing is with a provider: what is still known of calls that ended elsewhere (a job was deleted) holds no place.
pub(crate) fn forget_all(shared: &Shared) {
    lock(&shared.tickets).retain(|_, held| held.unwritten);
}

/// A call was closed without asking.
pub(crate) fn forget_closed(shared: &Shared, call: CallId) {
    lock(&shared.tickets).remove(&call);
}

/// Tries to write down tickets that are only in memory, because the disk is full; returns how many still are.
pub(crate) async fn write_held(shared: &Shared) -> u32 {
    let unwritten: Vec<CallId> =
        lock(&shared.tickets).iter().filter(|(_, held)| held.unwritten).map(|(call, _)| *call).collect();
    let mut held = 0;
    for call in unwritten {
        held += u32::from(write(shared, call).await.is_err());
    }
    held
}

fn forget(task: &TaskContext, call: CallId) {
    forget_closed(&task.shared, call);
}

async fn wait(task: &TaskContext, call: CallId, wait_ms: u64, failure: Option<Failure>) -> Result<Step, Failure> {
    let tell = match lock(&task.shared.tickets).get_mut(&call) {
        Some(held) => !std::mem::replace(&mut held.told, true),
        None => true,
    };
    let (until_us, now_us) = (task.shared.clock.after_ms(wait_ms), task.shared.clock.now_us());
    let waits =
        task.shared.store.tasks().wait_for_result(task.claimed.lease, Some(until_us), failure, tell, now_us).await;
    waits.map_err(|error| local(&error))?;
    Ok(Step::Moved)
}

async fn wait_because(task: &TaskContext, call: CallId, wait_ms: u64, failure: Failure) -> Result<(), Failure> {
    wait(task, call, wait_ms, Some(failure)).await.map(drop)
}
