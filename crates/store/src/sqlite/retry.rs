//! Asking for tasks once more, a chunk at a time. The cursor only goes forward, so a task that fails again while the
//! rest is still being queued is not queued twice.

use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::task::{TaskId, TaskState};
use rusqlite::{Connection, OptionalExtension, params};

use super::events::record_job_state;
use super::failure::OpResult;
use super::jobs::{CHUNK, state_of};
use super::pages::Place;
use super::rows::{present, task_state};
use crate::record::RetrySelection;

/// One step of a retry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    /// Of this job.
    pub(crate) job: JobId,
    /// Tasks in this state.
    pub(crate) state: TaskState,
    /// Behind this place.
    pub(crate) after: Place,
    /// Whether a result of the new round hides the earlier ones.
    pub(crate) drop_old: bool,
    /// Now.
    pub(crate) now_us: i64,
}

/// The states that a selection names; none for a single task.
pub(crate) fn states(selection: &RetrySelection) -> Vec<TaskState> {
    use TaskState::{Failed, Partial, Stopped, Succeeded};
    match selection {
        RetrySelection::Failed => vec![Failed, Partial],
        RetrySelection::States(states) => states.iter().copied().filter(|state| state.is_ended()).collect(),
        RetrySelection::All => vec![Succeeded, Partial, Failed, Stopped],
        RetrySelection::Task(_) => Vec::new(),
    }
}

/// Queues a chunk; tasks that the job no longer has are left alone. Returns how many, and the place of the last one,
/// `None` when there were no more.
pub(crate) fn run(connection: &Connection, chunk: &Chunk) -> OpResult<(u64, Option<Place>)> {
    let places: Vec<(i64, i64, bool)> = connection
        .prepare_cached(
            "SELECT position, id, generation = (SELECT generation FROM job WHERE job.id = ?1) FROM task \
             WHERE job = ?1 AND state = ?2 AND position >= ?3 AND (position > ?3 OR id > ?4) \
             ORDER BY position, id LIMIT ?5",
        )?
        .query_map(params![chunk.job.0, chunk.state.number(), chunk.after.0, chunk.after.1.0, CHUNK], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut moved = 0;
    for (_, id, _) in places.iter().filter(|(_, _, in_job)| *in_job) {
        queue(connection, *id, chunk.drop_old)?;
        moved += 1;
    }
    activate(connection, chunk.job, moved, chunk.now_us)?;
    Ok((moved, places.last().map(|(position, id, _)| (*position, TaskId(*id)))))
}

/// Queues one task, if it is of this job and ended.
pub(crate) fn one(connection: &Connection, job: JobId, task: TaskId, drop_old: bool, now_us: i64) -> OpResult<u64> {
    let state = connection
        .prepare_cached("SELECT state FROM task WHERE id = ?1 AND job = ?2")?
        .query_row([task.0, job.0], |row| row.get(0))
        .optional()?;
    if !task_state(present(state, "task", task.0)?, task.0)?.is_ended() {
        return Ok(0);
    }
    // A task that an earlier form of the job had is part of it again when a person names it.
    connection
        .prepare_cached("UPDATE task SET generation = (SELECT generation FROM job WHERE job.id = ?2) WHERE id = ?1")?
        .execute([task.0, job.0])?;
    queue(connection, task.0, drop_old)?;
    activate(connection, job, 1, now_us)?;
    Ok(1)
}

fn queue(connection: &Connection, id: i64, drop_old: bool) -> OpResult<()> {
    connection
        .prepare_cached(
            "UPDATE task SET state = 0, tries = 0, round = round + 1, drop_old = ?2, started_us = NULL, \
             ended_us = NULL, failure_kind = NULL, failure = NULL WHERE id = ?1",
        )?
        .execute(params![id, drop_old])?;
    Ok(())
}

/// Makes the job of `queued` tasks active again and tells of them.
pub(crate) fn activate(connection: &Connection, job: JobId, queued: u64, now_us: i64) -> OpResult<()> {
    if queued == 0 {
        return Ok(());
    }
    // A submission under way ends by making the job active itself.
    let state = match state_of(connection, job)? {
        JobState::Submitting => JobState::Submitting,
        _ => JobState::Active,
    };
    connection
        .prepare_cached("UPDATE job SET state = ?2, reason = NULL, finished_us = NULL WHERE id = ?1")?
        .execute(params![job.0, state as u8])?;
    let reason = if queued == 1 { "1 task is tried again".into() } else { format!("{queued} tasks are tried again") };
    record_job_state(connection, now_us, job, state, Some(reason))
}
