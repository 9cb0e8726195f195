//! fal's queue below `/fal`, in fal's words. A model is the last part of its path, so `imagemill/stuck` is `stuck`. It must not
//! draw or bill.

use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::answer::{self, Answer, EVENT_STREAM, Refused, event};
use crate::predictions::{Common, asked_for, ended, taken};
use crate::queue::{self, Job, Stage};
use crate::request::{self, Place};
use crate::state::Shared;
use crate::webhooks::{self, Signer};

/// First parts of a model's path that are not its owner.
const NAMESPACES: [&str; 2] = ["workflows", "comfy"];
/// A stream of states ends here at the latest.
const LONGEST_STREAM: Duration = Duration::from_secs(600);

/// `POST /fal/{model}`.
pub(crate) async fn submit(State(shared): Common, Path(path): Path<String>, request: Request) -> Response {
    let model = path.rsplit('/').next().unwrap_or_default();
    let answer = async {
        let mut incoming = request::read_at(&shared, request, Place { model: Some(model), input: None }).await?;
        let webhook = incoming.webhook.take();
        let (job, cut) = queue::enter(&shared, queue::asked(&shared, incoming)?).await?;
        if let Some(url) = webhook {
            webhooks::tell_when_ended(&shared, &job, url, Signer::Fal, |_, job| notice(job));
        }
        let own = address(&shared, &path, &job);
        let value = json!({
            "request_id": job.id, "gateway_request_id": job.id, "status": "IN_QUEUE", "queue_position": 0,
            "response_url": own, "status_url": format!("{own}/status"), "cancel_url": format!("{own}/cancel"),
        });
        Ok::<_, Refused>(named(&job.id, taken(&shared, StatusCode::OK, &value, cut)))
    };
    match answer.await {
        Ok(answer) => answer,
        Err(refused) => answer::rewritten(refused.into_response(), in_fals_words).await,
    }
}

/// Only owner and app of the model's path are in a request's address.
fn address(shared: &Shared, path: &str, job: &Job) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let count = if NAMESPACES.contains(&parts[0]) { 3 } else { 2 };
    format!("{}/fal/{}/requests/{}", shared.origin(), parts[..parts.len().min(count)].join("/"), job.id)
}

/// `GET /fal/{owner}/{app}/requests/{id}`, with `/status` and `/status/stream` behind it.
pub(crate) async fn ask(State(shared): Common, Path(path): Path<String>) -> Response {
    let Some((_, asked)) = path.split_once("/requests/") else { return nothing_here() };
    let (id, what) = asked.split_once('/').unwrap_or((asked, ""));
    let job = match asked_for(&shared, id) {
        Ok(job) => job,
        Err(refused) => return named(id, refused.into_response()),
    };
    let answer = match what {
        "" => result(&job),
        "status" => {
            let code = if job.stage() == Stage::Waiting { StatusCode::ACCEPTED } else { StatusCode::OK };
            (code, Json(status(&job))).into_response()
        }
        "status/stream" => {
            let first = status(&job);
            ended(&shared, &job, LONGEST_STREAM).await;
            let last = status(&job);
            let states = if first == last { vec![last] } else { vec![first, last] };
            let text: String = states.iter().map(|state| event(None, state)).collect();
            Answer::text(EVENT_STREAM, text, &[]).into_response(&shared)
        }
        _ => nothing_here(),
    };
    named(id, answer)
}

/// Completed, whatever it ended with.
fn status(job: &Job) -> Value {
    let mut state = json!({"status": "IN_PROGRESS", "request_id": job.id, "logs": null});
    let stage = job.stage();
    if stage != Stage::Waiting {
        state["status"] = "COMPLETED".into();
        state["metrics"] = json!({"inference_time": 0.1});
    }
    match stage {
        Stage::Failed => {
            state["error"] = job.reason().into();
            state["error_type"] = "internal_error".into();
        }
        Stage::Cancelled => state["error"] = "Request was cancelled".into(),
        Stage::Waiting | Stage::Done => {}
    }
    state
}

/// What the address that came with the request is told.
fn notice(job: &Job) -> Value {
    let (status, name, value) = match job.stage() {
        Stage::Done => ("OK", "payload", pictures(job)),
        Stage::Cancelled => ("ERROR", "error", "Request was cancelled".into()),
        _ => ("ERROR", "error", job.reason().into()),
    };
    json!({"request_id": job.id, "gateway_request_id": job.id, "status": status, name: value})
}

fn pictures(job: &Job) -> Value {
    let images: Vec<Value> = job.links().iter().map(|link| json!({"url": link, "content_type": "image/png"})).collect();
    json!({"images": images, "seed": 1, "has_nsfw_concepts": job.flags()})
}

fn result(job: &Job) -> Response {
    let detail = |status: StatusCode, words: &str| (status, Json(json!({"detail": words}))).into_response();
    match job.stage() {
        Stage::Waiting => detail(StatusCode::BAD_REQUEST, "Request is still in progress"),
        Stage::Cancelled => detail(StatusCode::BAD_REQUEST, "Request was cancelled"),
        Stage::Failed if job.lacks_source() => {
            let place = json!([{"loc": ["body", "image_url"], "msg": job.reason(), "type": "file_download_error"}]);
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"detail": place}))).into_response()
        }
        Stage::Failed => {
            let mut response = detail(StatusCode::INTERNAL_SERVER_ERROR, job.reason());
            response.headers_mut().insert("x-fal-error-type", HeaderValue::from_static("internal_error"));
            response
        }
        Stage::Done => Json(pictures(job)).into_response(),
    }
}

/// `PUT /fal/{owner}/{app}/requests/{id}/cancel`.
pub(crate) async fn cancel(State(shared): Common, Path(path): Path<String>) -> Response {
    let id = path.split_once("/requests/").and_then(|(_, asked)| asked.strip_suffix("/cancel"));
    let Some(id) = id else { return nothing_here() };
    let answer = match asked_for(&shared, id) {
        Ok(job) if shared.queue().cancel(&job) => {
            (StatusCode::ACCEPTED, Json(json!({"status": "CANCELLATION_REQUESTED"}))).into_response()
        }
        Ok(_) => (StatusCode::BAD_REQUEST, Json(json!({"status": "ALREADY_COMPLETED"}))).into_response(),
        Err(refused) => refused.into_response(),
    };
    named(id, answer)
}

fn nothing_here() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"detail": "Path not found"}))).into_response()
}

fn named(id: &str, mut response: Response) -> Response {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert("x-fal-request-id", id);
    }
    response
}

/// OpenAI's error in fal's shape: what is wrong with the input is a list of places, anything else is words.
fn in_fals_words(status: StatusCode, retry_after_s: Option<u64>, error: &Value) -> Response {
    let place = |kind: &str, name: &str| json!([{"loc": ["body", name], "msg": error["message"], "type": kind}]);
    let (status, detail) = match (status, error["code"].as_str(), error["param"].as_str()) {
        (_, Some("moderation_blocked"), _) => {
            (StatusCode::UNPROCESSABLE_ENTITY, place("content_policy_violation", "prompt"))
        }
        (StatusCode::BAD_REQUEST, _, name) => {
            (StatusCode::UNPROCESSABLE_ENTITY, place("value_error", name.unwrap_or_default()))
        }
        _ => (status, error["message"].clone()),
    };
    let mut response = (status, Json(json!({"detail": detail}))).into_response();
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
