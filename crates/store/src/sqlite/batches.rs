//! Batches: calls of one job that go to their provider together. A batch is opened before its first call, and every call of it
//! is a row of its own in the ledger; what becomes of each is settled like that of any other call. When a batch is sent, asked
//! about or given up is not decided here.

use imagemill_domain::call::{CallId, CallState};
use imagemill_domain::job::JobId;
use imagemill_domain::lane::BatchId;
use imagemill_domain::money::Money;
use imagemill_domain::task::{TaskId, TaskState};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::failure::OpResult;
use super::jobs::CHUNK;
use super::rows::nth;
use super::store::Store;
use super::{moves, settle};
use crate::error::StoreError;
use crate::record::{Batch, BatchCall, BatchState, CallEnd, Lease, OwnerId, TaskEnd};

const COLUMNS: &str =
    "id, job, state, items, opened_us, sent_us, ended_us, next_ask_us, key, profile, model, remote_id, outcome";

/// The statement behind [`Batches::open_calls`]; answered by the index `call_batch`.
pub(crate) const OPEN_CALLS: &str = "SELECT id, task FROM call WHERE batch = ?1 AND batch IS NOT NULL AND state IN (0, 1) AND id > ?2 ORDER BY id LIMIT ?3";

/// The batch table.
#[derive(Clone, Copy, Debug)]
pub struct Batches<'a> {
    pub(crate) store: &'a Store,
}

impl Batches<'_> {
    /// Opens a batch for calls to join; `key` is our name of it and must be new.
    pub async fn begin(
        &self,
        job: JobId,
        key: &str,
        profile: &str,
        model: &str,
        now_us: i64,
    ) -> Result<BatchId, StoreError> {
        let (key, profile, model) = (key.to_owned(), profile.to_owned(), model.to_owned());
        self.store
            .change(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO batch (job, state, opened_us, key, profile, model) VALUES (?1, 0, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![job.0, now_us, key, profile, model])?;
                Ok(BatchId(connection.last_insert_rowid()))
            })
            .await
    }

    /// Its creation is about to be sent. From here on it may be paid for.
    pub async fn creating(&self, batch: BatchId, items: u32, now_us: i64) -> Result<(), StoreError> {
        let sql = "UPDATE batch SET state = 1, items = ?2, sent_us = ?3 WHERE id = ?1 AND state = 0";
        self.run(sql, move |id| params_of(id, [items.into(), now_us]), batch).await
    }

    /// Nothing of it was taken: calls may still be closed as not sent.
    pub async fn not_created(&self, batch: BatchId) -> Result<(), StoreError> {
        let sql = "UPDATE batch SET state = 0, sent_us = NULL WHERE id = ?1 AND state = 1";
        self.run(sql, |id| [id].to_vec(), batch).await
    }

    /// The provider has it, under this name; its calls are accepted.
    pub async fn created(&self, batch: BatchId, remote_id: &str, next_ask_us: i64) -> Result<(), StoreError> {
        let remote_id = remote_id.to_owned();
        self.store
            .change(move |connection| {
                connection
                    .prepare_cached(
                        "UPDATE batch SET state = 2, remote_id = ?2, next_ask_us = ?3 WHERE id = ?1 AND state < 3",
                    )?
                    .execute(params![batch.0, remote_id, next_ask_us])?;
                connection
                    .prepare_cached(
                        "UPDATE call SET state = ?2 WHERE batch = ?1 AND batch IS NOT NULL AND state IN (0, 1)",
                    )?
                    .execute(params![batch.0, CallState::Accepted as u8])?;
                Ok(())
            })
            .await
    }

    /// When the provider is asked about it again.
    pub async fn ask_at(&self, batch: BatchId, next_ask_us: i64) -> Result<(), StoreError> {
        let sql = "UPDATE batch SET next_ask_us = ?2 WHERE id = ?1";
        self.run(sql, move |id| params_of(id, [next_ask_us]), batch).await
    }

    /// How it ended at the provider.
    pub async fn outcome(&self, batch: BatchId, outcome: &str) -> Result<(), StoreError> {
        let outcome = outcome.to_owned();
        self.store
            .change(move |connection| {
                connection
                    .prepare_cached("UPDATE batch SET outcome = ?2 WHERE id = ?1")?
                    .execute(params![batch.0, outcome])?;
                Ok(())
            })
            .await
    }

    /// Every call of it ended.
    pub async fn end(&self, batch: BatchId, now_us: i64) -> Result<(), StoreError> {
        let sql = "UPDATE batch SET state = 3, ended_us = ?2, next_ask_us = NULL WHERE id = ?1 AND state < 3";
        self.run(sql, move |id| params_of(id, [now_us]), batch).await
    }

    /// The batch with this number.
    pub async fn get(&self, batch: BatchId) -> Result<Option<Batch>, StoreError> {
        self.store.read(move |connection| Ok(select(connection, "WHERE id = ?1", [batch.0])?.pop())).await
    }

    /// All that have not ended, oldest first.
    pub async fn open(&self) -> Result<Vec<Batch>, StoreError> {
        self.store.read(|connection| select(connection, "WHERE state < 3 ORDER BY id", [])).await
    }

    /// Those of a job, oldest first.
    pub async fn of_job(&self, job: JobId) -> Result<Vec<Batch>, StoreError> {
        self.store.read(move |connection| select(connection, "WHERE job = ?1 ORDER BY id", [job.0])).await
    }

    /// The provider's names of batches at this profile, ended ones too.
    pub async fn remote_ids(&self, profile: &str) -> Result<Vec<String>, StoreError> {
        let profile = profile.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT remote_id FROM batch WHERE profile = ?1 AND remote_id IS NOT NULL")?;
                Ok(statement.query_map([profile], |row| row.get(0))?.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Its calls whose outcome is open, in order, behind `after`.
    pub async fn open_calls(
        &self,
        batch: BatchId,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<Vec<BatchCall>, StoreError> {
        self.store
            .read(move |connection| open_calls(connection, batch, after.map_or(i64::MIN, |call| call.0), limit))
            .await
    }

    /// What became of these calls is here: their tasks are due, to be taken like others that are with a provider.
    pub async fn deliver(&self, calls: Vec<CallId>, now_us: i64) -> Result<(), StoreError> {
        self.store
            .change(move |connection| {
                let mut due = connection.prepare_cached(
                    "UPDATE task SET not_before_us = ?2 WHERE id = (SELECT task FROM call WHERE call.id = ?1) AND state = 2",
                )?;
                for call in &calls {
                    due.execute(params![call.0, now_us])?;
                }
                Ok(())
            })
            .await
    }

    /// Ends every open call of the batch in this way, in chunks, and with them their tasks: in the state given, else back to the
    /// line as if they had not been taken. Tasks that a worker holds stay with it; of those that are in the line already, because
    /// a process died over them, the ones that are to end do. Returns how many calls.
    pub async fn close_calls(
        &self,
        batch: BatchId,
        owner: OwnerId,
        end: CallEnd,
        task: Option<TaskState>,
        now_us: i64,
    ) -> Result<u64, StoreError> {
        let mut closed = 0;
        loop {
            let end = end.clone();
            let moved = self
                .store
                .change(move |connection| {
                    let calls = open_calls(connection, batch, i64::MIN, CHUNK)?;
                    for call in &calls {
                        close(connection, call, owner, &end, task, now_us)?;
                    }
                    Ok(calls.len() as u64)
                })
                .await?;
            closed += moved;
            if moved < u64::from(CHUNK) {
                return Ok(closed);
            }
        }
    }

    async fn run(
        &self,
        sql: &'static str,
        parameters: impl Fn(i64) -> Vec<i64> + Send + 'static,
        batch: BatchId,
    ) -> Result<(), StoreError> {
        self.store
            .change(move |connection| {
                connection.prepare_cached(sql)?.execute(rusqlite::params_from_iter(parameters(batch.0)))?;
                Ok(())
            })
            .await
    }
}

fn params_of<const N: usize>(id: i64, more: [i64; N]) -> Vec<i64> {
    std::iter::once(id).chain(more).collect()
}

fn open_calls(connection: &Connection, batch: BatchId, after: i64, limit: u32) -> OpResult<Vec<BatchCall>> {
    let mut statement = connection.prepare_cached(OPEN_CALLS)?;
    let calls = statement.query_map(params![batch.0, after, limit], |row| {
        Ok(BatchCall { call: CallId(row.get(0)?), task: TaskId(row.get(1)?) })
    })?;
    Ok(calls.collect::<Result<_, _>>()?)
}

fn close(
    connection: &Connection,
    call: &BatchCall,
    owner: OwnerId,
    end: &CallEnd,
    task: Option<TaskState>,
    now_us: i64,
) -> OpResult<()> {
    settle::finish(connection, call.call, end, None, None, now_us)?;
    // Taken for a moment, so that it moves by the same rules as from a worker's hand.
    let taken = connection
        .prepare_cached(
            "UPDATE task SET state = 1, attempt = attempt + 1, owner = ?2, not_before_us = NULL \
             WHERE id = ?1 AND (state = 2 OR state = 0 AND ?3) RETURNING job, attempt, round",
        )?
        .query_row(params![call.task.0, owner.0, task.is_some()], |row| {
            let job = JobId(row.get(0)?);
            Ok(Lease { task: call.task, job, attempt: row.get(1)?, round: row.get(2)?, owner })
        })
        .optional()?;
    let Some(lease) = taken else { return Ok(()) };
    match task {
        Some(state) => {
            let cost = end.cost.filter(|cost| *cost > Money::ZERO);
            let end = TaskEnd { state, failure: end.failure.clone(), pictures: 0, cost };
            moves::finish(connection, &lease, &end, now_us)?;
        }
        None => {
            moves::release(connection, &lease, now_us)?;
        }
    }
    Ok(())
}

fn select(connection: &Connection, tail: &str, params: impl Params) -> OpResult<Vec<Batch>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM batch {tail}"))?;
    statement.query_and_then(params, batch)?.collect()
}

fn batch(row: &Row<'_>) -> OpResult<Batch> {
    let id = row.get(0)?;
    Ok(Batch {
        id: BatchId(id),
        job: JobId(row.get(1)?),
        state: nth(&BatchState::ALL, row.get(2)?, "batch", id)?,
        items: row.get(3)?,
        opened_us: row.get(4)?,
        sent_us: row.get(5)?,
        ended_us: row.get(6)?,
        next_ask_us: row.get(7)?,
        key: row.get(8)?,
        profile: row.get(9)?,
        model: row.get(10)?,
        remote_id: row.get(11)?,
        outcome: row.get(12)?,
    })
}
