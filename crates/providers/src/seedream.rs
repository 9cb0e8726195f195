//! Seedream on Volcengine Ark and BytePlus ModelArk: `/images/generations` in Ark's form, where several pictures are one
//! "sequential" set and single ones of it may fail inside a 200.
//!
//! The form is that of the official volcengine-python-sdk. Pictures go without a watermark unless `extra_body` asks for it:
//! Ark's own default is to draw one.

use std::borrow::Cow;

use imagemill_domain::failure::Failure;
use imagemill_domain::request::ImageRequest;
use serde_json::{Value, json};

use crate::body::{self, PictureText};
use crate::json_call::JsonCall;
use crate::provider::PictureInput;
use crate::wire::{self, Wire};

/// An account that speaks Ark's images form.
pub(crate) struct Seedream;

impl JsonCall for Seedream {
    fn endpoint(&self, _request: &ImageRequest, _has_pictures: bool) -> Cow<'static, str> {
        wire::GENERATIONS.into()
    }

    fn body(
        &self,
        wire: &Wire,
        request: &ImageRequest,
        pictures: &[PictureInput],
        picture: PictureText<'_>,
    ) -> Result<Value, Failure> {
        let options = &request.options;
        let mut body = json!({"model": request.model, "prompt": request.whole_prompt(), "watermark": false});
        let mut addresses: Vec<Value> = (0..pictures.len()).map(|number| picture(number).into()).collect();
        let image = match addresses.len() {
            0 => None,
            1 => Some(addresses.remove(0)),
            _ => Some(addresses.into()),
        };
        let set = options.n.filter(|n| *n > 1);
        let members = [
            ("image", image),
            ("size", options.size.clone().map(Value::from)),
            ("response_format", options.response_format.clone().map(Value::from)),
            ("output_format", options.output_format.clone().map(Value::from)),
            ("seed", request.sample_seed().map(Value::from)),
            ("sequential_image_generation", set.map(|_| "auto".into())),
            ("sequential_image_generation_options", set.map(|n| json!({"max_images": n}))),
            ("stream", wire.stream(request).map(Value::from)),
        ];
        body::put(&mut body, members);
        Ok(body)
    }
}

#[cfg(test)]
mod tests;
