//! `/responses` for words: text and vision calls, with a JSON schema where one is asked for.

use imagemill_domain::chat::{ChatPart, ChatRequest};
use imagemill_domain::profile::TokenField;
use serde_json::{Value, json};

use crate::batch::BatchAsk;
use crate::body::{self, PictureText};
use crate::chat::{ChatCall, ChatFuture, ChatProvider};
use crate::provider::PictureInput;
use crate::schema;
use crate::wire::{self, Wire};

/// An account that speaks Responses.
pub(crate) struct ResponsesText {
    wire: Wire,
}

impl ResponsesText {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn body(&self, request: &ChatRequest, picture: PictureText<'_>) -> Value {
        let mut number = 0;
        let part = |part: &ChatPart| match part {
            ChatPart::Text(text) => json!({"type": "input_text", "text": text}),
            ChatPart::Picture(_) => {
                number += 1;
                json!({"type": "input_image", "image_url": picture(number - 1)})
            }
        };
        let content: Value = request.parts.iter().map(part).collect();
        let mut body = json!({"model": request.model, "input": [{"role": "user", "content": content}]});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        set("instructions", (!request.system.is_empty()).then(|| request.system.as_str().into()));
        set("stream", self.wire.profile.stream.map(Value::from));
        set("temperature", request.temperature.map(Value::from));
        set("reasoning", request.reasoning_effort.as_ref().map(|effort| json!({"effort": effort})));
        set(
            "text",
            request.schema.as_ref().map(|schema| {
                let strict = schema::is_strict(schema);
                json!({"format": {"type": "json_schema", "name": schema::NAME, "schema": schema, "strict": strict}})
            }),
        );
        let field = match self.wire.profile.token_field {
            TokenField::Auto | TokenField::MaxOutputTokens => Some("max_output_tokens"),
            TokenField::MaxTokens => Some("max_tokens"),
            TokenField::MaxCompletionTokens => Some("max_completion_tokens"),
            TokenField::None => None,
        };
        if let Some(field) = field {
            set(field, Some(request.max_tokens.into()));
        }
        self.wire.add_members(&mut body, &request.extra_body);
        body
    }
}

impl ChatProvider for ResponsesText {
    fn chat<'a>(&'a self, call: ChatCall<'a>) -> ChatFuture<'a> {
        let value = self.body(call.request, &|number| body::data_url(call.pictures, number));
        let body = body::json(&value, call.pictures);
        let url = self.wire.words_endpoint("/v1", wire::RESPONSES);
        Box::pin(self.wire.chat(url, body, call))
    }

    fn batch_ask(&self, request: &ChatRequest, pictures: &[PictureInput]) -> BatchAsk {
        BatchAsk::new(wire::RESPONSES, self.body(request, &|number| body::data_url(pictures, number)), pictures)
    }

    fn request_text(&self, request: &ChatRequest, pictures: &[PictureInput]) -> String {
        self.body(request, &|number| body::content_name(pictures, number)).to_string()
    }
}
