//! SenseNova's `/images/generations`: exact pixels, links, no pictures as input. The form is that of the SenseNova-Skills
//! client; everything but words and a size is fixed there.

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::request::ImageRequest;
use serde_json::{Value, json};

use crate::body;
use crate::provider::{CallFailure, CallFuture, ImageProvider, PictureInput, ProviderFuture, WireCall};
use crate::spool::{Spool, Spooled};
use crate::wire::{self, Wire};

/// An account that speaks SenseNova's images form.
pub(crate) struct Sensenova {
    wire: Wire,
}

impl Sensenova {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn body(&self, request: &ImageRequest) -> Value {
        let options = &request.options;
        let mut body = json!({
            "model": request.model,
            "prompt": request.whole_prompt(),
            "response_format": options.response_format.as_deref().unwrap_or("url"),
            "output_format": options.output_format.as_deref().unwrap_or("png"),
            "watermark": false,
        });
        if let Some(size) = &options.size {
            body["size"] = size.as_str().into();
        }
        self.wire.add_extra(&mut body, request);
        body
    }
}

impl ImageProvider for Sensenova {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        if !call.pictures.is_empty() {
            let message = "this protocol takes no pictures; nothing was sent. Choose another profile to edit pictures";
            let failure = Failure::new(FailureKind::Invalid, message);
            return Box::pin(std::future::ready(Err(CallFailure::without_answer(failure))));
        }
        let body = body::json(&self.body(call.request), &[]);
        Box::pin(self.wire.call(wire::GENERATIONS, body, call))
    }

    fn request_text(&self, request: &ImageRequest, _pictures: &[PictureInput]) -> String {
        self.body(request).to_string()
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
