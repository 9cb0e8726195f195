//! Request bodies made of parts, so that a large picture is never one big string: texts, pictures as they are, and
//! pictures as base64. The length is known before the first byte goes out.
//!
//! Must not know what the parts mean.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::{self, Stream, StreamExt};
use imagemill_domain::failure::FailureKind;
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::provider::{PictureBytes, PictureInput};

/// Bytes of a picture read at once; a multiple of three, so that base64 needs no padding in between.
const PIECE: usize = 48 << 10;

/// One part of a body.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// These bytes.
    Text(Bytes),
    /// The picture's bytes.
    Raw(PictureInput),
    /// The picture's bytes as base64.
    Base64(PictureInput),
    /// So many bytes of a file of ours.
    File(PathBuf, u64),
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Text(bytes) => bytes.len() as u64,
            Self::Raw(picture) => picture.len,
            Self::Base64(picture) => picture.len.div_ceil(3) * 4,
            Self::File(_, len) => *len,
        }
    }
}

/// A body.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// Its media type.
    pub(crate) content_type: String,
    /// Its parts in order.
    pub(crate) parts: Vec<Part>,
}

impl Body {
    /// Exact length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.parts.iter().map(Part::len).sum()
    }
}

/// How much of a body was handed to the connection; shared with the stream that hands it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SentState(Arc<AtomicU8>);

impl SentState {
    const OPEN: u8 = 0;
    const COMPLETE: u8 = 1;
    const SOURCE_FAILED: u8 = 2;
    const GIVEN_UP: u8 = 3;
    const UNREADABLE: u8 = 4;

    /// Every byte was handed over, so the request may have run. Before that it cannot have: its length was announced.
    pub(crate) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::COMPLETE
    }

    /// What it means that the body could not be read to its announced end: a source picture is gone or another one (`invalid`), or
    /// this machine could not read it, or a file of ours (`local`).
    pub(crate) fn source_failed(&self) -> Option<FailureKind> {
        match self.0.load(Ordering::Acquire) {
            Self::SOURCE_FAILED => Some(FailureKind::Invalid),
            Self::UNREADABLE => Some(FailureKind::Local),
            _ => None,
        }
    }

    fn failed(&self, error: &io::Error) {
        let of_source = [ErrorKind::InvalidData, ErrorKind::NotFound, ErrorKind::PermissionDenied];
        let state = if of_source.contains(&error.kind()) { Self::SOURCE_FAILED } else { Self::UNREADABLE };
        self.0.store(state, Ordering::Release);
    }

    /// Whether the last piece may be handed over.
    fn completes(&self) -> bool {
        let open = self.0.compare_exchange(Self::OPEN, Self::COMPLETE, Ordering::AcqRel, Ordering::Acquire);
        matches!(open, Ok(_) | Err(Self::COMPLETE))
    }

    /// Nobody waits for the answer any more: what is not complete by now never will be. The connection is served by another
    /// thread, and might else hand the last piece over after somebody looked and found it missing.
    pub(crate) fn give_up(&self) {
        let _ = self.0.compare_exchange(Self::OPEN, Self::GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// Gives a request up when it is dropped unanswered.
pub(crate) struct Awaited<'a>(pub(crate) &'a SentState);

impl Awaited<'_> {
    /// The answer begins, perhaps before the body was handed over whole.
    pub(crate) fn answered(self) {
        std::mem::forget(self);
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// The body as a stream of pieces. `on_sent` is called once, before the last piece is handed over.
pub(crate) fn stream(
    body: Body,
    state: &SentState,
    on_sent: impl Fn() + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let whole = body.len();
    let pieces = stream::iter(body.parts).flat_map(|part| match part {
        Part::Text(bytes) => stream::once(async { Ok(bytes) }).boxed(),
        Part::Raw(picture) => pieces(picture.bytes, picture.len).boxed(),
        Part::File(path, len) => pieces(PictureBytes::File(path), len).map_err(io::Error::other).boxed(),
        Part::Base64(picture) => pieces(picture.bytes, picture.len)
            .map(|piece| piece.map(|bytes| base64_simd::STANDARD.encode_to_string(&bytes).into()))
            .boxed(),
    });
    let state = state.clone();
    let mut handed = 0;
    pieces.map(move |piece| {
        match &piece {
            Ok(bytes) => {
                handed += bytes.len() as u64;
                if handed == whole {
                    // Told first: whoever gives it up at this moment believes that it went out.
                    on_sent();
                    if !state.completes() {
                        return Err(io::Error::other("nobody waits for the answer any more"));
                    }
                }
            }
            Err(error) => state.failed(error),
        }
        piece
    })
}

/// A picture's bytes in pieces of [`PIECE`], exactly as many as announced.
fn pieces(bytes: PictureBytes, len: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
    enum Source {
        Unopened(PictureBytes, u64),
        Memory(Bytes),
        File(tokio::fs::File, u64),
    }
    stream::try_unfold(Source::Unopened(bytes, len), |source| async move {
        let source = match source {
            Source::Unopened(PictureBytes::Memory(bytes), len) => {
                if bytes.len() as u64 != len {
                    return Err(changed());
                }
                Source::Memory(bytes)
            }
            Source::Unopened(PictureBytes::File(path), len) => {
                let file = tokio::fs::File::open(&path).await?;
                if file.metadata().await?.len() != len {
                    return Err(changed());
                }
                Source::File(file, len)
            }
            opened => opened,
        };
        match source {
            Source::Memory(mut bytes) if !bytes.is_empty() => {
                let piece = bytes.split_to(bytes.len().min(PIECE));
                Ok(Some((piece, Source::Memory(bytes))))
            }
            Source::File(mut file, left) if left > 0 => {
                let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
                file.read_exact(&mut piece).await.map_err(|_| changed())?;
                let left = left - piece.len() as u64;
                Ok(Some((piece.into(), Source::File(file, left))))
            }
            _ => Ok(None),
        }
    })
}

fn changed() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "a source picture changed while it was sent")
}

/// Surrounds a picture's number in a JSON body until its bytes are sent. A noncharacter, so no text has it.
const MARK: char = '\u{10ffff}';

/// How a builder writes picture number `n` into a JSON text.
pub(crate) type PictureText<'a> = &'a dyn Fn(usize) -> String;

/// A data URL of each picture, to be filled in by [`json`]; the address of one that the provider has already.
pub(crate) fn data_url(pictures: &[PictureInput], number: usize) -> String {
    if let Some(address) = &pictures[number].address {
        return address.clone();
    }
    format!("data:{};base64,{MARK}{number}{MARK}", pictures[number].format.media_type())
}

/// The bare base64 of a picture, to be filled in by [`json`].
pub(crate) fn base64(number: usize) -> String {
    format!("{MARK}{number}{MARK}")
}

/// The content name of each picture, for the ledger, and where it was uploaded. A signature in an address is left out.
pub(crate) fn content_name(pictures: &[PictureInput], number: usize) -> String {
    let PictureInput { blake3, address, .. } = &pictures[number];
    match address.as_deref().map(|address| address.split(['?', '#']).next().unwrap_or_default()) {
        Some(address) => format!("blake3:{blake3} ({address})"),
        None => format!("blake3:{blake3}"),
    }
}

/// A JSON body whose [`data_url`]s are filled in while it is sent.
pub(crate) fn json(value: &Value, pictures: &[PictureInput]) -> Body {
    let text = value.to_string();
    let mut parts = Vec::new();
    for (at, piece) in text.split(MARK).enumerate() {
        // Every second piece stands between two marks.
        let picture =
            (at % 2 == 1).then(|| piece.parse().ok().and_then(|number: usize| pictures.get(number))).flatten();
        parts.push(match picture {
            Some(picture) => Part::Base64(picture.clone()),
            None => Part::Text(piece.to_owned().into()),
        });
    }
    Body { content_type: "application/json".into(), parts }
}

/// Sets the members that have a value.
pub(crate) fn put<const N: usize>(body: &mut Value, members: [(&str, Option<Value>); N]) {
    for (name, value) in members {
        if let Some(value) = value {
            body[name] = value;
        }
    }
}

/// Merges `extra` into `value`: objects member by member, everything else replaced.
pub(crate) fn merge(value: &mut Value, extra: &Value) {
    match (value, extra) {
        (Value::Object(members), Value::Object(extra)) => {
            for (name, extra) in extra {
                merge(members.entry(name).or_insert(Value::Null), extra);
            }
        }
        (value, extra) => value.clone_from(extra),
    }
}

/// The media type and parts of a form with `fields` (name, text) and `pictures` (field name, picture).
///
/// `boundary` must not occur in the texts; a hash is a good one.
pub(crate) fn multipart(boundary: &str, fields: &[(String, String)], pictures: &[(&str, &PictureInput)]) -> Body {
    let disposition = |name: &str| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(name));
    let mut parts = Vec::new();
    for (name, value) in fields {
        parts.push(Part::Text(format!("{}\r\n\r\n{value}\r\n", disposition(name)).into()));
    }
    for (name, picture) in pictures {
        let file_name = quoted(&form_file_name(picture));
        let media_type = picture.format.media_type();
        let head = disposition(name);
        let head = format!("{head}; filename=\"{file_name}\"\r\nContent-Type: {media_type}\r\n\r\n");
        parts.extend([Part::Text(head.into()), Part::Raw((*picture).clone()), Part::Text("\r\n".into())]);
    }
    parts.push(Part::Text(format!("--{boundary}--\r\n").into()));
    Body { content_type: format!("multipart/form-data; boundary={boundary}"), parts }
}

/// The picture's name with the suffix of its real format.
fn form_file_name(picture: &PictureInput) -> String {
    let name = picture.file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let stem = if stem.is_empty() { "image" } else { stem };
    format!("{stem}.{}", picture.format.extension())
}

/// As browsers write names in forms (HTML standard, multipart/form-data encoding).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of two pieces and what became of the request's state.
    fn two_pieces(state: &SentState) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
        let parts = vec![Part::Text("{\"prompt\":".into()), Part::Text("\"a barn\"}".into()), Part::Text("".into())];
        Box::pin(stream(Body { content_type: "application/json".into(), parts }, state, || ()))
    }

    #[tokio::test]
    async fn a_request_that_was_given_up_never_goes_out_whole() {
        let state = SentState::default();
        let mut pieces = two_pieces(&state);
        assert!(pieces.next().await.unwrap().is_ok());
        drop(Awaited(&state));
        assert!(pieces.next().await.unwrap().is_err(), "the connection hands nothing more over");
        assert!(!state.is_complete());
    }

    #[tokio::test]
    async fn a_file_of_ours_that_cannot_be_read_is_no_fault_of_the_request() {
        let gone = std::env::temp_dir().join("imagemill-no-such-file");
        let picture = PictureInput {
            bytes: PictureBytes::File(gone.clone()),
            len: 9,
            format: imagemill_domain::picture::PictureFormat::Png,
            blake3: imagemill_domain::hash::ContentHash::of(b"x"),
            file_name: "a.png".into(),
            address: None,
        };
        for (part, kind) in [(Part::File(gone, 9), FailureKind::Local), (Part::Raw(picture), FailureKind::Invalid)] {
            let state = SentState::default();
            let body = Body { content_type: "text/plain".into(), parts: vec![part] };
            assert!(Box::pin(stream(body, &state, || ())).next().await.unwrap().is_err());
            assert_eq!((state.source_failed(), state.is_complete()), (Some(kind), false));
        }
    }

    #[tokio::test]
    async fn a_request_that_went_out_stays_so() {
        let state = SentState::default();
        let mut pieces = two_pieces(&state);
        let awaited = Awaited(&state);
        while let Some(piece) = pieces.next().await {
            assert!(piece.is_ok());
        }
        drop(awaited);
        assert!(state.is_complete());
        let answered_early = SentState::default();
        Awaited(&answered_early).answered();
        let all: Vec<_> = two_pieces(&answered_early).collect().await;
        assert!(all.iter().all(Result::is_ok), "an answer may begin before the request ended");
    }
}
