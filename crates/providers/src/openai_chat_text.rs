//! `/chat/completions` for words: text and vision calls, with a JSON schema where one is asked for.

use imagemill_domain::chat::{ChatPart, ChatRequest};
use imagemill_domain::profile::TokenField;
use serde_json::{Value, json};

use crate::batch::BatchAsk;
use crate::body::{self, PictureText};
use crate::chat::{ChatCall, ChatFuture, ChatProvider};
use crate::provider::PictureInput;
use crate::schema;
use crate::wire::{self, Wire};

/// Members of a profile's `extra_body` that make no sense where words are asked for.
const FOR_PICTURES: [&str; 2] = ["modalities", "image_config"];

/// An account that speaks chat completions.
pub(crate) struct ChatText {
    wire: Wire,
}

impl ChatText {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn body(&self, request: &ChatRequest, picture: PictureText<'_>) -> Value {
        let mut messages = Vec::new();
        if !request.system.is_empty() {
            messages.push(json!({"role": "system", "content": request.system}));
        }
        messages.push(json!({"role": "user", "content": content(request, picture)}));
        let mut body = json!({"model": request.model, "messages": messages});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        let stream = self.wire.profile.stream;
        set("stream", stream.map(Value::from));
        // Without this the official endpoint streams no usage; lesser gateways may not know it.
        let counts = stream == Some(true) && matches!(self.wire.profile.provider.as_str(), "openai" | "openrouter");
        set("stream_options", counts.then(|| json!({"include_usage": true})));
        set("temperature", request.temperature.map(Value::from));
        set("reasoning_effort", request.reasoning_effort.clone().map(Value::from));
        set(
            "response_format",
            request.schema.as_ref().map(|schema| {
                let schema = json!({"name": schema::NAME, "schema": schema, "strict": schema::is_strict(schema)});
                json!({"type": "json_schema", "json_schema": schema})
            }),
        );
        let field = match self.wire.profile.token_field {
            // OpenAI's reasoning models refuse the older name; many gateways do not know the newer one.
            TokenField::Auto if self.wire.profile.provider == "openai" => Some("max_completion_tokens"),
            TokenField::Auto | TokenField::MaxTokens => Some("max_tokens"),
            TokenField::MaxCompletionTokens => Some("max_completion_tokens"),
            TokenField::MaxOutputTokens => Some("max_output_tokens"),
            TokenField::None => None,
        };
        if let Some(field) = field {
            set(field, Some(request.max_tokens.into()));
        }
        self.wire.add_members(&mut body, &request.extra_body);
        // A profile for pictures may ask for them with every call.
        for name in FOR_PICTURES.iter().filter(|name| !request.extra_body.contains_key(**name)) {
            body.as_object_mut().map(|members| members.remove(*name));
        }
        body
    }
}

/// Plain words as a text, which every gateway takes; with pictures a list of parts.
fn content(request: &ChatRequest, picture: PictureText<'_>) -> Value {
    if let [ChatPart::Text(text)] = request.parts.as_slice() {
        return text.as_str().into();
    }
    let mut number = 0;
    let part = |part: &ChatPart| match part {
        ChatPart::Text(text) => json!({"type": "text", "text": text}),
        ChatPart::Picture(_) => {
            number += 1;
            json!({"type": "image_url", "image_url": {"url": picture(number - 1)}})
        }
    };
    request.parts.iter().map(part).collect()
}

impl ChatProvider for ChatText {
    fn chat<'a>(&'a self, call: ChatCall<'a>) -> ChatFuture<'a> {
        let value = self.body(call.request, &|number| body::data_url(call.pictures, number));
        let body = body::json(&value, call.pictures);
        let url = self.wire.words_endpoint("/v1", wire::CHAT);
        Box::pin(self.wire.chat(url, body, call))
    }

    fn batch_ask(&self, request: &ChatRequest, pictures: &[PictureInput]) -> BatchAsk {
        BatchAsk::new(wire::CHAT, self.body(request, &|number| body::data_url(pictures, number)), pictures)
    }

    fn request_text(&self, request: &ChatRequest, pictures: &[PictureInput]) -> String {
        self.body(request, &|number| body::content_name(pictures, number)).to_string()
    }
}
