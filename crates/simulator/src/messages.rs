//! Anthropic's `/messages`: words about words and pictures, as one answer or as a stream, with a tool where one must be used. It
//! must not decide what is said.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imagemill_domain::picture::PictureFormat;
use serde_json::{Value, json};

use crate::answer::{self, Answer, EVENT_STREAM, Refused, bad_request, event};
use crate::call::Asked;
use crate::request;
use crate::state::{ServerId, Shared};
use crate::words::{Finish, Said, say};

/// `POST /messages`.
pub(crate) async fn create(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let has_version = request.headers().contains_key("anthropic-version");
    let id = request.extensions().get::<ServerId>().and_then(|id| HeaderValue::from_str(&id.0).ok());
    let answer = if has_version {
        respond(&shared, request).await
    } else {
        Err(bad_request("invalid_request", "anthropic-version: header is required", None))
    };
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(refused) => answer::rewritten(refused.into_response(), in_anthropics_words).await,
    };
    if let Some(id) = id {
        answer.headers_mut().insert("request-id", id);
    }
    answer
}

async fn respond(shared: &Arc<Shared>, request: Request) -> Result<Response, Refused> {
    let incoming = request::read(shared, request, false).await?;
    let missing = |name: &str| bad_request("invalid_request", &format!("{name}: Field required"), None);
    let most_tokens = incoming.number("max_tokens", 1..=1_000_000)?.ok_or_else(|| missing("max_tokens"))?;
    let messages = incoming.fields.get("messages").and_then(Value::as_array).filter(|list| !list.is_empty());
    let messages = messages.ok_or_else(|| missing("messages"))?;
    let (mut prompt, mut sources) = (Vec::new(), Vec::new());
    for message in messages {
        match message["role"].as_str() {
            Some("user" | "assistant") => {}
            _ => return Err(bad_request("invalid_request", "messages: Input should be 'user' or 'assistant'", None)),
        }
        if let Some(text) = message["content"].as_str() {
            prompt.push(text.to_owned());
        }
        if matches!(&message["content"], Value::String(text) if text.is_empty()) || message["content"].is_null() {
            return Err(bad_request("invalid_request", "messages: all messages must have non-empty content", None));
        }
        for block in message["content"].as_array().into_iter().flatten() {
            if let Some(text) = block["text"].as_str() {
                prompt.push(text.to_owned());
            }
            let source = &block["source"];
            if let (Some(media_type), Some(data)) = (source["media_type"].as_str(), source["data"].as_str()) {
                sources.push(request::source(shared, &format!("data:{media_type};base64,{data}"), true)?);
            }
        }
    }
    let prompt = prompt.join("\n");
    let schema = incoming.fields.get("tools").and_then(|tools| tools.pointer("/0/input_schema")).cloned();
    let system = incoming.fields.get("system").map_or(0, |system| system.to_string().len());
    let letters = prompt.len() + system + schema.as_ref().map_or(0, |schema| schema.to_string().len());
    let stream = incoming.flag("stream")?;
    let asked = Asked {
        request_id: incoming.request_id,
        model: incoming.model,
        behaviour: incoming.behaviour,
        prompt,
        sources,
        count: 1,
        size: None,
        format: PictureFormat::Png,
        seed: None,
        draft: false,
    };
    let has_tool = schema.is_some();
    let said = say(shared, asked, schema, letters, Some(most_tokens)).await?;
    let answer = if stream { streamed(&said, has_tool) } else { Answer::json(&whole(&said, has_tool), &[]) };
    Ok(said.send(shared, answer))
}

/// The tool's input; `None` when the words are no JSON, or no tool was there.
fn tool_input(said: &Said, has_tool: bool) -> Option<Value> {
    let start = said.text.find('{').filter(|_| has_tool)?;
    serde_json::from_str(&said.text[start..]).ok()
}

fn stop_reason(said: &Said, has_tool: bool) -> &'static str {
    match said.finish {
        Finish::Stop if tool_input(said, has_tool).is_some() => "tool_use",
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Filter => "refusal",
    }
}

fn content(said: &Said, has_tool: bool) -> Value {
    match tool_input(said, has_tool) {
        Some(input) => json!([{"type": "tool_use", "id": "toolu_sim0", "name": "answer", "input": input}]),
        None if said.text.is_empty() => json!([]),
        None => json!([{"type": "text", "text": said.text}]),
    }
}

fn whole(said: &Said, has_tool: bool) -> Value {
    json!({
        "id": format!("msg_sim{}", said.created),
        "type": "message",
        "role": "assistant",
        "model": said.model,
        "content": content(said, has_tool),
        "stop_reason": stop_reason(said, has_tool),
        "stop_sequence": null,
        "usage": said.usage(),
    })
}

fn streamed(said: &Said, has_tool: bool) -> Answer {
    let mut text = String::new();
    let mut push = |kind: &str, mut value: Value| {
        value["type"] = kind.into();
        text += &event(Some(kind), &value);
    };
    let mut start = whole(said, has_tool);
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    start["usage"]["output_tokens"] = 1.into();
    push("message_start", json!({"message": start}));
    push("ping", json!({}));
    let tool = tool_input(said, has_tool).map(|input| input.to_string());
    let block = match &tool {
        Some(_) => json!({"type": "tool_use", "id": "toolu_sim0", "name": "answer", "input": {}}),
        None => json!({"type": "text", "text": ""}),
    };
    push("content_block_start", json!({"index": 0, "content_block": block}));
    if let Some(input) = &tool {
        push("content_block_delta", json!({"index": 0, "delta": {"type": "input_json_delta", "partial_json": input}}));
    } else {
        for half in said.halves() {
            push("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": half}}));
        }
    }
    push("content_block_stop", json!({"index": 0}));
    let delta = json!({"stop_reason": stop_reason(said, has_tool), "stop_sequence": null});
    push("message_delta", json!({"delta": delta, "usage": {"output_tokens": said.output_tokens}}));
    push("message_stop", json!({}));
    Answer::text(EVENT_STREAM, text, &[])
}

/// OpenAI's error in Anthropic's shape. A refusal is no error there.
fn in_anthropics_words(status: StatusCode, retry_after_s: Option<u64>, error: &Value) -> Response {
    if error["code"] == "moderation_blocked" {
        let usage = json!({"input_tokens": 1, "output_tokens": 1});
        let message = json!({
            "id": "msg_sim0", "type": "message", "role": "assistant", "model": "refuse", "content": [],
            "stop_reason": "refusal", "stop_sequence": null, "usage": usage,
        });
        return axum::Json(message).into_response();
    }
    let kind = match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let body = json!({"type": "error", "error": {"type": kind, "message": error["message"]}});
    let mut response = (status, [(header::CONTENT_TYPE, answer::JSON)], body.to_string()).into_response();
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
