//! Pictures by their content names. A name never means other bytes, so browsers keep them for good.

use std::path::PathBuf;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use imagemill_imaging::{Bytes, Limits, ingest};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use crate::error::{Answer, ApiError};
use crate::extract::Path;
use crate::state::AppState;

/// Bytes by which a picture's type is known.
const HEAD: usize = 16;
/// Read and sent at once.
const PIECE: usize = 64 << 10;
/// Larger files are not read for a thumbnail.
const MOST_SOURCE_BYTES: u64 = 256 << 20;

/// A result picture, byte for byte as it came
#[utoipa::path(get, path = "/pictures/{hash}", tag = "results", params(("hash" = String, Path, description = "content name")),
    responses((status = 200, description = "the picture", content_type = "image/*", body = [u8])))]
pub(crate) async fn original(
    State(state): State<AppState>,
    Path(hash): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let path = original_path(&state, &hash).await?.1;
    send_file(&headers, path, &hash).await
}

/// A small JPEG of a result picture, at most 512 pixels
#[utoipa::path(get, path = "/pictures/{hash}/thumbnail", tag = "results", params(("hash" = String, Path, description = "content name")),
    responses((status = 200, description = "the picture", content_type = "image/jpeg", body = [u8])))]
pub(crate) async fn thumbnail(
    State(state): State<AppState>,
    Path(hash): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let known = parsed(&hash)?;
    let there = state.files.thumb_path(&known);
    let path = if tokio::fs::try_exists(&there).await.unwrap_or(false) {
        there
    } else {
        let (hash, original) = original_path(&state, &hash).await?;
        thumbnail_of(&state, hash, original).await?
    };
    send_file(&headers, path, &format!("thumb-{hash}")).await
}

fn parsed(hash: &str) -> Answer<ContentHash> {
    serde_json::from_value(hash.into()).map_err(|_| ApiError::missing("picture", format_args!("{hash:?}")))
}

async fn original_path(state: &AppState, hash: &str) -> Answer<(ContentHash, PathBuf)> {
    let known = parsed(hash)?;
    let asset = state.store.assets().with_hash(known).await?.ok_or_else(|| ApiError::missing("picture", hash))?;
    Ok((known, state.files.original_path(&known, asset.facts.format)))
}

/// Where the thumbnail of a picture is; made when it is not there yet.
pub(crate) async fn thumbnail_of(state: &AppState, hash: ContentHash, original: PathBuf) -> Answer<PathBuf> {
    let files = state.files.clone();
    let making = tokio::task::spawn_blocking(move || {
        let path = files.thumb_path(&hash);
        if path.exists() {
            return Ok(path);
        }
        let facts = std::fs::metadata(&original).map_err(|_| gone(&original))?;
        if facts.len() > MOST_SOURCE_BYTES {
            return Err(ApiError::conflict(format!("{} is too large for a thumbnail", original.display())));
        }
        let made = ingest(Bytes::File(&original), &Limits::default())
            .map_err(|error| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_picture", error.to_string()))?;
        files.put_thumbnail(&hash, &made.thumbnail)?;
        Ok(path)
    });
    making.await.map_err(|error| ApiError::fault(error.to_string()))?
}

fn gone(path: &std::path::Path) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("{} is not there any more", path.display()))
}

/// A picture file with its type by content. `tag` names these bytes.
pub(crate) async fn send_file(headers: &HeaderMap, path: PathBuf, tag: &str) -> Answer<Response> {
    let tag = format!("\"{tag}\"");
    let seen = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if seen.split(',').any(|known| known.trim() == tag) {
        return Ok(with_headers(StatusCode::NOT_MODIFIED.into_response(), &tag));
    }
    let mut file = tokio::fs::File::open(&path).await.map_err(|_| gone(&path))?;
    let length = file.metadata().await.map_err(|_| gone(&path))?.len();
    let mut head = [0; HEAD];
    let mut read = 0;
    while read < HEAD {
        match file.read(&mut head[read..]).await {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(_) => return Err(gone(&path)),
        }
    }
    // Nothing but pictures is ever sent, whatever the path says.
    let format = PictureFormat::sniff(&head[..read]).ok_or_else(|| gone(&path))?;
    let body = std::io::Cursor::new(head[..read].to_vec()).chain(file);
    let mut answer = Body::from_stream(ReaderStream::with_capacity(body, PIECE)).into_response();
    let out = answer.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(with_headers(answer, &tag))
}

fn with_headers(mut answer: Response, tag: &str) -> Response {
    let out = answer.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        out.insert(header::ETAG, tag);
    }
    answer
}
