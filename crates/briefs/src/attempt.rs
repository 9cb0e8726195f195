//! The ledger's calls as the attempts of a run, in the words of the asset folders. Pure.

use imagemill_domain::call::{Call, CallState};
use imagemill_domain::failure::{Billing, FailureKind};
use serde_json::{Value, json};

/// Where an attempt stands, and the safe thing to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptState {
    /// The record is there; nobody knows yet whether the call went out.
    Submitting,
    /// Refused before anything was made.
    NotSubmitted,
    /// The provider works on it.
    SubmittedProcessing,
    /// Made; not here yet.
    ProviderCompleted,
    /// Ended without a picture.
    ProviderFailed,
    /// Made, and its bytes could not be had.
    MaterializationFailed,
    /// Its answer was lost.
    OutcomeUnknown,
    /// Here.
    Materialized,
}

impl AttemptState {
    /// The stable machine word, and what is to be done.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Submitting => ("submitting", "poll existing attempt"),
            Self::NotSubmitted => ("not_submitted", "submit new attempt"),
            Self::SubmittedProcessing => ("submitted_processing", "poll existing attempt"),
            Self::ProviderCompleted => ("provider_completed", "resume materialization"),
            Self::ProviderFailed => ("provider_failed", "review provider failure"),
            Self::MaterializationFailed => ("materialization_failed", "resume materialization"),
            Self::OutcomeUnknown => ("outcome_unknown", "reconcile"),
            Self::Materialized => ("materialized", "done"),
        }
    }

    /// Of a call.
    pub(crate) fn of(call: &Call) -> Self {
        match call.state {
            CallState::Sent => Self::Submitting,
            CallState::Accepted => Self::SubmittedProcessing,
            CallState::Produced => Self::ProviderCompleted,
            CallState::Fetched => Self::Materialized,
            CallState::Refused => Self::ProviderFailed,
            CallState::Unknown => Self::OutcomeUnknown,
            CallState::Failed => match &call.failure {
                Some(failure) if failure.kind == FailureKind::FetchExpired => Self::MaterializationFailed,
                Some(failure) if failure.billing == Billing::NotBilled && call.remote_id.is_none() => {
                    Self::NotSubmitted
                }
                _ => Self::ProviderFailed,
            },
        }
    }
}

/// `attempt-001`, from 1.
pub(crate) fn attempt_id(sequence: usize) -> String {
    format!("attempt-{sequence:03}")
}

/// The record of an attempt; `time` writes microseconds since 1970. Before there is a call, a run has one that is being submitted.
pub(crate) fn attempt_record(sequence: usize, run: &str, call: Option<&Call>, time: &dyn Fn(i64) -> String) -> Value {
    let state = call.map_or(AttemptState::Submitting, AttemptState::of);
    let (word, next) = state.words();
    let id = attempt_id(sequence);
    let ticket = call.and_then(|call| call.remote_id.as_deref());
    // A ticket is kept as JSON; older calls have the bare id.
    let handle = ticket.map(|ticket| match serde_json::from_str::<Value>(ticket) {
        Ok(Value::Object(ticket)) => ticket.get("id").cloned().unwrap_or_default(),
        _ => ticket.into(),
    });
    json!({
        "schemaVersion": 1, "attemptId": id, "sequence": sequence, "state": word, "nextAction": next,
        "submitted": !matches!(state, AttemptState::Submitting | AttemptState::NotSubmitted),
        "requestPath": format!("runs/image/{run}/request.json"),
        "attemptPath": format!("runs/image/{run}/attempts/{id}/attempt.json"),
        "call": call.map(|call| call.id), "model": call.map(|call| &call.model), "profile": call.map(|call| &call.profile),
        "generationHandle": handle, "httpStatus": call.and_then(|call| call.http_status),
        "cost": call.and_then(|call| call.cost), "usage": call.map(|call| &call.usage),
        "error": call.and_then(|call| call.failure.as_ref()),
        "createdAt": call.map(|call| time(call.sent_us)), "updatedAt": call.map(|call| time(call.ended_us.unwrap_or(call.sent_us))),
    })
}
