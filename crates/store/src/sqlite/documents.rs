//! What tasks ended with in words: one document a task, written with the task's end.

use imagemill_domain::job::JobId;
use imagemill_domain::task::{Task, TaskId};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::failure::{OpResult, bad_row};
use super::tasks::Tasks;
use super::{moves, rows};
use crate::error::StoreError;
use crate::record::{Lease, TaskEnd};

/// Documents of a job, in the order of the plan.
const OF_JOB: &str = "SELECT t.position, t.id, d.body FROM task t JOIN document d ON d.task = t.id WHERE t.job = ?1 \
     AND t.position >= ?2 AND (t.position > ?2 OR t.id > ?3) ORDER BY t.position, t.id LIMIT ?4";

impl Tasks<'_> {
    /// Like [`Tasks::finish`], for a task whose result is words: they are kept in the same transaction.
    pub async fn finish_with(
        &self,
        lease: Lease,
        end: TaskEnd,
        document: Value,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        moves::check_end(&end)?;
        let body = document.to_string();
        self.store
            .change(move |connection| {
                let moved = moves::finish(connection, &lease, &end, now_us)?;
                if moved {
                    keep(connection, lease.task, &body, now_us)?;
                }
                Ok(moved)
            })
            .await
    }

    /// What a task ended with in words; `None` when there is none.
    pub async fn document(&self, task: TaskId) -> Result<Option<Value>, StoreError> {
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached("SELECT body FROM document WHERE task = ?1")?;
                let body: Option<String> = statement.query_row([task.0], |row| row.get(0)).optional()?;
                body.map(|body| parsed(task, &body)).transpose()
            })
            .await
    }

    /// Up to `limit` tasks of a job that ended in words, with these, in the order of the plan, behind `after`.
    pub async fn documents(
        &self,
        job: JobId,
        after: Option<(i64, TaskId)>,
        limit: u32,
    ) -> Result<Vec<(Task, Value)>, StoreError> {
        self.store
            .read(move |connection| {
                let (position, task) = after.unwrap_or((-1, TaskId(-1)));
                let mut statement = connection.prepare_cached(OF_JOB)?;
                let found = statement
                    .query_map(params![job.0, position, task.0, limit], |row| Ok((TaskId(row.get(1)?), row.get(2)?)))?
                    .collect::<Result<Vec<(TaskId, String)>, _>>()?;
                let mut documents = Vec::new();
                for (id, body) in found {
                    if let Some(task) = rows::task_by_id(connection, id)? {
                        documents.push((task, parsed(id, &body)?));
                    }
                }
                Ok(documents)
            })
            .await
    }
}

fn keep(connection: &Connection, task: TaskId, body: &str, now_us: i64) -> OpResult<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO document (task, body, created_us) VALUES (?1, ?2, ?3)")?
        .execute(params![task.0, body, now_us])?;
    // Whoever holds the rows of the collection that the job is of.
    connection
        .prepare_cached(
            "UPDATE collection_revision SET revision = revision + 1 WHERE collection IN (SELECT b.collection FROM task t \
             JOIN job j ON j.id = t.job JOIN collection_batch b ON b.job = j.name AND b.job <> '' WHERE t.id = ?1 \
             UNION SELECT l.collection FROM task t JOIN job j ON j.id = t.job JOIN critique_look l ON l.job = j.name \
             WHERE t.id = ?1)",
        )?
        .execute([task.0])?;
    Ok(())
}

fn parsed(task: TaskId, body: &str) -> OpResult<Value> {
    serde_json::from_str(body).map_err(|error| bad_row("document of task", task.0, error))
}
