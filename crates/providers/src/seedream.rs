//! Seedream on Volcengine Ark and BytePlus ModelArk: `/images/generations` in Ark's form, where several pictures are one
//! "sequential" set and single ones of it may fail inside a 200.
//!
//! The form is that of the official volcengine-python-sdk. Pictures go without a watermark unless `extra_body` asks for it:
//! Ark's own default is to draw one.

use imagemill_domain::failure::Failure;
use imagemill_domain::request::ImageRequest;
use serde_json::{Value, json};

use crate::body::{self, PictureText};
use crate::provider::{CallFuture, ImageProvider, PictureInput, ProviderFuture, WireCall};
use crate::spool::{Spool, Spooled};
use crate::wire::{self, Wire};

/// An account that speaks Ark's images form.
pub(crate) struct Seedream {
    wire: Wire,
}

impl Seedream {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn body(&self, request: &ImageRequest, pictures: &[PictureInput], picture: PictureText<'_>) -> Value {
        let options = &request.options;
        let mut body = json!({"model": request.model, "prompt": request.whole_prompt(), "watermark": false});
        let mut addresses: Vec<Value> = (0..pictures.len()).map(|number| picture(number).into()).collect();
        let image = match addresses.len() {
            0 => None,
            1 => Some(addresses.remove(0)),
            _ => Some(addresses.into()),
        };
        let set = options.n.filter(|n| *n > 1);
        for (name, value) in [
            ("image", image),
            ("size", options.size.clone().map(Value::from)),
            ("response_format", options.response_format.clone().map(Value::from)),
            ("output_format", options.output_format.clone().map(Value::from)),
            ("seed", options.seed.map(|seed| seed.wrapping_add(i64::from(request.sample)).into())),
            ("sequential_image_generation", set.map(|_| "auto".into())),
            ("sequential_image_generation_options", set.map(|n| json!({"max_images": n}))),
            ("stream", self.wire.stream(request).map(Value::from)),
        ] {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        self.wire.add_extra(&mut body, request);
        body
    }
}

impl ImageProvider for Seedream {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        let value = self.body(call.request, call.pictures, &|number| body::data_url(call.pictures, number));
        let body = body::json(&value, call.pictures);
        Box::pin(self.wire.call(wire::GENERATIONS, body, call))
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
