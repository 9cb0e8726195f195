//! OpenRouter's `/images`: one endpoint for pictures from words and from pictures, with the cost in dollars in each answer.
//!
//! The form is that of the openrouter-rs client. Errors may come inside a 200.

use std::borrow::Cow;

use imagemill_domain::failure::Failure;
use imagemill_domain::request::ImageRequest;
use imagemill_domain::sizes::is_name;
use serde_json::{Value, json};

use crate::body::{self, PictureText};
use crate::json_call::JsonCall;
use crate::provider::PictureInput;
use crate::wire::{self, Wire};

/// An account that speaks OpenRouter's images form.
pub(crate) struct OpenrouterImages;

impl JsonCall for OpenrouterImages {
    fn endpoint(&self, _request: &ImageRequest, _has_pictures: bool) -> Cow<'static, str> {
        wire::IMAGES.into()
    }

    fn body(
        &self,
        wire: &Wire,
        request: &ImageRequest,
        pictures: &[PictureInput],
        picture: PictureText<'_>,
    ) -> Result<Value, Failure> {
        let options = &request.options;
        let references: Vec<Value> = (0..pictures.len())
            .map(|number| json!({"type": "image_url", "image_url": {"url": picture(number)}}))
            .collect();
        let text = |text: &Option<String>| text.clone().map(Value::from);
        // Pixels are a size, names (`2K`) a resolution.
        let size_name = if options.size.as_deref().is_some_and(is_name) { "resolution" } else { "size" };
        let mut body = json!({"model": request.model, "prompt": request.whole_prompt()});
        let members = [
            ("n", options.n.map(Value::from)),
            (size_name, text(&options.size)),
            ("aspect_ratio", text(&options.aspect_ratio)),
            ("quality", text(&options.quality)),
            ("background", text(&options.background)),
            ("output_format", text(&options.output_format)),
            ("output_compression", options.output_compression.map(Value::from)),
            ("response_format", text(&options.response_format)),
            ("seed", request.sample_seed().map(Value::from)),
            ("stream", wire.stream(request).map(Value::from)),
            ("input_references", (!references.is_empty()).then(|| references.into())),
        ];
        body::put(&mut body, members);
        Ok(body)
    }
}

#[cfg(test)]
mod tests;
