//! The journal: what earlier calls of the same task, round, step and request came to. A step that ended well is not paid again,
//! and one that ended badly for good is not sent again, whether the process, the machine or only the attempt is another.

use imagemill_domain::call::{Call, CallState};
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::hash::RequestHash;

use crate::context::TaskContext;
use crate::pictures::local;

/// What the journal has of a step.
pub(crate) enum Entry {
    /// Nothing that would answer for it: send it.
    Nothing,
    /// It ended well.
    Done(Call),
    /// It ended badly in a way that does not change when it is sent again.
    Failed(Failure),
    /// It was sent and its end is not written down.
    Open(Call),
}

/// Looks a step up.
pub(crate) async fn look(task: &TaskContext, step: &str, request: RequestHash) -> Result<Entry, Failure> {
    let lease = task.claimed.lease;
    if lease.attempt == 1 && !task.course.has_steps() {
        return Ok(Entry::Nothing);
    }
    let calls = task.shared.store.calls().of_step(lease.task, lease.round, step, request).await;
    let calls = calls.map_err(|error| local(&error))?;
    if let Some(done) = calls.iter().rfind(|call| call.state == CallState::Fetched) {
        return Ok(Entry::Done(done.clone()));
    }
    Ok(match calls.into_iter().next_back() {
        Some(call) if call.state.is_open() => Entry::Open(call),
        Some(Call { failure: Some(failure), .. }) if is_final(&failure) => Entry::Failed(failure),
        _ => Entry::Nothing,
    })
}

/// Whether the same request would come to the same end. What depends on the time, the key or a person is not among them.
fn is_final(failure: &Failure) -> bool {
    use FailureKind::{BadPicture, FetchExpired, Invalid, Protocol, Refused};
    matches!(failure.kind, Invalid | Refused | Protocol | BadPicture | FetchExpired)
}
