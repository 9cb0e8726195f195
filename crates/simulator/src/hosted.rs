//! Hosted-media predictions below `/hosted`, in an envelope. It must not draw or bill.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::answer::Refused;
use crate::predictions::{Common, asked_for, taken};
use crate::queue::{self, Job, Stage};
use crate::request::{self, Place};
use crate::state::Shared;

fn enveloped(shared: &Shared, job: &Job, stage: &Stage) -> Value {
    let own = format!("{}/hosted/predictions/{}/result", shared.origin(), job.id);
    let (status, outputs, error) = match stage {
        Stage::Waiting => ("processing", json!([]), ""),
        Stage::Cancelled => ("cancelled", json!([]), ""),
        Stage::Failed => ("failed", json!([]), job.reason()),
        Stage::Done => ("completed", json!(job.links()), ""),
    };
    let flags = if *stage == Stage::Done { job.flags() } else { Vec::new() };
    let data = json!({
        "id": job.id, "model": job.model, "status": status, "outputs": outputs, "urls": {"get": own},
        "has_nsfw_contents": flags, "error": error, "created_at": "2026-11-21T00:00:00Z",
    });
    json!({"code": 200, "message": "success", "data": data})
}

/// `POST /hosted/{model}`.
pub(crate) async fn submit(State(shared): Common, Path(model): Path<String>, request: Request) -> Response {
    let answer = async {
        let incoming = request::read_at(&shared, request, Place { model: Some(&model), input: None }).await?;
        let (job, cut) = queue::enter(&shared, queue::asked(&shared, incoming)?).await?;
        Ok::<_, Refused>(taken(&shared, StatusCode::OK, &enveloped(&shared, &job, &Stage::Waiting), cut))
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `GET /hosted/predictions/{id}/result`.
pub(crate) async fn get(State(shared): Common, Path(id): Path<String>) -> Response {
    let job = asked_for(&shared, &id);
    job.map_or_else(Refused::into_response, |job| Json(enveloped(&shared, &job, &job.stage())).into_response())
}
