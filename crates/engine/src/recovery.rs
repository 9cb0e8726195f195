//! What a process that died left behind: its tasks, its open calls, the answers it had and had not entered in the ledger.
//!
//! A call whose answer was written down goes on from there. A call with links goes on by fetching, one with a ticket by
//! asking its provider. A call that was sent and has no answer is unknown, and what becomes of its task follows the job's policy. Everything else is queued again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use imagemill_domain::call::{Call, CallState, RecoveryClass, Usage};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::job::{Job, JobId};
use imagemill_domain::profile::Profile;
use imagemill_domain::route::Route;
use imagemill_domain::speaker::Speaker;
use imagemill_domain::task::TaskState;
use imagemill_store::{CallEnd, Orphan, TaskEnd};

use crate::answers::{Inherited, SavedAnswer};
use crate::batch;
use crate::context::Shared;
use crate::error::EngineError;
use crate::poll;
use crate::retry::{self, Decision, Situation};

/// Tasks that were found running under owners that are gone, and what became of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub(crate) queued: u64,
    pub(crate) continued: u64,
    pub(crate) unknown: u64,
}

/// Takes over from every other owner of the workspace; called once, before anything is claimed.
pub(crate) async fn recover(shared: &Shared) -> Result<Recovered, EngineError> {
    let spool = shared.files.spool_dir().to_owned();
    let disk = |source| EngineError::Disk {
        what: "the answers of an earlier run cannot be read from",
        path: spool.display().to_string(),
        source,
    };
    let mut inherited = Inherited::read(&spool, shared.owner).map_err(disk)?;
    batch::recover(shared).await?;
    let mut jobs: HashMap<JobId, Option<Job>> = HashMap::new();
    let mut recovered = Recovered::default();
    for orphan in shared.store.owners().reap(shared.owner, shared.clock.now_us(), true).await? {
        let job = match jobs.entry(orphan.job) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(shared.store.jobs().get(orphan.job).await?),
        };
        let job = job.as_ref();
        let is_lost = |call: &&Call| left(call, inherited.answers.contains_key(&call.id)) == Left::Nothing;
        let lost: Vec<_> = orphan.open_calls.iter().filter(is_lost).collect();
        if lost.is_empty() {
            let continues = !orphan.open_calls.is_empty();
            shared.store.tasks().release(orphan.lease, shared.clock.now_us()).await?;
            recovered.continued += u64::from(continues);
            recovered.queued += u64::from(!continues);
        } else {
            give_up(shared, &orphan, &lost, job).await?;
            recovered.unknown += 1;
        }
    }
    let mut batched = Vec::new();
    // Answers outlive this process too until their tasks were taken up again. Those whose calls ended are of no use.
    for (call, answer) in std::mem::take(&mut inherited.answers) {
        let open = shared.store.calls().get(call).await?.filter(|call| call.state.is_open());
        if let Some(open) = open {
            if let Some(batch) = open.batch {
                shared.batches.inherited(batch, call);
                batched.push(call);
            }
            let kept = shared.answers.keep(&answer).map_err(disk)?;
            inherited.spare(&answer);
            shared.stuck.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(call, (answer, Some(kept)));
        }
    }
    // Pictures that came beside a link that did not answer yet: only the ledger names them.
    for answer in shared.store.calls().produced_answers().await? {
        if let Ok(answer) = serde_json::from_slice::<SavedAnswer>(&answer) {
            inherited.spare(&answer);
        }
    }
    inherited.clear(&spool).map_err(disk)?;
    // A wait that was set under another clock must not outlast it.
    shared.store.tasks().promote(i64::MAX).await?;
    shared.store.tasks().poll_all_now(shared.clock.now_us()).await?;
    shared.store.batches().deliver(batched, shared.clock.now_us()).await?;
    Ok(recovered)
}

/// What there is to go on with of a call that a dead process left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Its answer: it is finished.
    Answer,
    /// The provider's name of it, or its batch: it is asked about.
    Question,
    /// Nothing: it may have been run and charged.
    Nothing,
}

fn left(call: &Call, answer_is_here: bool) -> Left {
    if answer_is_here || call.state == CallState::Produced {
        Left::Answer
    } else if poll::parse(call).is_some() || call.batch.is_some() {
        Left::Question
    } else {
        Left::Nothing
    }
}

/// Whose answer is lost: the job's own profile and model, another way's, or those of its text or vision calls.
fn called<'a>(job: &'a Job, lost: &[&Call]) -> (&'a Profile, &'a str) {
    let definition = &job.definition;
    let way = |route: &&Route| lost.iter().any(|call| call.profile == route.profile.name && call.model == route.model);
    if let Some(route) = definition.others.iter().find(way) {
        return (&route.profile, &route.model);
    }
    let speakers = [&definition.speakers.text, &definition.speakers.vision];
    let is_lost = |speaker: &&Speaker| {
        lost.iter().any(|call| call.profile == speaker.profile.name && call.model == speaker.model)
    };
    let speaker = speakers.into_iter().flatten().find(is_lost);
    speaker.map_or((&definition.profile, &definition.model), |speaker| (&speaker.profile, &speaker.model))
}

/// The answers are lost: the calls are unknown, the task waits for a person or is tried again, as the policy says.
async fn give_up(shared: &Shared, orphan: &Orphan, lost: &[&Call], job: Option<&Job>) -> Result<(), EngineError> {
    let failure = Failure::new(
        FailureKind::UnknownOutcome,
        "the program ended while the answer was awaited; the provider may have made and charged the picture",
    )
    .billing(Billing::Unknown);
    let decision = match job {
        Some(job) => {
            let calls = shared.store.calls().for_task(orphan.lease.task).await?;
            let unknown = calls.iter().filter(|call| call.state == CallState::Unknown).count();
            let (profile, model) = called(job, lost);
            let capabilities = shared.capabilities.find(&profile.provider, model);
            retry::decide(Situation {
                failure: &failure,
                tries: orphan.tries,
                earlier_unknowns: unknown as u32,
                rules: &job.definition.file.retry,
                unknown: job.definition.unknown,
                recovery: capabilities.map_or(RecoveryClass::Opaque, |capabilities| capabilities.recovery),
                longest_hint_ms: profile.limits.longest_wait_ms,
                faults_in_a_row: 0,
                limited_for_ms: 0,
                chance: 0.5,
            })
        }
        None => Decision::End(TaskState::Unknown),
    };
    let goes_on = orphan.open_calls.iter().any(|call| poll::parse(call).is_some() || call.batch.is_some());
    let released = goes_on || matches!(decision, Decision::Wait { .. });
    let task_end = TaskEnd { state: TaskState::Unknown, failure: Some(failure.clone()), pictures: 0, cost: None };
    let now_us = shared.clock.now_us();
    for (position, call) in lost.iter().enumerate() {
        let end = CallEnd {
            state: CallState::Unknown,
            usage: Usage::default(),
            cost: None,
            http_status: None,
            failure: Some(failure.clone()),
            response_raw: Vec::new(),
            assets: Vec::new(),
        };
        // With the last call ends its task: between two changes this process may die as well, and a task without an open call
        // looks like one that was never sent.
        let is_last = position + 1 == lost.len();
        let task = (is_last && !released).then(|| (orphan.lease, task_end.clone()));
        shared.store.calls().finish(call.id, end, task, now_us).await?;
    }
    if released {
        shared.store.tasks().release(orphan.lease, now_us).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
