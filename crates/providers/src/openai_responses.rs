//! `/responses`: with the image generation tool (OpenAI), or as plain text with picture links (grok2api, xAI).

use imagemill_domain::failure::Failure;
use imagemill_domain::profile::TokenField;
use imagemill_domain::request::ImageRequest;
use serde_json::{Value, json};

use crate::batch::BatchAsk;
use crate::body::{self, PictureText};
use crate::provider::{CallFuture, ImageProvider, PictureInput, ProviderFuture, WireCall};
use crate::spool::{Spool, Spooled};
use crate::wire::{self, Wire};

/// Providers whose models answer with pictures by themselves and do not know the tool.
const WITHOUT_TOOL: [&str; 2] = ["grok2api", "xai"];

/// An account that speaks Responses.
pub(crate) struct Responses {
    wire: Wire,
}

impl Responses {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn body(&self, request: &ImageRequest, pictures: &[PictureInput], picture: PictureText<'_>) -> Value {
        let options = &request.options;
        let mut content = vec![json!({"type": "input_text", "text": request.prompt})];
        for number in 0..pictures.len() {
            content.push(json!({"type": "input_image", "image_url": picture(number)}));
        }
        let mut input = Vec::new();
        if !request.system_prompt.is_empty() {
            let words = json!([{"type": "input_text", "text": request.system_prompt}]);
            input.push(json!({"role": "system", "content": words}));
        }
        input.push(json!({"role": "user", "content": content}));
        let mut body = json!({"model": request.model, "input": input});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        set("stream", self.wire.stream(request).map(Value::from));
        set("temperature", options.temperature.map(Value::from));
        let field = match self.wire.profile.token_field {
            TokenField::Auto | TokenField::MaxOutputTokens => Some("max_output_tokens"),
            TokenField::MaxTokens => Some("max_tokens"),
            TokenField::MaxCompletionTokens => Some("max_completion_tokens"),
            TokenField::None => None,
        };
        if let (Some(field), Some(tokens)) = (field, options.max_tokens) {
            set(field, Some(tokens.into()));
        }
        if !WITHOUT_TOOL.contains(&self.wire.profile.provider.as_str()) {
            set("tools", Some(json!([tool(request)])));
            set("tool_choice", Some(json!({"type": "image_generation"})));
        }
        self.wire.add_extra(&mut body, request);
        body
    }
}

/// The image generation tool with the options of the picture.
fn tool(request: &ImageRequest) -> Value {
    let options = &request.options;
    let mut tool = json!({"type": "image_generation"});
    for (name, value) in [
        ("size", options.size.clone().map(Value::from)),
        ("quality", options.quality.clone().map(Value::from)),
        ("background", options.background.clone().map(Value::from)),
        ("output_format", options.output_format.clone().map(Value::from)),
        ("output_compression", options.output_compression.map(Value::from)),
    ] {
        if let Some(value) = value {
            tool[name] = value;
        }
    }
    tool
}

impl ImageProvider for Responses {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        let value = self.body(call.request, call.pictures, &|number| body::data_url(call.pictures, number));
        let body = body::json(&value, call.pictures);
        Box::pin(self.wire.call(wire::RESPONSES, body, call))
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        self.body(request, pictures, &|number| body::content_name(pictures, number)).to_string()
    }

    fn batch_ask(&self, request: &ImageRequest, pictures: &[PictureInput]) -> Option<BatchAsk> {
        let value = self.body(request, pictures, &|number| body::data_url(pictures, number));
        Some(BatchAsk::new(wire::RESPONSES, value, pictures))
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        Box::pin(self.wire.models())
    }
}
