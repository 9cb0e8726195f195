//! Reading requests: JSON and multipart bodies as one kind of fields, with OpenAI's own complaints about wrong ones. It must
//! not draw or bill.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Query, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use imagemill_domain::endpoints::endpoint;
use imagemill_domain::picture::PictureFormat;
use serde_json::{Map, Value};

use crate::answer::{self, Refused, bad_request, error_about};
use crate::faults::{self, Behaviour};
use crate::state::{ServerId, Shared};

/// A request whose model is known.
pub(crate) struct Incoming {
    /// Whose call it is on the bill.
    pub(crate) request_id: Box<str>,
    pub(crate) model: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) fields: Map<String, Value>,
    /// Files of a multipart form, in order: field name and bytes.
    pub(crate) files: Vec<(String, Bytes)>,
    pub(crate) multipart: bool,
    /// Where the client wants to be told that the request ended.
    pub(crate) webhook: Option<String>,
}

/// Where protocols that are not OpenAI's have what the others have in the body's `model` and the body itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place<'a> {
    /// The model from the address.
    pub(crate) model: Option<&'a str>,
    /// The member that holds the fields.
    pub(crate) input: Option<&'a str>,
}

/// Reads the body; `multipart` says whether the endpoint takes forms.
pub(crate) async fn read(shared: &Arc<Shared>, request: Request, multipart: bool) -> Result<Incoming, Refused> {
    read_body(shared, request, multipart, Place::default()).await
}

/// Reads a JSON body of another protocol.
pub(crate) async fn read_at(shared: &Arc<Shared>, request: Request, place: Place<'_>) -> Result<Incoming, Refused> {
    read_body(shared, request, false, place).await
}

/// Reads a JSON body of an endpoint whose address names the model.
pub(crate) async fn read_for(shared: &Arc<Shared>, request: Request, model: &str) -> Result<Incoming, Refused> {
    read_at(shared, request, Place { model: Some(model), input: None }).await
}

async fn read_body(
    shared: &Arc<Shared>,
    request: Request,
    multipart: bool,
    place: Place<'_>,
) -> Result<Incoming, Refused> {
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let server_id = request.extensions().get::<ServerId>().map(|id| id.0.clone()).unwrap_or_default();
    let request_id = text("x-client-request-id").unwrap_or(server_id).into_boxed_str();
    let content_type = text(header::CONTENT_TYPE.as_str()).unwrap_or_default().to_ascii_lowercase();
    let uri = request.uri().clone();

    let is_form = content_type.starts_with("multipart/form-data");
    let (mut fields, files) = if is_form && multipart {
        form(request).await?
    } else if content_type.starts_with("application/json") {
        let body = Bytes::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
        let value = serde_json::from_slice(&body).map_err(|error| {
            bad_request("invalid_json", &format!("We could not parse the JSON body of your request: {error}"), None)
        })?;
        let Value::Object(fields) = value else {
            return Err(bad_request("invalid_json", "The body must be a JSON object.", None));
        };
        (fields, Vec::new())
    } else {
        return Err(wrong_type(&content_type).into());
    };

    // Replicate's version, and the web UI's checkpoint, which may be the one that is loaded.
    let elsewhere = fields.get("version").or_else(|| fields.get("override_settings")?.get("sd_model_checkpoint"));
    let loaded = uri.path().starts_with("/sdapi/").then_some("sim-image");
    let model = place.model.or_else(|| fields.get("model").or(elsewhere)?.as_str()).or(loaded).map(str::to_owned);
    let webhook = match fields.remove("webhook") {
        Some(Value::String(url)) => Some(url),
        _ => {
            Query::<BTreeMap<String, String>>::try_from_uri(&uri).ok().and_then(|mut query| query.remove("fal_webhook"))
        }
    };
    if let Some(Value::Object(input)) = place.input.and_then(|name| fields.remove(name)) {
        fields = input;
    }
    let Some(model) = model.as_deref().filter(|model| !model.is_empty()) else {
        return Err(bad_request("missing_required_parameter", "you must provide a model parameter", Some("model")));
    };
    // Request files name hosted endpoints; they can be tried here like any job.
    let any = shared.any_model() || endpoint(model).is_some();
    let known = if any { Some(Behaviour::default()) } else { faults::behaviour(model) };
    let Some(behaviour) = known else {
        let message = format!("The model '{model}' does not exist or you do not have access to it.");
        let kind = "invalid_request_error";
        return Err(error_about(StatusCode::NOT_FOUND, kind, "model_not_found", &message, Some("model")).into());
    };
    if behaviour.moved && uri.query().is_none_or(|query| !query.contains("moved")) {
        let host = shared.base_url();
        let target = format!("{}{}?moved=1", host.trim_end_matches("/v1"), uri.path());
        return Err((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, target)]).into_response().into());
    }
    Ok(Incoming { request_id, model: model.to_owned(), behaviour, fields, files, multipart: is_form, webhook })
}

pub(crate) fn wrong_type(content_type: &str) -> Response {
    let message = format!("Unsupported content type: '{content_type}'. This endpoint takes 'application/json'.");
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    answer::error(status, "invalid_request_error", "unsupported_content_type", &message)
}

type Form = (Map<String, Value>, Vec<(String, Bytes)>);

async fn form(request: Request) -> Result<Form, Refused> {
    let wrong = |text: String| bad_request("invalid_multipart", &text, None);
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| wrong(error.body_text()))?;
    let (mut fields, mut files) = (Map::new(), Vec::new());
    while let Some(field) = form.next_field().await.map_err(|error| wrong(error.body_text()))? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = field.file_name().is_some() || matches!(name.as_str(), "image" | "image[]" | "mask");
        let bytes = field.bytes().await.map_err(|error| wrong(error.body_text()))?;
        if is_file {
            files.push((name, bytes));
        } else {
            fields.insert(name, Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok((fields, files))
}

impl Incoming {
    /// A text field; `None` when absent or null.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A whole number within bounds, also as text as forms send it.
    pub(crate) fn number(&self, name: &str, bounds: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Refused> {
        let value = match self.fields.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64(),
        };
        let (low, high) = (bounds.start(), bounds.end());
        let message = || format!("Invalid '{name}': expected a whole number from {low} to {high}.");
        value
            .filter(|value| bounds.contains(value))
            .map(Some)
            .ok_or_else(|| bad_request("invalid_value", &message(), Some(name)))
    }

    /// Yes or no, also as text as forms send it.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refused> {
        match self.fields.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => Ok(false),
            Some(Value::Bool(true)) => Ok(true),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(_) => {
                let message = format!("Invalid type for '{name}': expected a boolean.");
                Err(bad_request("invalid_type", &message, Some(name)))
            }
        }
    }

    /// `size` in pixels or as a resolution (`2k`) of the `aspect_ratio`, or the size of the latter; `None` for "auto" or absent.
    pub(crate) fn size(&self) -> Result<Option<(u32, u32)>, Refused> {
        if let Some(size) = self.behaviour.size {
            return Ok(Some(size));
        }
        let scale = self.text("size").and_then(|size| match size {
            "1k" | "1K" => Some(1),
            "2k" | "2K" => Some(2),
            "4k" | "4K" => Some(4),
            _ => None,
        });
        if let Some(scale) = scale {
            let (width, height) = self.text("aspect_ratio").and_then(ratio_size).unwrap_or((1024, 1024));
            return Ok(Some((width * scale, height * scale)));
        }
        match (self.text("size"), self.text("aspect_ratio")) {
            (Some("auto") | None, Some("auto") | None) => Ok(None),
            (Some("auto") | None, Some(ratio)) => ratio_size(ratio).map(Some).ok_or_else(|| {
                bad_request("invalid_value", &format!("Invalid value: '{ratio}'."), Some("aspect_ratio"))
            }),
            (Some(text), _) => faults::size(text).map(Some).ok_or_else(|| {
                let message =
                    format!("Invalid value: '{text}'. Expected WIDTHxHEIGHT with edges up to 8192, or 'auto'.");
                bad_request("invalid_value", &message, Some("size"))
            }),
        }
    }

    /// `output_format`, PNG when absent.
    pub(crate) fn format(&self) -> Result<PictureFormat, Refused> {
        match self.text("output_format") {
            None | Some("png") => Ok(PictureFormat::Png),
            Some("jpeg" | "jpg") => Ok(PictureFormat::Jpeg),
            Some("webp") => Ok(PictureFormat::Webp),
            Some(other) => {
                let message = format!("Invalid value: '{other}'. Supported values are: 'png', 'webp', and 'jpeg'.");
                Err(bad_request("invalid_value", &message, Some("output_format")))
            }
        }
    }
}

/// About one megapixel of this ratio (`16:9`).
pub(crate) fn ratio_size(ratio: &str) -> Option<(u32, u32)> {
    let (across, down) = ratio.split_once(':')?;
    let (across, down): (f64, f64) = (across.parse().ok()?, down.parse().ok()?);
    let shape = across / down;
    if !(0.1..=10.0).contains(&shape) {
        return None;
    }
    let edge = |share: f64| ((1024.0 * share / 16.0).round() * 16.0) as u32;
    Some((edge(shape.sqrt()), edge(1.0 / shape.sqrt())))
}

/// The bytes of a picture given as a data URL, as bare base64 or as a link to one of our own answers.
pub(crate) fn source(shared: &Shared, url: &str, strict_label: bool) -> Result<Bytes, Refused> {
    let wrong = |message: &str| bad_request("invalid_image_input", message, Some("image"));
    let decoded = |base64: &str| {
        base64_simd::forgiving_decode_to_vec(base64.as_bytes())
            .map_err(|_| wrong("Invalid image data: the base64 text cannot be decoded."))
    };
    // A base64 text may begin with a slash (a JPEG's does), but it has no colon.
    if !url.contains(':') {
        let bytes = decoded(url)?;
        PictureFormat::sniff(&bytes).ok_or_else(|| wrong("Invalid image data: this is not a picture."))?;
        return Ok(bytes.into());
    }
    let Some(rest) = url.strip_prefix("data:") else {
        let name = url.rsplit('/').next().unwrap_or_default();
        let uploaded = || shared.uploads().named(&shared.scenario().uploads, name);
        return shared.on_shelf(name).map(|picture| picture.bytes.clone()).or_else(uploaded).ok_or_else(|| {
            wrong("Error while downloading the picture: the simulator takes data URLs and its own links.")
        });
    };
    let (label, base64) =
        rest.split_once(";base64,").ok_or_else(|| wrong("Invalid image data: expected a base64 data URL."))?;
    let bytes = decoded(base64)?;
    let format = PictureFormat::sniff(&bytes).ok_or_else(|| wrong("Invalid image data: this is not a picture."))?;
    if strict_label && format.media_type() != label {
        let message = format!("The picture is labelled {label} and is {}.", format.media_type());
        return Err(wrong(&message));
    }
    Ok(bytes.into())
}
