//! What happened, in order. Written in the transaction of the change it tells of, by one writer at a time, so that a
//! reader who saw a number never sees a smaller one appear later. Knows nothing of who listens.

use imagemill_domain::event::{Event, EventBody};
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::money::Money;
use imagemill_domain::task::TaskId;
use rusqlite::{Connection, Row, params};
use tokio::sync::watch;

use super::failure::{OpResult, bad_row};
use super::rows::{failure_kind, optional_json, task_state, to_json};
use super::store::Store;
use crate::error::StoreError;

/// The event table.
#[derive(Clone, Copy, Debug)]
pub struct Events<'a> {
    pub(crate) store: &'a Store,
}

impl Events<'_> {
    /// Up to `limit` events with a number above `seq`, oldest first.
    pub async fn after(&self, seq: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT seq, at_us, job, task, state, pictures, cost, failure_kind, not_before_us, body \
                     FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                )?;
                statement.query_and_then(params![seq, limit], event)?.collect()
            })
            .await
    }

    /// Tells of something that changes no row: a file that was written.
    pub async fn tell(&self, job: JobId, body: EventBody, now_us: i64) -> Result<(), StoreError> {
        self.store.change(move |connection| record(connection, now_us, Some(job), &body)).await
    }

    /// The newest event's number; 0 when nothing happened yet.
    pub async fn latest(&self) -> Result<i64, StoreError> {
        self.store.read(latest).await
    }

    /// The newest event's number as this process's commits move it on. Other processes' events are seen with the next
    /// commit here; who must not wait for that asks [`Self::latest`] from time to time.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.store.watch_latest()
    }
}

/// The newest event's number; 0 when nothing happened yet.
pub(crate) fn latest(connection: &Connection) -> OpResult<i64> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM event")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Writes an event.
pub(crate) fn record(connection: &Connection, at_us: i64, job: Option<JobId>, body: &EventBody) -> OpResult<()> {
    let job = job.map(|job| job.0);
    if let EventBody::TaskState { task, state, pictures, cost, failure, not_before_us } = body {
        connection
            .prepare_cached(
                "INSERT INTO event (at_us, job, task, state, pictures, cost, failure_kind, not_before_us) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                at_us,
                job,
                task.0,
                state.number(),
                pictures,
                cost.map(|cost| cost.micros),
                failure.map(|kind| kind as u8),
                not_before_us
            ])?;
    } else {
        connection.prepare_cached("INSERT INTO event (at_us, job, body) VALUES (?1, ?2, ?3)")?.execute(params![
            at_us,
            job,
            to_json(body)
        ])?;
    }
    Ok(())
}

/// Writes that a job's state changed.
pub(crate) fn record_job_state(
    connection: &Connection,
    at_us: i64,
    job: JobId,
    state: JobState,
    reason: Option<String>,
) -> OpResult<()> {
    record(connection, at_us, Some(job), &EventBody::JobState { state, reason })
}

fn event(row: &Row<'_>) -> OpResult<Event> {
    let seq = row.get(0)?;
    let body = match row.get::<_, Option<i64>>(3)? {
        Some(task) => EventBody::TaskState {
            task: TaskId(task),
            state: task_state(row.get(4)?, task)?,
            pictures: row.get::<_, Option<u32>>(5)?.unwrap_or(0),
            cost: row.get::<_, Option<i64>>(6)?.map(Money::from_micros),
            failure: row.get::<_, Option<i64>>(7)?.map(|kind| failure_kind(kind, "event", seq)).transpose()?,
            not_before_us: row.get(8)?,
        },
        None => optional_json(row, 9, "event", seq)?.ok_or_else(|| bad_row("event", seq, "it says nothing"))?,
    };
    Ok(Event { seq, at_us: row.get(1)?, job: row.get::<_, Option<i64>>(2)?.map(JobId), body })
}
