//! Writing answers: errors in OpenAI's shape, JSON and event streams with pictures in them, and bodies that pause or break
//! off. Text is written with a mark where a picture's base64 belongs, so that megabytes are sent from where they lie and
//! never copied into a text. It must not know protocols.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use crate::picture::Drawn;
use crate::state::Shared;

/// Stands around the number of a picture. A private-use letter; it is removed from what clients send.
pub(crate) const MARK: char = '\u{e000}';

/// Errors of ours are far smaller.
const MAX_ERROR_BYTES: usize = 64 << 10;

pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// What a client is told instead of an answer.
pub(crate) struct Refused(Box<Response>);

impl From<Response> for Refused {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// An error in OpenAI's shape.
pub(crate) fn error(status: StatusCode, kind: &str, code: &str, message: &str) -> Response {
    error_about(status, kind, code, message, None)
}

/// An error in OpenAI's shape that names a parameter.
pub(crate) fn error_about(status: StatusCode, kind: &str, code: &str, message: &str, param: Option<&str>) -> Response {
    let body = json!({"error": {"message": message, "type": kind, "param": param, "code": code}});
    (status, [(header::CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

/// A wrong request: 400 about a parameter.
pub(crate) fn bad_request(code: &str, message: &str, param: Option<&str>) -> Refused {
    error_about(StatusCode::BAD_REQUEST, "invalid_request_error", code, message, param).into()
}

/// An error of ours said in another provider's words: `say` gets the status, the value of `Retry-After`, and the error.
/// Answers that are no such error stay as they are.
pub(crate) async fn rewritten(
    response: Response,
    say: impl FnOnce(StatusCode, Option<u64>, &Value) -> Response,
) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let waits = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let (parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, MAX_ERROR_BYTES).await.unwrap_or_default();
    match serde_json::from_slice::<Value>(&text).ok().filter(|value| value["error"].is_object()) {
        Some(value) => say(status, waits, &value["error"]),
        None => Response::from_parts(parts, Body::from(text)),
    }
}

/// One part of a body.
pub(crate) enum Piece {
    Data(Bytes),
    Pause(Duration),
    /// The connection breaks off here.
    Cut,
}

/// An answer with status 200.
pub(crate) struct Answer {
    content_type: &'static str,
    pieces: Vec<Piece>,
}

impl Answer {
    /// One JSON value; marks in its strings become pictures.
    pub(crate) fn json(value: &Value, pictures: &[Arc<Drawn>]) -> Self {
        Self::text(JSON, value.to_string(), pictures)
    }

    /// Any text; marks become pictures.
    pub(crate) fn text(content_type: &'static str, text: String, pictures: &[Arc<Drawn>]) -> Self {
        Self { content_type, pieces: expand(text, pictures) }
    }

    /// Breaks off after six tenths of the bytes, which is inside the picture.
    pub(crate) fn cut(mut self) -> Self {
        let mut left = self.length() * 6 / 10;
        let mut kept = Vec::new();
        for piece in self.pieces {
            match piece {
                Piece::Data(data) if data.len() >= left => {
                    kept.push(Piece::Data(data.slice(..left)));
                    break;
                }
                Piece::Data(data) => {
                    left -= data.len();
                    kept.push(Piece::Data(data));
                }
                other => kept.push(other),
            }
        }
        // What was written must leave the machine before the connection is torn down.
        kept.push(Piece::Pause(Duration::from_millis(20)));
        kept.push(Piece::Cut);
        self.pieces = kept;
        self
    }

    /// A comment a second before the rest.
    pub(crate) fn after_comments(mut self, seconds: u64) -> Self {
        let comments = (0..seconds).flat_map(|_| {
            [Piece::Data(Bytes::from_static(b": still working\n\n")), Piece::Pause(Duration::from_secs(1))]
        });
        self.pieces = comments.chain(self.pieces).collect();
        self.content_type = EVENT_STREAM;
        self
    }

    fn length(&self) -> usize {
        self.pieces.iter().map(|piece| if let Piece::Data(data) = piece { data.len() } else { 0 }).sum()
    }

    /// The response. A JSON answer has a length even when it breaks off before.
    pub(crate) fn into_response(mut self, shared: &Arc<Shared>) -> Response {
        let whole = self.pieces.iter().all(|piece| matches!(piece, Piece::Data(_)));
        let length = (whole && self.content_type == JSON).then(|| self.length());
        let body = match self.pieces.as_mut_slice() {
            [Piece::Data(data)] => Body::from(std::mem::take(data)),
            _ => body(shared, self.pieces),
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        response
    }
}

/// A body of pieces, sent as the client takes them.
pub(crate) fn body(shared: &Arc<Shared>, pieces: Vec<Piece>) -> Body {
    let state = (pieces.into_iter(), Arc::clone(shared));
    Body::from_stream(stream::unfold(state, |(mut pieces, shared)| async move {
        loop {
            match pieces.next()? {
                Piece::Data(data) => return Some((Ok(data), (pieces, shared))),
                Piece::Pause(time) => shared.pause(time).await,
                Piece::Cut => return Some((Err(std::io::Error::other("broken off on purpose")), (pieces, shared))),
            }
        }
    }))
}

/// These bytes, and then the connection breaks off.
pub(crate) fn broken_off(bytes: Vec<u8>) -> Response {
    let parts = [Ok(Bytes::from(bytes)), Err(std::io::Error::other("broken off on purpose"))];
    Body::from_stream(stream::iter(parts)).into_response()
}

/// `before`, then `megabytes` of the letter A, then `after`. It costs no memory.
pub(crate) fn padded(before: String, megabytes: usize, after: String, content_type: &'static str) -> Response {
    static PADDING: [u8; 1 << 16] = [b'A'; 1 << 16];
    let padding = std::iter::repeat_n(Bytes::from_static(&PADDING), megabytes.saturating_mul(16));
    let parts = std::iter::once(Bytes::from(before)).chain(padding).chain(std::iter::once(Bytes::from(after)));
    let body = Body::from_stream(stream::iter(parts.map(Ok::<_, std::convert::Infallible>)));
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// The mark of a picture in a text.
pub(crate) fn mark(index: usize) -> String {
    format!("{MARK}{index}{MARK}")
}

/// One event of a stream.
pub(crate) fn event(name: Option<&str>, value: &Value) -> String {
    match name {
        Some(name) => format!("event: {name}\ndata: {value}\n\n"),
        None => format!("data: {value}\n\n"),
    }
}

fn expand(text: String, pictures: &[Arc<Drawn>]) -> Vec<Piece> {
    let text = Bytes::from(text);
    let parts = std::str::from_utf8(&text).unwrap_or_default().split(MARK).enumerate();
    let pieces = parts.map(|(position, part)| {
        if position % 2 == 0 {
            return text.slice_ref(part.as_bytes());
        }
        // `3:100-200` is a slice of picture 3
        let (index, range) = part.split_once(':').unwrap_or((part, ""));
        let base64 = index.parse().ok().and_then(|index: usize| pictures.get(index)).map(|picture| picture.base64());
        let base64 = base64.unwrap_or_default();
        match range.split_once('-').map(|(from, to)| (from.parse::<usize>(), to.parse::<usize>())) {
            Some((Ok(from), Ok(to))) if from <= to && to <= base64.len() => base64.slice(from..to),
            _ => base64,
        }
    });
    pieces.filter(|data| !data.is_empty()).map(Piece::Data).collect()
}

/// The mark of a slice of a picture's base64.
pub(crate) fn mark_slice(index: usize, from: usize, to: usize) -> String {
    format!("{MARK}{index}:{from}-{to}{MARK}")
}
