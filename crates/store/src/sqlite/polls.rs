//! Tasks whose call has a result elsewhere: with a provider's queue, in a batch, or behind a link that did not answer yet. They
//! wait like others and are taken, put off and counted apart from them, so that a full line never keeps a result that is paid
//! for from being fetched. Stopping a job does not end them: their worker does, when the result is here or the provider was told.
//!
//! Fetching a link is a try of its task, a question is not.

use imagemill_domain::call::CallState;
use imagemill_domain::event::EventBody;
use imagemill_domain::failure::Failure;
use imagemill_domain::job::JobId;
use imagemill_domain::task::{TaskId, TaskState};
use rusqlite::{Connection, params};

use super::events::record;
use super::failure::OpResult;
use super::moves::check_owner;
use super::rows::{failure_columns, job_state, task_key, task_spec};
use crate::record::{Claimed, Lease, OwnerId, PollJob};

/// Whether a call of the row `task` has its result elsewhere, or goes with a batch; to be put into statements over tasks.
pub(crate) const AT_PROVIDER: &str = "(EXISTS (SELECT 1 FROM call INDEXED BY call_elsewhere WHERE call.task = task.id \
     AND (call.state = 1 OR call.state = 2)) OR EXISTS (SELECT 1 FROM call INDEXED BY call_joined \
     WHERE call.task = task.id AND call.state = 0 AND call.batch IS NOT NULL))";

/// The statement of [`claim`]. What cannot be fetched pauses a job, so links of paused ones wait.
pub(crate) const CLAIM: &str = "UPDATE task SET state = 1, attempt = attempt + 1, owner = ?3, not_before_us = NULL, \
     tries = tries + EXISTS (SELECT 1 FROM call WHERE call.task = task.id AND call.state = 2) \
     WHERE id IN (SELECT t.id FROM call c INDEXED BY call_elsewhere JOIN task t ON t.id = c.task \
     WHERE (c.state = 1 OR c.state = 2) AND c.job = ?1 AND c.profile = ?5 AND t.state = 2 AND t.not_before_us <= ?4 \
     AND (c.state = 1 OR (SELECT state FROM job WHERE job.id = ?1) <> 2) LIMIT ?2) \
     RETURNING id, attempt, round, tries, key, spec";

/// See [`super::Tasks::claim_polls`].
pub(crate) fn claim(
    connection: &Connection,
    job: JobId,
    profile: &str,
    limit: u32,
    owner: OwnerId,
    now_us: i64,
) -> OpResult<Vec<Claimed>> {
    check_owner(connection, owner)?;
    let mut statement = connection.prepare_cached(CLAIM)?;
    statement
        .query_and_then(params![job.0, limit, owner.0, now_us, profile], |row| {
            let id = row.get(0)?;
            let lease = Lease { task: TaskId(id), job, attempt: row.get(1)?, round: row.get(2)?, owner };
            let (key, spec) = (task_key(row, 4, id)?, task_spec(row, 5, id)?);
            Ok(Claimed { lease, spec, key, tries: row.get(3)? })
        })?
        .collect()
}

/// See [`super::Tasks::wait_for_result`].
pub(crate) fn wait(
    connection: &Connection,
    lease: &Lease,
    not_before_us: Option<i64>,
    failure: Option<&Failure>,
    tell: bool,
    now_us: i64,
) -> OpResult<bool> {
    let (kind, json) = failure_columns(failure);
    let waits = connection
        .prepare_cached(
            "UPDATE task SET state = 2, owner = NULL, not_before_us = ?4, failure_kind = ?5, failure = ?6 \
             WHERE id = ?1 AND attempt = ?2 AND owner = ?3 AND state = 1 AND (?4 IS NOT NULL OR EXISTS \
             (SELECT 1 FROM call WHERE call.task = ?1 AND call.batch IS NOT NULL AND call.state < 3))",
        )?
        .execute(params![lease.task.0, lease.attempt, lease.owner.0, not_before_us, kind, json])?;
    if waits > 0 && tell {
        let body = EventBody::TaskState {
            task: lease.task,
            state: TaskState::Waiting,
            pictures: 0,
            cost: None,
            failure: failure.map(|failure| failure.kind),
            not_before_us,
        };
        record(connection, now_us, Some(lease.job), &body)?;
    }
    Ok(waits > 0)
}

/// Whether the task has a call whose result is elsewhere, and which of its two states that is in.
pub(crate) fn elsewhere(connection: &Connection, task: TaskId) -> OpResult<Option<CallState>> {
    let mut statement = connection.prepare_cached(
        "SELECT min(state) FROM call INDEXED BY call_elsewhere WHERE task = ?1 AND (state = 1 OR state = 2)",
    )?;
    let state: Option<u8> = statement.query_row([task.0], |row| row.get(0))?;
    Ok(state.map(|state| CallState::ALL[usize::from(state)]))
}

/// Whether the task has a call in a batch that the provider does not have yet.
pub(crate) fn has_joined(connection: &Connection, task: TaskId) -> OpResult<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM call INDEXED BY call_joined WHERE task = ?1 AND state = 0 AND batch IS NOT NULL)",
    )?;
    Ok(statement.query_row([task.0], |row| row.get(0))?)
}

/// The statement of [`jobs`].
pub(crate) const JOBS: &str = "SELECT c.job, c.profile, \
     (SELECT state FROM job WHERE job.id = c.job), total(t.not_before_us <= ?1), count(*) \
     FROM call c INDEXED BY call_elsewhere JOIN task t ON t.id = c.task WHERE (c.state = 1 OR c.state = 2) AND t.state = 2 \
     AND (c.state = 1 OR (SELECT state FROM job WHERE job.id = c.job) <> 2) GROUP BY c.job, c.profile";

/// See [`super::Tasks::poll_jobs`].
pub(crate) fn jobs(connection: &Connection, now_us: i64) -> OpResult<Vec<PollJob>> {
    let mut statement = connection.prepare_cached(JOBS)?;
    statement
        .query_and_then([now_us], |row| {
            let id = row.get(0)?;
            Ok(PollJob {
                job: JobId(id),
                profile: row.get(1)?,
                state: job_state(row.get(2)?, id)?,
                due: row.get::<_, f64>(3)? as u64,
                waiting: row.get::<_, i64>(4)? as u64,
            })
        })?
        .collect()
}

/// See [`super::Tasks::poll_now`].
pub(crate) fn now(connection: &Connection, profile: &str, request: &str, now_us: i64) -> OpResult<bool> {
    let due = connection
        .prepare_cached(
            "UPDATE task SET not_before_us = ?3 WHERE state = 2 AND not_before_us > ?3 \
             AND id IN (SELECT task FROM call INDEXED BY call_elsewhere WHERE state = 1 AND profile = ?1 \
             AND json_valid(remote_id) AND remote_id ->> '$.id' = ?2)",
        )?
        .execute(params![profile, request, now_us])?;
    Ok(due > 0)
}

/// See [`super::Tasks::poll_all_now`].
pub(crate) fn all_now(connection: &Connection, now_us: i64) -> OpResult<()> {
    connection
        .prepare_cached(
            "UPDATE task SET not_before_us = ?1 WHERE state = 2 \
             AND id IN (SELECT task FROM call INDEXED BY call_elsewhere WHERE (state = 1 OR state = 2) \
             AND (state = 2 OR batch IS NULL))",
        )?
        .execute([now_us])?;
    Ok(())
}
