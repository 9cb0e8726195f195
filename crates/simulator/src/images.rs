//! `/images/generations` and `/images/edits` (JSON and multipart), as one answer or as a stream. It must not draw.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, EVENT_STREAM, Refused, bad_request, event, mark};
use crate::call::{Asked, Made, make};
use crate::request::{self, Incoming, wrong_type};
use crate::shapes;
use crate::state::Shared;
use crate::uploads;

/// What GPT image models take; anything else is refused, as OpenAI does.
const GPT_IMAGE_PARAMETERS: [&str; 16] = [
    "model",
    "prompt",
    "n",
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "stream",
    "partial_images",
    "user",
    "moderation",
    "input_fidelity",
    "mask",
    "image",
    "images",
];

/// `POST /images/generations`.
pub(crate) async fn generations(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let answer = async {
        let incoming = request::read(&shared, request, false).await?;
        respond(&shared, incoming, Vec::new()).await
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// OpenRouter's `POST /images`: references stand in `input_references`.
pub(crate) async fn unified(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let answer = async {
        let mut incoming = request::read(&shared, request, false).await?;
        if let Some(references) = incoming.fields.remove("input_references") {
            incoming.fields.insert("images".to_owned(), references);
        }
        let sources = sources(&shared, &incoming)?;
        respond(&shared, incoming, sources).await
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `POST /images/edits`.
pub(crate) async fn edits(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let answer = async {
        let incoming = request::read(&shared, request, true).await?;
        // the gateway's present line takes JSON only; its first line took forms only
        if incoming.multipart && incoming.model == "grok-imagine-image-edit" {
            return Err(wrong_type("multipart/form-data").into());
        }
        let sources = sources(&shared, &incoming)?;
        if sources.is_empty() {
            return Err(bad_request(
                "missing_required_parameter",
                "Missing required parameter: 'image'.",
                Some("image"),
            ));
        }
        respond(&shared, incoming, sources).await
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

fn sources(shared: &Shared, incoming: &Incoming) -> Result<Vec<bytes::Bytes>, Refused> {
    if incoming.multipart {
        let files = incoming.files.iter().filter(|(name, _)| name != "mask");
        return Ok(files.map(|(_, bytes)| bytes.clone()).collect());
    }
    let strict = incoming.model == "grok-imagine-image-edit";
    let listed = ["image", "images"].into_iter().filter_map(|name| incoming.fields.get(name));
    let each = listed.flat_map(|value| match value {
        Value::Array(items) => items.iter().collect::<Vec<_>>(),
        Value::Null => Vec::new(),
        one => vec![one],
    });
    each.map(|item| {
        if let Some(id) = item.get("file_id").and_then(Value::as_str) {
            return uploads::of_openai(shared, id);
        }
        let url = match item {
            Value::String(url) => Some(url.as_str()),
            Value::Object(fields) => url_of(fields),
            _ => None,
        };
        let message = "The simulator takes pictures as 'image_url', 'url' or 'file_id'.";
        let url = url.ok_or_else(|| bad_request("invalid_image_input", message, Some("images")))?;
        request::source(shared, url, strict)
    })
    .collect()
}

fn url_of(fields: &Map<String, Value>) -> Option<&str> {
    match fields.get("image_url").or_else(|| fields.get("url"))? {
        Value::String(url) => Some(url),
        Value::Object(inner) => inner.get("url")?.as_str(),
        _ => None,
    }
}

async fn respond(shared: &Arc<Shared>, incoming: Incoming, sources: Vec<bytes::Bytes>) -> Result<Response, Refused> {
    let is_gpt_image = incoming.model.starts_with("gpt-image-") || incoming.model == "chatgpt-image-latest";
    let unknown = |name: &&String| !GPT_IMAGE_PARAMETERS.contains(&name.as_str());
    if let Some(unknown) = incoming.fields.keys().find(unknown).filter(|_| is_gpt_image) {
        return Err(bad_request("unknown_parameter", &format!("Unknown parameter: '{unknown}'."), Some(unknown)));
    }
    let Some(prompt) = incoming.text("prompt") else {
        return Err(bad_request("missing_required_parameter", "Missing required parameter: 'prompt'.", Some("prompt")));
    };
    let prompt = prompt.to_owned();
    let stream = incoming.flag("stream")?;
    let partial_images = incoming.number("partial_images", 0..=3)?.unwrap_or(0);
    let count = incoming.number("n", 1..=10)?.unwrap_or(1) as u32;
    let wants_link = match incoming.text("response_format") {
        Some("url") => true,
        Some("b64_json" | "base64") => false,
        None => incoming.model.starts_with("grok-"),
        Some(other) => {
            let message = format!("Invalid value: '{other}'. Supported values are: 'url' and 'b64_json'.");
            return Err(bad_request("invalid_value", &message, Some("response_format")));
        }
    };
    let (size, format) = (incoming.size()?, incoming.format()?);
    let seed = incoming.number("seed", 0..=u64::MAX)?;
    let asked = Asked {
        request_id: incoming.request_id,
        model: incoming.model,
        behaviour: incoming.behaviour,
        prompt,
        sources,
        count,
        size,
        format,
        seed,
        draft: stream && partial_images > 0,
    };
    let made = make(shared, asked).await?;
    let answer = match shapes::forced(shared, &made) {
        Some(answer) => answer,
        None if stream => streamed(&made, partial_images),
        None => plain(shared, &made, wants_link),
    };
    Ok(made.send(shared, answer))
}

/// One JSON answer.
pub(crate) fn plain(shared: &Shared, made: &Made, wants_link: bool) -> Answer {
    let as_link = made.as_link(wants_link);
    let data: Vec<Value> = made
        .indexes()
        .map(|index| {
            let mut item = Map::new();
            if as_link {
                item.insert("url".to_owned(), made.link(shared, index, false).into());
            } else {
                item.insert("b64_json".to_owned(), mark(index).into());
            }
            if made.model.starts_with("grok-") || made.behaviour.wrong_mime {
                item.insert("mime_type".to_owned(), made.media_type(index).into());
                item.insert("revised_prompt".to_owned(), "".into());
            }
            Value::Object(item)
        })
        .collect();
    let mut answer = json!({"created": made.created, "data": data, "usage": made.usage()});
    if let Some(first) = made.drawn.first() {
        answer["background"] = "opaque".into();
        answer["output_format"] = first.format.word().into();
        answer["quality"] = "medium".into();
        answer["size"] = format!("{}x{}", first.width, first.height).into();
    }
    Answer::json(&answer, &made.drawn)
}

/// Partial pictures and completed ones, without a closing `[DONE]`, as OpenAI sends them.
pub(crate) fn streamed(made: &Made, partial_images: u64) -> Answer {
    let prefix = if made.is_edit { "image_edit" } else { "image_generation" };
    let common = |index: usize, kind: &str| {
        let picture = &made.drawn[index];
        json!({
            "type": format!("{prefix}.{kind}"),
            "b64_json": mark(index),
            "created_at": made.created,
            "size": format!("{}x{}", picture.width, picture.height),
            "quality": "medium",
            "background": "opaque",
            "output_format": picture.format.word(),
        })
    };
    let mut text = String::new();
    for index in made.indexes() {
        if let Some(draft) = made.draft() {
            for partial in 0..partial_images {
                let mut value = common(draft, "partial_image");
                value["partial_image_index"] = partial.into();
                text += &event(Some(&format!("{prefix}.partial_image")), &value);
            }
        }
        let mut value = common(index, "completed");
        value["usage"] = made.usage();
        text += &event(Some(&format!("{prefix}.completed")), &value);
    }
    Answer::text(EVENT_STREAM, text, &made.drawn)
}
