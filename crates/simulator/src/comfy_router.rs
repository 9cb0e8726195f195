//! Comfy Router's queue below `/comfy/v2`, as its provider writes it. It must not draw or bill.

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::answer::Refused;
use crate::faults;
use crate::predictions::{Common, asked_for, taken};
use crate::queue::{self, Stage};
use crate::request::{self, Place};

/// Comfy Router's one word for a failure beside its status.
fn failure(status: StatusCode, word: &'static str, detail: &str) -> Response {
    let mut response = (status, Json(json!({"detail": detail}))).into_response();
    response.headers_mut().insert("x-comfy-error-type", header::HeaderValue::from_static(word));
    response
}

/// `GET /comfy/v2/models`.
pub(crate) async fn models() -> Response {
    let id = |model: &&str| json!({"id": format!("sim/{model}"), "provider": "sim", "model": model});
    let models: Vec<Value> = faults::NORMAL_MODELS.iter().map(id).collect();
    Json(json!({"data": models, "has_more": false, "limit": 100})).into_response()
}

/// `POST /comfy/v2/models/{provider}/{model}/requests`.
pub(crate) async fn submit(
    State(shared): Common,
    Path((provider, model)): Path<(String, String)>,
    request: Request,
) -> Response {
    let answer = async {
        let incoming = request::read_at(&shared, request, Place { model: Some(&model), input: None }).await?;
        let (job, cut) = queue::enter(&shared, queue::asked(&shared, incoming)?).await?;
        let own = format!("{}/comfy/v2/models/{provider}/{model}/requests/{}", shared.origin(), job.id);
        let value = json!({"request_id": job.id, "status": "IN_QUEUE", "status_url": format!("{own}/status"),
            "response_url": own, "cancel_url": format!("{own}/cancel")});
        Ok::<_, Refused>(taken(&shared, StatusCode::CREATED, &value, cut))
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `GET /comfy/v2/models/{provider}/{model}/requests/{id}`: 202 while it runs, then the model's own output.
pub(crate) async fn collect(State(shared): Common, Path((_, _, id)): Path<(String, String, String)>) -> Response {
    let job = match asked_for(&shared, &id) {
        Ok(job) => job,
        Err(refused) => return refused.into_response(),
    };
    match job.stage() {
        Stage::Waiting => {
            (StatusCode::ACCEPTED, Json(json!({"request_id": id, "status": "IN_PROGRESS"}))).into_response()
        }
        Stage::Cancelled => failure(StatusCode::BAD_REQUEST, "client_disconnected", "The request was cancelled."),
        Stage::Failed => failure(StatusCode::BAD_GATEWAY, "provider_error", "The model failed on purpose."),
        Stage::Done if job.is_flagged() => {
            failure(StatusCode::BAD_REQUEST, "content_policy_violation", "The provider refused the request.")
        }
        Stage::Done => {
            Json(json!({"id": id, "status": "Ready", "result": {"sample": job.links().first()}})).into_response()
        }
    }
}

/// `PUT /comfy/v2/models/{provider}/{model}/requests/{id}/cancel`.
pub(crate) async fn cancel(State(shared): Common, Path((_, _, id)): Path<(String, String, String)>) -> Response {
    let job = asked_for(&shared, &id);
    job.map_or_else(Refused::into_response, |job| {
        let (status, word) = if shared.queue().cancel(&job) {
            (StatusCode::ACCEPTED, "CANCELLATION_REQUESTED")
        } else {
            (StatusCode::CONFLICT, "ALREADY_COMPLETED")
        };
        (status, Json(json!({"status": word}))).into_response()
    })
}
