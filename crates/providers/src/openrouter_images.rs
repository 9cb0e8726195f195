//! OpenRouter's `/images`: one endpoint for pictures from words and from pictures, with the cost in dollars in each answer.
//!
//! The form is that of the openrouter-rs client. Errors may come inside a 200.

use imagemill_domain::failure::Failure;
use imagemill_domain::request::ImageRequest;
use imagemill_domain::sizes::is_name;
use serde_json::{Value, json};

use crate::body::{self, PictureText};
use crate::provider::{CallFuture, ImageProvider, PictureInput, ProviderFuture, WireCall};
use crate::spool::{Spool, Spooled};
use crate::wire::{self, Wire};

/// An account that speaks OpenRouter's images form.
pub(crate) struct OpenrouterImages {
    wire: Wire,
}

impl OpenrouterImages {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn body(&self, request: &ImageRequest, pictures: &[PictureInput], picture: PictureText<'_>) -> Value {
        let options = &request.options;
        let references: Vec<Value> = (0..pictures.len())
            .map(|number| json!({"type": "image_url", "image_url": {"url": picture(number)}}))
            .collect();
        let text = |text: &Option<String>| text.clone().map(Value::from);
        // Pixels are a size, names (`2K`) a resolution.
        let size_name = if options.size.as_deref().is_some_and(is_name) { "resolution" } else { "size" };
        let mut body = json!({"model": request.model, "prompt": request.whole_prompt()});
        for (name, value) in [
            ("n", options.n.map(Value::from)),
            (size_name, text(&options.size)),
            ("aspect_ratio", text(&options.aspect_ratio)),
            ("quality", text(&options.quality)),
            ("background", text(&options.background)),
            ("output_format", text(&options.output_format)),
            ("output_compression", options.output_compression.map(Value::from)),
            ("response_format", text(&options.response_format)),
            ("seed", options.seed.map(|seed| seed.wrapping_add(i64::from(request.sample)).into())),
            ("stream", self.wire.stream(request).map(Value::from)),
            ("input_references", (!references.is_empty()).then(|| references.into())),
        ] {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        self.wire.add_extra(&mut body, request);
        body
    }
}

impl ImageProvider for OpenrouterImages {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        let value = self.body(call.request, call.pictures, &|number| body::data_url(call.pictures, number));
        let body = body::json(&value, call.pictures);
        Box::pin(self.wire.call(wire::IMAGES, body, call))
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        self.body(request, pictures, &|number| body::content_name(pictures, number)).to_string()
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
