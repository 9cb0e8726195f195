//! How a task moves: taken, ended, put off, put back. Each move is guarded by its token and tells its event in the same
//! transaction. What is decided, and why, is not known here.

use imagemill_domain::call::{CallId, CallState};
use imagemill_domain::event::EventBody;
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::money::Money;
use imagemill_domain::task::{TaskId, TaskState};
use rusqlite::{Connection, OptionalExtension, params};

use super::events::record;
use super::failure::OpResult;
use super::jobs::{CHUNK, finish_if_done};
use super::polls;
use super::rows::{failure_columns, task_key, task_spec};
use crate::error::StoreError;
use crate::record::{Claimed, Lease, OwnerId, TaskEnd};

/// A link that could not be fetched because of this machine or a stop is looked at again after this long.
const FETCH_AGAIN_US: i64 = 1_000_000;

/// `Err` when the state is no end.
pub(crate) fn check_end(end: &TaskEnd) -> Result<(), StoreError> {
    if end.state.is_ended() { Ok(()) } else { Err(StoreError::NotAnEnd { what: "a task", state: end.state.word() }) }
}

/// The statement of [`claim`]: the inner query must be answered by the index `task_turn` alone.
pub(crate) const CLAIM: &str = "UPDATE task SET state = 1, attempt = attempt + 1, tries = tries + 1, owner = ?3, \
     started_us = ?4, ended_us = NULL WHERE id IN (SELECT id FROM task WHERE job = ?1 AND state = 0 \
     AND EXISTS (SELECT 1 FROM job WHERE job.id = ?1 AND job.state = 1) ORDER BY position LIMIT ?2) \
     RETURNING position, id, attempt, round, tries, key, spec";

/// See [`super::Tasks::claim`].
pub(crate) fn claim(
    connection: &Connection,
    job: JobId,
    limit: u32,
    owner: OwnerId,
    now_us: i64,
) -> OpResult<Vec<Claimed>> {
    check_owner(connection, owner)?;
    let mut statement = connection.prepare_cached(CLAIM)?;
    let mut claimed: Vec<(i64, Claimed)> = statement
        .query_and_then(params![job.0, limit, owner.0, now_us], |row| {
            let id = row.get(1)?;
            let lease = Lease { task: TaskId(id), job, attempt: row.get(2)?, round: row.get(3)?, owner };
            let (key, spec) = (task_key(row, 5, id)?, task_spec(row, 6, id)?);
            Ok((row.get(0)?, Claimed { lease, spec, key, tries: row.get(4)? }))
        })?
        .collect::<OpResult<_>>()?;
    // The database returns changed rows in no particular order.
    claimed.sort_by_key(|(position, claimed)| (*position, claimed.lease.task));
    Ok(claimed.into_iter().map(|(_, claimed)| claimed).collect())
}

/// `Err` when the owner's lease was taken over.
pub(crate) fn check_owner(connection: &Connection, owner: OwnerId) -> OpResult<()> {
    let known: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM owner WHERE id = ?1)")?
        .query_row([owner.0], |row| row.get(0))?;
    if known { Ok(()) } else { Err(StoreError::OwnerLost { owner: owner.0 }.into()) }
}

/// The inner query of [`promote`], answered by the index `task_due`.
pub(crate) const DUE: &str = "SELECT id FROM task WHERE not_before_us <= ?1 AND NOT EXISTS \
     (SELECT 1 FROM call INDEXED BY call_elsewhere WHERE call.task = task.id AND (call.state = 1 OR call.state = 2)) \
     ORDER BY not_before_us LIMIT ?2";

/// Queues up to [`CHUNK`] tasks that are due, and tells of each.
pub(crate) fn promote(connection: &Connection, now_us: i64) -> OpResult<u64> {
    let mut due = connection.prepare_cached(DUE)?;
    let due: Vec<i64> = due.query_map(params![now_us, CHUNK], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut queue = connection.prepare_cached(
        "UPDATE task SET state = 0, not_before_us = NULL, failure_kind = NULL, failure = NULL WHERE id = ?1 \
         RETURNING job",
    )?;
    for id in &due {
        let job = queue.query_row([id], |row| row.get(0).map(JobId))?;
        record(connection, now_us, Some(job), &moved(TaskId(*id), TaskState::Queued))?;
    }
    Ok(due.len() as u64)
}

/// The event of a move without more to say.
pub(crate) fn moved(task: TaskId, state: TaskState) -> EventBody {
    EventBody::TaskState { task, state, pictures: 0, cost: None, failure: None, not_before_us: None }
}

/// See [`super::Tasks::finish`].
pub(crate) fn finish(connection: &Connection, lease: &Lease, end: &TaskEnd, now_us: i64) -> OpResult<bool> {
    let (kind, failure) = failure_columns(end.failure.as_ref());
    let dropped = connection
        .prepare_cached(
            "UPDATE task SET state = ?4, owner = NULL, ended_us = ?5, failure_kind = ?6, failure = ?7 \
             WHERE id = ?1 AND attempt = ?2 AND owner = ?3 AND state = 1 RETURNING drop_old",
        )?
        .query_row(
            params![lease.task.0, lease.attempt, lease.owner.0, end.state.number(), now_us, kind, failure],
            |row| row.get::<_, bool>(0),
        )
        .optional()?;
    let Some(drop_old) = dropped else {
        return Ok(false);
    };
    if drop_old && has_result(end) {
        hide_earlier_rounds(connection, lease)?;
    }
    tell_end(connection, lease.job, lease.task, end, now_us)?;
    Ok(true)
}

/// Gives the task the result of `call` that came late, after its token was lost, when it has none and nobody works on it: paying
/// again would be waste. Returns whether it did.
///
/// A result of an earlier round is taken only where there is no other picture: a person who asked for another one of a
/// task with pictures gets another one.
pub(crate) fn adopt(
    connection: &Connection,
    call: CallId,
    lease: &Lease,
    end: &TaskEnd,
    now_us: i64,
) -> OpResult<bool> {
    let (kind, failure) = failure_columns(end.failure.as_ref());
    let adopted = connection
        .prepare_cached(
            "UPDATE task SET state = ?2, not_before_us = NULL, ended_us = ?3, failure_kind = ?4, failure = ?5 \
             WHERE id = ?1 AND state IN (?6, ?7, ?8) AND (round = ?9 OR NOT EXISTS \
             (SELECT 1 FROM asset WHERE asset.task = ?1 AND superseded = 0 AND call <> ?10)) \
             RETURNING drop_old AND round = ?9",
        )?
        .query_row(
            params![
                lease.task.0,
                end.state.number(),
                now_us,
                kind,
                failure,
                TaskState::Queued.number(),
                TaskState::Waiting.number(),
                TaskState::Unknown.number(),
                lease.round,
                call.0
            ],
            |row| row.get::<_, bool>(0),
        )
        .optional()?;
    let Some(drop_old) = adopted else {
        return Ok(false);
    };
    if drop_old {
        hide_earlier_rounds(connection, lease)?;
    }
    tell_end(connection, lease.job, lease.task, end, now_us)?;
    Ok(true)
}

/// Whether the task has something to show.
pub(crate) fn has_result(end: &TaskEnd) -> bool {
    matches!(end.state, TaskState::Succeeded | TaskState::Partial) && end.pictures > 0
}

/// Tells of a task's end, and ends its job when it was the last one.
pub(crate) fn tell_end(connection: &Connection, job: JobId, task: TaskId, end: &TaskEnd, now_us: i64) -> OpResult<()> {
    let body = EventBody::TaskState {
        task,
        state: end.state,
        pictures: end.pictures,
        cost: end.cost,
        failure: end.failure.as_ref().map(|failure| failure.kind),
        not_before_us: None,
    };
    record(connection, now_us, Some(job), &body)?;
    finish_if_done(connection, job, now_us)
}

fn hide_earlier_rounds(connection: &Connection, lease: &Lease) -> OpResult<()> {
    connection.prepare_cached("UPDATE task SET drop_old = 0 WHERE id = ?1")?.execute([lease.task.0])?;
    let hidden = connection
        .prepare_cached(
            "UPDATE asset SET superseded = 1 WHERE task = ?1 AND superseded = 0 \
             AND call IN (SELECT id FROM call WHERE call.task = ?1 AND round < ?2)",
        )?
        .execute(params![lease.task.0, lease.round])?;
    connection
        .prepare_cached("UPDATE job SET pictures = pictures - ?2 WHERE id = ?1")?
        .execute(params![lease.job.0, hidden as i64])?;
    Ok(())
}

/// See [`super::Tasks::wait`].
pub(crate) fn wait(
    connection: &Connection,
    lease: &Lease,
    not_before_us: i64,
    failure: &Failure,
    counts_as_attempt: bool,
    now_us: i64,
) -> OpResult<bool> {
    // What is paid for is fetched whatever became of the job.
    if polls::elsewhere(connection, lease.task)?.is_none()
        && let Some(stopped) = stop_instead(connection, lease, now_us)?
    {
        return Ok(stopped);
    }
    let (kind, json) = failure_columns(Some(failure));
    let waits = connection
        .prepare_cached(
            "UPDATE task SET state = 2, owner = NULL, not_before_us = ?4, tries = tries - ?5, failure_kind = ?6, \
             failure = ?7 WHERE id = ?1 AND attempt = ?2 AND owner = ?3 AND state = 1",
        )?
        .execute(params![lease.task.0, lease.attempt, lease.owner.0, not_before_us, !counts_as_attempt, kind, json])?;
    if waits == 0 {
        return Ok(false);
    }
    let body = EventBody::TaskState {
        task: lease.task,
        state: TaskState::Waiting,
        pictures: 0,
        cost: None::<Money>,
        failure: Some(failure.kind),
        not_before_us: Some(not_before_us),
    };
    record(connection, now_us, Some(lease.job), &body)?;
    Ok(true)
}

/// See [`super::Tasks::release`].
pub(crate) fn release(connection: &Connection, lease: &Lease, now_us: i64) -> OpResult<bool> {
    if polls::has_joined(connection, lease.task)? {
        return polls::wait(connection, lease, None, None, true, now_us);
    }
    match polls::elsewhere(connection, lease.task)? {
        Some(CallState::Accepted) => return polls::wait(connection, lease, Some(now_us), None, true, now_us),
        Some(_) => {
            connection
                .prepare_cached("UPDATE task SET tries = tries - 1 WHERE id = ?1 AND attempt = ?2 AND owner = ?3")?
                .execute(params![lease.task.0, lease.attempt, lease.owner.0])?;
            return polls::wait(connection, lease, Some(now_us + FETCH_AGAIN_US), None, true, now_us);
        }
        None => {}
    }
    if let Some(stopped) = stop_instead(connection, lease, now_us)? {
        return Ok(stopped);
    }
    let released = connection
        .prepare_cached(
            "UPDATE task SET state = 0, owner = NULL, tries = tries - 1 \
             WHERE id = ?1 AND attempt = ?2 AND owner = ?3 AND state = 1",
        )?
        .execute(params![lease.task.0, lease.attempt, lease.owner.0])?;
    if released == 0 {
        return Ok(false);
    }
    record(connection, now_us, Some(lease.job), &moved(lease.task, TaskState::Queued))?;
    Ok(true)
}

/// A task that would go on later, although its job was stopped or submitted again without it, ends here. `None` when
/// it may go on; otherwise whether the token held.
fn stop_instead(connection: &Connection, lease: &Lease, now_us: i64) -> OpResult<Option<bool>> {
    let reason = connection
        .prepare_cached(
            "SELECT j.state = ?2, j.state <> ?3 AND t.generation <> j.generation \
             FROM task t JOIN job j ON j.id = t.job WHERE t.id = ?1",
        )?
        .query_row(params![lease.task.0, JobState::Stopped as u8, JobState::Submitting as u8], |row| {
            Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?))
        })
        .optional()?;
    let message = match reason {
        Some((true, _)) => "the job was stopped before this task was done",
        Some((_, true)) => "the job was submitted again and no longer has this task",
        _ => return Ok(None),
    };
    let failure = Some(Failure::new(FailureKind::Stopped, message));
    let end = TaskEnd { state: TaskState::Stopped, failure, pictures: 0, cost: None };
    finish(connection, lease, &end, now_us).map(Some)
}
