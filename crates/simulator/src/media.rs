//! Links to pictures: `/media/images/{id}` and `/blobs/{id}`, well-behaved or not by their query. It must not draw.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::answer::{self, Piece};
use crate::state::Shared;

/// How the link misbehaves.
#[derive(Debug, Deserialize)]
pub(crate) struct LinkQuery {
    slow: Option<u64>,
    hops: Option<u32>,
    expired: Option<u8>,
}

/// `GET` or `HEAD` of a picture. The ETag is the picture's name by content; answers never change.
pub(crate) async fn picture(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query<LinkQuery>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if query.expired.is_some() {
        let message = "The link's signature is not valid any more.";
        return answer::error(StatusCode::FORBIDDEN, "invalid_request_error", "link_expired", message);
    }
    if let Some(hops @ 1..) = query.hops {
        let target = if hops == 1 { uri.path().to_owned() } else { format!("{}?hops={}", uri.path(), hops - 1) };
        return (StatusCode::FOUND, [(header::LOCATION, target)]).into_response();
    }
    let Some(picture) = shared.on_shelf(&id) else {
        return answer::error(StatusCode::NOT_FOUND, "invalid_request_error", "not_found", "There is no such picture.");
    };
    let etag = format!("\"{}\"", picture.name);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    let bytes = picture.bytes.clone();
    let length = bytes.len();
    let body = match query.slow {
        _ if method == Method::HEAD => axum::body::Body::empty(),
        None => bytes.into(),
        Some(seconds) => {
            let half = length / 2;
            let rest = Piece::Pause(Duration::from_secs(seconds));
            answer::body(&shared, vec![Piece::Data(bytes.slice(..half)), rest, Piece::Data(bytes.slice(half..))])
        }
    };
    let headers = [
        (header::CONTENT_TYPE, picture.format.media_type().to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::ETAG, etag),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
    ];
    (headers, body).into_response()
}
