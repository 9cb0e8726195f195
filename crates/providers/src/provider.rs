//! What a provider is to the rest of the program: one trait and the plain types of its arguments and answers.
//!
//! Knows nothing of any wire format, of retries, of budgets or of where pictures are kept in the end.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use bytes::Bytes;
use imagemill_domain::call::Usage;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::request::ImageRequest;
use serde::{Deserialize, Serialize};

pub use imagemill_domain::profile::Intake;

use crate::batch::BatchAsk;
use crate::spool::{Spool, Spooled};

/// Where the bytes of a source picture are.
#[derive(Clone, Debug)]
pub enum PictureBytes {
    /// In this file; it is read while the request is sent and must not change meanwhile.
    File(PathBuf),
    /// Here.
    Memory(Bytes),
}

/// One source picture as it is sent, after preparation.
#[derive(Clone, Debug)]
pub struct PictureInput {
    /// Its bytes.
    pub bytes: PictureBytes,
    /// Their number. A file of another length ends the call before it is complete, so nothing is paid.
    pub len: u64,
    /// The real type; the media type sent is made from it.
    pub format: PictureFormat,
    /// BLAKE3 of the bytes.
    pub blake3: ContentHash,
    /// A name for multipart forms; the suffix sent is the format's own.
    pub file_name: String,
    /// Where the provider has it already; requests name it by this and hold no bytes.
    pub address: Option<String>,
}

/// A source picture that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// How requests name it.
    pub address: String,
    /// For how long it is kept from now on, in milliseconds, as the provider says or documents.
    pub kept_for_ms: u64,
}

/// One request, ready to go out.
pub struct WireCall<'a> {
    /// What is asked.
    pub request: &'a ImageRequest,
    /// The pictures of `request.pictures`, in the same order.
    pub pictures: &'a [PictureInput],
    /// Our name of the call, sent as `X-Client-Request-Id`.
    pub key: &'a str,
    /// Sent as `Idempotency-Key` when given.
    pub idempotency_key: Option<&'a str>,
    /// Where pictures of the answer go while they arrive.
    pub spool: Spool,
    /// Told how far the call is.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The last byte of the request was handed to the connection: from here on it may cost money.
    Sent,
    /// The head of the answer is here.
    FirstByte,
    /// So many bytes of the answer's body are here.
    Received(u64),
}

/// One thing found in an answer.
#[derive(Debug)]
pub enum Found {
    /// A picture that was in the answer itself, decoded and hashed.
    Picture(Spooled),
    /// An absolute address to fetch the picture from.
    Link(String),
    /// An item that the provider says failed or was refused, or that could not be read.
    Failed(Failure),
}

/// A complete answer, or the part that arrived before the connection broke.
#[derive(Debug)]
pub struct Answer {
    /// What was found, in the order of the answer; never empty. The same bytes or the same link appear once.
    /// A stream that was cut after complete pictures ends with a failed item of kind `unknown_outcome`.
    pub items: Vec<Found>,
    /// The model's words without its thoughts and without pictures, at most 4 KiB.
    pub text: String,
    /// What the provider counted.
    pub usage: Usage,
    /// HTTP status.
    pub http_status: u16,
    /// The provider's id of the request, from its headers.
    pub request_id: Option<String>,
    /// The answer as it came with pictures replaced by `<blake3:…>` and the credential removed, at most 64 KiB.
    pub raw: String,
    /// What the headers say about limits.
    pub rate: RateHints,
    /// The prompt as the provider rewrote it.
    pub revised_prompt: Option<String>,
}

/// How a request ended well.
#[derive(Debug)]
pub enum Reply {
    /// The pictures are here.
    Answer(Answer),
    /// The provider took the request and can be asked about it with this.
    Accepted(Ticket),
}

/// What is needed to ask about a request that was taken, in this process or in a later one. Kept as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Of this form; 1.
    pub version: u32,
    /// The provider's name of the request.
    pub id: String,
    /// Where it said to ask; on its own hosts. `None` where the documented form is to be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<String>,
    /// Where it said the result will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_url: Option<String>,
    /// Where it said to cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_url: Option<String>,
    /// The model it was sent to: some addresses are made from it.
    pub model: String,
}

/// What a provider said when it was asked about a ticket.
#[derive(Debug)]
pub enum Polled {
    /// Not yet.
    Pending {
        /// When the provider wants to be asked again, in milliseconds.
        again_in_ms: Option<u64>,
        /// How many requests are before it.
        queue_position: Option<u32>,
    },
    /// The pictures are here.
    Answer(Box<Answer>),
}

/// What `x-ratelimit-*-requests` headers say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateHints {
    /// Requests left in the window.
    pub remaining_requests: Option<u32>,
    /// Requests the window has in all.
    pub limit_requests: Option<u32>,
    /// Milliseconds until the window is full again.
    pub reset_requests_ms: Option<u64>,
}

/// A call without any picture, or without words that can be used.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct CallFailure {
    /// What it means, with the provider's own words.
    pub failure: Failure,
    /// What the provider counted all the same.
    pub usage: Usage,
    /// The answer as it came, like [`Answer::raw`]; empty when none came.
    pub raw: String,
    /// What the headers say about limits.
    pub rate: RateHints,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// Only a question about the request failed; the request itself goes on.
    pub asking: bool,
}

impl CallFailure {
    /// One to which no answer came.
    pub fn without_answer(failure: Failure) -> Box<Self> {
        let (usage, rate) = (Usage::default(), RateHints::default());
        Box::new(Self { failure, usage, raw: String::new(), rate, request_id: None, asking: false })
    }

    /// The same, said of a question only.
    pub(crate) fn of_question(mut self: Box<Self>) -> Box<Self> {
        self.asking = true;
        self
    }
}

/// A future of a provider; dropping it closes the socket.
pub type ProviderFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The future of one call; dropping it closes the socket.
pub type CallFuture<'a> = ProviderFuture<'a, Result<Reply, Box<CallFailure>>>;

/// The future of one question about a ticket.
pub type PollFuture<'a> = ProviderFuture<'a, Result<Polled, Box<CallFailure>>>;

/// The future of one picture handed over.
pub type UploadFuture<'a> = ProviderFuture<'a, Result<Uploaded, Failure>>;

/// One provider account with one protocol.
pub trait ImageProvider: Send + Sync {
    /// Sends one request and reads its answer. Sends once: no retry, no redirect.
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a>;

    /// Asks about a request that was taken. Costs nothing, so it may be repeated: a failure with
    /// [`CallFailure::asking`] says nothing about the request, every other one ends the call.
    fn poll<'a>(&'a self, ticket: &'a Ticket, _spool: Spool) -> PollFuture<'a> {
        let message = format!(
            "the request {} cannot be asked about: the profile's protocol has no queue. It may have been charged",
            ticket.id
        );
        let failure = Failure::new(FailureKind::UnknownOutcome, message).billing(Billing::Unknown);
        Box::pin(std::future::ready(Err(CallFailure::without_answer(failure))))
    }

    /// Asks the provider to drop a request that was taken. Costs nothing; success means that it was told, not that
    /// nothing is charged.
    fn cancel<'a>(&'a self, _ticket: &'a Ticket) -> ProviderFuture<'a, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// The body of the request for the ledger: JSON text, pictures as `blake3:<hash>`, no credential.
    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String;

    /// The request as one of a batch; `None` when it cannot go in one.
    fn batch_ask(&self, _request: &ImageRequest, _pictures: &[PictureInput]) -> Option<BatchAsk> {
        None
    }

    /// How source pictures get there.
    fn intake(&self) -> Intake {
        Intake::default()
    }

    /// Hands a picture over, so that it has an address at the provider. Costs nothing, so it may be repeated.
    fn upload<'a>(&'a self, _picture: &'a PictureInput, _spool: Spool) -> UploadFuture<'a> {
        Box::pin(std::future::ready(Err(no_uploads())))
    }

    /// Fetches a picture by link. Costs nothing, so it may be repeated. Every failure carries `Billing::Billed`: the
    /// picture was made and paid for, only its fetch failed.
    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>>;

    /// The ids of the models the account may use; costs nothing.
    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>>;
}

/// The protocol takes pictures in requests only.
pub(crate) fn no_uploads() -> Failure {
    let message = "the profile's protocol takes no uploads by themselves; name the file in inputUrls of an edit";
    Failure::new(FailureKind::Invalid, message)
}
