//! Gemini's `/models/{model}:generateContent`: pictures in and out as `inlineData`.
//!
//! The key goes in the header `x-goog-api-key`, never in the address, where it would get into logs. The form is that of the
//! official python-genai client.

use imagemill_domain::failure::Failure;
use imagemill_domain::request::ImageRequest;
use reqwest::header::HeaderName;
use serde_json::{Map, Value, json};

use crate::batch::BatchAsk;
use crate::body::{self, PictureText};
use crate::provider::{CallFuture, ImageProvider, PictureInput, ProviderFuture, WireCall};
use crate::spool::{Spool, Spooled};
use crate::wire::Wire;

/// Where the key goes.
pub(crate) const KEY_HEADER: HeaderName = HeaderName::from_static("x-goog-api-key");

/// An account that speaks generateContent.
pub(crate) struct Gemini {
    wire: Wire,
}

impl Gemini {
    /// Over `wire`, whose key goes in [`KEY_HEADER`].
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    /// `parts` says how a picture is written: its media type is sent beside its bytes.
    fn body(&self, request: &ImageRequest, pictures: &[PictureInput], picture: PictureText<'_>) -> Value {
        let options = &request.options;
        // Picture models take no system instruction, so it is the first paragraph.
        let mut parts = vec![json!({"text": request.whole_prompt()})];
        for (number, input) in pictures.iter().enumerate() {
            let media_type = input.format.media_type();
            parts.push(json!({"inlineData": {"mimeType": media_type, "data": picture(number)}}));
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
            ("seed", options.seed.map(|seed| seed.wrapping_add(i64::from(request.sample)).into())),
            ("temperature", options.temperature.map(Value::from)),
            ("maxOutputTokens", options.max_tokens.map(Value::from)),
        ] {
            config.extend(value.map(|value| (name.to_owned(), value)));
        }
        let mut body = json!({"contents": [{"role": "user", "parts": parts}], "generationConfig": config});
        self.wire.add_extra(&mut body, request);
        body
    }
}

impl ImageProvider for Gemini {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        let value = self.body(call.request, call.pictures, &body::base64);
        let body = body::json(&value, call.pictures);
        let model = &call.request.model;
        let endpoint = format!("/models/{}:generateContent", model.strip_prefix("models/").unwrap_or(model));
        Box::pin(async move { self.wire.call(&endpoint, body, call).await })
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        let mut value = self.body(request, pictures, &|number| body::content_name(pictures, number));
        // The model stands in the address; the ledger shows it all the same.
        value["model"] = request.model.as_str().into();
        value.to_string()
    }

    fn batch_ask(&self, request: &ImageRequest, pictures: &[PictureInput]) -> Option<BatchAsk> {
        Some(BatchAsk::new("", self.body(request, pictures, &body::base64), pictures))
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        Box::pin(self.wire.models())
    }
}

#[cfg(test)]
mod tests;
