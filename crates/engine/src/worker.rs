//! One task from claim to end: runs its recipe, judges a failure, writes what becomes of the task.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use imagemill_domain::call::{CallState, Usage};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::job::JobId;
use imagemill_domain::task::{TaskId, TaskState};
use imagemill_store::{CallEnd, StoreError, TaskEnd};

use crate::context::TaskContext;
use crate::paid::{self, Step};
use crate::pictures::local;
use crate::poll;
use crate::recipe::Ending;
use crate::retry::{self, Decision, FAULTS_BEFORE_PAUSE, Situation};

/// What the dispatcher has to know when a worker is done.
pub(crate) struct Report {
    pub(crate) task: TaskId,
    pub(crate) job: JobId,
    pub(crate) profile: String,
    /// What the failure asks of more than its task.
    pub(crate) effect: Option<Effect>,
    /// The task went back to the queue: the dispatcher's picture of the queue is out of date.
    pub(crate) requeued: bool,
}

/// What a failure stops beyond its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    PauseProfile { profile: String, kind: FailureKind, reason: String, again_in_ms: Option<u64> },
    PauseJob { reason: String },
}

/// Runs one task to wherever it gets.
pub(crate) async fn run_task(task: TaskContext) -> Report {
    let mut report = Report {
        task: task.claimed.lease.task,
        job: task.job.id,
        profile: task.way.name().to_owned(),
        effect: None,
        requeued: false,
    };
    let step = match AssertUnwindSafe(attempt(&task)).catch_unwind().await {
        Ok(Ok(step)) => step,
        Ok(Err(failure)) => judged(&task, failure).await,
        Err(panic) => after_panic(&task, words_of(panic.as_ref())).await,
    };
    let applied = match step {
        // A stored step ends no task: the recipe goes on with it.
        Step::Moved | Step::Stored(_) => Ok(()),
        Step::Released => {
            report.requeued = true;
            release(&task).await
        }
        Step::Judged { failure, decision, written } => {
            report.requeued = !matches!(decision, Decision::End(_));
            report.effect = effect_of(&task, &failure, &decision);
            apply(&task, failure, decision, written).await
        }
    };
    if let Err(error) = applied {
        // The lease stays with this process; a restart finds the task and goes on.
        tracing::error!(task = task.claimed.lease.task.0, %error, "a task's outcome could not be written");
        report.effect.get_or_insert(Effect::PauseJob { reason: error.to_string() });
    }
    report
}

async fn attempt(task: &TaskContext) -> Result<Step, Failure> {
    let recipe = task.shared.recipes.get(&task.job.definition.file.recipe).cloned().ok_or_else(|| {
        Failure::new(
            FailureKind::Invalid,
            "this imagemill does not know the job's recipe; use the version that made the job",
        )
    })?;
    let ending = recipe.run(task).await;
    if let Some(step) = task.course.take_verdict() {
        // Whatever the recipe made of it, a step decided what becomes of this attempt.
        return Ok(step);
    }
    match ending? {
        Ending::Image(ask) => {
            task.course.begin_last();
            paid::image(task, *ask).await
        }
        Ending::Done(missing) => done(task, missing).await,
        Ending::Words(document) => done_in_words(task, *document).await,
    }
}

/// The steps were all: their pictures are the task's.
async fn done(task: &TaskContext, missing: Option<Failure>) -> Result<Step, Failure> {
    let state = if missing.is_some() { TaskState::Partial } else { TaskState::Succeeded };
    let end = TaskEnd { state, failure: missing, pictures: task.course.pictures(), cost: task.course.cost() };
    let finished = task.shared.store.tasks().finish(task.claimed.lease, end, task.shared.clock.now_us()).await;
    finished.map_err(|error| local(&error))?;
    Ok(Step::Moved)
}

/// The task's result is words.
async fn done_in_words(task: &TaskContext, document: serde_json::Value) -> Result<Step, Failure> {
    let (pictures, cost) = (task.course.pictures(), task.course.cost());
    let end = TaskEnd { state: TaskState::Succeeded, failure: None, pictures, cost };
    let now_us = task.shared.clock.now_us();
    let finished = task.shared.store.tasks().finish_with(task.claimed.lease, end, document, now_us).await;
    finished.map_err(|error| local(&error))?;
    Ok(Step::Moved)
}

/// A failure outside a call: a missing source, a full disk, no room in the budget.
async fn judged(task: &TaskContext, failure: Failure) -> Step {
    let decision = decide(task, &failure, 0).await;
    Step::Judged { failure, decision, written: false }
}

/// Asks [`retry::decide`] with all that is known here.
pub(crate) async fn decide(task: &TaskContext, failure: &Failure, faults_in_a_row: u32) -> Decision {
    decide_by(task, failure, faults_in_a_row, retry::decide).await
}

/// The same by another rule.
pub(crate) async fn decide_by(
    task: &TaskContext,
    failure: &Failure,
    faults_in_a_row: u32,
    rule: impl FnOnce(Situation<'_>) -> Decision,
) -> Decision {
    if task.cancel.is_cancelled() && failure.kind == FailureKind::UnknownOutcome {
        return Decision::End(TaskState::Unknown);
    }
    let definition = &task.job.definition;
    let account = task.account();
    let earlier_unknowns = if failure.kind == FailureKind::UnknownOutcome && task.claimed.lease.attempt > 1 {
        let calls = task.shared.store.calls().for_task(task.claimed.lease.task).await.unwrap_or_default();
        calls.iter().filter(|call| call.state == CallState::Unknown).count() as u32
    } else {
        0
    };
    rule(Situation {
        failure,
        tries: task.claimed.tries,
        earlier_unknowns,
        rules: &definition.file.retry,
        unknown: definition.unknown,
        recovery: account.recovery,
        longest_hint_ms: account.longest_wait_ms,
        faults_in_a_row,
        limited_for_ms: account.gate.limited_for().as_millis() as u64,
        chance: chance(task),
    })
}

/// Spreads waits; the same task and attempt always draw the same number, so a run can be followed afterwards.
fn chance(task: &TaskContext) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(task.claimed.key.as_bytes());
    hasher.update(&task.claimed.lease.attempt.to_le_bytes());
    let bytes = hasher.finalize();
    f64::from(u32::from_le_bytes(bytes.as_bytes()[..4].try_into().expect("four bytes"))) / (f64::from(u32::MAX) + 1.0)
}

fn effect_of(task: &TaskContext, failure: &Failure, decision: &Decision) -> Option<Effect> {
    let account = task.account();
    match decision {
        Decision::PauseProfile { again_in_ms, kind } => Some(Effect::PauseProfile {
            profile: account.profile,
            kind: *kind,
            reason: failure.message.clone(),
            again_in_ms: *again_in_ms,
        }),
        Decision::PauseJob => Some(Effect::PauseJob { reason: failure.message.clone() }),
        // Answers that are lost again and again, whatever the item, are the provider's trouble and not the items'.
        _ if account.gate.faults() >= FAULTS_BEFORE_PAUSE
            && matches!(failure.kind, FailureKind::Transient | FailureKind::UnknownOutcome) =>
        {
            Some(Effect::PauseProfile {
                profile: account.profile,
                kind: FailureKind::StableInfra,
                reason: failure.message.clone(),
                again_in_ms: Some(10_000),
            })
        }
        _ => None,
    }
}

async fn apply(task: &TaskContext, failure: Failure, decision: Decision, written: bool) -> Result<(), StoreError> {
    let now_us = task.shared.clock.now_us();
    let tasks = task.shared.store.tasks();
    let lease = task.claimed.lease;
    match decision {
        _ if written => {}
        Decision::End(TaskState::Stopped) | Decision::PauseProfile { .. } | Decision::PauseJob => release(task).await?,
        Decision::End(state) => {
            tracing::info!(task = lease.task.0, kind = %failure.kind, state = state.word(), "task ended without a picture");
            let (pictures, cost) = (task.course.pictures(), task.course.cost());
            tasks.finish(lease, TaskEnd { state, failure: Some(failure), pictures, cost }, now_us).await?;
        }
        Decision::Wait { wait_ms, counts } => {
            tracing::info!(task = lease.task.0, kind = %failure.kind, wait_ms, "task waits");
            let until_us = task.shared.clock.after_ms(wait_ms);
            tasks.wait(lease, until_us, failure, counts, now_us).await?;
        }
    }
    Ok(())
}

/// Back to the queue. When its job was stopped meanwhile, the store ends it there.
async fn release(task: &TaskContext) -> Result<(), StoreError> {
    task.shared.store.tasks().release(task.claimed.lease, task.shared.clock.now_us()).await?;
    Ok(())
}

/// A panic is our fault and must not cost the batch: the task fails, and its open calls become unknown, the last one in the same
/// change.
async fn after_panic(task: &TaskContext, what: String) -> Step {
    tracing::error!(task = task.claimed.lease.task.0, panic = %what, "a worker panicked");
    let failure = Failure::new(
        FailureKind::Protocol,
        format!(
            "working on the task failed in a way that must not happen ({what}); please report it with `imagemill explain`"
        ),
    );
    let (calls, now_us) = (task.shared.store.calls(), task.shared.clock.now_us());
    let mut open = calls.for_task(task.claimed.lease.task).await.unwrap_or_default();
    open.retain(|call| call.state.is_open());
    let mut moved = false;
    for (position, call) in open.iter().enumerate() {
        let end = CallEnd {
            state: CallState::Unknown,
            usage: Usage::default(),
            cost: None,
            http_status: None,
            failure: Some(failure.clone().billing(Billing::Unknown)),
            response_raw: Vec::new(),
            assets: Vec::new(),
        };
        let (pictures, cost) = (task.course.pictures(), task.course.cost());
        let task_end = TaskEnd { state: TaskState::Failed, failure: Some(failure.clone()), pictures, cost };
        let with_task = (position + 1 == open.len()).then_some((task.claimed.lease, task_end));
        poll::forget_closed(&task.shared, call.id);
        match calls.finish(call.id, end, with_task, now_us).await {
            Ok(finished) => moved |= finished.task_moved,
            Err(error) => tracing::error!(call = call.id.0, %error, "a call left by a panic could not be closed"),
        }
    }
    if moved {
        Step::Moved
    } else {
        Step::Judged { failure, decision: Decision::End(TaskState::Failed), written: false }
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
