//! What the queue protocols share besides the queue: how a submission is answered, what asking for a request brings, and
//! waiting for its end. It must not know one protocol from another.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::answer::{Answer, Refused};
use crate::queue::{Found, Job, Stage};
use crate::state::Shared;

/// How often a waiting answer looks at its request.
const LOOK: Duration = Duration::from_millis(10);

pub(crate) type Common = State<Arc<Shared>>;

/// Answers to a submission, which may break off on the way although the request was taken.
pub(crate) fn taken(shared: &Arc<Shared>, status: StatusCode, value: &Value, cut: bool) -> Response {
    let answer = Answer::json(value, &[]);
    let mut response = if cut { answer.cut() } else { answer }.into_response(shared);
    *response.status_mut() = status;
    response
}

/// The request with this id, or what asking for it brings instead.
pub(crate) fn asked_for(shared: &Shared, id: &str) -> Result<Arc<Job>, Refused> {
    let (status, words) = match shared.queue().ask(id) {
        Found::Job(job) => return Ok(job),
        Found::Unknown => (StatusCode::NOT_FOUND, "Request not found"),
        Found::Error => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    };
    Err((status, Json(json!({"detail": words}))).into_response().into())
}

/// Waits until the request has ended, or so long.
pub(crate) async fn ended(shared: &Shared, job: &Job, at_most: Duration) {
    let until = tokio::time::Instant::now() + at_most;
    while job.stage() == Stage::Waiting && tokio::time::Instant::now() < until && !shared.stopped().is_cancelled() {
        shared.pause(LOOK).await;
    }
}
