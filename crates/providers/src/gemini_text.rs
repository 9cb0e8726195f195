//! Gemini's `/models/{model}:generateContent` for words: text and vision calls, with a JSON schema where one is asked for.
//!
//! The key goes in the header `x-goog-api-key`, never in the address, where it would get into logs.

use imagemill_domain::chat::{ChatPart, ChatRequest};
use serde_json::{Map, Value, json};

use crate::batch::BatchAsk;
use crate::body::{self, PictureText};
use crate::chat::{ChatCall, ChatFuture, ChatProvider};
use crate::provider::PictureInput;
use crate::wire::Wire;

/// An account that speaks generateContent.
pub(crate) struct GeminiText {
    wire: Wire,
}

impl GeminiText {
    /// Over `wire`, whose key goes in [`crate::gemini::KEY_HEADER`].
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    /// `picture` gives bare base64: its media type is sent beside it.
    fn body(&self, request: &ChatRequest, pictures: &[PictureInput], picture: PictureText<'_>) -> Value {
        let mut number = 0;
        let part = |part: &ChatPart| match part {
            ChatPart::Text(text) => json!({"text": text}),
            ChatPart::Picture(_) => {
                let media_type = pictures[number].format.media_type();
                number += 1;
                json!({"inlineData": {"mimeType": media_type, "data": picture(number - 1)}})
            }
        };
        let parts: Value = request.parts.iter().map(part).collect();
        let mut config = Map::new();
        config.insert("maxOutputTokens".into(), request.max_tokens.into());
        config.extend(request.temperature.map(|value| ("temperature".to_owned(), value.into())));
        let effort = request.reasoning_effort.as_ref();
        config.extend(effort.map(|effort| ("thinkingConfig".to_owned(), json!({"thinkingLevel": effort}))));
        if let Some(schema) = &request.schema {
            config.insert("responseMimeType".into(), "application/json".into());
            config.insert("responseJsonSchema".into(), schema.clone());
        }
        let mut body = json!({"contents": [{"role": "user", "parts": parts}], "generationConfig": config});
        if !request.system.is_empty() {
            body["systemInstruction"] = json!({"parts": [{"text": request.system}]});
        }
        self.wire.add_members(&mut body, &request.extra_body);
        body
    }
}

impl ChatProvider for GeminiText {
    fn chat<'a>(&'a self, call: ChatCall<'a>) -> ChatFuture<'a> {
        let value = self.body(call.request, call.pictures, &body::base64);
        let body = body::json(&value, call.pictures);
        let model = &call.request.model;
        let endpoint = format!("/models/{}:generateContent", model.strip_prefix("models/").unwrap_or(model));
        let url = self.wire.words_endpoint("/v1beta", &endpoint);
        Box::pin(self.wire.chat(url, body, call))
    }

    fn batch_ask(&self, request: &ChatRequest, pictures: &[PictureInput]) -> BatchAsk {
        BatchAsk::new("", self.body(request, pictures, &body::base64), pictures)
    }

    fn request_text(&self, request: &ChatRequest, pictures: &[PictureInput]) -> String {
        let mut value = self.body(request, pictures, &|number| body::content_name(pictures, number));
        // The model stands in the address; the ledger shows it all the same.
        value["model"] = request.model.as_str().into();
        value.to_string()
    }
}
