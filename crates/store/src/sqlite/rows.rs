//! Rows into records, and the small numbers that stand for states. Knows the columns, and no rules.

use imagemill_domain::asset::{Asset, AssetId, Delivery};
use imagemill_domain::call::{Call, CallId, CallState, Usage};
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::hash::{ContentHash, RequestHash, Sha256Hash, TaskKey};
use imagemill_domain::job::{Job, JobId, JobState};
use imagemill_domain::lane::BatchId;
use imagemill_domain::money::Money;
use imagemill_domain::picture::{Findings, PictureFacts, PictureFormat};
use imagemill_domain::task::{Task, TaskId, TaskSpec, TaskState};
use rusqlite::{Connection, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::definitions::Definitions;
use super::failure::{OpResult, bad_row};
use crate::error::StoreError;

/// How the bytes came, by number.
const DELIVERIES: [Delivery; 2] = [Delivery::Inline, Delivery::Link];

/// The columns that [`task`] reads.
pub(crate) const TASK_COLUMNS: &str =
    "id, job, key, position, state, attempt, not_before_us, started_us, ended_us, failure, spec";

/// The columns that [`call`] reads.
pub(crate) const CALL_COLUMNS: &str = "id, task, attempt, step, request_hash, state, profile, model, ceiling, cost, \
     usage, remote_id, http_status, failure, sent_us, ended_us, batch";

/// The columns that [`asset`] reads.
pub(crate) const ASSET_COLUMNS: &str = "id, task, call, picture, format, width, height, bytes, findings, delivery, \
     phash, created_us, blake3, sha256, parents";

/// The columns that [`job`] reads.
pub(crate) const JOB_COLUMNS: &str = "id, name, state, reason, priority, budget, spent, reserved, created_us, \
     finished_us, generation, unpriced";

/// A task.
pub(crate) fn task(row: &Row<'_>) -> OpResult<Task> {
    let id = row.get(0)?;
    Ok(Task {
        id: TaskId(id),
        job: JobId(row.get(1)?),
        key: task_key(row, 2, id)?,
        position: row.get(3)?,
        state: task_state(row.get(4)?, id)?,
        attempt: row.get(5)?,
        not_before_us: row.get(6)?,
        started_us: row.get(7)?,
        ended_us: row.get(8)?,
        failure: optional_json(row, 9, "task", id)?,
        spec: task_spec(row, 10, id)?,
    })
}

/// The task `id`, if there is one.
pub(crate) fn task_by_id(connection: &Connection, id: TaskId) -> OpResult<Option<Task>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {TASK_COLUMNS} FROM task WHERE id = ?1"))?;
    statement.query_and_then([id.0], task)?.next().transpose()
}

/// A call.
pub(crate) fn call(row: &Row<'_>) -> OpResult<Call> {
    let id = row.get(0)?;
    let request_hash = RequestHash::from_slice(row.get_ref(4)?.as_blob().map_err(|error| bad_row("call", id, error))?)
        .ok_or_else(|| bad_row("call", id, "its request hash has a wrong length"))?;
    Ok(Call {
        id: CallId(id),
        task: TaskId(row.get(1)?),
        attempt: row.get(2)?,
        step: row.get(3)?,
        request_hash,
        state: call_state(row.get(5)?, id)?,
        profile: row.get(6)?,
        model: row.get(7)?,
        ceiling: row.get::<_, Option<i64>>(8)?.map(Money::from_micros),
        cost: row.get::<_, Option<i64>>(9)?.map(Money::from_micros),
        usage: optional_json::<Usage>(row, 10, "call", id)?.unwrap_or_default(),
        remote_id: row.get(11)?,
        http_status: row.get(12)?,
        failure: optional_json(row, 13, "call", id)?,
        sent_us: row.get(14)?,
        ended_us: row.get(15)?,
        batch: row.get::<_, Option<i64>>(16)?.map(BatchId),
    })
}

/// An asset.
pub(crate) fn asset(row: &Row<'_>) -> OpResult<Asset> {
    let id: i64 = row.get(0)?;
    let wrong = || bad_row("asset", id, "a hash has a wrong length");
    let facts = PictureFacts {
        format: nth(&PictureFormat::ALL, row.get(4)?, "asset", id)?,
        width: row.get(5)?,
        height: row.get(6)?,
        bytes: row.get::<_, i64>(7)? as u64,
        phash: row.get::<_, i64>(10)? as u64,
        blake3: ContentHash::from_slice(&row.get::<_, Vec<u8>>(12)?).ok_or_else(wrong)?,
        sha256: Sha256Hash::from_slice(&row.get::<_, Vec<u8>>(13)?).ok_or_else(wrong)?,
    };
    let parents = row.get::<_, Option<Vec<u8>>>(14)?.unwrap_or_default();
    Ok(Asset {
        id: AssetId(id),
        task: TaskId(row.get(1)?),
        call: CallId(row.get(2)?),
        index: row.get(3)?,
        facts,
        findings: Findings::from_bits(row.get(8)?),
        delivery: nth(&DELIVERIES, row.get(9)?, "asset", id)?,
        created_us: row.get(11)?,
        parents: parents
            .chunks(32)
            .map(|hash| ContentHash::from_slice(hash).ok_or_else(wrong))
            .collect::<OpResult<_>>()?,
    })
}

/// A job with its definition.
pub(crate) fn job(connection: &Connection, definitions: &Definitions, row: &Row<'_>) -> OpResult<Job> {
    let id = row.get(0)?;
    Ok(Job {
        id: JobId(id),
        name: row.get(1)?,
        state: job_state(row.get(2)?, id)?,
        reason: row.get(3)?,
        priority: row.get(4)?,
        budget: row.get::<_, Option<i64>>(5)?.map(Money::from_micros),
        spent: Money::from_micros(row.get(6)?),
        reserved: Money::from_micros(row.get(7)?),
        created_us: row.get(8)?,
        finished_us: row.get(9)?,
        unpriced: row.get::<_, i64>(11)?.max(0) as u64,
        definition: definitions.of(connection, id, row.get(10)?)?,
    })
}

/// A task's key in column `index`.
pub(crate) fn task_key(row: &Row<'_>, index: usize, id: i64) -> OpResult<TaskKey> {
    let bytes = row.get_ref(index)?.as_blob().map_err(|error| bad_row("task", id, error))?;
    TaskKey::from_slice(bytes).ok_or_else(|| bad_row("task", id, "its key has a wrong length"))
}

/// A task's spec in column `index`.
pub(crate) fn task_spec(row: &Row<'_>, index: usize, id: i64) -> OpResult<TaskSpec> {
    optional_json(row, index, "task", id)?.ok_or_else(|| bad_row("task", id, "it has no spec"))
}

/// A task state from its number.
pub(crate) fn task_state(number: i64, id: i64) -> OpResult<TaskState> {
    nth(&TaskState::ALL, number, "task", id)
}

/// A job state from its number.
pub(crate) fn job_state(number: i64, id: i64) -> OpResult<JobState> {
    nth(&JobState::ALL, number, "job", id)
}

/// A call state from its number.
pub(crate) fn call_state(number: i64, id: i64) -> OpResult<CallState> {
    nth(&CallState::ALL, number, "call", id)
}

/// A failure kind from its number; `what` and `id` name the row for the error.
pub(crate) fn failure_kind(number: i64, what: &str, id: i64) -> OpResult<FailureKind> {
    nth(&FailureKind::ALL, number, what, id)
}

/// The two columns of a failure: kind and JSON.
pub(crate) fn failure_columns(failure: Option<&Failure>) -> (Option<u8>, Option<String>) {
    (failure.map(|failure| failure.kind as u8), failure.map(to_json))
}

/// The number of a delivery.
pub(crate) fn delivery_number(delivery: Delivery) -> usize {
    DELIVERIES.iter().position(|known| *known == delivery).expect("the table has every delivery")
}

/// The number of a picture format.
pub(crate) fn format_number(format: PictureFormat) -> usize {
    PictureFormat::ALL.iter().position(|known| *known == format).expect("the table has every format")
}

/// JSON of plain data.
pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data with text keys always serialises")
}

/// JSON in a column that may be null; `what` and `id` name the row for the error.
pub(crate) fn optional_json<T: DeserializeOwned>(
    row: &Row<'_>,
    index: usize,
    what: &str,
    id: i64,
) -> OpResult<Option<T>> {
    let Some(text) = row.get_ref(index)?.as_str_or_null().map_err(|error| bad_row(what, id, error))? else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|error| bad_row(what, id, error))
}

/// `value`, or the error that there is no such row.
pub(crate) fn present<T>(value: Option<T>, what: &'static str, id: i64) -> OpResult<T> {
    value.ok_or_else(|| StoreError::Missing { what, id }.into())
}

/// The member of `all` with this number.
pub(crate) fn nth<T: Copy>(all: &[T], number: i64, what: &str, id: i64) -> OpResult<T> {
    usize::try_from(number)
        .ok()
        .and_then(|index| all.get(index))
        .copied()
        .ok_or_else(|| bad_row(what, id, format!("it has the number {number}, which stands for nothing known")))
}

#[cfg(test)]
mod tests {
    use imagemill_domain::review::Verdict;

    use super::*;

    #[test]
    fn stored_numbers_are_positions_in_the_tables() {
        for (number, kind) in FailureKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
        for (number, state) in JobState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, number);
        }
        for (number, state) in CallState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, number);
        }
        assert_eq!(CallState::Unknown as usize, 6, "the index call_unknown names this number");
        for (number, verdict) in [Verdict::Unset, Verdict::Keep, Verdict::Reject].into_iter().enumerate() {
            assert_eq!(verdict as usize, number);
        }
    }
}
