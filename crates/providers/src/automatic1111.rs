//! The `/sdapi/v1` of a Stable Diffusion web UI of one's own (AUTOMATIC1111 and its forks): one synchronous JSON request,
//! pictures as base64 in both directions.

use std::borrow::Cow;

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::request::ImageRequest;
use serde_json::{Value, json};

use crate::body::PictureText;
use crate::json_call::JsonCall;
use crate::model_input;
use crate::provider::{PictureInput, ProviderFuture};
use crate::wire::Wire;

/// Pictures from words.
pub(crate) const TXT2IMG: &str = "/sdapi/v1/txt2img";
/// Pictures from a picture.
pub(crate) const IMG2IMG: &str = "/sdapi/v1/img2img";
/// The model's name that leaves the loaded checkpoint alone.
const LOADED: &str = "loaded";

/// One web UI.
pub(crate) struct Automatic1111;

impl JsonCall for Automatic1111 {
    fn endpoint(&self, _request: &ImageRequest, has_pictures: bool) -> Cow<'static, str> {
        if has_pictures { IMG2IMG } else { TXT2IMG }.into()
    }

    fn body(
        &self,
        _wire: &Wire,
        request: &ImageRequest,
        pictures: &[PictureInput],
        picture: PictureText<'_>,
    ) -> Result<Value, Failure> {
        let options = &request.options;
        let seed = request.sample_seed().unwrap_or(-1);
        let mut body = json!({"prompt": request.whole_prompt(), "seed": seed});
        if let Some(size) = &options.size {
            let (width, height) = model_input::edges(size).ok_or_else(|| {
                Failure::new(FailureKind::Invalid, format!("size = {size:?}: the web UI takes WIDTHxHEIGHT"))
            })?;
            body["width"] = width.into();
            body["height"] = height.into();
        }
        if let Some(negative) = model_input::negative(request) {
            body["negative_prompt"] = negative;
        }
        let mut settings = json!({});
        if let Some(n) = options.n {
            // One after the other: side by side they may not fit into the card. A grid would be one picture more.
            body["n_iter"] = n.into();
            settings["return_grid"] = false.into();
        }
        if request.model != LOADED {
            settings["sd_model_checkpoint"] = request.model.clone().into();
        }
        if settings != json!({}) {
            body["override_settings"] = settings;
        }
        if !pictures.is_empty() {
            body["init_images"] = (0..pictures.len()).map(picture).collect();
        }
        Ok(body)
    }

    /// The checkpoints it has.
    fn models<'a>(&self, wire: &'a Wire) -> ProviderFuture<'a, Result<Vec<String>, Failure>> {
        let title = |model: &Value| Some(model.get("title")?.as_str()?.to_owned());
        Box::pin(wire.list("/sdapi/v1/sd-models", title))
    }
}

#[cfg(test)]
mod tests;
