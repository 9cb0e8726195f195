//! Gemini's `/models/{model}:generateContent`: words, or pictures as `inlineData`, refusals inside a 200, errors in Google's shape. It
//! must not draw.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::answer::{self, Answer, Refused, bad_request, mark};
use crate::batch_forms;
use crate::call::{Asked, Made, make};
use crate::chat::{WORDS, is_text_model};
use crate::request::{self, ratio_size};
use crate::shapes;
use crate::state::Shared;
use crate::uploads;
use crate::words::{Finish, Said, say};

/// `POST /models/{model}:generateContent`.
pub(crate) async fn generate_content(
    State(shared): State<Arc<Shared>>,
    Path(call): Path<String>,
    request: Request,
) -> Response {
    let answer = match call.rsplit_once(':') {
        Some((model, "generateContent")) => respond(&shared, model, request).await,
        Some((model, "batchGenerateContent")) => batch_forms::gemini_create(&shared, model, request).await,
        _ => Err(bad_request("not_found", "There is no such method here.", None)),
    };
    match answer {
        Ok(answer) => answer,
        Err(refused) => answer::rewritten(refused.into_response(), in_googles_words).await,
    }
}

async fn respond(shared: &Arc<Shared>, model: &str, request: Request) -> Result<Response, Refused> {
    let incoming = request::read_for(shared, request, model).await?;
    let Some(contents) = incoming.fields.get("contents").and_then(Value::as_array).filter(|list| !list.is_empty())
    else {
        return Err(bad_request(
            "invalid_request",
            "* GenerateContentRequest.contents: contents is not specified",
            None,
        ));
    };
    let (mut prompt, mut sources) = (Vec::new(), Vec::new());
    for part in contents.iter().filter_map(|content| content["parts"].as_array()).flatten() {
        if let Some(text) = part["text"].as_str() {
            prompt.push(text.to_owned());
        }
        let inline = &part["inlineData"];
        if let (Some(media_type), Some(data)) = (inline["mimeType"].as_str(), inline["data"].as_str()) {
            sources.push(request::source(shared, &format!("data:{media_type};base64,{data}"), false)?);
        }
        if let Some(uri) = part["fileData"]["fileUri"].as_str() {
            sources.push(uploads::of_gemini(shared, uri)?);
        }
    }
    let config = incoming.fields.get("generationConfig").cloned().unwrap_or_default();
    let image = &config["imageConfig"];
    let scale = match image["imageSize"].as_str() {
        None | Some("1K") => 1,
        Some("2K") => 2,
        Some("4K") => 4,
        Some(_) => return Err(bad_request("invalid_request", "imageSize must be one of 1K, 2K, 4K", None)),
    };
    let ratio = image["aspectRatio"].as_str().or((scale > 1).then_some("1:1"));
    let named = ratio.and_then(ratio_size).map(|(width, height)| (width * scale, height * scale));
    let schema = config.get("responseJsonSchema").cloned();
    let wants_pictures =
        config["responseModalities"].as_array().is_some_and(|list| list.iter().any(|modality| modality == "IMAGE"));
    let for_words = schema.is_some() || is_text_model(&incoming.model) || incoming.behaviour.is_about_words();
    let system = incoming.fields.get("systemInstruction").map_or(0, |system| system.to_string().len());
    let most_tokens = config["maxOutputTokens"].as_u64();
    let asked = Asked {
        size: incoming.size()?.or(named),
        format: incoming.format()?,
        request_id: incoming.request_id,
        model: incoming.model,
        behaviour: incoming.behaviour,
        prompt: prompt.join("\n"),
        sources,
        count: 1,
        seed: config["seed"].as_u64(),
        draft: false,
    };
    if for_words && !wants_pictures {
        let letters = asked.prompt.len() + system + schema.as_ref().map_or(0, |schema| schema.to_string().len());
        let said = say(shared, asked, schema, letters, most_tokens).await?;
        return Ok(said.send(shared, Answer::json(&words(&said), &[])));
    }
    let made = make(shared, asked).await?;
    let answer = shapes::forced(shared, &made).unwrap_or_else(|| whole(shared, &made));
    Ok(made.send(shared, answer))
}

fn whole(shared: &Shared, made: &Made) -> Answer {
    let mut parts = vec![json!({"text": if made.results == 0 { WORDS } else { "Here it is." }})];
    for index in made.indexes() {
        let media_type = made.media_type(index);
        parts.push(if made.as_link(false) {
            json!({"fileData": {"mimeType": media_type, "fileUri": made.link(shared, index, false)}})
        } else {
            json!({"inlineData": {"mimeType": media_type, "data": mark(index)}})
        });
    }
    let missing = made.behaviour.one_missing && made.results == 0;
    let value = json!({
        "candidates": [{
            "content": {"role": "model", "parts": parts},
            "finishReason": if missing { "NO_IMAGE" } else { "STOP" },
            "index": 0,
        }],
        "usageMetadata": {
            "promptTokenCount": made.input_text_tokens + made.input_image_tokens,
            "candidatesTokenCount": made.output_tokens,
            "totalTokenCount": made.input_text_tokens + made.input_image_tokens + made.output_tokens,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": made.input_text_tokens},
                {"modality": "IMAGE", "tokenCount": made.input_image_tokens},
            ],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": made.output_tokens}],
        },
        "modelVersion": made.model,
        "responseId": format!("sim{}", made.created),
    });
    Answer::json(&value, &made.drawn)
}

/// An answer in words.
fn words(said: &Said) -> Value {
    let finish = match said.finish {
        Finish::Stop => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filter => "SAFETY",
    };
    json!({
        "candidates": [{"content": {"role": "model", "parts": [{"text": said.text}]}, "finishReason": finish, "index": 0}],
        "usageMetadata": {
            "promptTokenCount": said.input_tokens,
            "candidatesTokenCount": said.output_tokens,
            "totalTokenCount": said.input_tokens + said.output_tokens,
        },
        "modelVersion": said.model,
        "responseId": format!("sim{}", said.created),
    })
}

/// The models as Google lists them.
pub(crate) async fn models() -> Response {
    let models = crate::faults::NORMAL_MODELS
        .iter()
        .map(|name| json!({"name": format!("models/{name}"), "supportedGenerationMethods": ["generateContent"]}));
    axum::Json(json!({"models": models.collect::<Vec<_>>()})).into_response()
}

/// OpenAI's error in Google's shape. A refusal is no error there.
fn in_googles_words(status: StatusCode, retry_after_s: Option<u64>, error: &Value) -> Response {
    if error["code"] == "moderation_blocked" {
        let value = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": error["message"]},
            "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1}});
        return axum::Json(value).into_response();
    }
    let word = match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let details: Vec<Value> = retry_after_s
        .map(
            |seconds| json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}),
        )
        .into_iter()
        .collect();
    let body =
        json!({"error": {"code": status.as_u16(), "message": error["message"], "status": word, "details": details}});
    (status, [(header::CONTENT_TYPE, answer::JSON)], body.to_string()).into_response()
}
