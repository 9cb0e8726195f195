//! `/chat/completions` with pictures as content parts (OpenAI, OpenRouter, Vercel, grok2api 1.x to 3.x and the like).

use std::borrow::Cow;

use imagemill_domain::failure::Failure;
use imagemill_domain::profile::TokenField;
use imagemill_domain::request::ImageRequest;
use serde_json::{Map, Value, json};

use crate::body::PictureText;
use crate::json_call::JsonCall;
use crate::provider::PictureInput;
use crate::wire::{self, Wire};

/// An account that speaks chat completions.
pub(crate) struct Chat;

/// Options of the picture: OpenRouter and grok2api take them in an object of their own.
fn image_config(request: &ImageRequest, grok: bool, router: bool) -> Map<String, Value> {
    let options = &request.options;
    let size = if router { "image_size" } else { "size" };
    [
        ("n", options.n.filter(|_| grok).map(Value::from)),
        (size, options.size.clone().map(Value::from)),
        ("aspect_ratio", options.aspect_ratio.clone().map(Value::from)),
        ("quality", options.quality.clone().map(Value::from)),
        ("background", options.background.clone().map(Value::from)),
        ("output_format", options.output_format.clone().map(Value::from)),
        ("output_compression", options.output_compression.map(Value::from)),
        ("response_format", options.response_format.clone().map(Value::from)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

impl JsonCall for Chat {
    fn endpoint(&self, _request: &ImageRequest, _has_pictures: bool) -> Cow<'static, str> {
        wire::CHAT.into()
    }

    fn batch_endpoint(&self) -> Option<&'static str> {
        Some(wire::CHAT)
    }

    fn body(
        &self,
        wire: &Wire,
        request: &ImageRequest,
        pictures: &[PictureInput],
        picture: PictureText<'_>,
    ) -> Result<Value, Failure> {
        let options = &request.options;
        let mut content = vec![json!({"type": "text", "text": request.prompt})];
        for number in 0..pictures.len() {
            content.push(json!({"type": "image_url", "image_url": {"url": picture(number)}}));
        }
        let mut messages = Vec::new();
        if !request.system_prompt.is_empty() {
            messages.push(json!({"role": "system", "content": request.system_prompt}));
        }
        messages.push(json!({"role": "user", "content": content}));
        let mut body = json!({"model": request.model, "messages": messages});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        let grok = wire.profile.provider == "grok2api";
        let router = wire.profile.provider == "openrouter";
        let stream = wire.stream(request);
        set("stream", stream.map(Value::from));
        // Without this the official endpoint streams no usage; lesser gateways may not know it.
        let counts = stream == Some(true) && matches!(wire.profile.provider.as_str(), "openai" | "openrouter");
        set("stream_options", counts.then(|| json!({"include_usage": true})));
        set("temperature", options.temperature.map(Value::from));
        set("seed", request.sample_seed().map(Value::from));
        set("n", options.n.filter(|_| !grok).map(Value::from));
        set("modalities", router.then(|| json!(["image", "text"])));
        let config = image_config(request, grok, router);
        set("image_config", (!config.is_empty()).then(|| config.into()));
        let field = match wire.profile.token_field {
            TokenField::Auto | TokenField::MaxTokens => Some("max_tokens"),
            TokenField::MaxCompletionTokens => Some("max_completion_tokens"),
            TokenField::MaxOutputTokens => Some("max_output_tokens"),
            TokenField::None => None,
        };
        if let (Some(field), Some(tokens)) = (field, options.max_tokens) {
            set(field, Some(tokens.into()));
        }
        Ok(body)
    }
}
