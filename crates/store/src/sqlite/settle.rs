//! How a call ends: what it counts against the budget, and what becomes of its pictures and its task. The rules stand
//! in docs/money.md. Nothing here decides whether a call is made again.

use imagemill_domain::asset::AssetId;
use imagemill_domain::call::{CallId, CallState};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::job::JobId;
use imagemill_domain::money::Money;
use imagemill_domain::task::{TaskId, TaskState};
use rusqlite::{Connection, params};

use super::assets;
use super::failure::OpResult;
use super::rows::{call_state, present, to_json};
use super::{moves, retry};
use crate::record::{CallEnd, Finished, Lease, TaskEnd};

/// What is needed of a call's row to end it.
struct Ledger {
    task: TaskId,
    job: JobId,
    state: CallState,
    /// What it may cost at most, micro-dollars.
    ceiling: i64,
    /// Its part of the job's reserved (open, unknown) or spent (ended) sum, micro-dollars.
    counted: i64,
    /// Nobody knows the most that it may cost.
    without_price: bool,
    /// It is among the job's calls that cost nobody knows what.
    unpriced: bool,
}

fn ledger(connection: &Connection, call: CallId) -> OpResult<Ledger> {
    let found = connection
        .prepare_cached("SELECT task, job, state, coalesce(ceiling, 0), counted, ceiling IS NULL, cost IS NULL FROM call WHERE id = ?1")?
        .query_and_then([call.0], |row| -> OpResult<_> {
            let (state, without_price) = (call_state(row.get(2)?, call.0)?, row.get(5)?);
            Ok(Ledger {
                task: TaskId(row.get(0)?),
                job: JobId(row.get(1)?),
                state,
                ceiling: row.get::<_, i64>(3)?.max(0),
                counted: row.get(4)?,
                without_price,
                unpriced: !is_reserved(state) && without_price && row.get(6)?,
            })
        })?
        .next()
        .transpose()?;
    present(found, "call", call.0)
}

/// Whether a call in `state` counts as reserved; else it counts as spent.
fn is_reserved(state: CallState) -> bool {
    state.is_open() || state == CallState::Unknown
}

/// What a call counts that comes to `end`: its ceiling while nobody knows, nothing when it certainly was not billed, its cost when that is known, else the most it
/// may have cost.
fn counts(end: &CallEnd, ledger: &Ledger) -> i64 {
    if end.state == CallState::Unknown { ledger.ceiling } else { cost(end).unwrap_or(ledger.ceiling) }
}

/// What it cost, micro-dollars, where that is known: nothing when it certainly was not billed.
fn cost(end: &CallEnd) -> Option<i64> {
    let ended_without_pictures = matches!(end.state, CallState::Refused | CallState::Failed);
    let not_billed = end.failure.as_ref().is_some_and(|failure| failure.billing == Billing::NotBilled);
    if ended_without_pictures && not_billed { Some(0) } else { end.cost.map(|cost| cost.micros) }
}

/// See [`super::Calls::finish`].
pub(crate) fn finish(
    connection: &Connection,
    call: CallId,
    end: &CallEnd,
    response: Option<&[u8]>,
    task: Option<&(Lease, TaskEnd)>,
    now_us: i64,
) -> OpResult<Finished> {
    let ledger = ledger(connection, call)?;
    let ended_before = !is_reserved(ledger.state);
    let late_picture = end.state == CallState::Fetched && ledger.state != CallState::Fetched;
    let assets = if ended_before && !late_picture {
        assets::ids_of_call(connection, ledger.task, call)?
    } else {
        write_end(connection, call, end, &ledger, now_us)?;
        keep_response(connection, call, response)?;
        keep_pictures(connection, call, end, &ledger, now_us)?
    };
    let task_moved = match task {
        Some((lease, task_end)) => {
            moves::finish(connection, lease, task_end, now_us)?
                || (end.state == CallState::Fetched
                    && moves::has_result(task_end)
                    && moves::adopt(connection, call, lease, task_end, now_us)?)
        }
        None => false,
    };
    Ok(Finished { task_moved, assets })
}

fn write_end(connection: &Connection, call: CallId, end: &CallEnd, ledger: &Ledger, now_us: i64) -> OpResult<()> {
    let (counted, cost) = (counts(end, ledger), cost(end));
    connection
        .prepare_cached(
            "UPDATE call SET state = ?2, counted = ?3, cost = ?4, http_status = ?5, usage = ?6, failure = ?7, \
             ended_us = ?8 WHERE id = ?1",
        )?
        .execute(params![
            call.0,
            end.state as u8,
            counted,
            cost,
            end.http_status,
            (!end.usage.is_empty()).then(|| to_json(&end.usage)),
            end.failure.as_ref().map(to_json),
            now_us
        ])?;
    move_money(connection, ledger, end.state, counted, cost)
}

/// Takes the call out of the sum it counted in and puts it into the one it counts in now.
fn move_money(
    connection: &Connection,
    ledger: &Ledger,
    state: CallState,
    counted: i64,
    cost: Option<i64>,
) -> OpResult<()> {
    let unpriced = !is_reserved(state) && ledger.without_price && cost.is_none();
    let (mut reserved, mut spent) = (0_i64, 0_i64);
    *(if is_reserved(ledger.state) { &mut reserved } else { &mut spent }) -= ledger.counted;
    *(if is_reserved(state) { &mut reserved } else { &mut spent }) += counted;
    connection
        .prepare_cached(
            "UPDATE job SET reserved = reserved + ?2, spent = spent + ?3, unpriced = unpriced + ?4 WHERE id = ?1",
        )?
        .execute(params![ledger.job.0, reserved, spent, i64::from(unpriced) - i64::from(ledger.unpriced)])?;
    Ok(())
}

/// Keeps a packed answer; an empty one leaves what was kept before.
pub(crate) fn keep_response(connection: &Connection, call: CallId, response: Option<&[u8]>) -> OpResult<()> {
    if let Some(response) = response {
        connection
            .prepare_cached("INSERT OR REPLACE INTO call_response (call, body) VALUES (?1, ?2)")?
            .execute(params![call.0, response])?;
    }
    Ok(())
}

fn keep_pictures(
    connection: &Connection,
    call: CallId,
    end: &CallEnd,
    ledger: &Ledger,
    now_us: i64,
) -> OpResult<Vec<AssetId>> {
    let kept = end
        .assets
        .iter()
        .map(|asset| assets::insert(connection, ledger.task, call, asset, now_us))
        .collect::<OpResult<Vec<_>>>()?;
    if !kept.is_empty() {
        connection
            .prepare_cached("UPDATE job SET pictures = pictures + ?2 WHERE id = ?1")?
            .execute(params![ledger.job.0, kept.len() as i64])?;
    }
    Ok(kept)
}

/// See [`super::Calls::write_off`].
pub(crate) fn write_off(connection: &Connection, call: CallId, billed: bool, now_us: i64) -> OpResult<bool> {
    let ledger = ledger(connection, call)?;
    if ledger.state != CallState::Unknown {
        return Ok(false);
    }
    let (message, billing, counted, cost) = if billed {
        let cost = (!ledger.without_price).then_some(ledger.ceiling);
        ("its answer was lost; written off as paid for", Billing::Billed, ledger.ceiling, cost)
    } else {
        ("its answer was lost; written off as not billed", Billing::NotBilled, 0, Some(0))
    };
    let failure = Failure::new(FailureKind::UnknownOutcome, message).billing(billing);
    connection
        .prepare_cached(
            "UPDATE call SET state = ?2, counted = ?3, failure = ?4, ended_us = ?5, cost = ?6 WHERE id = ?1",
        )?
        .execute(params![call.0, CallState::Failed as u8, counted, to_json(&failure), now_us, cost])?;
    move_money(connection, &ledger, CallState::Failed, counted, cost)?;
    fail_unknown_task(connection, &ledger, failure, counted, now_us)?;
    Ok(true)
}

fn fail_unknown_task(
    connection: &Connection,
    ledger: &Ledger,
    failure: Failure,
    counted: i64,
    now_us: i64,
) -> OpResult<()> {
    let moved = connection
        .prepare_cached(
            "UPDATE task SET state = ?2, failure_kind = ?4, failure = ?5 WHERE id = ?1 AND state = ?3 \
             AND NOT EXISTS (SELECT 1 FROM call WHERE call.task = ?1 AND call.state = 6)",
        )?
        .execute(params![
            ledger.task.0,
            TaskState::Failed.number(),
            TaskState::Unknown.number(),
            failure.kind as u8,
            to_json(&failure)
        ])?;
    if moved == 0 {
        return Ok(());
    }
    let cost = (counted > 0).then_some(Money::from_micros(counted));
    let end = TaskEnd { state: TaskState::Failed, failure: Some(failure), pictures: 0, cost };
    moves::tell_end(connection, ledger.job, ledger.task, &end, now_us)
}

/// See [`super::Calls::resend`].
pub(crate) fn resend(connection: &Connection, call: CallId, now_us: i64) -> OpResult<bool> {
    let ledger = ledger(connection, call)?;
    if ledger.state != CallState::Unknown {
        return Ok(false);
    }
    let queued = connection
        .prepare_cached(
            "UPDATE task SET state = ?2, tries = 0, started_us = NULL, ended_us = NULL, failure_kind = NULL, \
             failure = NULL WHERE id = ?1 AND state = ?3",
        )?
        .execute(params![ledger.task.0, TaskState::Queued.number(), TaskState::Unknown.number()])?;
    retry::activate(connection, ledger.job, queued as u64, now_us)?;
    Ok(queued > 0)
}
