//! The console's files, in the binary; debug builds read them from `web/`. Only what is in that folder is ever served.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;

#[derive(RustEmbed)]
#[folder = "../../web/"]
#[exclude = "dev/*"]
#[exclude = "e2e/*"]
#[exclude = "node_modules/*"]
#[exclude = "*.test.js"]
#[exclude = "*.d.ts"]
#[exclude = "*.json"]
struct Web;

/// What the page may do: scripts, styles and connections of its own, pictures also from memory.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A file of the console; a path without a suffix is a page, and all pages are one file.
pub(crate) async fn file(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return nothing_here();
    }
    let path = request.uri().path().trim_start_matches('/');
    if path.starts_with("api/") {
        return nothing_here();
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    let name = if last.contains('.') { path } else { "index.html" };
    match Web::get(name) {
        Some(file) => serve(name, file, request.headers()),
        None => nothing_here(),
    }
}

fn serve(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == tag.as_bytes());
    let mut answer = if known { StatusCode::NOT_MODIFIED.into_response() } else { file.data.into_response() };
    let out = answer.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    out.insert(header::ETAG, HeaderValue::try_from(tag).expect("hexadecimal digits are fit for a header"));
    out.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answer
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        _ => "text/plain; charset=utf-8",
    }
}

fn nothing_here() -> Response {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is no such address").into_response()
}
