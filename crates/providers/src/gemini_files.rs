//! Gemini's files: a resumable upload in one piece, for the lines of a batch and for source pictures, which requests name by
//! `fileData` for two days.

use imagemill_domain::failure::{Failure, FailureKind};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use crate::body::{self, Body};
use crate::wire::Wire;

/// `path` below the version of the API, behind `before`.
pub(crate) fn url(wire: &Wire, before: &str, path: &str) -> Url {
    let base = wire.base.path().trim_end_matches('/');
    let base = base.find("/models/").map_or(base, |end| &base[..end]);
    let mut url = wire.base.clone();
    url.set_path(&format!("{before}{}{path}", if base.is_empty() { "/v1beta" } else { base }));
    url
}

/// Gives a file and returns what Gemini says of it.
pub(crate) async fn give(wire: &Wire, name: &str, file: Body) -> Result<Value, Failure> {
    let begin = headers(&[
        ("x-goog-upload-protocol", "resumable".into()),
        ("x-goog-upload-command", "start".into()),
        ("x-goog-upload-header-content-length", file.len().to_string()),
        ("x-goog-upload-header-content-type", file.content_type.clone()),
    ]);
    let named = body::json(&json!({"file": {"displayName": name, "mimeType": file.content_type}}), &[]);
    let told = wire.give_file(url(wire, "/upload", "/files"), begin, named).await?;
    let target = told.headers.get("x-goog-upload-url").and_then(|url| url.to_str().ok()).unwrap_or_default();
    let target = wire.own_url(target)?;
    let whole = headers(&[("x-goog-upload-offset", "0".into()), ("x-goog-upload-command", "upload, finalize".into())]);
    let mut told = wire.give_file(target, whole, file).await?;
    let file = told.value["file"].take();
    if file.is_object() {
        return Ok(file);
    }
    Err(Failure::new(FailureKind::Protocol, "the provider took a file and says nothing of it"))
}

fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("numbers and words are header values"))
    });
    pairs.collect()
}
