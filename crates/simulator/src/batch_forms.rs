//! Batches as their providers write them: OpenAI's files and batches, Gemini's `batchGenerateContent` with its resumable upload,
//! Anthropic's message batches. It must not run or bill.

use std::sync::Arc;

use axum::extract::{Multipart, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use imagemill_domain::picture::PictureFormat;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{self, Answer, Refused, bad_request, error};
use crate::batches::{self, Batch, Done, Item, Stage, Wanted};
use crate::server;
use crate::state::Shared;
use crate::uploads;

type Common = State<Arc<Shared>>;

/// Most that a page of a list has.
const PAGE: usize = 100;

/// What the ids of each form begin with.
const OPENAI: &str = "batch_";
const GEMINI: &str = "";
const ANTHROPIC: &str = "msgbatch_";

/// Where a list goes on.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Page {
    #[serde(default)]
    after: String,
    #[serde(default)]
    after_id: String,
    #[serde(default, rename = "pageToken")]
    token: String,
}

fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "invalid_request_error", "not_found", "There is no such batch or file.")
}

/// The lines of a file as JSON.
fn lines(bytes: &[u8]) -> Result<Vec<Value>, Refused> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines
        .map(|line| {
            serde_json::from_slice(line)
                .map_err(|error| bad_request("invalid_jsonl", &format!("a line is no JSON: {error}"), None))
        })
        .collect()
}

fn taken(shared: &Arc<Shared>, value: &Value, lost: bool) -> Response {
    let answer = Answer::json(value, &[]);
    if lost { answer.cut() } else { answer }.into_response(shared)
}

/// Up to a page behind `after`, and whether there is more.
fn page(shared: &Shared, prefix: &str, after: &str) -> (Vec<Arc<Batch>>, bool) {
    let mut listed = shared.batches().list(prefix);
    if let Some(place) = listed.iter().position(|batch| batch.id == after) {
        listed.drain(..=place);
    }
    let more = listed.len() > PAGE;
    listed.truncate(PAGE);
    (listed, more)
}

/// JSON lines, broken off in the middle where the scenario wants that.
fn results(shared: &Arc<Shared>, lines: &[Vec<u8>]) -> Response {
    let mut bytes = lines.concat();
    let cut = shared.batches().cuts(shared);
    if !cut {
        return ([(header::CONTENT_TYPE, "application/jsonl")], bytes).into_response();
    }
    let whole = bytes.len();
    bytes.truncate(whole * 6 / 10);
    answer::broken_off(bytes)
}

fn joined(before: &str, body: &[u8], after: &str) -> Vec<u8> {
    [before.as_bytes(), body, after.as_bytes(), b"\n"].concat()
}

// --- OpenAI

/// `POST /v1/files`.
pub(crate) async fn openai_upload(State(shared): Common, mut form: Multipart) -> Response {
    let answer = async {
        let wrong = |text: String| bad_request("invalid_multipart", &text, None);
        let (mut purpose, mut file) = (String::new(), None);
        while let Some(field) = form.next_field().await.map_err(|error| wrong(error.body_text()))? {
            let name = field.name().unwrap_or_default().to_owned();
            let bytes = field.bytes().await.map_err(|error| wrong(error.body_text()))?;
            match name.as_str() {
                "purpose" => purpose = String::from_utf8_lossy(&bytes).into_owned(),
                "file" => file = Some(bytes),
                _ => {}
            }
        }
        let file = file.ok_or_else(|| wrong("the form has no file".into()))?;
        if purpose == "vision" {
            return uploads::openai(&shared, file);
        }
        let length = file.len();
        let id = shared.batches().keep("file-", file);
        let value = json!({
            "id": id, "object": "file", "bytes": length, "created_at": 1_760_000_000, "filename": "batch.jsonl",
            "purpose": purpose, "status": "processed",
        });
        Ok::<_, Refused>(Json(value).into_response())
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `GET /v1/files/{id}/content`.
pub(crate) async fn openai_content(State(shared): Common, Path(id): Path<String>) -> Response {
    if let Some(bytes) = shared.batches().file(&id) {
        return bytes.into_response();
    }
    let (kind, batch) = id.split_at_checked(4).unwrap_or_default();
    let Some(batch) = shared.batches().get(batch) else { return not_found() };
    let is_error = kind == "err-";
    let mut lines: Vec<Vec<u8>> =
        batch.done().iter().filter(|done| (done.status >= 400) == is_error).map(openai_line).collect();
    if is_error {
        let code = if batch.stage() == Stage::Expired { "batch_expired" } else { "batch_cancelled" };
        lines.extend(batch.left().iter().map(|id| {
            let error = json!({"code": code, "message": "This request was not executed."});
            joined(&json!({"id": "", "custom_id": id, "response": null, "error": error}).to_string(), b"", "")
        }));
    }
    results(&shared, &lines)
}

fn openai_line(done: &Done) -> Vec<u8> {
    let head = json!({"id": format!("batch_req_{}", done.id), "custom_id": done.id, "error": null}).to_string();
    let head = head.trim_end_matches('}');
    let before = format!("{head},\"response\":{{\"status_code\":{},\"request_id\":\"req\",\"body\":", done.status);
    joined(&before, &done.body, "}}")
}

fn openai_batch(batch: &Batch) -> Value {
    let (done, left) = (batch.done(), batch.left().len());
    let failed = done.iter().filter(|done| done.status >= 400).count();
    let status = match batch.stage() {
        Stage::Running if batch.is_cancelling() => "cancelling",
        Stage::Running => "in_progress",
        Stage::Completed => "completed",
        Stage::Expired => "expired",
        Stage::Cancelled => "cancelled",
        Stage::Failed => "failed",
    };
    let ended = !matches!(batch.stage(), Stage::Running | Stage::Failed);
    let file = |kind: &str, any: bool| (ended && any).then(|| format!("{kind}{}", batch.id));
    let rejected =
        json!({"object": "list", "data": [{"code": "invalid_request", "message": "rejected on purpose", "line": 1}]});
    json!({
        "id": batch.id, "object": "batch", "endpoint": batch.endpoint, "input_file_id": batch.input, "status": status,
        "completion_window": "24h", "metadata": batch.label, "created_at": batch.created,
        "errors": (batch.stage() == Stage::Failed).then_some(rejected),
        "output_file_id": file("out-", done.len() > failed), "error_file_id": file("err-", failed + left > 0),
        "request_counts": {"total": batch.items, "completed": done.len() - failed, "failed": failed},
    })
}

/// `POST /v1/batches`.
pub(crate) async fn openai_create(State(shared): Common, headers: HeaderMap, Json(asked): Json<Value>) -> Response {
    let answer = async {
        let input = asked["input_file_id"].as_str().unwrap_or_default().to_owned();
        let file = shared.batches().file(&input);
        let file = file.ok_or_else(|| bad_request("invalid_file", "There is no such file.", Some("input_file_id")))?;
        let endpoint = asked["endpoint"].as_str().unwrap_or_default().to_owned();
        let mut items = Vec::new();
        for mut line in lines(&file)? {
            let (id, path) = (line["custom_id"].as_str().unwrap_or_default(), line["url"].as_str().unwrap_or_default());
            if id.is_empty() || path != endpoint {
                let message = format!("Each line needs a custom_id and the url {endpoint}.");
                return Err(bad_request("invalid_request", &message, None));
            }
            items.push(Item { id: id.to_owned(), path: path.to_owned(), body: line["body"].take() });
        }
        let wanted = Wanted { prefix: OPENAI, label: asked["metadata"].clone(), endpoint, input, items };
        let (batch, lost) = batches::enter(&shared, server::endpoints(&shared), wanted, &headers);
        Ok::<_, Refused>(taken(&shared, &openai_batch(&batch), lost))
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `GET /v1/batches`.
pub(crate) async fn openai_list(State(shared): Common, Query(place): Query<Page>) -> Response {
    let (listed, more) = page(&shared, OPENAI, &place.after);
    let last = listed.last().map(|batch| batch.id.clone());
    let data: Vec<Value> = listed.iter().map(|batch| openai_batch(batch)).collect();
    Json(json!({"object": "list", "data": data, "has_more": more, "last_id": last})).into_response()
}

/// `GET /v1/batches/{id}`.
pub(crate) async fn openai_get(State(shared): Common, Path(id): Path<String>) -> Response {
    shared.batches().get(&id).map_or_else(not_found, |batch| Json(openai_batch(&batch)).into_response())
}

/// `POST /v1/batches/{id}/cancel`.
pub(crate) async fn openai_cancel(State(shared): Common, Path(id): Path<String>) -> Response {
    shared.batches().get(&id).map_or_else(not_found, |batch| {
        batch.cancel();
        Json(openai_batch(&batch)).into_response()
    })
}

// --- Gemini

/// `POST /upload/v1beta/files`: where the bytes go.
pub(crate) async fn gemini_begin_upload(State(shared): Common, headers: HeaderMap) -> Response {
    if headers.get("x-goog-upload-command").is_none_or(|command| command != "start") {
        return bad_request("invalid_request", "x-goog-upload-command must be start", None).into_response();
    }
    let target = format!("{}/upload/v1beta/files/{}", shared.origin(), shared.batches().new_name(""));
    ([("x-goog-upload-url", target.as_str()), ("x-goog-upload-status", "active")], Json(json!({}))).into_response()
}

/// `POST /upload/v1beta/files/{id}`.
pub(crate) async fn gemini_upload(State(shared): Common, headers: HeaderMap, bytes: Bytes) -> Response {
    let command = headers.get("x-goog-upload-command").and_then(|command| command.to_str().ok()).unwrap_or_default();
    if !command.contains("finalize") {
        return bad_request("invalid_request", "the simulator takes a file in one piece", None).into_response();
    }
    if PictureFormat::sniff(&bytes).is_some() {
        return uploads::gemini(&shared, bytes);
    }
    let length = bytes.len().to_string();
    let name = format!("files/{}", shared.batches().keep("", bytes));
    let file = json!({"name": name, "sizeBytes": length, "state": "ACTIVE", "mimeType": "application/jsonl"});
    ([("x-goog-upload-status", "final")], Json(json!({"file": file}))).into_response()
}

/// `GET /v1beta/files/{id}:download`.
pub(crate) async fn gemini_download(State(shared): Common, Path(call): Path<String>) -> Response {
    let Some(id) = call.strip_suffix(":download") else { return not_found() };
    if let Some(bytes) = shared.batches().file(id) {
        return bytes.into_response();
    }
    let Some(batch) = id.strip_prefix("out-").and_then(|id| shared.batches().get(id)) else { return not_found() };
    let lines: Vec<Vec<u8>> = batch.done().iter().map(gemini_line).collect();
    results(&shared, &lines)
}

fn gemini_line(done: &Done) -> Vec<u8> {
    let key = Value::from(done.id.as_str());
    if done.status < 400 {
        return joined(&format!("{{\"key\":{key},\"response\":"), &done.body, "}");
    }
    let body: Value = serde_json::from_slice(&done.body).unwrap_or_default();
    joined(&json!({"key": key, "error": body["error"]}).to_string(), b"", "")
}

fn gemini_batch(batch: &Batch) -> Value {
    let stage = batch.stage();
    let state = match stage {
        Stage::Running => "BATCH_STATE_RUNNING",
        Stage::Completed => "BATCH_STATE_SUCCEEDED",
        Stage::Expired => "BATCH_STATE_EXPIRED",
        Stage::Cancelled => "BATCH_STATE_CANCELLED",
        Stage::Failed => "BATCH_STATE_FAILED",
    };
    let done = batch.done();
    let output = json!({"responsesFile": format!("files/out-{}", batch.id)});
    let mut metadata = json!({
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
        "name": format!("batches/{}", batch.id), "displayName": batch.label, "model": format!("models/{}", batch.endpoint),
        "state": state, "createTime": "2026-11-21T00:00:00Z",
        "batchStats": {"requestCount": batch.items.to_string()},
    });
    let ended = !matches!(stage, Stage::Running | Stage::Failed);
    let mut value = json!({"name": format!("batches/{}", batch.id), "done": stage != Stage::Running});
    if ended && !done.is_empty() {
        metadata["output"] = output.clone();
        value["response"] = output;
    }
    if stage == Stage::Failed {
        value["error"] = json!({"code": 3, "message": "rejected on purpose"});
    }
    value["metadata"] = metadata;
    value
}

/// `POST /v1beta/models/{model}:batchGenerateContent`.
pub(crate) async fn gemini_create(shared: &Arc<Shared>, model: &str, request: Request) -> Result<Response, Refused> {
    let headers = request.headers().clone();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap_or_default();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let batch = asked.get("batch").unwrap_or(&asked);
    let config = batch.get("inputConfig").cloned().unwrap_or_default();
    let path = format!("/v1beta/models/{model}:generateContent");
    let inline = config.pointer("/requests/requests").and_then(Value::as_array).cloned();
    let listed = match (inline, config["fileName"].as_str()) {
        (Some(listed), _) => listed,
        (None, Some(name)) => {
            let file = shared.batches().file(name.trim_start_matches("files/"));
            lines(&file.ok_or_else(|| bad_request("invalid_file", "There is no such file.", None))?)?
        }
        _ => return Err(bad_request("invalid_request", "inputConfig is missing", None)),
    };
    let items = listed.into_iter().enumerate().map(|(position, mut line)| {
        let key = line["key"].as_str().or(line["metadata"]["key"].as_str()).map(str::to_owned);
        Item { id: key.unwrap_or_else(|| position.to_string()), path: path.clone(), body: line["request"].take() }
    });
    let label = batch.get("displayName").cloned().unwrap_or_default();
    let items: Vec<Item> = items.collect();
    let wanted = Wanted { prefix: GEMINI, label, endpoint: model.to_owned(), input: String::new(), items };
    let (batch, lost) = batches::enter(shared, server::endpoints(shared), wanted, &headers);
    Ok(taken(shared, &gemini_batch(&batch), lost))
}

/// `GET /v1beta/batches`.
pub(crate) async fn gemini_list(State(shared): Common, Query(place): Query<Page>) -> Response {
    let (listed, more) = page(&shared, GEMINI, &place.token);
    let next = listed.last().filter(|_| more).map(|batch| batch.id.clone());
    let operations: Vec<Value> = listed.iter().map(|batch| gemini_batch(batch)).collect();
    Json(json!({"operations": operations, "nextPageToken": next})).into_response()
}

/// `GET /v1beta/batches/{id}`.
pub(crate) async fn gemini_get(State(shared): Common, Path(id): Path<String>) -> Response {
    shared.batches().get(&id).map_or_else(not_found, |batch| Json(gemini_batch(&batch)).into_response())
}

/// `POST /v1beta/batches/{id}:cancel`.
pub(crate) async fn gemini_cancel(State(shared): Common, Path(call): Path<String>) -> Response {
    let batch = call.strip_suffix(":cancel").and_then(|id| shared.batches().get(id));
    batch.map_or_else(not_found, |batch| {
        batch.cancel();
        Json(json!({})).into_response()
    })
}

// --- Anthropic

/// Seconds since 1970 as it writes a time.
fn time_of(seconds: u64) -> String {
    jiff::Timestamp::from_second(seconds as i64).unwrap_or_default().to_string()
}

fn anthropic_batch(shared: &Shared, batch: &Batch) -> Value {
    let (done, left, stage) = (batch.done(), batch.left().len(), batch.stage());
    let failed = done.iter().filter(|done| done.status >= 400).count();
    let ended = stage != Stage::Running;
    let of = |is: bool| if is { left } else { 0 };
    let status = match stage {
        Stage::Running if batch.is_cancelling() => "canceling",
        Stage::Running => "in_progress",
        _ => "ended",
    };
    let results = format!("{}/messages/batches/{}/results", shared.base_url(), batch.id);
    json!({
        "id": batch.id, "type": "message_batch", "processing_status": status,
        "request_counts": {
            "processing": of(!ended), "succeeded": done.len() - failed, "errored": failed,
            "canceled": of(stage == Stage::Cancelled), "expired": of(matches!(stage, Stage::Expired | Stage::Failed)),
        },
        "created_at": time_of(batch.created), "expires_at": time_of(batch.created + 86_400),
        "ended_at": ended.then(|| time_of(batch.created)), "archived_at": null, "cancel_initiated_at": null,
        "results_url": ended.then_some(results),
    })
}

/// `POST /v1/messages/batches`.
pub(crate) async fn anthropic_create(
    State(shared): Common,
    headers: HeaderMap,
    Json(mut asked): Json<Value>,
) -> Response {
    let listed = asked["requests"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let items = listed.into_iter().map(|mut line| Item {
        id: line["custom_id"].as_str().unwrap_or_default().to_owned(),
        path: "/v1/messages".to_owned(),
        body: line["params"].take(),
    });
    let items: Vec<Item> = items.collect();
    let (label, endpoint, input) = (Value::Null, "/v1/messages".to_owned(), String::new());
    let wanted = Wanted { prefix: ANTHROPIC, label, endpoint, input, items };
    let (batch, lost) = batches::enter(&shared, server::endpoints(&shared), wanted, &headers);
    taken(&shared, &anthropic_batch(&shared, &batch), lost)
}

/// `GET /v1/messages/batches`.
pub(crate) async fn anthropic_list(State(shared): Common, Query(place): Query<Page>) -> Response {
    let (listed, more) = page(&shared, ANTHROPIC, &place.after_id);
    let data: Vec<Value> = listed.iter().map(|batch| anthropic_batch(&shared, batch)).collect();
    let (first, last) = (listed.first().map(|batch| &batch.id), listed.last().map(|batch| &batch.id));
    Json(json!({"data": data, "has_more": more, "first_id": first, "last_id": last})).into_response()
}

/// `GET /v1/messages/batches/{id}`.
pub(crate) async fn anthropic_get(State(shared): Common, Path(id): Path<String>) -> Response {
    let batch = shared.batches().get(&id);
    batch.map_or_else(not_found, |batch| Json(anthropic_batch(&shared, &batch)).into_response())
}

/// `POST /v1/messages/batches/{id}/cancel`.
pub(crate) async fn anthropic_cancel(State(shared): Common, Path(id): Path<String>) -> Response {
    shared.batches().get(&id).map_or_else(not_found, |batch| {
        batch.cancel();
        Json(anthropic_batch(&shared, &batch)).into_response()
    })
}

/// `GET /v1/messages/batches/{id}/results`.
pub(crate) async fn anthropic_results(State(shared): Common, Path(id): Path<String>) -> Response {
    let Some(batch) = shared.batches().get(&id) else { return not_found() };
    let line = |done: &Done| {
        let id = Value::from(done.id.as_str());
        let (kind, member) = if done.status < 400 { ("succeeded", "message") } else { ("errored", "error") };
        let before = format!("{{\"custom_id\":{id},\"result\":{{\"type\":\"{kind}\",\"{member}\":");
        joined(&before, &done.body, "}}")
    };
    let mut lines: Vec<Vec<u8>> = batch.done().iter().map(line).collect();
    let kind = if batch.stage() == Stage::Cancelled { "canceled" } else { "expired" };
    lines.extend(
        batch.left().iter().map(|id| joined(&json!({"custom_id": id, "result": {"type": kind}}).to_string(), b"", "")),
    );
    results(&shared, &lines)
}
