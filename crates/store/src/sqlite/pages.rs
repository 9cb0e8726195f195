//! Lists of tasks by key, never by offset and never by a walk over finished rows. The index that claims use, (job,
//! state, position), serves pages too: one short list a state, merged here, so that no second index must be kept.

use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobId;
use imagemill_domain::task::{Task, TaskId, TaskState};
use rusqlite::{Connection, params};

use super::failure::OpResult;
use super::rows::{self, TASK_COLUMNS, present};
use crate::record::TaskFilter;

/// Position and number of a task: its place in the order of the plan.
pub(crate) type Place = (i64, TaskId);

/// Before every task.
pub(crate) const START: Place = (i64::MIN, TaskId(i64::MIN));

/// Matches that [`find`] returns at most.
const MATCHES: usize = 20;

/// Places of the tasks of a job in one state.
pub(crate) const PLACES: &str = "SELECT position, id FROM task WHERE job = ?1 AND state = ?2 AND position >= ?3 \
     AND (position > ?3 OR id > ?4) ORDER BY position, id LIMIT ?5";

/// The same of those with one kind of failure.
pub(crate) const FAILED_PLACES: &str = "SELECT position, id FROM task WHERE job = ?1 AND failure_kind = ?6 \
     AND state = ?2 AND position >= ?3 AND (position > ?3 OR id > ?4) ORDER BY position, id LIMIT ?5";

/// See [`super::Tasks::page`].
pub(crate) fn tasks(
    connection: &Connection,
    filter: &TaskFilter,
    after: Option<Place>,
    limit: u32,
) -> OpResult<Vec<Task>> {
    let states = filter.states.as_deref().unwrap_or(&TaskState::ALL);
    places(connection, filter.job, states, filter.failure, after.unwrap_or(START), limit)?
        .into_iter()
        .map(|(_, id)| present(rows::task_by_id(connection, id)?, "task", id.0))
        .collect()
}

/// Up to `limit` places behind `after`, in order.
pub(crate) fn places(
    connection: &Connection,
    job: JobId,
    states: &[TaskState],
    failure: Option<FailureKind>,
    after: Place,
    limit: u32,
) -> OpResult<Vec<Place>> {
    let mut statement = connection.prepare_cached(if failure.is_some() { FAILED_PLACES } else { PLACES })?;
    let mut merged: Vec<Place> = Vec::new();
    let mut states = states.to_vec();
    states.sort_unstable();
    states.dedup();
    for state in states {
        let (position, id) = (after.0, after.1.0);
        let place = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, TaskId(row.get(1)?)));
        let found: rusqlite::Result<Vec<Place>> = match failure {
            Some(kind) => {
                statement.query_map(params![job.0, state.number(), position, id, limit, kind as u8], place)?.collect()
            }
            None => statement.query_map(params![job.0, state.number(), position, id, limit], place)?.collect(),
        };
        merged.extend(found?);
    }
    merged.sort_unstable();
    merged.truncate(limit as usize);
    Ok(merged)
}

/// See [`super::Tasks::find`].
pub(crate) fn find(connection: &Connection, job: JobId, text: &str) -> OpResult<Vec<Task>> {
    let mut found = Vec::new();
    if let Ok(id) = text.parse() {
        found.extend(rows::task_by_id(connection, TaskId(id))?.filter(|task| task.job == job));
    }
    found.extend(by_key(connection, job, text)?);
    if found.is_empty() {
        found = by_source(connection, job, text)?;
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|task| seen.insert(task.id));
    found.truncate(MATCHES);
    Ok(found)
}

fn by_key(connection: &Connection, job: JobId, text: &str) -> OpResult<Vec<Task>> {
    let digits = text.to_ascii_lowercase();
    if !(4..=32).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let bound = |fill: &str| hex::decode(format!("{digits}{}", fill.repeat(32 - digits.len()))).unwrap_or_default();
    connection
        .prepare_cached(&format!(
            "SELECT {TASK_COLUMNS} FROM task WHERE job = ?1 AND key >= ?2 AND key <= ?3 ORDER BY key LIMIT ?4"
        ))?
        .query_and_then(params![job.0, bound("0"), bound("f"), MATCHES as i64], rows::task)?
        .collect()
}

/// Reads every spec of the job: a person's question about one name, never a hot path.
fn by_source(connection: &Connection, job: JobId, text: &str) -> OpResult<Vec<Task>> {
    // The name as it stands in the stored JSON, without its quotes.
    let json = rows::to_json(&text);
    let mut statement = connection
        .prepare_cached(&format!("SELECT {TASK_COLUMNS} FROM task WHERE job = ?1 AND instr(spec, ?2) > 0"))?;
    let mut found = Vec::new();
    for task in statement.query_and_then(params![job.0, &json[1..json.len() - 1]], rows::task)? {
        let task = task?;
        let named = |name: &str| {
            let file = name.rsplit('/').next().unwrap_or(name);
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            [name, file, stem].contains(&text)
        };
        if task.spec.pictures.iter().any(|picture| named(&picture.name) || picture.path == text) {
            found.push(task);
        }
        if found.len() == MATCHES {
            break;
        }
    }
    found.sort_by_key(|task| (task.position, task.id));
    Ok(found)
}
