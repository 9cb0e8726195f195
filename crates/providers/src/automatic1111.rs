//! The `/sdapi/v1` of a Stable Diffusion web UI of one's own (AUTOMATIC1111 and its forks): one synchronous JSON request,
//! pictures as base64 in both directions.

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::request::ImageRequest;
use reqwest::Method;
use serde_json::{Value, json};

use crate::body::{self, PictureText};
use crate::error;
use crate::provider::{CallFuture, ImageProvider, PictureInput, ProviderFuture, WireCall};
use crate::queue;
use crate::spool::{Spool, Spooled};
use crate::wire::Wire;

/// Pictures from words.
pub(crate) const TXT2IMG: &str = "/sdapi/v1/txt2img";
/// Pictures from a picture.
pub(crate) const IMG2IMG: &str = "/sdapi/v1/img2img";
/// The model's name that leaves the loaded checkpoint alone.
const LOADED: &str = "loaded";

/// One web UI.
pub(crate) struct Automatic1111 {
    wire: Wire,
}

impl Automatic1111 {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn body(
        &self,
        request: &ImageRequest,
        pictures: &[PictureInput],
        picture: PictureText<'_>,
    ) -> Result<Value, Failure> {
        let options = &request.options;
        let seed = options.seed.map_or(-1, |seed| seed.wrapping_add(i64::from(request.sample)));
        let mut body = json!({"prompt": request.whole_prompt(), "seed": seed});
        if let Some(size) = &options.size {
            let (width, height) = queue::edges(size).ok_or_else(|| {
                Failure::new(FailureKind::Invalid, format!("size = {size:?}: the web UI takes WIDTHxHEIGHT"))
            })?;
            body["width"] = width.into();
            body["height"] = height.into();
        }
        if let Some(negative) = queue::negative(request) {
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
        self.wire.add_extra(&mut body, request);
        Ok(body)
    }
}

impl ImageProvider for Automatic1111 {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        Box::pin(async move {
            let endpoint = if call.pictures.is_empty() { TXT2IMG } else { IMG2IMG };
            let value = self.body(call.request, call.pictures, &|number| body::data_url(call.pictures, number));
            let value = value.map_err(|failure| self.wire.unanswered(failure))?;
            self.wire.call(endpoint, body::json(&value, call.pictures), call).await
        })
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        let body = self.body(request, pictures, &|number| body::content_name(pictures, number));
        body.map_or_else(|failure| json!({"not_sent": failure.message}).to_string(), |body| body.to_string())
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    /// The checkpoints it has.
    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let spool = Spool::new("", "check");
            let told = self.wire.ask(Method::GET, self.wire.below("/sdapi/v1/sd-models"), None, spool).await;
            let told = told.map_err(|failure| failure.failure)?;
            if !told.is_success() {
                return Err(error::of_status(told.status, &told.headers, told.text(), false));
            }
            let list = told.value.as_array().cloned().unwrap_or_default();
            Ok(list.iter().filter_map(|model| Some(model.get("title")?.as_str()?.to_owned())).collect())
        })
    }
}

#[cfg(test)]
mod tests;
