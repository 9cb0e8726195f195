//! Gemini's `/models/{model}:generateContent`: pictures in and out as `inlineData`, large ones in by `fileData`.
//!
//! The key goes in the header `x-goog-api-key`, never in the address, where it would get into logs. The form is that of the
//! official python-genai client.

use std::borrow::Cow;

use imagemill_domain::failure::Failure;
use imagemill_domain::profile::Protocol;
use imagemill_domain::request::ImageRequest;
use reqwest::header::HeaderName;
use serde_json::{Map, Value, json};

use crate::body::{self, PictureText};
use crate::gemini_files;
use crate::json_call::JsonCall;
use crate::provider::{Intake, PictureInput, UploadFuture};
use crate::spool::Spool;
use crate::uploads;
use crate::wire::Wire;

/// Where the key goes.
pub(crate) const KEY_HEADER: HeaderName = HeaderName::from_static("x-goog-api-key");

/// An account that speaks generateContent.
pub(crate) struct Gemini;

impl JsonCall for Gemini {
    fn endpoint(&self, request: &ImageRequest, _has_pictures: bool) -> Cow<'static, str> {
        format!("/models/{}:generateContent", request.model.strip_prefix("models/").unwrap_or(&request.model)).into()
    }

    fn written(&self, pictures: &[PictureInput], number: usize) -> String {
        pictures[number].address.clone().unwrap_or_else(|| body::base64(number))
    }

    fn intake(&self, _wire: &Wire) -> Intake {
        Protocol::Gemini.intake(false)
    }

    fn upload<'a>(&'a self, wire: &'a Wire, picture: &'a PictureInput, _spool: Spool) -> UploadFuture<'a> {
        Box::pin(async move {
            let name = format!("imagemill-{}", picture.blake3.short());
            let file = gemini_files::give(wire, &name, uploads::raw(picture)).await.map_err(uploads::not_uploaded)?;
            let address = file["uri"].as_str().ok_or_else(uploads::no_address)?;
            Ok(uploads::uploaded(address.to_owned(), file.get("expirationTime")))
        })
    }

    fn batch_endpoint(&self) -> Option<&'static str> {
        Some("")
    }

    fn body(
        &self,
        _wire: &Wire,
        request: &ImageRequest,
        pictures: &[PictureInput],
        picture: PictureText<'_>,
    ) -> Result<Value, Failure> {
        let options = &request.options;
        // Picture models take no system instruction, so it is the first paragraph.
        let mut parts = vec![json!({"text": request.whole_prompt()})];
        for (number, input) in pictures.iter().enumerate() {
            let media_type = input.format.media_type();
            parts.push(match input.address {
                Some(_) => json!({"fileData": {"mimeType": media_type, "fileUri": picture(number)}}),
                None => json!({"inlineData": {"mimeType": media_type, "data": picture(number)}}),
            });
        }
        let mut config = Map::new();
        config.insert("responseModalities".into(), json!(["TEXT", "IMAGE"]));
        let mut image = Map::new();
        for (name, value) in [("aspectRatio", &options.aspect_ratio), ("imageSize", &options.size)] {
            image.extend(value.as_ref().map(|value| (name.to_owned(), Value::from(value.as_str()))));
        }
        if !image.is_empty() {
            config.insert("imageConfig".into(), image.into());
        }
        for (name, value) in [
            ("seed", request.sample_seed().map(Value::from)),
            ("temperature", options.temperature.map(Value::from)),
            ("maxOutputTokens", options.max_tokens.map(Value::from)),
        ] {
            config.extend(value.map(|value| (name.to_owned(), value)));
        }
        let body = json!({"contents": [{"role": "user", "parts": parts}], "generationConfig": config});
        Ok(body)
    }
}

#[cfg(test)]
mod tests;
