//! Tasks: the verbs. How a task moves is in `moves`, how tasks are listed in `pages`.

use std::collections::HashMap;

use imagemill_domain::failure::Failure;
use imagemill_domain::job::JobId;
use imagemill_domain::task::{Task, TaskId};

use super::store::Store;
use super::{gallery, moves, pages, polls, retry, rows};
use crate::error::StoreError;
use crate::record::{Claimed, Lease, OwnerId, PollJob, RetrySelection, TaskBrief, TaskEnd, TaskFilter};

/// The task table.
#[derive(Clone, Copy, Debug)]
pub struct Tasks<'a> {
    pub(crate) store: &'a Store,
}

impl Tasks<'_> {
    /// Takes up to `limit` queued tasks of an active job, in the order of the plan. Two callers never get the same
    /// task. Empty when the job is not active or has none; an error when `owner` is not registered any more.
    ///
    /// A task being taken makes no event.
    pub async fn claim(&self, job: JobId, limit: u32, owner: OwnerId, now_us: i64) -> Result<Vec<Claimed>, StoreError> {
        self.store.change(move |connection| moves::claim(connection, job, limit, owner, now_us)).await
    }

    /// Takes up to `limit` tasks of a job whose call is with this profile's queue and whose time to ask has come, whatever
    /// the job's state. It is no new try. Like [`Self::claim`], it makes no event.
    pub async fn claim_polls(
        &self,
        job: JobId,
        profile: &str,
        limit: u32,
        owner: OwnerId,
        now_us: i64,
    ) -> Result<Vec<Claimed>, StoreError> {
        let profile = profile.to_owned();
        self.store.change(move |connection| polls::claim(connection, job, &profile, limit, owner, now_us)).await
    }

    /// Lets a task wait for a result that its provider is making; `false` when the token no longer holds. The same try
    /// goes on. `failure` is why the last question brought nothing. An event tells of it only with `tell`: to people,
    /// all questions about one call are one wait. Without a time it waits until [`super::Batches::deliver`] names its call, and not
    /// at all when no call of it is in a batch any more.
    pub async fn wait_for_result(
        &self,
        lease: Lease,
        not_before_us: Option<i64>,
        failure: Option<Failure>,
        tell: bool,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        self.store
            .change(move |connection| polls::wait(connection, &lease, not_before_us, failure.as_ref(), tell, now_us))
            .await
    }

    /// The jobs with tasks that [`Self::claim_polls`] takes, now or later.
    pub async fn poll_jobs(&self, now_us: i64) -> Result<Vec<PollJob>, StoreError> {
        self.store.read(move |connection| polls::jobs(connection, now_us)).await
    }

    /// Makes the tasks due whose call the provider of `profile` has as `request`; whether one was not yet. A notice about a call
    /// that nobody waits for changes nothing.
    pub async fn poll_now(&self, profile: &str, request: &str, now_us: i64) -> Result<bool, StoreError> {
        let (profile, request) = (profile.to_owned(), request.to_owned());
        self.store.change(move |connection| polls::now(connection, &profile, &request, now_us)).await
    }

    /// Makes every such task due: their times were set by another process, perhaps under another clock.
    pub async fn poll_all_now(&self, now_us: i64) -> Result<(), StoreError> {
        self.store.change(move |connection| polls::all_now(connection, now_us)).await
    }

    /// Queues the waiting tasks whose time has come; returns how many. Those that wait for a provider's queue stay.
    pub async fn promote(&self, now_us: i64) -> Result<u64, StoreError> {
        let mut promoted = 0;
        loop {
            let moved = self.store.change(move |connection| moves::promote(connection, now_us)).await?;
            promoted += moved;
            if moved < u64::from(super::jobs::CHUNK) {
                return Ok(promoted);
            }
        }
    }

    /// When the next waiting task is due, microseconds since 1970; `None` when none waits.
    pub async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        self.store
            .read(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT min(not_before_us) FROM task WHERE not_before_us IS NOT NULL")?;
                Ok(statement.query_row([], |row| row.get(0))?)
            })
            .await
    }

    /// Ends a task; `false` when the token no longer holds, and then nothing was changed. The last open task of an
    /// active job finishes the job.
    pub async fn finish(&self, lease: Lease, end: TaskEnd, now_us: i64) -> Result<bool, StoreError> {
        moves::check_end(&end)?;
        self.store.change(move |connection| moves::finish(connection, &lease, &end, now_us)).await
    }

    /// Lets a task wait for a time; `false` when the token no longer holds. With `counts_as_attempt` false the try is
    /// given back. A task of a job that was stopped, or that no longer has it, is stopped instead.
    pub async fn wait(
        &self,
        lease: Lease,
        not_before_us: i64,
        failure: Failure,
        counts_as_attempt: bool,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        self.store
            .change(move |connection| {
                moves::wait(connection, &lease, not_before_us, &failure, counts_as_attempt, now_us)
            })
            .await
    }

    /// Puts a task back into the queue as if it had not been taken; `false` when the token no longer holds. A task of
    /// a job that was stopped, or that no longer has it, is stopped instead; one whose call is with a provider's queue
    /// waits for its result.
    pub async fn release(&self, lease: Lease, now_us: i64) -> Result<bool, StoreError> {
        self.store.change(move |connection| moves::release(connection, &lease, now_us)).await
    }

    /// The task with this number.
    pub async fn get(&self, task: TaskId) -> Result<Option<Task>, StoreError> {
        self.store.read(move |connection| rows::task_by_id(connection, task)).await
    }

    /// Up to `limit` tasks in the order of the plan, behind `after` (position and number of the last one seen). Costs
    /// the same at the start and in the middle of a million.
    pub async fn page(
        &self,
        filter: TaskFilter,
        after: Option<(i64, TaskId)>,
        limit: u32,
    ) -> Result<Vec<Task>, StoreError> {
        self.store.read(move |connection| pages::tasks(connection, &filter, after, limit)).await
    }

    /// Up to `limit` tasks whose name or prompt has `text`, in the order of the plan, and where to go on. One question reads a
    /// few thousand tasks at most, so it may bring fewer, or none, and still say where to go on.
    pub async fn search(
        &self,
        filter: TaskFilter,
        text: &str,
        after: Option<(i64, TaskId)>,
        limit: usize,
    ) -> Result<(Vec<Task>, Option<(i64, TaskId)>), StoreError> {
        let text = text.to_owned();
        let definitions = self.store.definitions();
        self.store.read(move |connection| gallery::search(connection, &definitions, &filter, &text, after, limit)).await
    }

    /// What a list shows of each task besides the task.
    pub async fn briefs(&self, tasks: Vec<TaskId>) -> Result<HashMap<TaskId, TaskBrief>, StoreError> {
        self.store.read(move |connection| gallery::briefs(connection, &tasks)).await
    }

    /// The tasks of a job that a person may mean by `text`: its number, the first digits (four or more) of its key, or
    /// the name of a source. At most twenty, in this order of preference.
    pub async fn find(&self, job: JobId, text: &str) -> Result<Vec<Task>, StoreError> {
        let text = text.to_owned();
        self.store.read(move |connection| pages::find(connection, job, &text)).await
    }

    /// Queues tasks that ended once more, in a new round: the journal of calls does not answer for them. The job
    /// becomes active. Returns how many; with none, nothing changes. One event tells of up to 5,000.
    ///
    /// With `keep_results` false the pictures of earlier rounds are hidden (not deleted) once the new round has a
    /// result, so a retry that fails loses nothing.
    pub async fn retry(
        &self,
        job: JobId,
        selection: RetrySelection,
        keep_results: bool,
        now_us: i64,
    ) -> Result<u64, StoreError> {
        let mut retried = 0;
        for state in retry::states(&selection) {
            let mut after = pages::START;
            loop {
                let chunk = retry::Chunk { job, state, after, drop_old: !keep_results, now_us };
                let (moved, last) = self.store.change(move |connection| retry::run(connection, &chunk)).await?;
                retried += moved;
                match last {
                    Some(last) => after = last,
                    None => break,
                }
            }
        }
        if let RetrySelection::Task(task) = selection {
            let one = move |connection: &rusqlite::Connection| retry::one(connection, job, task, !keep_results, now_us);
            retried += self.store.change(one).await?;
        }
        Ok(retried)
    }
}
