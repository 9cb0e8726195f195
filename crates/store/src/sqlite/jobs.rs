//! Jobs: reading them, and moving their state. Submission is in `submit`, what moves tasks in `tasks`.

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::job::{Job, JobId, JobState, TaskCounts};
use imagemill_domain::task::TaskState;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::definitions::Definitions;
use super::events::record_job_state;
use super::failure::OpResult;
use super::polls::AT_PROVIDER;
use super::rows::{self, JOB_COLUMNS, failure_columns, failure_kind, job_state, present, task_state};
use super::store::Store;
use super::submit;
use crate::error::StoreError;
use crate::record::{JobBrief, JobFigures, NewJob, NewTask, OpenJob, Submitted};

/// Tasks that one transaction moves at most, so that a large job holds nobody up for long.
pub(crate) const CHUNK: u32 = 5_000;

/// The job table.
#[derive(Clone, Copy, Debug)]
pub struct Jobs<'a> {
    pub(crate) store: &'a Store,
}

impl Jobs<'_> {
    /// Begins a submission: a new job, or the existing one of that name with its definition, budget and priority
    /// replaced. Nothing of it is claimed until [`Self::finish_submit`].
    pub async fn begin_submit(&self, job: NewJob, now_us: i64) -> Result<JobId, StoreError> {
        self.store.change(move |connection| submit::begin(connection, &job, now_us)).await
    }

    /// Adds tasks in the order of the plan; give some 5,000 at a time. A task whose key the job has already stays what
    /// it is (state, results), and takes its place in the new order and its spec, since the source may have moved.
    ///
    /// Returns how many are new and how many were known.
    pub async fn add_tasks(&self, job: JobId, tasks: Vec<NewTask>) -> Result<(u64, u64), StoreError> {
        let tasks = tasks.into_iter().map(|task| (task.key, rows::to_json(&task.spec))).collect::<Vec<_>>();
        self.store.change(move |connection| submit::add(connection, job, &tasks)).await
    }

    /// Ends a submission. Queued and waiting tasks that the plan no longer has are stopped; tasks stopped earlier that
    /// the plan has again are queued again; the job becomes active, or finished when nothing is open. A job that was
    /// paused or stopped since [`Self::begin_submit`] stays so.
    pub async fn finish_submit(&self, job: JobId, now_us: i64) -> Result<Submitted, StoreError> {
        self.store.change(move |connection| submit::finish(connection, job, now_us)).await
    }

    /// The job with this number.
    pub async fn get(&self, job: JobId) -> Result<Option<Job>, StoreError> {
        Ok(self.select("WHERE id = ?1".into(), vec![job.0.into()]).await?.pop())
    }

    /// The job with this name.
    pub async fn by_name(&self, name: &str) -> Result<Option<Job>, StoreError> {
        Ok(self.select("WHERE name = ?1".into(), vec![name.to_owned().into()]).await?.pop())
    }

    /// All jobs, newest first.
    pub async fn list(&self) -> Result<Vec<Job>, StoreError> {
        self.select("ORDER BY id DESC".into(), Vec::new()).await
    }

    /// Up to `limit` jobs with a smaller number than `before`, newest first, in one of these states.
    pub async fn page(
        &self,
        states: Option<Vec<JobState>>,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let numbers: Vec<String> = states.iter().flatten().map(|state| (*state as u8).to_string()).collect();
        let among = states.as_ref().map(|_| format!("AND state IN ({})", numbers.join(", ")));
        let tail = format!("WHERE id < ?1 {} ORDER BY id DESC LIMIT ?2", among.unwrap_or_default());
        let before = before.map_or(i64::MAX, |before| before.0);
        self.select(tail, vec![before.into(), i64::from(limit).into()]).await
    }

    async fn select(&self, tail: String, values: Vec<Value>) -> Result<Vec<Job>, StoreError> {
        let definitions = self.store.definitions();
        self.store.read(move |connection| select(connection, &definitions, &tail, values)).await
    }

    /// Tasks by state; all zero when there is no such job.
    pub async fn counts(&self, job: JobId) -> Result<TaskCounts, StoreError> {
        self.store.read(move |connection| counts_of(connection, job)).await
    }

    /// How many tasks have which kind of failure in which state; without zeros.
    pub async fn failures(&self, job: JobId) -> Result<Vec<(FailureKind, TaskState, u64)>, StoreError> {
        self.store.read(move |connection| failures_of(connection, job)).await
    }

    /// Result pictures of the job, superseded ones not counted.
    pub async fn pictures(&self, job: JobId) -> Result<u64, StoreError> {
        self.store.read(move |connection| pictures_of(connection, job)).await
    }

    /// What a list tells of each of these jobs, in one go.
    pub async fn figures(&self, jobs: Vec<JobId>) -> Result<Vec<JobFigures>, StoreError> {
        let of = |connection: &Connection, job| {
            Ok(JobFigures {
                counts: counts_of(connection, job)?,
                failures: failures_of(connection, job)?,
                pictures: pictures_of(connection, job)?,
            })
        };
        self.store.read(move |connection| jobs.into_iter().map(|job| of(connection, job)).collect()).await
    }

    /// Pauses or resumes a job ([`Self::stop`] stops one with its tasks). A job with nothing open that is made active is
    /// finished at once, and one that is finished or stopped is not paused.
    pub async fn set_state(
        &self,
        job: JobId,
        state: JobState,
        reason: Option<String>,
        now_us: i64,
    ) -> Result<(), StoreError> {
        self.store
            .change(move |connection| {
                let before = state_of(connection, job)?;
                let ended = matches!(before, JobState::Finished | JobState::Stopped);
                if state == JobState::Paused && ended {
                    return Ok(());
                }
                if state == JobState::Active && !has_open_tasks(connection, job)? {
                    return move_to(connection, job, JobState::Finished, None, now_us);
                }
                move_to(connection, job, state, reason.as_deref(), now_us)
            })
            .await
    }

    /// Stops a job: its queued and waiting tasks are stopped, the running ones and those whose result is paid for and elsewhere
    /// (a provider's queue, a link) are their workers' to end. Returns how many tasks were stopped. There is one event, for the job.
    pub async fn stop(&self, job: JobId, now_us: i64) -> Result<u64, StoreError> {
        self.store.change(move |connection| move_to(connection, job, JobState::Stopped, None, now_us)).await?;
        let mut stopped = 0;
        loop {
            let moved = self.store.change(move |connection| stop_chunk(connection, job, now_us)).await?;
            stopped += moved;
            if moved < u64::from(CHUNK) {
                return Ok(stopped);
            }
        }
    }

    /// Active jobs with queued or waiting tasks, highest priority first, then oldest.
    pub async fn open_jobs(&self) -> Result<Vec<OpenJob>, StoreError> {
        self.store
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT id, name, priority, state, profile, model, \
                     (SELECT n FROM job_count c WHERE c.job = j.id AND c.state = 0) AS queued, \
                     (SELECT n FROM job_count c WHERE c.job = j.id AND c.state = 1) AS running, \
                     (SELECT n FROM job_count c WHERE c.job = j.id AND c.state = 2) AS waiting \
                     FROM job j WHERE state = ?1 AND queued + waiting > 0 ORDER BY priority DESC, id",
                )?;
                statement.query_and_then([JobState::Active as u8], open_job)?.collect()
            })
            .await
    }

    /// Deletes a job's rows: tasks, calls, assets, reviews, events. Its files are left to `gc`. A job with running
    /// tasks is refused. The event that tells of it is the job's last state, stopped, with a reason.
    pub async fn delete(&self, job: JobId, now_us: i64) -> Result<(), StoreError> {
        self.store.change(move |connection| delete(connection, job, now_us)).await
    }
}

/// Jobs with their definitions.
pub(crate) fn select(
    connection: &Connection,
    definitions: &Definitions,
    tail: &str,
    values: Vec<Value>,
) -> OpResult<Vec<Job>> {
    connection
        .prepare_cached(&format!("SELECT {JOB_COLUMNS} FROM job {tail}"))?
        .query_and_then(rusqlite::params_from_iter(values), |row| rows::job(connection, definitions, row))?
        .collect()
}

fn open_job(row: &Row<'_>) -> OpResult<OpenJob> {
    let id = row.get(0)?;
    Ok(OpenJob {
        job: JobBrief {
            id: JobId(id),
            name: row.get(1)?,
            priority: row.get(2)?,
            state: job_state(row.get(3)?, id)?,
            profile: row.get(4)?,
            model: row.get(5)?,
        },
        queued: row.get::<_, i64>(6)? as u64,
        running: row.get::<_, i64>(7)? as u64,
        waiting: row.get::<_, i64>(8)? as u64,
    })
}

fn counts_of(connection: &Connection, job: JobId) -> OpResult<TaskCounts> {
    let mut counts = TaskCounts::default();
    let mut statement = connection.prepare_cached("SELECT state, n FROM job_count WHERE job = ?1")?;
    let mut found = statement.query([job.0])?;
    while let Some(row) = found.next()? {
        counts.set(task_state(row.get(0)?, job.0)?, row.get::<_, i64>(1)? as u64);
    }
    Ok(counts)
}

fn failures_of(connection: &Connection, job: JobId) -> OpResult<Vec<(FailureKind, TaskState, u64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT failure_kind, state, n FROM job_failure WHERE job = ?1 AND n > 0 ORDER BY failure_kind, state",
    )?;
    statement
        .query_and_then([job.0], |row| {
            let kind = failure_kind(row.get(0)?, "job", job.0)?;
            Ok((kind, task_state(row.get(1)?, job.0)?, row.get::<_, i64>(2)? as u64))
        })?
        .collect()
}

fn pictures_of(connection: &Connection, job: JobId) -> OpResult<u64> {
    let mut statement = connection.prepare_cached("SELECT pictures FROM job WHERE id = ?1")?;
    let pictures = statement.query_row([job.0], |row| row.get::<_, i64>(0)).optional()?;
    Ok(present(pictures, "job", job.0)? as u64)
}

/// Where the job stands; an error when there is none.
pub(crate) fn state_of(connection: &Connection, job: JobId) -> OpResult<JobState> {
    let mut statement = connection.prepare_cached("SELECT state FROM job WHERE id = ?1")?;
    let number = statement.query_row([job.0], |row| row.get(0)).optional()?;
    job_state(present(number, "job", job.0)?, job.0)
}

/// Whether a task of the job is queued, running or waiting.
pub(crate) fn has_open_tasks(connection: &Connection, job: JobId) -> OpResult<bool> {
    let mut statement = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM job_count WHERE job = ?1 AND state IN (0, 1, 2) AND n > 0)")?;
    Ok(statement.query_row([job.0], |row| row.get(0))?)
}

/// Moves the job and tells of it; nothing happens when it stands there already for the same reason.
pub(crate) fn move_to(
    connection: &Connection,
    job: JobId,
    state: JobState,
    reason: Option<&str>,
    now_us: i64,
) -> OpResult<()> {
    let finished_us = (state == JobState::Finished).then_some(now_us);
    let moved = connection
        .prepare_cached(
            "UPDATE job SET state = ?2, reason = ?3, finished_us = ?4 \
             WHERE id = ?1 AND (state <> ?2 OR reason IS NOT ?3)",
        )?
        .execute(params![job.0, state as u8, reason, finished_us])?;
    if moved == 0 {
        return state_of(connection, job).map(drop);
    }
    record_job_state(connection, now_us, job, state, reason.map(str::to_owned))
}

/// Ends an active job of which nothing is open.
pub(crate) fn finish_if_done(connection: &Connection, job: JobId, now_us: i64) -> OpResult<()> {
    let finished = connection
        .prepare_cached(
            "UPDATE job SET state = ?2, reason = NULL, finished_us = ?3 WHERE id = ?1 AND state = ?4 AND NOT EXISTS \
             (SELECT 1 FROM job_count WHERE job_count.job = ?1 AND job_count.state IN (0, 1, 2) AND n > 0)",
        )?
        .execute(params![job.0, JobState::Finished as u8, now_us, JobState::Active as u8])?;
    if finished == 0 {
        return Ok(());
    }
    record_job_state(connection, now_us, job, JobState::Finished, None)
}

/// Stops up to [`CHUNK`] queued and waiting tasks of a job that is still stopped.
fn stop_chunk(connection: &Connection, job: JobId, now_us: i64) -> OpResult<u64> {
    if state_of(connection, job)? != JobState::Stopped {
        return Ok(0);
    }
    let failure = Failure::new(FailureKind::Stopped, "the job was stopped before this task was done");
    let (kind, failure) = failure_columns(Some(&failure));
    let mut stopped = 0;
    for state in [TaskState::Queued, TaskState::Waiting] {
        stopped += connection
            .prepare_cached(&format!(
                "UPDATE task SET state = ?3, not_before_us = NULL, ended_us = ?4, failure_kind = ?5, failure = ?6 \
                 WHERE id IN (SELECT id FROM task WHERE job = ?1 AND state = ?2 AND NOT {AT_PROVIDER} \
                 ORDER BY position LIMIT ?7)"
            ))?
            .execute(params![
                job.0,
                state.number(),
                TaskState::Stopped.number(),
                now_us,
                kind,
                failure,
                CHUNK - stopped as u32
            ])?;
    }
    Ok(stopped as u64)
}

fn delete(connection: &Connection, job: JobId, now_us: i64) -> OpResult<()> {
    state_of(connection, job)?;
    let running: i64 = connection.query_row(
        "SELECT coalesce(sum(n), 0) FROM job_count WHERE job = ?1 AND state = ?2",
        params![job.0, TaskState::Running.number()],
        |row| row.get(0),
    )?;
    if running > 0 {
        return Err(StoreError::JobBusy { running: running as u64 }.into());
    }
    // First, so that the newest event is never deleted and no number is given twice.
    record_job_state(connection, now_us, job, JobState::Stopped, Some("the job was deleted".into()))?;
    let newest = connection.last_insert_rowid();
    for sql in [
        "DELETE FROM review WHERE asset IN (SELECT a.id FROM task t JOIN asset a ON a.task = t.id WHERE t.job = ?1)",
        "DELETE FROM asset WHERE task IN (SELECT id FROM task WHERE job = ?1)",
        "DELETE FROM call_request WHERE call IN \
         (SELECT c.id FROM task t JOIN call c ON c.task = t.id WHERE t.job = ?1)",
        "DELETE FROM call_response WHERE call IN \
         (SELECT c.id FROM task t JOIN call c ON c.task = t.id WHERE t.job = ?1)",
        "DELETE FROM call WHERE task IN (SELECT id FROM task WHERE job = ?1)",
        "DELETE FROM batch WHERE job = ?1",
        "DELETE FROM document WHERE task IN (SELECT id FROM task WHERE job = ?1)",
        "DELETE FROM task WHERE job = ?1",
        "DELETE FROM job_count WHERE job = ?1",
        "DELETE FROM job_failure WHERE job = ?1",
        "DELETE FROM job_save WHERE job = ?1",
        "DELETE FROM job_definition WHERE job = ?1",
        "DELETE FROM job WHERE id = ?1",
    ] {
        connection.execute(sql, [job.0])?;
    }
    connection.execute("DELETE FROM event WHERE job = ?1 AND seq < ?2", params![job.0, newest])?;
    Ok(())
}
