//! Calls: the ledger of what may cost money, and the journal that answers instead of paying twice. How an end is
//! settled is in `settle`.

use imagemill_domain::call::{Call, CallId, CallState};
use imagemill_domain::hash::RequestHash;
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::money::Money;
use imagemill_domain::task::{TaskId, TaskState};
use rusqlite::{Connection, OptionalExtension, Params, ToSql, params};

use super::failure::{OpResult, bad_row};
use super::raw::{pack, unpack};
use super::rows::{self, CALL_COLUMNS, job_state, task_state};
use super::store::Store;
use super::{moves, settle};
use crate::error::StoreError;
use crate::record::{BudgetOf, CallEnd, Finished, Lease, NewCall, OpenCall, OverBudget, TaskEnd};

/// Which calls [`Calls::find`] reads; the calls of one task are few.
pub(crate) const JOURNAL: &str = "WHERE task = ?1 AND round = ?2 AND step = ?3 AND request_hash = ?4 AND state = ?5 \
     ORDER BY id DESC LIMIT 1";

/// Which calls [`Calls::of_step`] reads.
pub(crate) const OF_STEP: &str = "WHERE task = ?1 AND round = ?2 AND step = ?3 AND request_hash = ?4 ORDER BY id";

/// Which calls [`Calls::page_unknown`] reads.
pub(crate) const UNKNOWN: &str = "WHERE state = 6 AND id > ?2 AND (?1 IS NULL OR job = ?1) ORDER BY id LIMIT ?3";

/// One day (UTC) of [`over_profile_budget`].
const DAY_US: i64 = 86_400_000_000;

/// The call table.
#[derive(Clone, Copy, Debug)]
pub struct Calls<'a> {
    pub(crate) store: &'a Store,
}

impl Calls<'_> {
    /// The journal: the newest call of this task, round, step and request that ended with its pictures here. They are
    /// read with [`super::Assets::for_call`].
    pub async fn find(
        &self,
        task: TaskId,
        round: u32,
        step: &str,
        request_hash: RequestHash,
    ) -> Result<Option<Call>, StoreError> {
        let step = step.to_owned();
        self.store
            .read(move |connection| {
                let fetched = CallState::Fetched as u8;
                let key = params![task.0, round, step, request_hash.as_bytes(), fetched];
                Ok(select(connection, JOURNAL, key)?.pop())
            })
            .await
    }

    /// How many tasks of a job each profile brought pictures or words for. Reads every call of the job's: not for hot paths.
    pub async fn tasks_by_profile(&self, job: JobId) -> Result<Vec<(String, u64)>, StoreError> {
        const TASKS: &str =
            "SELECT profile, count(DISTINCT task) FROM call WHERE job = ?1 AND state = ?2 GROUP BY profile";
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(TASKS)?;
                let rows = statement.query_map(params![job.0, CallState::Fetched as u8], |row| {
                    Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// All calls of this task, round, step and request, however they ended, oldest first.
    pub async fn of_step(
        &self,
        task: TaskId,
        round: u32,
        step: &str,
        request_hash: RequestHash,
    ) -> Result<Vec<Call>, StoreError> {
        let step = step.to_owned();
        self.store
            .read(move |connection| select(connection, OF_STEP, params![task.0, round, step, request_hash.as_bytes()]))
            .await
    }

    /// The newest call of a task's earlier rounds that ended well under one of these steps.
    pub async fn before_round(
        &self,
        task: TaskId,
        round: u32,
        steps: &'static [&'static str],
    ) -> Result<Option<Call>, StoreError> {
        const BEFORE: &str = "WHERE task = ?1 AND round < ?2 AND state = ?3 ORDER BY id DESC";
        self.store
            .read(move |connection| {
                let calls = select(connection, BEFORE, params![task.0, round, CallState::Fetched as u8])?;
                Ok(calls.into_iter().find(|call| steps.contains(&call.step.as_str())))
            })
            .await
    }

    /// Asks to make a call. Only after `Opened`, which is durable, may the request go out. Checks the token, the job's
    /// state and the budget, and holds the ceiling, all in one transaction, so no number of callers can overspend.
    pub async fn open(&self, call: NewCall, now_us: i64) -> Result<OpenCall, StoreError> {
        let request = pack(&call.request_raw);
        self.store.change(move |connection| open(connection, &call, request.as_deref(), now_us)).await
    }

    /// The provider took the call and gave an id to ask by. Nothing changes when the call ended meanwhile.
    pub async fn accepted(&self, call: CallId, remote_id: &str, _now_us: i64) -> Result<(), StoreError> {
        let remote_id = remote_id.to_owned();
        self.store
            .change(move |connection| {
                connection
                    .prepare_cached("UPDATE call SET state = ?2, remote_id = ?3 WHERE id = ?1 AND state IN (0, 1)")?
                    .execute(params![call.0, CallState::Accepted as u8, remote_id])?;
                Ok(())
            })
            .await
    }

    /// The provider made the picture and said where it is; it is not here yet. `answer_json` is what is needed to
    /// fetch it after a restart, see [`Self::answer`]. Nothing changes when the call ended meanwhile.
    pub async fn produced(&self, call: CallId, answer_json: Vec<u8>, _now_us: i64) -> Result<(), StoreError> {
        let answer = pack(&answer_json);
        self.store
            .change(move |connection| {
                let moved = connection
                    .prepare_cached("UPDATE call SET state = ?2 WHERE id = ?1 AND state IN (0, 1, 2)")?
                    .execute(params![call.0, CallState::Produced as u8])?;
                if moved > 0 {
                    settle::keep_response(connection, call, answer.as_deref())?;
                }
                Ok(())
            })
            .await
    }

    /// What [`Self::produced`] was given, while the call is in that state.
    pub async fn answer(&self, call: CallId) -> Result<Option<Vec<u8>>, StoreError> {
        self.store
            .read(move |connection| {
                let state: Option<i64> = connection
                    .prepare_cached("SELECT state FROM call WHERE id = ?1")?
                    .query_row([call.0], |row| row.get(0))
                    .optional()?;
                if state != Some(CallState::Produced as i64) {
                    return Ok(None);
                }
                let answer = text(connection, "SELECT body FROM call_response WHERE call = ?1", call)?;
                Ok(Some(answer).filter(|answer| !answer.is_empty()))
            })
            .await
    }

    /// What [`Self::produced`] was given of every call in that state.
    pub async fn produced_answers(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.store
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT call.id FROM call INDEXED BY call_elsewhere WHERE (state = 1 OR state = 2) AND state = 2",
                )?;
                let calls = statement.query_map([], |row| row.get(0).map(CallId))?.collect::<Result<Vec<_>, _>>()?;
                let answer = |call| text(connection, "SELECT body FROM call_response WHERE call = ?1", call);
                calls.into_iter().map(answer).collect()
            })
            .await
    }

    /// The key the call was sent with, to send it again as the same call.
    pub async fn idempotency_key(&self, call: CallId) -> Result<Option<String>, StoreError> {
        self.store
            .read(move |connection| {
                let key = connection
                    .prepare_cached("SELECT idempotency_key FROM call WHERE id = ?1")?
                    .query_row([call.0], |row| row.get(0))
                    .optional()?;
                Ok(key.flatten())
            })
            .await
    }

    /// Ends a call: settles the money, keeps the answer and the pictures, and with `task` moves the task in the same
    /// transaction when its token holds.
    ///
    /// The call itself is never fenced: it was paid for. When the token no longer holds, the pictures are kept all the
    /// same, and a task that is queued, waiting or unknown adopts them and ends. A call that ended with pictures
    /// before is left as it was. A call that was unknown or written off may still end with pictures.
    pub async fn finish(
        &self,
        call: CallId,
        end: CallEnd,
        task: Option<(Lease, TaskEnd)>,
        now_us: i64,
    ) -> Result<Finished, StoreError> {
        if end.state.is_open() {
            return Err(StoreError::NotAnEnd { what: "a call", state: end.state.word() });
        }
        if let Some((_, end)) = &task {
            moves::check_end(end)?;
        }
        let response = pack(&end.response_raw);
        self.store
            .change(move |connection| {
                settle::finish(connection, call, &end, response.as_deref(), task.as_ref(), now_us)
            })
            .await
    }

    /// The call with this number.
    pub async fn get(&self, call: CallId) -> Result<Option<Call>, StoreError> {
        self.store.read(move |connection| Ok(select(connection, "WHERE id = ?1", [call.0])?.pop())).await
    }

    /// All calls of a task, oldest first.
    pub async fn for_task(&self, task: TaskId) -> Result<Vec<Call>, StoreError> {
        self.store.read(move |connection| select(connection, "WHERE task = ?1 ORDER BY id", [task.0])).await
    }

    /// The raw request and answer as they were given, empty where nothing was kept; `None` when there is no such call.
    pub async fn raw(&self, call: CallId) -> Result<Option<(String, String)>, StoreError> {
        self.store
            .read(move |connection| {
                let known: bool = connection
                    .prepare_cached("SELECT EXISTS (SELECT 1 FROM call WHERE id = ?1)")?
                    .query_row([call.0], |row| row.get(0))?;
                if !known {
                    return Ok(None);
                }
                let text = |sql| text(connection, sql, call).map(|text| String::from_utf8_lossy(&text).into_owned());
                Ok(Some((
                    text("SELECT body FROM call_request WHERE call = ?1")?,
                    text("SELECT body FROM call_response WHERE call = ?1")?,
                )))
            })
            .await
    }

    /// Up to `limit` calls whose outcome is unknown, behind `after`, oldest first; of one job or of all.
    pub async fn page_unknown(
        &self,
        job: Option<JobId>,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<Vec<Call>, StoreError> {
        self.store
            .read(move |connection| {
                let after = after.map_or(i64::MIN, |call| call.0);
                select(connection, UNKNOWN, params![job.map(|job| job.0), after, limit])
            })
            .await
    }

    /// Closes an unknown call by a person's word: with `billed` its ceiling counts as spent, else what was held is
    /// free again. Its task, when it is unknown and this was its last unknown call, becomes failed. `false` when the
    /// call is not unknown (any more).
    pub async fn write_off(&self, call: CallId, billed: bool, now_us: i64) -> Result<bool, StoreError> {
        self.store.change(move |connection| settle::write_off(connection, call, billed, now_us)).await
    }

    /// Queues the unknown task of an unknown call once more; steps of it that are done stay done. The call stays
    /// unknown, and what it held stays held, until its answer comes after all or it is written off. `false` when the
    /// call or its task is not unknown (any more).
    pub async fn resend(&self, call: CallId, now_us: i64) -> Result<bool, StoreError> {
        self.store.change(move |connection| settle::resend(connection, call, now_us)).await
    }
}

/// The calls that `tail` chooses.
pub(crate) fn select(connection: &Connection, tail: &str, params: impl Params) -> OpResult<Vec<Call>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {CALL_COLUMNS} FROM call {tail}"))?;
    statement.query_and_then(params, rows::call)?.collect()
}

/// A raw text; empty when none was kept.
fn text(connection: &Connection, sql: &str, call: CallId) -> OpResult<Vec<u8>> {
    let packed: Option<Vec<u8>> = connection.prepare_cached(sql)?.query_row([call.0], |row| row.get(0)).optional()?;
    packed.map_or(Ok(Vec::new()), |packed| unpack(&packed).map_err(|error| bad_row("raw text of call", call.0, error)))
}

fn open(connection: &Connection, call: &NewCall, request: Option<&[u8]>, now_us: i64) -> OpResult<OpenCall> {
    let lease = &call.lease;
    let found = connection
        .prepare_cached(
            "SELECT t.state, t.attempt, t.owner, j.state, j.budget, j.spent, j.reserved \
             FROM task t JOIN job j ON j.id = t.job WHERE t.id = ?1",
        )?
        .query_and_then([lease.task.0], |row| -> OpResult<_> {
            let token = (row.get(1)?, row.get(2)?);
            let held = task_state(row.get(0)?, lease.task.0)? == TaskState::Running
                && token == (lease.attempt, Some(lease.owner.0));
            let budget: Option<i64> = row.get(4)?;
            let amounts = (budget.map(Money::from_micros), row.get(5)?, row.get(6)?);
            Ok((held, job_state(row.get(3)?, lease.job.0)?, amounts))
        })?
        .next()
        .transpose()?;
    let Some((true, job, (budget, spent, reserved))) = found else {
        return Ok(OpenCall::Fenced);
    };
    if matches!(job, JobState::Paused | JobState::Stopped) {
        return Ok(OpenCall::NotActive);
    }
    let (spent, reserved) = (Money::from_micros(spent), Money::from_micros(reserved));
    let ceiling = call.ceiling.unwrap_or_default().max(Money::ZERO);
    if let Some(budget) = budget
        && spent + reserved + ceiling > budget
    {
        let under_way = under_way(connection, "job = ?1", lease.job.0)?;
        let over = OverBudget { of: BudgetOf::Job, budget, spent, reserved, under_way, ceiling };
        return Ok(OpenCall::OverBudget(over));
    }
    if let Some(over) = over_profile_budget(connection, call, ceiling, now_us)? {
        return Ok(OpenCall::OverBudget(over));
    }
    let id = insert(connection, call, ceiling, now_us)?;
    if let Some(request) = request {
        connection
            .prepare_cached("INSERT INTO call_request (call, body) VALUES (?1, ?2)")?
            .execute(params![id, request])?;
    }
    connection
        .prepare_cached("UPDATE job SET reserved = reserved + ?2 WHERE id = ?1")?
        .execute(params![lease.job.0, ceiling.micros])?;
    Ok(OpenCall::Opened(CallId(id)))
}

/// The profile's budgets, of this day and for good. What is held counts as spent: the rows do not tell them apart.
fn over_profile_budget(
    connection: &Connection,
    call: &NewCall,
    ceiling: Money,
    now_us: i64,
) -> OpResult<Option<OverBudget>> {
    let day = now_us.div_euclid(DAY_US);
    for (of, budget, from) in
        [(BudgetOf::ProfileDay, call.profile_budget.day, day), (BudgetOf::Profile, call.profile_budget.total, i64::MIN)]
    {
        let Some(budget) = budget else { continue };
        let counted: i64 = connection
            .prepare_cached("SELECT coalesce(sum(counted), 0) FROM profile_spend WHERE profile = ?1 AND day >= ?2")?
            .query_row(params![call.profile, from], |row| row.get(0))?;
        let spent = Money::from_micros(counted);
        if spent + ceiling > budget {
            let under_way = under_way(connection, "profile = ?1", &call.profile)?;
            return Ok(Some(OverBudget { of, budget, spent, reserved: Money::ZERO, under_way, ceiling }));
        }
    }
    Ok(None)
}

/// What is held for calls under way. The index has only those, so this costs nothing that grows.
fn under_way(connection: &Connection, whose: &str, value: impl ToSql) -> OpResult<Money> {
    let sql = format!(
        "SELECT coalesce(sum(counted), 0) FROM call INDEXED BY call_under_way \
         WHERE state IN (0, 1, 2) AND batch IS NULL AND {whose}"
    );
    Ok(Money::from_micros(connection.prepare_cached(&sql)?.query_row([value], |row| row.get(0))?))
}

fn insert(connection: &Connection, call: &NewCall, ceiling: Money, now_us: i64) -> OpResult<i64> {
    connection
        .prepare_cached(
            "INSERT INTO call (task, job, attempt, round, state, ceiling, counted, sent_us, request_hash, step, \
             profile, model, idempotency_key, batch) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            call.lease.task.0,
            call.lease.job.0,
            call.lease.attempt,
            call.lease.round,
            CallState::Sent as u8,
            call.ceiling.map(|ceiling| ceiling.micros),
            ceiling.micros,
            now_us,
            call.request_hash.as_bytes(),
            call.step,
            call.profile,
            call.model,
            call.idempotency_key,
            call.batch.map(|batch| batch.0)
        ])?;
    Ok(connection.last_insert_rowid())
}
