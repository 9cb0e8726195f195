//! Replicate's predictions below `/replicate/v1`, in Replicate's words. It must not draw or bill.

use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::answer::{self, Answer, EVENT_STREAM, Refused};
use crate::predictions::{Common, asked_for, ended, taken};
use crate::queue::{self, Job, Stage};
use crate::request::{self, Place};
use crate::state::Shared;
use crate::webhooks::{self, Signer};

/// How long `Prefer: wait` waits when it names no time, and at most.
const LONGEST_WAIT_S: u64 = 60;
/// Predictions on a page of the list.
const PAGE: usize = 100;

fn prediction(shared: &Shared, job: &Job) -> Value {
    let own = format!("{}/replicate/v1/predictions/{}", shared.origin(), job.id);
    let (status, output, error) = match job.stage() {
        Stage::Waiting => ("processing", Value::Null, Value::Null),
        Stage::Cancelled => ("canceled", Value::Null, Value::Null),
        Stage::Failed => ("failed", Value::Null, json!(job.reason())),
        Stage::Done if job.is_flagged() => {
            ("failed", Value::Null, json!("NSFW content detected. Try running it again, or try a different prompt."))
        }
        Stage::Done => ("succeeded", json!(job.links()), Value::Null),
    };
    let metrics = if status == "succeeded" { json!({"predict_time": 0.1}) } else { json!({}) };
    json!({
        "id": job.id, "model": job.model, "version": "hidden", "status": status, "input": {"prompt": job.prompt},
        "output": output, "error": error, "logs": "", "metrics": metrics, "source": "api", "data_removed": false,
        "urls": {
            "get": own, "cancel": format!("{own}/cancel"), "stream": format!("{own}/stream"),
            "web": format!("https://replicate.example/p/{}", job.id),
        },
    })
}

/// `POST /replicate/v1/models/{owner}/{name}/predictions`.
pub(crate) async fn of_model(state: Common, Path((_, model)): Path<(String, String)>, request: Request) -> Response {
    create(state, Some(&model), request).await
}

/// `POST /replicate/v1/predictions`, with the model as `version`.
pub(crate) async fn of_version(state: Common, request: Request) -> Response {
    create(state, None, request).await
}

async fn create(State(shared): Common, model: Option<&str>, request: Request) -> Response {
    let patience = patience(request.headers());
    let answer = async {
        let place = Place { model, input: Some("input") };
        let mut incoming = request::read_at(&shared, request, place).await?;
        let webhook = incoming.webhook.take();
        let (job, cut) = queue::enter(&shared, queue::asked(&shared, incoming)?).await?;
        if let Some(url) = webhook {
            webhooks::tell_when_ended(&shared, &job, url, Signer::Replicate, prediction);
        }
        ended(&shared, &job, patience).await;
        let mut value = prediction(&shared, &job);
        if patience.is_zero() || job.stage() == Stage::Waiting {
            value["status"] = "starting".into();
            value["output"] = Value::Null;
            value["error"] = Value::Null;
        }
        Ok::<_, Refused>(taken(&shared, StatusCode::CREATED, &value, cut))
    };
    match answer.await {
        Ok(answer) => answer,
        Err(refused) => answer::rewritten(refused.into_response(), in_replicates_words).await,
    }
}

/// How long the client wants to wait in the request itself: `Prefer: wait`, `Prefer: wait=5`.
fn patience(headers: &HeaderMap) -> Duration {
    let wish = headers.get("prefer").and_then(|wish| wish.to_str().ok()?.strip_prefix("wait"));
    let seconds = wish.map_or(0, |rest| rest.trim_start_matches('=').parse().unwrap_or(LONGEST_WAIT_S));
    Duration::from_secs(seconds.min(LONGEST_WAIT_S))
}

/// `GET /replicate/v1/predictions`: the newest first.
pub(crate) async fn list(State(shared): Common) -> Response {
    let results: Vec<Value> = shared.queue().newest(PAGE).iter().map(|job| prediction(&shared, job)).collect();
    Json(json!({"next": null, "previous": null, "results": results})).into_response()
}

/// `GET /replicate/v1/predictions/{id}`.
pub(crate) async fn get(State(shared): Common, Path(id): Path<String>) -> Response {
    let job = asked_for(&shared, &id);
    job.map_or_else(Refused::into_response, |job| Json(prediction(&shared, &job)).into_response())
}

/// `GET /replicate/v1/predictions/{id}/stream`: a link per picture, then the end.
pub(crate) async fn stream(State(shared): Common, Path(id): Path<String>) -> Response {
    let job = match asked_for(&shared, &id) {
        Ok(job) => job,
        Err(refused) => return refused.into_response(),
    };
    ended(&shared, &job, Duration::from_secs(LONGEST_WAIT_S)).await;
    let value = prediction(&shared, &job);
    let event = |name: &str, number: usize, text: &str| format!("event: {name}\nid: {number}:0\ndata: {text}\n\n");
    let mut text: String = job.links().iter().enumerate().map(|(number, link)| event("output", number, link)).collect();
    text += &match value["status"].as_str() {
        Some("succeeded") => event("done", job.links().len(), "{}"),
        Some("canceled") => event("done", 0, r#"{"reason": "canceled"}"#),
        _ => event("error", 0, &json!({"detail": value["error"]}).to_string()),
    };
    Answer::text(EVENT_STREAM, text, &[]).into_response(&shared)
}

/// `POST /replicate/v1/predictions/{id}/cancel`.
pub(crate) async fn cancel(State(shared): Common, Path(id): Path<String>) -> Response {
    let job = asked_for(&shared, &id);
    job.map_or_else(Refused::into_response, |job| {
        shared.queue().cancel(&job);
        Json(prediction(&shared, &job)).into_response()
    })
}

/// `GET /replicate/v1/account`.
pub(crate) async fn account() -> Response {
    Json(json!({"type": "user", "username": "simulator", "name": "Simulator", "github_url": null})).into_response()
}

/// OpenAI's error in Replicate's shape.
fn in_replicates_words(status: StatusCode, retry_after_s: Option<u64>, error: &Value) -> Response {
    let status = if status == StatusCode::BAD_REQUEST { StatusCode::UNPROCESSABLE_ENTITY } else { status };
    let (title, mut detail) = (status.canonical_reason().unwrap_or_default(), error["message"].clone());
    if status == StatusCode::TOO_MANY_REQUESTS {
        let seconds = retry_after_s.unwrap_or(1);
        detail = format!("Request was throttled. Your rate limit resets in ~{seconds}s.").into();
    }
    let body = json!({"type": "about:blank", "title": title, "detail": detail, "status": status.as_u16()});
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
