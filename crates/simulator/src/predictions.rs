//! The queue protocols as their providers write them: fal's queue below `/fal`, Replicate's predictions below
//! `/replicate/v1`, hosted-media predictions below `/hosted`, Comfy Router's queue below `/comfy/v2`. It must not draw or bill.

use std::sync::Arc;

use axum::extract::{Multipart, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::answer::{Answer, Refused, bad_request};
use crate::faults;
use crate::picture::Drawn;
use crate::queue::{self, Found, Job, Stage};
use crate::request::{self, Place};
use crate::state::Shared;

type Common = State<Arc<Shared>>;

/// Answers to a submission, which may break off on the way although the request was taken.
fn taken(shared: &Arc<Shared>, status: StatusCode, value: &Value, cut: bool) -> Response {
    let answer = Answer::json(value, &[]);
    let mut response = if cut { answer.cut() } else { answer }.into_response(shared);
    *response.status_mut() = status;
    response
}

/// What asking for a request brings when it is not the request.
fn not_found(found: Found) -> Result<Arc<Job>, Refused> {
    let (status, words) = match found {
        Found::Job(job) => return Ok(job),
        Found::Unknown => (StatusCode::NOT_FOUND, "Request not found"),
        Found::Error => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    };
    Err((status, Json(json!({"detail": words}))).into_response().into())
}

/// `POST /fal/{model}`.
pub(crate) async fn fal_submit(State(shared): Common, Path(model): Path<String>, request: Request) -> Response {
    let answer = async {
        let incoming = request::read_at(&shared, request, Place { model: Some(&model), input: None }).await?;
        let (job, cut) = queue::enter(&shared, queue::asked(&shared, incoming)?).await?;
        let own = format!("{}/fal/{model}/requests/{}", shared.origin(), job.id);
        let value = json!({
            "request_id": job.id, "gateway_request_id": job.id, "status": "IN_QUEUE", "queue_position": 0,
            "response_url": own, "status_url": format!("{own}/status"), "cancel_url": format!("{own}/cancel"),
        });
        Ok::<_, Refused>(taken(&shared, StatusCode::OK, &value, cut))
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `GET /fal/{model}/requests/{id}/status`.
pub(crate) async fn fal_status(State(shared): Common, Path((_, id)): Path<(String, String)>) -> Response {
    let job = match not_found(shared.queue().ask(&id)) {
        Ok(job) => job,
        Err(refused) => return refused.into_response(),
    };
    // Completed, whatever it ended with.
    let (status, word) = match job.stage() {
        Stage::Waiting => (StatusCode::ACCEPTED, "IN_PROGRESS"),
        _ => (StatusCode::OK, "COMPLETED"),
    };
    (status, Json(json!({"status": word, "request_id": id}))).into_response()
}

/// `GET /fal/{model}/requests/{id}`.
pub(crate) async fn fal_result(State(shared): Common, Path((_, id)): Path<(String, String)>) -> Response {
    let Found::Job(job) = shared.queue().ask(&id) else {
        return (StatusCode::NOT_FOUND, Json(json!({"detail": "Request not found"}))).into_response();
    };
    let detail = |status: StatusCode, words: &str| (status, Json(json!({"detail": words}))).into_response();
    match job.stage() {
        Stage::Waiting => detail(StatusCode::BAD_REQUEST, "Request is still in progress"),
        Stage::Cancelled => detail(StatusCode::BAD_REQUEST, "Request was cancelled"),
        Stage::Failed => {
            let mut response = detail(StatusCode::INTERNAL_SERVER_ERROR, "The runner failed on purpose");
            response.headers_mut().insert("x-fal-error-type", header::HeaderValue::from_static("internal_error"));
            response
        }
        Stage::Done => {
            let images: Vec<Value> =
                job.links().iter().map(|link| json!({"url": link, "content_type": "image/png"})).collect();
            Json(json!({"images": images, "seed": 1, "has_nsfw_concepts": job.flags()})).into_response()
        }
    }
}

/// `PUT /fal/{model}/requests/{id}/cancel`.
pub(crate) async fn fal_cancel(State(shared): Common, Path((_, id)): Path<(String, String)>) -> Response {
    match shared.queue().ask(&id) {
        Found::Job(job) if shared.queue().cancel(&job) => {
            (StatusCode::ACCEPTED, Json(json!({"status": "CANCELLATION_REQUESTED"}))).into_response()
        }
        Found::Job(_) => (StatusCode::BAD_REQUEST, Json(json!({"status": "ALREADY_COMPLETED"}))).into_response(),
        other => not_found(other).map_or_else(Refused::into_response, |_| StatusCode::OK.into_response()),
    }
}

fn prediction(shared: &Shared, job: &Job) -> Value {
    let own = format!("{}/replicate/v1/predictions/{}", shared.origin(), job.id);
    let (status, output, error) = match job.stage() {
        Stage::Waiting => ("processing", Value::Null, Value::Null),
        Stage::Cancelled => ("canceled", Value::Null, Value::Null),
        Stage::Failed => ("failed", Value::Null, json!("The model failed on purpose")),
        Stage::Done if job.is_flagged() => {
            ("failed", Value::Null, json!("NSFW content detected. Try running it again, or try a different prompt."))
        }
        Stage::Done => ("succeeded", json!(job.links()), Value::Null),
    };
    json!({
        "id": job.id, "model": job.model, "status": status, "output": output, "error": error, "logs": "",
        "urls": {"get": own, "cancel": format!("{own}/cancel"), "web": format!("https://replicate.example/p/{}", job.id)},
    })
}

/// `POST /replicate/v1/models/{owner}/{name}/predictions`.
pub(crate) async fn replicate_of_model(
    state: Common,
    Path((_, model)): Path<(String, String)>,
    request: Request,
) -> Response {
    replicate(state, Some(&model), request).await
}

/// `POST /replicate/v1/predictions`, with the model as `version`.
pub(crate) async fn replicate_of_version(state: Common, request: Request) -> Response {
    replicate(state, None, request).await
}

async fn replicate(State(shared): Common, model: Option<&str>, request: Request) -> Response {
    let answer = async {
        let place = Place { model, input: Some("input") };
        let incoming = request::read_at(&shared, request, place).await?;
        let (job, cut) = queue::enter(&shared, queue::asked(&shared, incoming)?).await?;
        let mut value = prediction(&shared, &job);
        value["status"] = "starting".into();
        value["output"] = Value::Null;
        value["error"] = Value::Null;
        Ok::<_, Refused>(taken(&shared, StatusCode::CREATED, &value, cut))
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `GET /replicate/v1/predictions/{id}`.
pub(crate) async fn replicate_get(State(shared): Common, Path(id): Path<String>) -> Response {
    let job = not_found(shared.queue().ask(&id));
    job.map_or_else(Refused::into_response, |job| Json(prediction(&shared, &job)).into_response())
}

/// `POST /replicate/v1/predictions/{id}/cancel`.
pub(crate) async fn replicate_cancel(State(shared): Common, Path(id): Path<String>) -> Response {
    let job = not_found(shared.queue().ask(&id));
    job.map_or_else(Refused::into_response, |job| {
        shared.queue().cancel(&job);
        Json(prediction(&shared, &job)).into_response()
    })
}

/// `GET /replicate/v1/account`.
pub(crate) async fn replicate_account() -> Response {
    Json(json!({"type": "user", "username": "simulator"})).into_response()
}

/// Comfy Router's one word for a failure beside its status.
fn comfy_failure(status: StatusCode, word: &'static str, detail: &str) -> Response {
    let mut response = (status, Json(json!({"detail": detail}))).into_response();
    response.headers_mut().insert("x-comfy-error-type", header::HeaderValue::from_static(word));
    response
}

/// `GET /comfy/v2/models`.
pub(crate) async fn comfy_models() -> Response {
    let id = |model: &&str| json!({"id": format!("sim/{model}"), "provider": "sim", "model": model});
    let models: Vec<Value> = faults::NORMAL_MODELS.iter().map(id).collect();
    Json(json!({"data": models, "has_more": false, "limit": 100})).into_response()
}

/// `POST /comfy/v2/models/{provider}/{model}/requests`.
pub(crate) async fn comfy_submit(
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
pub(crate) async fn comfy_collect(State(shared): Common, Path((_, _, id)): Path<(String, String, String)>) -> Response {
    let job = match not_found(shared.queue().ask(&id)) {
        Ok(job) => job,
        Err(refused) => return refused.into_response(),
    };
    match job.stage() {
        Stage::Waiting => {
            (StatusCode::ACCEPTED, Json(json!({"request_id": id, "status": "IN_PROGRESS"}))).into_response()
        }
        Stage::Cancelled => comfy_failure(StatusCode::BAD_REQUEST, "client_disconnected", "The request was cancelled."),
        Stage::Failed => comfy_failure(StatusCode::BAD_GATEWAY, "provider_error", "The model failed on purpose."),
        Stage::Done if job.is_flagged() => {
            comfy_failure(StatusCode::BAD_REQUEST, "content_policy_violation", "The provider refused the request.")
        }
        Stage::Done => {
            Json(json!({"id": id, "status": "Ready", "result": {"sample": job.links().first()}})).into_response()
        }
    }
}

/// `PUT /comfy/v2/models/{provider}/{model}/requests/{id}/cancel`.
pub(crate) async fn comfy_cancel(State(shared): Common, Path((_, _, id)): Path<(String, String, String)>) -> Response {
    let job = not_found(shared.queue().ask(&id));
    job.map_or_else(Refused::into_response, |job| {
        let (status, word) = if shared.queue().cancel(&job) {
            (StatusCode::ACCEPTED, "CANCELLATION_REQUESTED")
        } else {
            (StatusCode::CONFLICT, "ALREADY_COMPLETED")
        };
        (status, Json(json!({"status": word}))).into_response()
    })
}

fn enveloped(shared: &Shared, job: &Job, stage: &Stage) -> Value {
    let own = format!("{}/hosted/predictions/{}/result", shared.origin(), job.id);
    let (status, outputs, error) = match stage {
        Stage::Waiting => ("processing", json!([]), ""),
        Stage::Cancelled => ("cancelled", json!([]), ""),
        Stage::Failed => ("failed", json!([]), "the model failed on purpose"),
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
pub(crate) async fn hosted_submit(State(shared): Common, Path(model): Path<String>, request: Request) -> Response {
    let answer = async {
        let incoming = request::read_at(&shared, request, Place { model: Some(&model), input: None }).await?;
        let (job, cut) = queue::enter(&shared, queue::asked(&shared, incoming)?).await?;
        Ok::<_, Refused>(taken(&shared, StatusCode::OK, &enveloped(&shared, &job, &Stage::Waiting), cut))
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `GET /hosted/predictions/{id}/result`.
pub(crate) async fn hosted_get(State(shared): Common, Path(id): Path<String>) -> Response {
    let job = not_found(shared.queue().ask(&id));
    job.map_or_else(Refused::into_response, |job| Json(enveloped(&shared, &job, &job.stage())).into_response())
}

/// `POST /hosted/media/upload/binary`.
pub(crate) async fn hosted_upload(State(shared): Common, mut form: Multipart) -> Response {
    let answer = async {
        let wrong = |text: String| bad_request("invalid_multipart", &text, None);
        let field = form.next_field().await.map_err(|error| wrong(error.body_text()))?;
        let field = field.ok_or_else(|| wrong("the form is empty".into()))?;
        let bytes = field.bytes().await.map_err(|error| wrong(error.body_text()))?;
        let picture = Drawn::given(bytes).ok_or_else(|| wrong("this is not a picture".into()))?;
        let address = format!("{}/media/images/{}", shared.base_url(), picture.name);
        shared.put_on_shelf(picture.name.clone(), Arc::new(picture));
        let data = json!({"type": "image", "download_url": address});
        Ok::<_, Refused>(Json(json!({"code": 200, "message": "success", "data": data})).into_response())
    };
    answer.await.unwrap_or_else(Refused::into_response)
}
