//! Anthropic's `/messages`: text and vision calls. A JSON schema is asked for as the input of the one tool that the model must
//! use, which every model and every gateway of this protocol knows.
//!
//! The system prompt has a member of its own, the key goes in `x-api-key`, and `anthropic-version` is always sent.

use imagemill_domain::chat::{ChatPart, ChatRequest};
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::batch::BatchAsk;
use crate::body::{self, PictureText};
use crate::chat::{ChatCall, ChatFuture, ChatProvider};
use crate::provider::PictureInput;
use crate::schema;
use crate::wire::{self, Wire};

/// Where the key goes.
pub(crate) const KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
/// The version of the protocol, unless the profile's headers name another.
pub(crate) const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

/// An account that speaks Messages.
pub(crate) struct Messages {
    wire: Wire,
}

impl Messages {
    /// Over `wire`, whose key goes in [`KEY_HEADER`].
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    /// `picture` gives bare base64: its media type is sent beside it.
    fn body(&self, request: &ChatRequest, pictures: &[PictureInput], picture: PictureText<'_>) -> Value {
        let mut number = 0;
        let part = |part: &ChatPart| match part {
            ChatPart::Text(text) => json!({"type": "text", "text": text}),
            ChatPart::Picture(_) => {
                let media_type = pictures[number].format.media_type();
                number += 1;
                let source = json!({"type": "base64", "media_type": media_type, "data": picture(number - 1)});
                json!({"type": "image", "source": source})
            }
        };
        let content: Value = request.parts.iter().map(part).collect();
        // This protocol has one name for the limit and refuses a request without it.
        let mut body = json!({
            "model": request.model,
            "max_tokens": request.max_tokens,
            "messages": [{"role": "user", "content": content}],
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        set("system", (!request.system.is_empty()).then(|| request.system.as_str().into()));
        set("stream", self.wire.profile.stream.map(Value::from));
        set("temperature", request.temperature.map(Value::from));
        set("output_config", request.reasoning_effort.as_ref().map(|effort| json!({"effort": effort})));
        if let Some(schema) = &request.schema {
            let description = "Gives the answer. Use it once, with the whole answer.";
            let tool = json!({"name": schema::NAME, "description": description, "input_schema": schema});
            set("tools", Some(json!([tool])));
            set("tool_choice", Some(json!({"type": "tool", "name": schema::NAME})));
        }
        self.wire.add_members(&mut body, &request.extra_body);
        body
    }
}

impl ChatProvider for Messages {
    fn chat<'a>(&'a self, call: ChatCall<'a>) -> ChatFuture<'a> {
        let value = self.body(call.request, call.pictures, &body::base64);
        let body = body::json(&value, call.pictures);
        let url = self.wire.words_endpoint("/v1", wire::MESSAGES);
        Box::pin(self.wire.chat(url, body, call))
    }

    fn batch_ask(&self, request: &ChatRequest, pictures: &[PictureInput]) -> BatchAsk {
        BatchAsk::new(wire::MESSAGES, self.body(request, pictures, &body::base64), pictures)
    }

    fn request_text(&self, request: &ChatRequest, pictures: &[PictureInput]) -> String {
        self.body(request, pictures, &|number| body::content_name(pictures, number)).to_string()
    }
}
