//! Writes a plan into the store and says what it may cost. Whether somebody agreed to the cost is the caller's matter.

use imagemill_domain::job::JobState;
use imagemill_domain::money::Money;
use imagemill_domain::plan::Plan;
use imagemill_store::{NewJob, NewTask, Store, Submitted};

use crate::clock::now_us;
use crate::error::DeskError;
use crate::profiles::SIMULATOR;

/// Tasks a transaction takes.
const CHUNK: usize = 5_000;

/// Writes a plan into the store, in chunks. With `paused`, a reason, nothing of it starts before somebody resumes it.
pub async fn submit(store: &Store, plan: &Plan, paused: Option<String>) -> Result<Submitted, DeskError> {
    let new = NewJob {
        name: plan.name.clone(),
        priority: plan.definition.file.priority,
        budget: plan.definition.file.budget,
        definition: plan.definition.clone(),
    };
    let job = store.jobs().begin_submit(new, now_us()).await?;
    if paused.is_some() {
        store.jobs().set_state(job, JobState::Paused, paused, now_us()).await?;
    }
    let mut chunk = Vec::with_capacity(CHUNK.min(plan.tasks as usize));
    for task in plan.tasks() {
        let task = task.map_err(|error| DeskError::Plan { file: None, error })?;
        chunk.push(NewTask { key: task.key, spec: task.spec });
        if chunk.len() == CHUNK {
            store.jobs().add_tasks(job, std::mem::take(&mut chunk)).await?;
        }
    }
    if !chunk.is_empty() {
        store.jobs().add_tasks(job, chunk).await?;
    }
    Ok(store.jobs().finish_submit(job, now_us()).await?)
}

/// The most that is still to be paid when `done` of the plan's tasks have succeeded; `None` when nobody knows the price. Pretend
/// money is none.
pub fn most_it_may_cost(plan: &Plan, done: u64) -> Option<Money> {
    let left = plan.tasks.saturating_sub(done);
    let Some(cost) = &plan.cost else { return (left == 0).then_some(Money::ZERO) };
    if plan.ways.iter().all(|way| way.provider == SIMULATOR) {
        return Some(Money::ZERO);
    }
    let high = cost.high * (left as f64 / plan.tasks.max(1) as f64);
    Some(plan.definition.file.budget.map_or(high, |budget| budget.min(high)))
}
