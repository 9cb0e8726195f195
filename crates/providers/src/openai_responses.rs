//! `/responses`: with the image generation tool (OpenAI), or as plain text with picture links (grok2api, xAI).

use std::borrow::Cow;

use imagemill_domain::failure::Failure;
use imagemill_domain::profile::{Intake, Protocol, TokenField};
use imagemill_domain::request::ImageRequest;
use serde_json::{Value, json};

use crate::body::{self, PictureText};
use crate::json_call::JsonCall;
use crate::openai_files;
use crate::provider::{PictureInput, UploadFuture};
use crate::spool::Spool;
use crate::wire::{self, Wire};

/// Providers whose models answer with pictures by themselves and do not know the tool.
const WITHOUT_TOOL: [&str; 2] = ["grok2api", "xai"];

/// An account that speaks Responses.
pub(crate) struct Responses;

/// The image generation tool with the options of the picture.
fn tool(request: &ImageRequest) -> Value {
    let options = &request.options;
    let mut tool = json!({"type": "image_generation"});
    let members = [
        ("size", options.size.clone().map(Value::from)),
        ("quality", options.quality.clone().map(Value::from)),
        ("background", options.background.clone().map(Value::from)),
        ("output_format", options.output_format.clone().map(Value::from)),
        ("output_compression", options.output_compression.map(Value::from)),
    ];
    body::put(&mut tool, members);
    tool
}

impl JsonCall for Responses {
    fn endpoint(&self, _request: &ImageRequest, _has_pictures: bool) -> Cow<'static, str> {
        wire::RESPONSES.into()
    }

    fn intake(&self, wire: &Wire) -> Intake {
        Protocol::Responses.intake(wire.options.files)
    }

    fn upload<'a>(&'a self, wire: &'a Wire, picture: &'a PictureInput, spool: Spool) -> UploadFuture<'a> {
        Box::pin(openai_files::give(wire, picture, spool))
    }

    fn batch_endpoint(&self) -> Option<&'static str> {
        Some(wire::RESPONSES)
    }

    fn body(
        &self,
        wire: &Wire,
        request: &ImageRequest,
        pictures: &[PictureInput],
        picture: PictureText<'_>,
    ) -> Result<Value, Failure> {
        let options = &request.options;
        let mut content = vec![json!({"type": "input_text", "text": request.prompt})];
        for number in 0..pictures.len() {
            let mut part = openai_files::named(pictures, number, picture(number));
            part["type"] = "input_image".into();
            content.push(part);
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
        set("stream", wire.stream(request).map(Value::from));
        set("temperature", options.temperature.map(Value::from));
        let field = match wire.profile.token_field {
            TokenField::Auto | TokenField::MaxOutputTokens => Some("max_output_tokens"),
            TokenField::MaxTokens => Some("max_tokens"),
            TokenField::MaxCompletionTokens => Some("max_completion_tokens"),
            TokenField::None => None,
        };
        if let (Some(field), Some(tokens)) = (field, options.max_tokens) {
            set(field, Some(tokens.into()));
        }
        if !WITHOUT_TOOL.contains(&wire.profile.provider.as_str()) {
            set("tools", Some(json!([tool(request)])));
            set("tool_choice", Some(json!({"type": "image_generation"})));
        }
        Ok(body)
    }
}
