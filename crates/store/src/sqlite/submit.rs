//! The three steps of a submission, each in one transaction, so that a crash between them leaves a job that is not yet
//! claimed and is continued by submitting again.

use imagemill_domain::event::EventBody;
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::hash::TaskKey;
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::task::TaskState;
use rusqlite::{Connection, OptionalExtension, params};

use super::events::{record, record_job_state};
use super::failure::OpResult;
use super::jobs::{has_open_tasks, move_to, state_of};
use super::polls::AT_PROVIDER;
use super::rows::{failure_columns, present, to_json};
use crate::record::{NewJob, Submitted};

/// See [`super::Jobs::begin_submit`].
pub(crate) fn begin(connection: &Connection, job: &NewJob, now_us: i64) -> OpResult<JobId> {
    let id: i64 = connection
        .prepare_cached(
            "INSERT INTO job (name, state, priority, profile, model, generation, budget, created_us) \
             VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7) ON CONFLICT (name) DO UPDATE SET state = excluded.state, \
             reason = NULL, priority = excluded.priority, profile = excluded.profile, model = excluded.model, \
             generation = generation + 1, plan_length = 0, plan_added = 0, budget = excluded.budget, \
             finished_us = NULL RETURNING id",
        )?
        .query_row(
            params![
                job.name,
                JobState::Submitting as u8,
                job.priority,
                job.definition.profile.name,
                job.definition.model,
                job.budget.map(|budget| budget.micros),
                now_us
            ],
            |row| row.get(0),
        )?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO job_definition (job, definition) VALUES (?1, ?2)")?
        .execute(params![id, to_json(&job.definition)])?;
    // Who submits it says anew who saves it.
    connection.prepare_cached("DELETE FROM job_save WHERE job = ?1")?.execute([id])?;
    for state in TaskState::ALL {
        connection
            .prepare_cached("INSERT OR IGNORE INTO job_count (job, state, n) VALUES (?1, ?2, 0)")?
            .execute(params![id, state.number()])?;
    }
    record_job_state(connection, now_us, JobId(id), JobState::Submitting, None)?;
    Ok(JobId(id))
}

/// See [`super::Jobs::add_tasks`]; `tasks` are keys and specs as JSON.
pub(crate) fn add(connection: &Connection, job: JobId, tasks: &[(TaskKey, String)]) -> OpResult<(u64, u64)> {
    let (generation, first) = connection
        .prepare_cached("SELECT generation, plan_length FROM job WHERE id = ?1")?
        .query_row([job.0], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .optional()
        .map_err(Into::into)
        .and_then(|found| present(found, "job", job.0))?;
    let before = total(connection, job)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO task (job, key, position, state, generation, spec) VALUES (?1, ?2, ?3, 0, ?4, ?5) \
         ON CONFLICT (job, key) DO UPDATE SET position = excluded.position, generation = excluded.generation, \
         spec = excluded.spec",
    )?;
    for ((key, spec), position) in tasks.iter().zip(first..) {
        insert.execute(params![job.0, key.as_bytes(), position, generation, spec])?;
    }
    let added = total(connection, job)? - before;
    let given = tasks.len() as u64;
    connection
        .prepare_cached("UPDATE job SET plan_length = plan_length + ?2, plan_added = plan_added + ?3 WHERE id = ?1")?
        .execute(params![job.0, given as i64, added as i64])?;
    Ok((added, given - added))
}

fn total(connection: &Connection, job: JobId) -> OpResult<u64> {
    let mut statement = connection.prepare_cached("SELECT coalesce(sum(n), 0) FROM job_count WHERE job = ?1")?;
    Ok(statement.query_row([job.0], |row| row.get::<_, i64>(0))? as u64)
}

/// See [`super::Jobs::finish_submit`].
pub(crate) fn finish(connection: &Connection, job: JobId, now_us: i64) -> OpResult<Submitted> {
    let submitting = state_of(connection, job)? == JobState::Submitting;
    let superseded = supersede(connection, job, now_us)?;
    if submitting {
        connection
            .prepare_cached(
                "UPDATE task SET state = ?2, tries = 0, failure_kind = NULL, failure = NULL, ended_us = NULL \
                 WHERE job = ?1 AND state = ?3 AND generation = (SELECT generation FROM job WHERE id = ?1)",
            )?
            .execute(params![job.0, TaskState::Queued.number(), TaskState::Stopped.number()])?;
    }
    let (length, added) = connection
        .prepare_cached("SELECT plan_length, plan_added FROM job WHERE id = ?1")?
        .query_row([job.0], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?;
    let known = length - added;
    record(connection, now_us, Some(job), &EventBody::JobSubmitted { added, known })?;
    if submitting {
        let state = if has_open_tasks(connection, job)? { JobState::Active } else { JobState::Finished };
        move_to(connection, job, state, None, now_us)?;
    }
    Ok(Submitted { job, added, known, superseded })
}

fn supersede(connection: &Connection, job: JobId, now_us: i64) -> OpResult<u64> {
    let failure = Failure::new(FailureKind::Stopped, "the job was submitted again and no longer has this task");
    let (kind, failure) = failure_columns(Some(&failure));
    let stopped = connection
        .prepare_cached(&format!(
            "UPDATE task SET state = ?2, not_before_us = NULL, ended_us = ?3, failure_kind = ?4, failure = ?5 \
             WHERE job = ?1 AND state IN (0, 2) AND generation <> (SELECT generation FROM job WHERE id = ?1) \
             AND NOT {AT_PROVIDER}"
        ))?
        .execute(params![job.0, TaskState::Stopped.number(), now_us, kind, failure])?;
    Ok(stopped as u64)
}
