//! `/chat/completions`: words, or pictures as markdown or as `message.images`, as one answer or as a stream. It must not draw
//! nor decide what is said.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::answer::{self, Answer, EVENT_STREAM, Refused, bad_request, event};
use crate::call::{Asked, Made, make};
use crate::faults;
use crate::request::{self, Incoming, ratio_size};
use crate::shapes;
use crate::state::Shared;
use crate::uploads;
use crate::words::{Finish, Said, names_a_schema, say};

/// What `text` says instead of a picture.
pub(crate) const WORDS: &str =
    "This is the simulator. It can draw pictures; it answers in words like these when it does not.";

/// `POST /chat/completions`.
pub(crate) async fn completions(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    respond(&shared, request).await.unwrap_or_else(Refused::into_response)
}

/// What the messages of a chat, or the input of a response, ask for.
#[derive(Default)]
pub(crate) struct Conversation {
    pub(crate) prompt: String,
    pub(crate) sources: Vec<bytes::Bytes>,
    pub(crate) has_empty_message: bool,
    /// Bytes of all words, the system's too.
    pub(crate) letters: usize,
}

impl Conversation {
    /// The words of the last user message and the pictures of all of them.
    pub(crate) fn read(shared: &Shared, messages: &[Value]) -> Result<Self, Refused> {
        let mut found = Self::default();
        for message in messages {
            let content = &message["content"];
            let is_user = message["role"].as_str().is_none_or(|role| role == "user");
            let mut words = Vec::new();
            match content {
                Value::String(text) => words.push(text.as_str()),
                Value::Array(parts) => {
                    for part in parts {
                        if let Some(text) = part["text"].as_str() {
                            words.push(text);
                        }
                        if let (true, Some(id)) = (is_user, part["file_id"].as_str()) {
                            found.sources.push(uploads::of_openai(shared, id)?);
                        }
                        let url = part["image_url"]["url"].as_str().or_else(|| part["image_url"].as_str());
                        if let (true, Some(url)) = (is_user, url) {
                            found.sources.push(request::source(shared, url, false)?);
                        }
                    }
                }
                _ => {}
            }
            let words = words.join("\n");
            found.letters += words.len();
            found.has_empty_message |= words.trim().is_empty() && !content.is_array();
            if is_user {
                found.prompt = words;
            }
        }
        Ok(found)
    }
}

async fn respond(shared: &Arc<Shared>, request: Request) -> Result<Response, Refused> {
    let incoming = request::read(shared, request, false).await?;
    check_model(&incoming)?;
    let Some(messages) = incoming.fields.get("messages").and_then(Value::as_array).filter(|list| !list.is_empty())
    else {
        let message = "Missing required parameter: 'messages'.";
        return Err(bad_request("missing_required_parameter", message, Some("messages")));
    };
    let conversation = Conversation::read(shared, messages)?;
    // the gateway's first line refuses the empty system message that some clients always send
    if conversation.has_empty_message && incoming.model.starts_with("grok-imagine-1.0") {
        return Err(bad_request("empty_content", "Message content cannot be empty.", Some("messages")));
    }
    let config = incoming.fields.get("image_config").cloned().unwrap_or_default();
    let count = match config["n"].as_u64().or_else(|| incoming.fields.get("n").and_then(Value::as_u64)) {
        Some(count @ 1..=10) => count as u32,
        None => 1,
        Some(_) => return Err(bad_request("invalid_value", "Invalid 'n': expected 1 to 10.", Some("n"))),
    };
    let named_size = config["size"].as_str().and_then(faults::size);
    let size = named_size.or_else(|| config["aspect_ratio"].as_str().and_then(ratio_size));
    let wants_pictures = names_pictures(incoming.fields.get("modalities"));
    let stream = match incoming.fields.get("stream") {
        None => incoming.model.starts_with("grok-imagine-1.0"),
        Some(_) => incoming.flag("stream")?,
    };
    let (size, format) = (incoming.size()?.or(size), incoming.format()?);
    let seed = incoming.number("seed", 0..=u64::MAX)?;
    let schema =
        incoming.fields.get("response_format").and_then(|format| format.pointer("/json_schema/schema")).cloned();
    let for_words = schema.is_some()
        || is_text_model(&incoming.model)
        || incoming.behaviour.is_about_words()
        || names_a_schema(&conversation.prompt);
    let most_tokens =
        ["max_tokens", "max_completion_tokens"].iter().find_map(|name| incoming.fields.get(*name)?.as_u64());
    let asked = Asked {
        request_id: incoming.request_id,
        model: incoming.model,
        behaviour: incoming.behaviour,
        prompt: conversation.prompt,
        sources: conversation.sources,
        count,
        size,
        format,
        seed,
        draft: false,
    };
    if for_words && !wants_pictures {
        let letters = conversation.letters + schema.as_ref().map_or(0, |schema| schema.to_string().len());
        let said = say(shared, asked, schema, letters, most_tokens).await?;
        let answer = if stream { streamed_words(&said) } else { words(&said) };
        return Ok(said.send(shared, answer));
    }
    let made = make(shared, asked).await?;
    let answer = match shapes::forced(shared, &made) {
        Some(answer) => answer,
        None => natural(shared, &made, stream, wants_pictures, config["response_format"] == "url"),
    };
    Ok(made.send(shared, answer))
}

fn check_model(incoming: &Incoming) -> Result<(), Refused> {
    let model = incoming.model.as_str();
    if model.starts_with("gpt-image-") || model == "chatgpt-image-latest" {
        let message = "This is not a chat model and thus not supported in the v1/chat/completions endpoint.";
        let kind = "invalid_request_error";
        return Err(answer::error(StatusCode::NOT_FOUND, kind, "model_not_found", message).into());
    }
    if model == "grok-imagine-image-edit" {
        return Err(bad_request("invalid_request", "Use /v1/images/edits for this model.", Some("model")));
    }
    Ok(())
}

/// Models that answer in words unless they are asked for a picture.
pub(crate) fn is_text_model(model: &str) -> bool {
    model.split('+').any(|term| matches!(term, "sim-chat" | "sim-text" | "gpt-4o" | "gpt-4.1-mini" | "gpt-5"))
}

fn names_pictures(modalities: Option<&Value>) -> bool {
    modalities.and_then(Value::as_array).is_some_and(|list| list.iter().any(|item| item == "image"))
}

fn natural(shared: &Shared, made: &Made, stream: bool, as_parts: bool, wants_link: bool) -> Answer {
    let address = |index| if made.as_link(wants_link) { made.link(shared, index, false) } else { made.data_url(index) };
    let parts: Vec<Value> = made
        .indexes()
        .map(|index| json!({"type": "image_url", "index": index, "image_url": {"url": address(index)}}))
        .collect();
    let as_parts = as_parts && !parts.is_empty();
    let content = if parts.is_empty() || as_parts {
        if as_parts { String::new() } else { WORDS.to_owned() }
    } else {
        made.indexes().map(|index| format!("![image]({})", address(index))).collect::<Vec<_>>().join("\n\n")
    };
    if !stream {
        let mut message = json!({"role": "assistant", "content": content, "refusal": null});
        if as_parts {
            message["images"] = parts.into();
        }
        return Answer::json(&completion(made, &message), &made.drawn);
    }
    let mut text = chunk(made, &json!({"role": "assistant", "content": ""}));
    text += &chunk(made, &if as_parts { json!({"images": parts}) } else { json!({"content": content}) });
    text += &last_chunk(made);
    text += "data: [DONE]\n\n";
    Answer::text(EVENT_STREAM, text, &made.drawn)
}

fn finish_reason(said: &Said) -> &'static str {
    match said.finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Filter => "content_filter",
    }
}

/// An answer in words.
fn words(said: &Said) -> Answer {
    let message = json!({"role": "assistant", "content": said.text, "refusal": null});
    let value = json!({
        "id": format!("chatcmpl-sim{}", said.created),
        "object": "chat.completion",
        "created": said.created,
        "model": said.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason(said), "logprobs": null}],
        "usage": said.chat_usage(),
    });
    Answer::json(&value, &[])
}

fn streamed_words(said: &Said) -> Answer {
    let chunk = |delta: Value, finish: Value| {
        json!({
            "id": format!("chatcmpl-sim{}", said.created),
            "object": "chat.completion.chunk",
            "created": said.created,
            "model": said.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        })
    };
    let mut text = event(None, &chunk(json!({"role": "assistant", "content": ""}), Value::Null));
    for half in said.halves() {
        text += &event(None, &chunk(json!({"content": half}), Value::Null));
    }
    let mut last = chunk(json!({}), finish_reason(said).into());
    last["usage"] = said.chat_usage();
    text += &event(None, &last);
    text += "data: [DONE]\n\n";
    Answer::text(EVENT_STREAM, text, &[])
}

/// A whole chat completion.
pub(crate) fn completion(made: &Made, message: &Value) -> Value {
    json!({
        "id": id(made),
        "object": "chat.completion",
        "created": made.created,
        "model": made.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": null}],
        "usage": made.chat_usage(),
    })
}

/// One event of a chat stream.
pub(crate) fn chunk(made: &Made, delta: &Value) -> String {
    event(None, &chunk_value(made, delta))
}

/// The same without the event around it.
pub(crate) fn chunk_value(made: &Made, delta: &Value) -> Value {
    json!({
        "id": id(made),
        "object": "chat.completion.chunk",
        "created": made.created,
        "model": made.model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": null}],
    })
}

/// The last event of a chat stream: the reason it ended, and usage.
pub(crate) fn last_chunk(made: &Made) -> String {
    let mut value = chunk_value(made, &json!({}));
    value["choices"][0]["finish_reason"] = "stop".into();
    value["usage"] = made.chat_usage();
    event(None, &value)
}

fn id(made: &Made) -> String {
    format!("chatcmpl-sim{}", made.drawn.first().map_or("words", |picture| &picture.name))
}
