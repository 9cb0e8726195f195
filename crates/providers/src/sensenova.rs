//! SenseNova's `/images/generations`: exact pixels, links, no pictures as input. The form is that of the SenseNova-Skills
//! client; everything but words and a size is fixed there.

use std::borrow::Cow;

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::request::ImageRequest;
use serde_json::{Value, json};

use crate::body::{self, PictureText};
use crate::json_call::JsonCall;
use crate::provider::PictureInput;
use crate::wire::{self, Wire};

/// An account that speaks SenseNova's images form.
pub(crate) struct Sensenova;

impl JsonCall for Sensenova {
    fn endpoint(&self, _request: &ImageRequest, _has_pictures: bool) -> Cow<'static, str> {
        wire::GENERATIONS.into()
    }

    fn body(
        &self,
        _wire: &Wire,
        request: &ImageRequest,
        pictures: &[PictureInput],
        _picture: PictureText<'_>,
    ) -> Result<Value, Failure> {
        if !pictures.is_empty() {
            let message = "this protocol takes no pictures; nothing was sent. Choose another profile to edit pictures";
            return Err(Failure::new(FailureKind::Invalid, message));
        }
        let options = &request.options;
        let mut body = json!({
            "model": request.model,
            "prompt": request.whole_prompt(),
            "response_format": options.response_format.as_deref().unwrap_or("url"),
            "output_format": options.output_format.as_deref().unwrap_or("png"),
            "watermark": false,
        });
        body::put(&mut body, [("size", options.size.clone().map(Value::from))]);
        Ok(body)
    }
}

#[cfg(test)]
mod tests;
