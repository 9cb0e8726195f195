//! `/images/generations` and `/images/edits`: edits as JSON (OpenAI's form, or that of xAI and grok2api 3.x) or as
//! `multipart/form-data`.

use imagemill_domain::failure::Failure;
use imagemill_domain::profile::{Intake, Protocol};
use imagemill_domain::request::ImageRequest;
use imagemill_domain::sizes::is_name;
use serde_json::{Value, json};

use crate::batch::BatchAsk;
use crate::body::{self, Body, PictureText};
use crate::openai_files;
use crate::provider::{CallFuture, ImageProvider, PictureInput, ProviderFuture, UploadFuture, WireCall};
use crate::spool::{Spool, Spooled};
use crate::wire::{self, Wire};

/// An account that speaks Images.
pub(crate) struct Images {
    wire: Wire,
    /// Edits go as a form.
    multipart: bool,
}

impl Images {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire, multipart: bool) -> Self {
        Self { wire, multipart }
    }

    /// All members but the pictures.
    fn members(&self, request: &ImageRequest) -> Value {
        let options = &request.options;
        // These endpoints know no system prompt.
        let mut body = json!({"model": request.model, "prompt": request.whole_prompt()});
        let negative = Some(request.negative_prompt.as_str()).filter(|negative| !negative.is_empty());
        let size_name = self.size_name(options.size.as_deref());
        let members = [
            ("n", options.n.map(Value::from)),
            (size_name, options.size.clone().map(Value::from)),
            ("negative_prompt", negative.map(Value::from)),
            ("aspect_ratio", options.aspect_ratio.clone().map(Value::from)),
            ("quality", options.quality.clone().map(Value::from)),
            ("background", options.background.clone().map(Value::from)),
            ("output_format", options.output_format.clone().map(Value::from)),
            ("output_compression", options.output_compression.map(Value::from)),
            // GPT image models refuse this one, so it goes out only when it was set.
            ("response_format", options.response_format.clone().map(Value::from)),
            ("seed", request.sample_seed().map(Value::from)),
            ("stream", self.wire.stream(request).map(Value::from)),
        ];
        body::put(&mut body, members);
        body
    }

    /// A size name (`2k`) is the `resolution` of xAI and grok2api; pixels are a `size`, which xAI refuses.
    fn size_name(&self, size: Option<&str>) -> &'static str {
        match self.wire.profile.provider.as_str() {
            "xai" | "grok2api" if size.is_some_and(is_name) => "resolution",
            _ => "size",
        }
    }

    fn body(&self, request: &ImageRequest, pictures: &[PictureInput], picture: PictureText<'_>) -> Value {
        let mut body = self.members(request);
        let provider = self.wire.profile.provider.as_str();
        let addresses = (0..pictures.len()).map(picture);
        if matches!(provider, "grok2api" | "xai") {
            let mut objects: Vec<Value> = addresses
                .map(
                    |url| {
                        if provider == "xai" { json!({"url": url, "type": "image_url"}) } else { json!({"url": url}) }
                    },
                )
                .collect();
            match objects.len() {
                0 => {}
                1 => body["image"] = objects.remove(0),
                _ => body["images"] = objects.into(),
            }
        } else if !pictures.is_empty() {
            body["images"] =
                addresses.enumerate().map(|(number, url)| openai_files::named(pictures, number, url)).collect();
        }
        self.wire.add_extra(&mut body, request);
        body
    }

    fn form(&self, request: &ImageRequest, pictures: &[PictureInput], call_name: &str) -> Body {
        let mut members = self.members(request);
        self.wire.add_extra(&mut members, request);
        let fields: Vec<(String, String)> = members
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        let name = if pictures.len() == 1 { "image" } else { "image[]" };
        let named: Vec<(&str, &PictureInput)> = pictures.iter().map(|picture| (name, picture)).collect();
        let mut hash = blake3::Hasher::new();
        hash.update(call_name.as_bytes());
        for picture in pictures {
            hash.update(picture.blake3.as_bytes());
        }
        let boundary = format!("imagemill-{}", &hash.finalize().to_hex()[..32]);
        body::multipart(&boundary, &fields, &named)
    }

    fn is_form(&self, pictures: &[PictureInput]) -> bool {
        self.multipart && !pictures.is_empty()
    }
}

impl ImageProvider for Images {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        let endpoint = if call.pictures.is_empty() { wire::GENERATIONS } else { wire::EDITS };
        let body = if self.is_form(call.pictures) {
            self.form(call.request, call.pictures, call.key)
        } else {
            let value = self.body(call.request, call.pictures, &|number| body::data_url(call.pictures, number));
            body::json(&value, call.pictures)
        };
        Box::pin(self.wire.call(endpoint, body, call))
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        if self.is_form(pictures) {
            let mut form = self.members(request);
            self.wire.add_extra(&mut form, request);
            form["image"] = (0..pictures.len()).map(|number| body::content_name(pictures, number)).collect();
            return form.to_string();
        }
        self.body(request, pictures, &|number| body::content_name(pictures, number)).to_string()
    }

    fn batch_ask(&self, request: &ImageRequest, pictures: &[PictureInput]) -> Option<BatchAsk> {
        let endpoint = if pictures.is_empty() { wire::GENERATIONS } else { wire::EDITS };
        let value = self.body(request, pictures, &|number| body::data_url(pictures, number));
        Some(BatchAsk::new(endpoint, value, pictures))
    }

    fn intake(&self) -> Intake {
        let protocol = if self.multipart { Protocol::ImagesMultipart } else { Protocol::Images };
        protocol.intake(self.wire.options.files)
    }

    fn upload<'a>(&'a self, picture: &'a PictureInput, spool: Spool) -> UploadFuture<'a> {
        Box::pin(openai_files::give(&self.wire, picture, spool))
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        Box::pin(self.wire.models())
    }
}
