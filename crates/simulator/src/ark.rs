//! Seedream's images form on Volcengine Ark: sets, single pictures of a set that fail inside a 200, one event for each picture
//! of a streamed set. It must not draw.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::answer::{self, Answer, EVENT_STREAM, Refused, bad_request, event, mark};
use crate::call::{Asked, Made, make};
use crate::request::{self, Incoming};
use crate::shapes;
use crate::state::Shared;

/// `POST /api/v3/images/generations`.
pub(crate) async fn generations(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match respond(&shared, request).await {
        Ok(answer) => answer,
        Err(refused) => answer::rewritten(refused.into_response(), in_arks_words).await,
    }
}

async fn respond(shared: &Arc<Shared>, request: Request) -> Result<Response, Refused> {
    let mut incoming = request::read(shared, request, false).await?;
    let Some(prompt) = incoming.text("prompt").map(str::to_owned) else {
        return Err(bad_request("MissingParameter", "The request is missing prompt.", Some("prompt")));
    };
    if incoming.fields.contains_key("n") {
        return Err(bad_request("InvalidParameter.n", "The parameter n is not supported.", Some("n")));
    }
    let sources = match incoming.fields.get("image") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(url)) => vec![request::source(shared, url, false)?],
        Some(Value::Array(urls)) => urls
            .iter()
            .map(|url| request::source(shared, url.as_str().unwrap_or_default(), false))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(bad_request("InvalidParameter.image", "image is a text or a list.", Some("image"))),
    };
    let count = set_of(&incoming)?;
    if sources.len() as u64 + u64::from(count) > 15 {
        let message = "The sum of input and output images exceeds 15.";
        return Err(bad_request("InvalidParameter.max_images", message, Some("image")));
    }
    // A name of a size is an area: a square here.
    let edge = match incoming.text("size") {
        Some("1K") => Some(1024),
        Some("2K") => Some(2048),
        Some("3K") => Some(3072),
        Some("4K") => Some(4096),
        _ => None,
    };
    if edge.is_some() {
        incoming.fields.remove("size");
    }
    let (size, format) = (incoming.size()?.or(edge.map(|edge| (edge, edge))), incoming.format()?);
    let wants_link = incoming.text("response_format") != Some("b64_json");
    let stream = incoming.flag("stream")?;
    let asked = Asked {
        size,
        format,
        seed: incoming.number("seed", 0..=u64::MAX)?,
        request_id: incoming.request_id,
        model: incoming.model,
        behaviour: incoming.behaviour,
        prompt,
        sources,
        count,
        draft: false,
    };
    let made = make(shared, asked).await?;
    let answer = match shapes::forced(shared, &made) {
        Some(answer) => answer,
        None if stream => streamed(shared, &made, wants_link),
        None => plain(shared, &made, wants_link),
    };
    Ok(made.send(shared, answer))
}

/// How many pictures a request asks for.
fn set_of(incoming: &Incoming) -> Result<u32, Refused> {
    if incoming.text("sequential_image_generation") != Some("auto") {
        return Ok(1);
    }
    match incoming.fields.get("sequential_image_generation_options").and_then(|options| options["max_images"].as_u64())
    {
        None => Ok(15),
        Some(most @ 1..=15) => Ok(most as u32),
        Some(_) => {
            let message = "max_images must be from 1 to 15.";
            Err(bad_request("InvalidParameter.max_images", message, Some("sequential_image_generation_options")))
        }
    }
}

/// One picture of a set.
fn item(shared: &Shared, made: &Made, index: usize, wants_link: bool) -> Value {
    let picture = &made.drawn[index];
    let size = format!("{}x{}", picture.width, picture.height);
    if made.as_link(wants_link) {
        json!({"url": made.link(shared, index, false), "size": size})
    } else {
        json!({"b64_json": mark(index), "size": size})
    }
}

/// What stands for the picture that is missing with `n-1`.
fn missing(made: &Made) -> Option<Value> {
    made.behaviour.one_missing.then(|| {
        json!({"code": "OutputImageSensitiveContentDetected",
            "message": "The output image may contain sensitive information (the simulator withholds it on purpose)."})
    })
}

fn usage(made: &Made) -> Value {
    json!({"generated_images": made.results, "output_tokens": made.output_tokens, "total_tokens": made.output_tokens})
}

fn plain(shared: &Shared, made: &Made, wants_link: bool) -> Answer {
    let items = made.indexes().map(|index| item(shared, made, index, wants_link));
    let data: Vec<Value> = items.chain(missing(made).map(|error| json!({"error": error}))).collect();
    let value = json!({"model": made.model, "created": made.created, "data": data, "usage": usage(made)});
    Answer::json(&value, &made.drawn)
}

fn streamed(shared: &Shared, made: &Made, wants_link: bool) -> Answer {
    let mut text = String::new();
    let mut push = |kind: &str, mut value: Value| {
        let kind = format!("image_generation.{kind}");
        value["type"] = kind.as_str().into();
        value["created_at"] = made.created.into();
        value["model"] = made.model.as_str().into();
        text += &event(Some(&kind), &value);
    };
    for index in made.indexes() {
        let mut value = item(shared, made, index, wants_link);
        value["image_index"] = index.into();
        push("partial_succeeded", value);
    }
    if let Some(error) = missing(made) {
        push("partial_failed", json!({"image_index": made.results, "error": error}));
    }
    push("completed", json!({"usage": usage(made)}));
    Answer::text(EVENT_STREAM, text, &made.drawn)
}

/// OpenAI's error with Ark's codes.
fn in_arks_words(status: StatusCode, retry_after_s: Option<u64>, error: &Value) -> Response {
    let code = match error["code"].as_str().unwrap_or_default() {
        "moderation_blocked" => "InputTextSensitiveContentDetected",
        "rate_limit_exceeded" => "RateLimitExceeded.EndpointRPMExceeded",
        "internal_error" => "InternalServiceError",
        "invalid_api_key" => "AuthenticationError",
        "model_not_found" => "InvalidEndpointOrModel.NotFound",
        other => other,
    };
    let body =
        json!({"error": {"code": code, "message": error["message"], "type": "BadRequest", "param": error["param"]}});
    let mut response = (status, [(header::CONTENT_TYPE, answer::JSON)], body.to_string()).into_response();
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
