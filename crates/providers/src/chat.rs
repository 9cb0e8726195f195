//! What a provider of words is to the rest of the program: text and vision calls, beside the pictures of `provider`.
//!
//! Knows nothing of any wire format, of retries, of budgets or of where answers are kept.

use imagemill_domain::call::Usage;
use imagemill_domain::chat::ChatRequest;

use crate::batch::BatchAsk;
use crate::provider::{CallFailure, PictureInput, Progress, ProviderFuture, RateHints};
use crate::spool::Spool;

/// Longest answer taken, in bytes of its words.
pub const MAX_CHAT_TEXT: usize = 1 << 20;

/// One text or vision request, ready to go out.
pub struct ChatCall<'a> {
    /// What is asked.
    pub request: &'a ChatRequest,
    /// The pictures among the request's parts, in the same order.
    pub pictures: &'a [PictureInput],
    /// Our name of the call, sent as `X-Client-Request-Id`.
    pub key: &'a str,
    /// Sent as `Idempotency-Key` when given.
    pub idempotency_key: Option<&'a str>,
    /// Where pictures go that a model writes into its words, unasked; they are removed when the answer is read.
    pub spool: Spool,
    /// Told how far the call is.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// A complete answer in words.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatAnswer {
    /// The model's words without its thoughts; never empty, at most [`MAX_CHAT_TEXT`]. JSON when a schema was asked for and
    /// the provider kept to it.
    pub text: String,
    /// What the provider counted.
    pub usage: Usage,
    /// Why the model ended, in the provider's word (`stop`, `end_turn`, `completed`); empty when it does not say.
    pub finish: String,
    /// HTTP status.
    pub http_status: u16,
    /// The provider's id of the request, from its headers.
    pub request_id: Option<String>,
    /// The answer as it came with the credential removed, at most 64 KiB.
    pub raw: String,
    /// What the headers say about limits.
    pub rate: RateHints,
}

/// The future of one text or vision call; dropping it closes the socket.
pub type ChatFuture<'a> = ProviderFuture<'a, Result<ChatAnswer, Box<CallFailure>>>;

/// One provider account with one protocol for words.
pub trait ChatProvider: Send + Sync {
    /// Sends one request and reads its answer. Sends once: no retry, no redirect.
    ///
    /// An answer that cannot be used is a failure that tells what was charged: cut at the token limit or empty
    /// (`protocol`, billed), stopped by a content filter or refused by the model (`refused`).
    fn chat<'a>(&'a self, call: ChatCall<'a>) -> ChatFuture<'a>;

    /// The body of the request for the ledger: JSON text, pictures as `blake3:<hash>`, no credential.
    fn request_text(&self, request: &ChatRequest, pictures: &[PictureInput]) -> String;

    /// The request as one of a batch.
    fn batch_ask(&self, request: &ChatRequest, pictures: &[PictureInput]) -> BatchAsk;
}

#[cfg(test)]
mod tests;
