//! Reads the body of an answer to its end and says what it is: an `Answer`, or the failure of a call without a picture.
//!
//! Must not know what was asked in which protocol: gateways answer in whatever shape they like.

use std::time::Duration;

use imagemill_domain::call::Usage;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::chat::ChatAnswer;
use crate::error::{self, quote};
use crate::extract::{Collector, Piece, is_refusal, shortened};
use crate::http::{BodyReader, MAX_ERROR_BODY, Response, lost};
use crate::lift::{Limits, Shelf};
use crate::provider::{Answer, CallFailure, Found, Progress, RateHints};
use crate::spool::Spool;
use crate::sse::{Event, Reader};

mod words;

use words::Words;

/// Longest raw text kept.
pub(crate) const MAX_RAW: usize = 64 << 10;
/// Of it, the last event and the streamed text.
const MAX_RAW_TAIL: usize = 12 << 10;
/// How long an answer that is over may take to end its body, so that the connection can be used again.
const DRAIN: Duration = Duration::from_millis(250);

/// What the reader of an answer needs to know.
pub(crate) struct Reading<'a> {
    /// Relative links are resolved against it.
    pub(crate) base: &'a Url,
    /// Where pictures go.
    pub(crate) spool: Spool,
    /// Bounds.
    pub(crate) limits: Limits,
    /// Whether 5xx may be billed.
    pub(crate) bills_5xx: bool,
    /// Pictures asked for.
    pub(crate) expected: u32,
    /// Never to be shown.
    pub(crate) secret: Option<&'a SecretString>,
    /// Told about bytes.
    pub(crate) progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// Everything that is read out of one body.
struct Content {
    shelf: Shelf,
    reader: Reader,
    collector: Collector,
    /// Where words are what was asked for.
    words: Option<Words>,
    raw: RawText,
    expected: u32,
}

/// The head of an answer, as far as it goes into results.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Its status.
    pub(crate) status: u16,
    /// The provider's id of the request.
    pub(crate) request_id: Option<String>,
    /// What it says about limits.
    pub(crate) rate: RateHints,
}

/// Reads the pictures of `response`.
pub(crate) async fn read(response: Response, reading: Reading<'_>) -> Result<Answer, Box<CallFailure>> {
    let (content, broke, head) = take_in(response, &reading, None).await?;
    content.conclude(broke, head, &reading)
}

/// Reads the words of `response`.
pub(crate) async fn read_words(response: Response, reading: Reading<'_>) -> Result<ChatAnswer, Box<CallFailure>> {
    let (content, broke, head) = take_in(response, &reading, Some(Words::default())).await?;
    content.conclude_words(broke, head, &reading)
}

/// Reads a body to its end. The failure beside it says that it broke off before.
async fn take_in(
    response: Response,
    reading: &Reading<'_>,
    words: Option<Words>,
) -> Result<(Content, Option<Failure>, Head), Box<CallFailure>> {
    let Response { status, headers, body } = response;
    let head = Head::of(status.as_u16(), &headers);
    if status.is_redirection() {
        let target = headers.get("location").and_then(|target| target.to_str().ok()).unwrap_or("an unnamed place");
        let message = format!(
            "the address answered {status} and points to {}; a paid call is never redirected: set base_url to that address",
            quote(target)
        );
        let failure = Failure::new(FailureKind::Invalid, message).status(head.status);
        return Err(head.failed(failure, "", reading.secret));
    }
    if !status.is_success() {
        let text = body.text(MAX_ERROR_BODY).await;
        let failure = error::of_status(head.status, &headers, &text, reading.bills_5xx);
        return Err(head.failed(failure, &text, reading.secret));
    }
    let mut content = Content::new(reading, words);
    let broke = content.read(body, reading).await;
    if let Some(failure) = broke.as_ref().filter(|failure| failure.kind != FailureKind::UnknownOutcome) {
        // Over a bound, or the disk is full: nothing of it can be trusted.
        let raw = content.raw.finish(&content.shelf);
        return Err(head.failed(failure.clone(), &raw, reading.secret));
    }
    Ok((content, broke, head))
}

/// One line of a file of answers, whose value is the answer with something around it.
pub(crate) struct LineOf<'a> {
    reading: Reading<'a>,
    content: Content,
    events: Vec<Event>,
    is_broken: bool,
}

impl<'a> LineOf<'a> {
    /// Before its first byte.
    pub(crate) fn new(reading: Reading<'a>) -> Self {
        Self { content: Content::new(&reading, None), reading, events: Vec::new(), is_broken: false }
    }

    /// Takes bytes of the line. What breaks a bound breaks this line only.
    pub(crate) fn feed(&mut self, piece: &[u8]) {
        let mut rest = piece;
        // One line is one value; what follows it is passed over.
        while !rest.is_empty() && self.events.is_empty() && !self.is_broken {
            match self.content.reader.feed(rest, &mut self.content.shelf, &mut self.events) {
                Ok(taken) => rest = &rest[taken..],
                Err(failure) => {
                    tracing::warn!(%failure, "a line of a batch's results cannot be read");
                    self.is_broken = true;
                }
            }
        }
    }

    /// The line is over: its value without the pictures; `None` when it is not whole.
    pub(crate) fn value(&mut self) -> Option<Value> {
        let ended = self.content.reader.finish(&mut self.content.shelf, &mut self.events);
        let whole = !self.is_broken && ended.is_ok_and(|cut| !cut);
        self.events.pop().filter(|event| whole && !event.cut).map(|event| event.value)
    }

    /// The pictures of the answer in the line.
    pub(crate) fn pictures(mut self, answer: Value) -> Result<Answer, Box<CallFailure>> {
        self.content.take(&mut vec![Event { name: String::new(), value: answer, cut: false }]);
        self.content.conclude(None, Head::plain(200), &self.reading)
    }

    /// The words of the answer in the line.
    pub(crate) fn words(mut self, answer: Value) -> Result<ChatAnswer, Box<CallFailure>> {
        self.content.words = Some(Words::default());
        self.content.take(&mut vec![Event { name: String::new(), value: answer, cut: false }]);
        self.content.conclude_words(None, Head::plain(200), &self.reading)
    }
}

impl Content {
    fn new(reading: &Reading<'_>, words: Option<Words>) -> Self {
        Self {
            shelf: Shelf::new(reading.spool.clone(), reading.limits),
            reader: Reader::new(),
            collector: Collector::new(reading.base.clone(), reading.bills_5xx),
            words,
            raw: RawText::default(),
            expected: reading.expected,
        }
    }

    /// Reads to the end. A failure says that it was not the end.
    async fn read(&mut self, mut body: BodyReader, reading: &Reading<'_>) -> Option<Failure> {
        let mut received = 0;
        loop {
            let piece = match body.next().await {
                Ok(Some(piece)) => piece,
                Ok(None) => return None,
                Err(failure) => return Some(failure),
            };
            received += piece.len() as u64;
            (reading.progress)(Progress::Received(received));
            match self.feed(&piece) {
                Ok(true) => body.progressed(),
                Ok(false) => {}
                Err(failure) => return Some(failure),
            }
            if self.is_over() {
                let drain = async { while let Ok(Some(_)) = body.next().await {} };
                // Whether the body ends in time only decides if the connection is kept.
                let _ = tokio::time::timeout(DRAIN, drain).await;
                return None;
            }
        }
    }

    /// Takes the next bytes; true when there was data among them.
    fn feed(&mut self, piece: &[u8]) -> Result<bool, Failure> {
        let before = self.reader.data_bytes();
        let mut events = Vec::new();
        let mut rest = piece;
        while !rest.is_empty() && !self.is_over() {
            let taken = self.reader.feed(rest, &mut self.shelf, &mut events)?;
            rest = &rest[taken..];
            self.take(&mut events);
        }
        Ok(self.reader.data_bytes() > before)
    }

    fn take(&mut self, events: &mut Vec<Event>) {
        for event in events.drain(..) {
            self.raw.push(&event);
            self.collector.event(&event);
            if let Some(words) = &mut self.words {
                words.event(&event);
            }
        }
    }

    /// Nothing more can come.
    fn is_over(&self) -> bool {
        let all_images = self.collector.completed_images >= self.expected.max(1);
        self.reader.is_done() || self.collector.over || (self.reader.is_stream() && all_images)
    }

    fn conclude(
        mut self,
        broke: Option<Failure>,
        head: Head,
        reading: &Reading<'_>,
    ) -> Result<Answer, Box<CallFailure>> {
        let mut events = Vec::new();
        let value_cut = match self.reader.finish(&mut self.shelf, &mut events) {
            Ok(cut) => cut,
            Err(failure) => return Err(head.failed(failure, "", reading.secret)),
        };
        self.take(&mut events);
        let ended = self.is_over() || (self.collector.terminal && !value_cut);
        let whole_picture = self.collector.found_any() || !self.shelf.streams().is_empty();
        let fits = !self.reader.is_stream() || whole_picture;
        let may_end_here = !self.collector.strict && !self.shelf.picture_is_open() && fits;
        let images_ended = self.collector.completed_images > 0;
        let complete = ended || (broke.is_none() && !value_cut && (may_end_here || images_ended));
        if let Err(failure) = self.shelf.end_streams(complete) {
            return Err(head.failed(failure, "", reading.secret));
        }
        self.collector.streams(&self.shelf);
        // A chat stream without an end mark is whole only if it brought what was asked.
        let complete = complete && (ended || images_ended || !self.reader.is_stream() || self.collector.found_any());
        let raw = self.raw.finish(&self.shelf);
        let pieces = self.collector.pieces(&mut self.shelf);
        let cut = (!complete).then(|| {
            broke.unwrap_or_else(|| lost("the answer ended in the middle: the connection was closed too early".into()))
        });
        if !pieces.iter().any(|piece| !matches!(piece, Piece::Failed(_))) {
            let failed_item = pieces.into_iter().find_map(|piece| match piece {
                Piece::Failed(failure) => Some(failure),
                _ => None,
            });
            let failure = self.no_picture(failed_item, cut).status(head.status);
            let mut failed = head.failed(failure, &raw, reading.secret);
            failed.usage = self.collector.usage;
            return Err(failed);
        }
        let mut items: Vec<Found> = pieces.into_iter().map(Found::from).collect();
        items.extend(self.collector.error.take().or(cut).map(Found::Failed));
        Ok(Answer {
            items,
            text: without_secret(self.collector.text(), reading.secret),
            usage: self.collector.usage,
            http_status: head.status,
            request_id: head.request_id,
            raw: without_secret(raw, reading.secret),
            rate: head.rate,
            revised_prompt: self.collector.revised_prompt,
        })
    }

    /// Why there is no picture, in the provider's own words where it has any.
    fn no_picture(&self, failed_item: Option<Failure>, cut: Option<Failure>) -> Failure {
        let collector = &self.collector;
        if let Some(failure) = collector.error.clone().or(failed_item).or(cut) {
            return failure;
        }
        let billed = |kind, message: String| Failure::new(kind, message).billing(Billing::Billed);
        let text = collector.text();
        if !collector.refusal.is_empty() {
            return billed(FailureKind::Refused, format!("the model refused: {}", quote(&collector.refusal)));
        }
        let finish = self.finish_word();
        let words = if text.is_empty() { collector.finish_words.clone() } else { text.clone() };
        let said = if words.is_empty() { String::new() } else { format!("; it said: {}", quote(&words)) };
        if collector.blocked || is_refusal(&finish) {
            let what = if collector.blocked { "blocked the request" } else { "stopped the answer" };
            let message = format!("the provider's content filter {what}{said}");
            let mut failure = billed(FailureKind::Refused, message);
            failure.code = Some(finish);
            return failure;
        }
        if is_cut(&finish) {
            let message = format!("the answer was cut at the token limit before a picture came{said}");
            let mut failure = billed(FailureKind::Protocol, message);
            failure.code = Some(finish);
            return failure;
        }
        // Gemini: IMAGE_OTHER, NO_IMAGE, OTHER, MALFORMED_FUNCTION_CALL, …
        let odd = !matches!(finish.as_str(), "" | "stop" | "completed" | "end_turn" | "tool_calls");
        if odd {
            let message = format!("the provider ended the answer without a picture ({finish}){said}");
            let mut failure = billed(FailureKind::Protocol, message);
            failure.code = Some(finish);
            return failure;
        }
        if !text.is_empty() {
            return billed(
                FailureKind::Protocol,
                format!("no picture in the answer; the model said: {}", quote(&text)),
            );
        }
        self.unreadable().unwrap_or_else(|| billed(FailureKind::Protocol, "no picture in the answer".into()))
    }

    /// Why the model ended, in small letters.
    fn finish_word(&self) -> String {
        self.collector.finish.clone().unwrap_or_default().to_ascii_lowercase()
    }

    /// What a body without any answer says of itself; `None` when it is an answer.
    fn unreadable(&self) -> Option<Failure> {
        if let Some(failure) = &self.collector.remark {
            return Some(failure.clone());
        }
        let excerpt = self.reader.excerpt();
        if !excerpt.trim().is_empty() {
            let what = if self.reader.bad_events() > 0 {
                "it is broken JSON"
            } else {
                "it is neither JSON nor an event stream"
            };
            let message = format!("the answer cannot be read, {what}: {}", quote(&error::words_of(&excerpt)));
            return Some(Failure::new(FailureKind::Protocol, message).billing(Billing::Unknown));
        }
        (self.shelf.events == 0)
            .then(|| Failure::new(FailureKind::Protocol, "the answer is empty").billing(Billing::Unknown))
    }
}

/// Whether the answer was ended by a limit on its length.
fn is_cut(finish: &str) -> bool {
    matches!(finish, "length" | "max_tokens" | "max_output_tokens" | "model_context_window_exceeded")
}

impl Head {
    /// From status and headers.
    pub(crate) fn of(status: u16, headers: &HeaderMap) -> Self {
        let names = ["x-request-id", "request-id", "x-fal-request-id", "x-comfy-request-id"];
        let id = names.iter().find_map(|name| headers.get(*name)?.to_str().ok());
        Self { status, request_id: id.map(|id| id.chars().take(200).collect()), rate: error::rate_hints(headers) }
    }

    /// Of an answer that came without headers.
    pub(crate) fn plain(status: u16) -> Self {
        Self { status, request_id: None, rate: RateHints::default() }
    }

    /// The failure of a call with this head; `raw` is shortened, the credential taken out.
    pub(crate) fn failed(self, failure: Failure, raw: &str, secret: Option<&SecretString>) -> Box<CallFailure> {
        let mut failure = if failure.http_status.is_none() { failure.status(self.status) } else { failure };
        failure.message = without_secret(failure.message, secret);
        let raw = without_secret(shortened(raw, MAX_RAW), secret);
        Box::new(CallFailure {
            failure,
            usage: Usage::default(),
            raw,
            rate: self.rate,
            request_id: self.request_id,
            asking: false,
        })
    }
}

impl From<Piece> for Found {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Picture(kept) => Self::Picture(kept.into_inner()),
            Piece::Link(link) => Self::Link(link),
            Piece::Failed(failure) => Self::Failed(failure),
        }
    }
}

/// The credential never shows, even where a gateway repeats it.
pub(crate) fn without_secret(text: String, secret: Option<&SecretString>) -> String {
    match secret.map(ExposeSecret::expose_secret) {
        Some(secret) if !secret.is_empty() && text.contains(secret) => text.replace(secret, "<credential>"),
        _ => text,
    }
}

/// The answer for people: events one a line, equal neighbours once, and the streamed words at the end.
#[derive(Debug, Default)]
struct RawText {
    head: String,
    last: String,
}

impl RawText {
    fn push(&mut self, event: &Event) {
        let line = event.value.to_string();
        if line == self.last {
            return;
        }
        let room = (MAX_RAW - 3 * MAX_RAW_TAIL).saturating_sub(self.head.len());
        if !self.last.is_empty() && room > 0 {
            self.head.push_str(&shortened(&self.last, room));
            self.head.push('\n');
        }
        self.last = line;
    }

    fn finish(&self, shelf: &Shelf) -> String {
        let mut raw = self.head.clone();
        raw.push_str(&shortened(&self.last, MAX_RAW_TAIL));
        for stream in shelf.streams().iter().filter(|stream| !stream.is_thought()) {
            raw.push_str("\n# streamed text: ");
            raw.push_str(&shortened(&String::from_utf8_lossy(&stream.text), MAX_RAW_TAIL));
        }
        for number in 0..shelf.len() {
            if let Some(crate::lift::Slot::Picture(Some(kept))) = shelf.slot(number) {
                raw = raw.replace(&format!("<spool:{number}>"), &format!("<blake3:{}>", kept.get().blake3));
            }
        }
        shortened(&raw, MAX_RAW)
    }
}

#[cfg(test)]
mod tests;
