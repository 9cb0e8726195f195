//! Worker processes and their leases. A lease is of the process, not of each task: one small change now and then keeps
//! thousands of tasks. Knows no clock: who is dead follows from the times given.

use imagemill_domain::job::JobId;
use imagemill_domain::task::TaskId;
use rusqlite::{Connection, params};

use super::calls;
use super::failure::OpResult;
use super::moves::check_owner;
use super::rows::task_spec;
use super::store::Store;
use crate::error::StoreError;
use crate::record::{Lease, Orphan, Owner, OwnerId};

/// The owner table.
#[derive(Clone, Copy, Debug)]
pub struct Owners<'a> {
    pub(crate) store: &'a Store,
}

impl Owners<'_> {
    /// Registers a process that starts; its number was never given before.
    pub async fn register(&self, host: &str, pid: u32, now_us: i64, until_us: i64) -> Result<OwnerId, StoreError> {
        let host = host.to_owned();
        self.store
            .change(move |connection| {
                connection
                    .prepare_cached("INSERT INTO owner (host, pid, since_us, until_us) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![host, pid, now_us, until_us])?;
                Ok(OwnerId(connection.last_insert_rowid()))
            })
            .await
    }

    /// Extends the lease. `false` when it was taken over: the process claims nothing more, ends and stores what is
    /// under way, and exits.
    pub async fn beat(&self, owner: OwnerId, _now_us: i64, until_us: i64) -> Result<bool, StoreError> {
        self.store
            .change(move |connection| {
                let kept = connection
                    .prepare_cached("UPDATE owner SET until_us = ?2 WHERE id = ?1")?
                    .execute(params![owner.0, until_us])?;
                Ok(kept > 0)
            })
            .await
    }

    /// Gives the lease back when a process ends in order. Tasks it still holds can be reaped at once.
    pub async fn leave(&self, owner: OwnerId) -> Result<(), StoreError> {
        self.store
            .change(move |connection| {
                connection.prepare_cached("DELETE FROM owner WHERE id = ?1")?.execute([owner.0])?;
                Ok(())
            })
            .await
    }

    /// The owners whose lease holds, oldest first.
    pub async fn live(&self, now_us: i64) -> Result<Vec<Owner>, StoreError> {
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT id, host, pid, since_us, until_us FROM owner WHERE until_us > ?1 ORDER BY id",
                )?;
                let owners = statement.query_map([now_us], |row| {
                    Ok(Owner {
                        id: OwnerId(row.get(0)?),
                        host: row.get(1)?,
                        pid: row.get(2)?,
                        since_us: row.get(3)?,
                        until_us: row.get(4)?,
                    })
                })?;
                Ok(owners.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Takes over the running tasks of owners whose lease has ended (of all others with `all_others_dead`), and forgets
    /// those owners. Nothing is decided: the tasks stay running, now under `except` with a new token, so that nobody
    /// else decides at the same time. An error when `except` itself is not registered any more.
    pub async fn reap(&self, except: OwnerId, now_us: i64, all_others_dead: bool) -> Result<Vec<Orphan>, StoreError> {
        self.store.change(move |connection| reap(connection, except, now_us, all_others_dead)).await
    }
}

/// The calls of a task whose outcome is still open.
const OPEN_CALLS: &str = "WHERE task = ?1 AND state IN (0, 1, 2) ORDER BY id";

/// The statement of [`reap`]; the rows to change are found by the index `task_owner`.
pub(crate) const REAP: &str = "UPDATE task SET owner = ?1, attempt = attempt + 1 WHERE id IN (SELECT id FROM task \
     WHERE owner IS NOT NULL AND owner <> ?1 \
     AND (?3 OR owner NOT IN (SELECT owner.id FROM owner WHERE until_us > ?2))) \
     RETURNING id, job, attempt, round, tries, spec";

fn reap(connection: &Connection, except: OwnerId, now_us: i64, all_others_dead: bool) -> OpResult<Vec<Orphan>> {
    check_owner(connection, except)?;
    let mut orphans: Vec<Orphan> = connection
        .prepare_cached(REAP)?
        .query_and_then(params![except.0, now_us, all_others_dead], |row| -> OpResult<_> {
            let (id, job) = (row.get(0)?, JobId(row.get(1)?));
            let lease = Lease { task: TaskId(id), job, attempt: row.get(2)?, round: row.get(3)?, owner: except };
            Ok(Orphan { lease, job, spec: task_spec(row, 5, id)?, tries: row.get(4)?, open_calls: Vec::new() })
        })?
        .collect::<OpResult<_>>()?;
    orphans.sort_by_key(|orphan| orphan.lease.task);
    for orphan in &mut orphans {
        orphan.open_calls = calls::select(connection, OPEN_CALLS, [orphan.lease.task.0])?;
    }
    connection.prepare_cached("DELETE FROM owner WHERE id <> ?1 AND (?3 OR until_us <= ?2)")?.execute(params![
        except.0,
        now_us,
        all_others_dead
    ])?;
    Ok(orphans)
}
