//! What a provider's batches are to the rest of the program: one small trait, and what its dialects share. Requests become lines
//! of one file; results are read as a stream, line by line, with the reader of single answers, and are told apart by the id that
//! each line was given, never by their order.
//!
//! Asking is free and may be repeated; only creating a batch may cost money.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::StreamExt;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::profile::Timeouts;
use memchr::memchr;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::answer::{self, LineOf};
use crate::body::{self, Body, Part, SentState};
use crate::chat::ChatAnswer;
use crate::error;
use crate::http::{self, BodyReader, MAX_ERROR_BODY, Request};
use crate::provider::{Answer, CallFailure, PictureInput, ProviderFuture};
use crate::queue::Told;
use crate::spool::Spool;
use crate::wire::Wire;

/// Longest time that a file may take on its way: gigabytes over a slow line. That it moves at all is watched separately.
const FILE_MS: u64 = 6 * 3_600_000;
/// Members of a request that mean nothing where nobody listens.
const LIVE_ONLY: [&str; 3] = ["stream", "stream_options", "partial_images"];
/// Pages of a list that are looked through.
pub(crate) const MAX_PAGES: usize = 20;

/// One request as it would go out by itself.
#[derive(Debug)]
pub struct BatchAsk {
    /// The endpoint it is for; a batch holds requests for one.
    pub endpoint: &'static str,
    body: Body,
}

impl BatchAsk {
    /// From the members of the request.
    pub(crate) fn new(endpoint: &'static str, mut value: Value, pictures: &[PictureInput]) -> Self {
        if let Some(members) = value.as_object_mut() {
            members.retain(|name, _| !LIVE_ONLY.contains(&name.as_str()));
        }
        Self { endpoint, body: body::json(&value, pictures) }
    }

    /// Its length in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.body.len()
    }
}

/// A request as a line of a batch.
#[derive(Debug)]
pub struct BatchLine(Body);

impl BatchLine {
    /// `before`, the request, `after`.
    pub(crate) fn of(before: String, ask: BatchAsk, after: String) -> Self {
        let mut body = ask.body;
        body.parts.insert(0, Part::Text(before.into()));
        body.parts.push(Part::Text(after.into()));
        Self(body)
    }

    /// Its length in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.len()
    }

    /// Writes it, with its pictures.
    pub async fn write_to(self, file: &mut tokio::fs::File) -> io::Result<()> {
        let mut pieces = Box::pin(body::stream(self.0, &SentState::default(), || ()));
        while let Some(piece) = pieces.next().await {
            file.write_all(&piece?).await?;
        }
        Ok(())
    }
}

/// A batch about to be sent.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// Our name of it.
    pub key: String,
    /// The model that all its requests are for.
    pub model: String,
    /// The endpoint of all its requests.
    pub endpoint: &'static str,
    /// The file of its lines, with [`BatchProvider::separator`] between them.
    pub lines: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// How many they are.
    pub items: u32,
    /// When its gathering began, microseconds since 1970.
    pub since_us: i64,
}

/// How far a batch is.
#[derive(Clone, Debug)]
pub enum BatchStage {
    /// Not done.
    Pending {
        /// When the provider wants to be asked again, in milliseconds.
        again_in_ms: Option<u64>,
    },
    /// Nothing more happens to it.
    Ended(BatchEnd),
}

/// How a batch ended.
#[derive(Clone, Debug)]
pub struct BatchEnd {
    /// In a word: `completed`, `expired`, `cancelled`, `failed`.
    pub outcome: &'static str,
    /// Why nothing of it was run.
    pub failure: Option<Failure>,
    /// Where its results are.
    pub(crate) results: Vec<Url>,
}

/// What became of one request of a batch.
#[derive(Debug)]
pub struct BatchItem {
    /// The id that its line was given.
    pub id: String,
    /// What became of it.
    pub outcome: ItemOutcome,
}

/// What became of a request.
#[derive(Debug)]
pub enum ItemOutcome {
    /// Pictures.
    Answer(Box<Answer>),
    /// Words.
    Words(Box<ChatAnswer>),
    /// It ended badly.
    Failed(Box<CallFailure>),
    /// The batch ended before it was run; it costs nothing.
    Unfinished,
}

/// One provider account with one form of batches.
pub trait BatchProvider: Send + Sync {
    /// What stands between two lines.
    fn separator(&self) -> &'static str {
        "\n"
    }

    /// The request as a line under `id`.
    fn line(&self, id: &str, ask: BatchAsk) -> BatchLine;

    /// Gives the provider the lines, where it takes them as a file; costs nothing. Returns its name of the file.
    fn upload<'a>(&'a self, _batch: &'a NewBatch) -> ProviderFuture<'a, Result<String, Failure>> {
        Box::pin(std::future::ready(Ok(String::new())))
    }

    /// Creates the batch; from here on it may be paid for. Returns the provider's name of it.
    fn create<'a>(&'a self, batch: &'a NewBatch, file: &'a str)
    -> ProviderFuture<'a, Result<String, Box<CallFailure>>>;

    /// The provider's names of batches that are this one, or may be: the answer to its creation was lost. More than one only
    /// where the provider keeps no name of ours.
    fn find<'a>(&'a self, batch: &'a NewBatch) -> ProviderFuture<'a, Result<Vec<String>, Failure>>;

    /// How far it is. A failure with [`CallFailure::asking`] says nothing about the batch.
    fn ask<'a>(&'a self, id: &'a str) -> ProviderFuture<'a, Result<BatchStage, Box<CallFailure>>>;

    /// What became of its requests. `words` says of an id whether its answer is in words.
    fn results<'a>(&'a self, end: &BatchEnd, spool: Spool, words: fn(&str) -> bool) -> BatchResults<'a>;

    /// Asks the provider to end it; what is finished stays.
    fn cancel<'a>(&'a self, id: &'a str) -> ProviderFuture<'a, Result<(), Failure>>;
}

/// What a dialect makes of one line of results.
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) says: Says,
}

/// What a line says.
pub(crate) enum Says {
    /// The answer as it would have come to the request itself.
    Answer(Value),
    /// The failure as it would have come.
    Failure { status: u16, body: Value },
    /// The request was not run.
    Unfinished,
}

/// The results of a batch, one after the other; nothing of the file but the line at hand is in memory.
pub struct BatchResults<'a> {
    wire: &'a Wire,
    files: VecDeque<Url>,
    body: Option<BodyReader>,
    left: Bytes,
    parse: fn(Value) -> Option<Line>,
    words: fn(&str) -> bool,
    spool: Spool,
}

impl<'a> BatchResults<'a> {
    pub(crate) fn new(
        wire: &'a Wire,
        end: &BatchEnd,
        parse: fn(Value) -> Option<Line>,
        words: fn(&str) -> bool,
        spool: Spool,
    ) -> Self {
        Self { wire, files: end.results.clone().into(), body: None, left: Bytes::new(), parse, words, spool }
    }

    /// The next one; `None` when all were read. A failure means that the rest is to be read again from the beginning: reading
    /// is free.
    pub async fn next(&mut self) -> Result<Option<BatchItem>, Failure> {
        loop {
            if self.body.is_none() {
                let Some(url) = self.files.pop_front() else { return Ok(None) };
                self.body = Some(self.wire.open_file(url).await?);
            }
            if let Some(item) = self.line().await? {
                return Ok(Some(item));
            }
        }
    }

    /// Time passed while nobody read.
    pub fn rested(&mut self) {
        if let Some(body) = &mut self.body {
            body.progressed();
        }
    }

    /// Reads one line; `None` when it says nothing or the file is over.
    async fn line(&mut self) -> Result<Option<BatchItem>, Failure> {
        let mut line = LineOf::new(self.wire.reading(self.spool.clone(), 1, &|_| ()));
        let mut empty = true;
        loop {
            if self.left.is_empty() {
                let Some(body) = &mut self.body else { return Ok(None) };
                let Some(piece) = body.next().await? else {
                    self.body = None;
                    break;
                };
                body.progressed();
                self.left = piece;
            }
            let end = memchr(b'\n', &self.left);
            let piece = self.left.split_to(end.map_or(self.left.len(), |at| at + 1));
            empty &= piece.iter().all(u8::is_ascii_whitespace);
            line.feed(&piece);
            if end.is_some() {
                break;
            }
        }
        if empty {
            return Ok(None);
        }
        let Some(parsed) = line.value().and_then(self.parse) else {
            tracing::warn!("a line of a batch's results has no id or cannot be read; it is passed over");
            return Ok(None);
        };
        let Line { id, says } = parsed;
        let outcome = match says {
            Says::Answer(value) if (self.words)(&id) => match line.words(value) {
                Ok(words) => ItemOutcome::Words(Box::new(words)),
                Err(failure) => ItemOutcome::Failed(failure),
            },
            Says::Answer(value) => match line.pictures(value) {
                Ok(answer) => ItemOutcome::Answer(Box::new(answer)),
                Err(failure) => ItemOutcome::Failed(failure),
            },
            Says::Failure { status, body } => {
                let text = body.to_string();
                let failure = error::of_status(status, &HeaderMap::new(), &text, self.wire.options.bills_5xx);
                ItemOutcome::Failed(answer::Head::plain(status).failed(failure, &text, self.wire.secret.as_ref()))
            }
            Says::Unfinished => ItemOutcome::Unfinished,
        };
        Ok(Some(BatchItem { id, outcome }))
    }
}

impl Wire {
    /// Asks something about batches that costs nothing.
    pub(crate) async fn about_batch(&self, method: Method, url: Url) -> Result<Told, Box<CallFailure>> {
        self.ask(method, url, None, Spool::new("", "batch")).await?.about_ticket()
    }

    /// The same where only the failure matters.
    pub(crate) async fn list_batches(&self, url: Url) -> Result<Told, Failure> {
        self.about_batch(Method::GET, url).await.map_err(|failure| failure.failure)
    }

    /// Gives the provider a file, which costs nothing.
    pub(crate) async fn give_file(&self, url: Url, headers: HeaderMap, body: Body) -> Result<Told, Failure> {
        let mut all = self.headers.clone();
        all.extend(headers);
        let request = Request { method: Method::POST, url, headers: all, body: Some(body) };
        let told = self.ask_with(request, &self.file_times(), Spool::new("", "upload")).await;
        let told = told.map_err(|failure| failure.failure)?;
        if told.is_success() {
            return Ok(told);
        }
        let failure = error::of_status(told.status, &told.headers, told.text(), false);
        Err(told.failed(failure).failure)
    }

    async fn open_file(&self, url: Url) -> Result<BodyReader, Failure> {
        let request = Request { method: Method::GET, url, headers: self.headers.clone(), body: None };
        let response = http::send(&self.client, request, &self.file_times(), || ()).await;
        let response = response.map_err(|failure| self.unanswered(of_reading(failure)).failure)?;
        let status = response.status.as_u16();
        if response.status.is_success() {
            return Ok(response.body);
        }
        let text = response.body.text(MAX_ERROR_BODY).await;
        let mut failure = error::of_status(status, &response.headers, &text, false);
        failure.message = format!("the results of a batch could not be fetched: {}", failure.message);
        Err(self.unanswered(failure).failure)
    }

    fn file_times(&self) -> Timeouts {
        Timeouts { first_byte_ms: FILE_MS, total_ms: FILE_MS, ..self.profile.timeouts }
    }
}

/// Puts what was to be given before what became of it.
pub(crate) fn not_given(mut failure: Failure) -> Failure {
    failure.message = format!("the file of a batch could not be uploaded: {}", failure.message);
    failure
}

/// Results stay where they are, so a lost connection is only one more try.
fn of_reading(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::UnknownOutcome => Failure { kind: FailureKind::Transient, billing: Billing::NotBilled, ..failure },
        _ => failure,
    }
}

/// The part of a form, or of a body, that is the file of lines.
pub(crate) fn file_part(batch: &NewBatch) -> Part {
    Part::File(batch.lines.clone(), batch.bytes)
}

/// A text member that names something, else nothing.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
