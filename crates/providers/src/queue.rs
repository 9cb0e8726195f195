//! What protocols share that take a request now and are asked for its result later: submitting, tickets, asking,
//! cancelling, and results whose pictures are taken out while they arrive.
//!
//! Must not know any protocol's words. Asking is free, so a lost answer to a question is `transient`, never a lost call.

use std::collections::HashSet;

use imagemill_domain::call::Usage;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::profile::Timeouts;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::address;
use crate::answer::{Head, MAX_RAW, without_secret};
use crate::body::{self, Body};
use crate::error::{self, quote};
use crate::extract::{picture_too_large, shortened};
use crate::http::{self, MAX_ERROR_BODY, Request, Response, lost};
use crate::lift::{Kept, Shelf, Slot};
use crate::links::{self, Hit};
use crate::provider::{Answer, CallFailure, Found, Polled, Reply, Ticket, WireCall};
use crate::spool::Spool;
use crate::sse::Reader;
use crate::uploads;
use crate::wire::{Asked, Wire, api_rules};

/// Longest wait for the head of an answer to a question: nothing is computed meanwhile.
const ASK_FIRST_BYTE_MS: u64 = 30_000;
/// Longest id of a request.
const MAX_ID: usize = 200;
/// Words in a failed run's reason that mean that the content was refused.
const REFUSALS: [&str; 8] = [
    "nsfw",
    "content polic",
    "content_polic",
    "moderation",
    "safety",
    "flagged as sensitive",
    "sensitive content",
    "prohibited",
];

/// An answer that was read to its end.
pub(crate) struct Told {
    /// Its status.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// What it says, pictures replaced by `<spool:n>`; null when it is no JSON.
    pub(crate) value: Value,
    /// It as text for the ledger, with pictures as `<blake3:…>`.
    text: String,
    shelf: Shelf,
    base: Url,
    secret: Option<SecretString>,
}

/// How far a prediction is that tells everything of itself in one answer.
pub(crate) enum Stage {
    /// Its pictures are here.
    Ended(Box<Answer>),
    /// Not yet.
    Pending(Box<Told>),
}

impl Stage {
    /// As the answer to the request itself.
    pub(crate) fn reply(self, ticket: Option<Ticket>) -> Result<Reply, Box<CallFailure>> {
        match (self, ticket) {
            // A profile that asks the provider to wait may have the result at once.
            (Self::Ended(answer), _) => Ok(Reply::Answer(*answer)),
            (Self::Pending(_), Some(ticket)) => Ok(Reply::Accepted(ticket)),
            (Self::Pending(told), None) => Err(no_ticket(&told)),
        }
    }

    /// As the answer to a question.
    pub(crate) fn polled(self) -> Polled {
        match self {
            Self::Ended(answer) => Polled::Answer(answer),
            Self::Pending(told) => Polled::Pending { again_in_ms: told.again_in_ms(), queue_position: None },
        }
    }
}

impl Wire {
    /// Sends a request that may cost money and reads what was said to it. Every status of 300 and above is a failure.
    pub(crate) async fn submit(&self, url: Url, body: Body, call: &WireCall<'_>) -> Result<Told, Box<CallFailure>> {
        self.submit_as(url, body, &call.into(), call.spool.clone()).await
    }

    /// The same for what is no call of its own: `key` is our name of it.
    pub(crate) async fn create(&self, url: Url, body: Body, key: &str) -> Result<Told, Box<CallFailure>> {
        let asked = Asked { key, idempotency_key: None, progress: &|_| () };
        self.submit_as(url, body, &asked, Spool::new("", "create")).await
    }

    async fn submit_as(&self, url: Url, body: Body, asked: &Asked<'_>, spool: Spool) -> Result<Told, Box<CallFailure>> {
        let response = self.send(url, body, asked).await?;
        let head = Head::of(response.status.as_u16(), &response.headers);
        if response.status.is_redirection() {
            let message = format!(
                "the address answered {} and points elsewhere; a paid call is never redirected: set base_url to that address",
                response.status
            );
            return Err(head.failed(Failure::new(FailureKind::Invalid, message), "", self.secret.as_ref()));
        }
        let told = self.tell(response, spool).await;
        let told = told.map_err(|failure| head.failed(failure, "", self.secret.as_ref()))?;
        if told.is_success() {
            return Ok(told);
        }
        let failure = error::of_status(told.status, &told.headers, &told.text, self.options.bills_5xx);
        Err(told.failed(failure))
    }

    /// Asks something that costs nothing; any status is an answer. Failures are of the question only.
    pub(crate) async fn ask(
        &self,
        method: Method,
        url: Url,
        body: Option<Body>,
        spool: Spool,
    ) -> Result<Told, Box<CallFailure>> {
        let request = Request { method, url, headers: self.headers.clone(), body };
        let timeouts = Timeouts {
            first_byte_ms: self.profile.timeouts.first_byte_ms.min(ASK_FIRST_BYTE_MS),
            ..self.profile.timeouts
        };
        self.ask_with(request, &timeouts, spool).await
    }

    /// The same with headers and times of its own.
    pub(crate) async fn ask_with(
        &self,
        request: Request,
        timeouts: &Timeouts,
        spool: Spool,
    ) -> Result<Told, Box<CallFailure>> {
        self.ask_over(&self.client, request, timeouts, spool).await
    }

    /// The same over a client with other rules.
    pub(crate) async fn ask_over(
        &self,
        client: &Client,
        request: Request,
        timeouts: &Timeouts,
        spool: Spool,
    ) -> Result<Told, Box<CallFailure>> {
        let response = http::send(client, request, timeouts, || ()).await;
        let response = response.map_err(|failure| self.unanswered(asked_in_vain(failure)).of_question())?;
        let head = Head::of(response.status.as_u16(), &response.headers);
        let told = self.tell(response, spool).await;
        told.map_err(|failure| head.failed(asked_in_vain(failure), "", self.secret.as_ref()).of_question())
    }

    /// Asks about a ticket: a status of 300 and above is a failure by the rules of [`Told::about_ticket`].
    pub(crate) async fn ask_about(&self, url: Url, spool: Spool) -> Result<Told, Box<CallFailure>> {
        self.ask(Method::GET, url, None, spool).await?.about_ticket()
    }

    /// The names in a list below the base address, bare or as `data`, each read by `name`. Costs nothing.
    pub(crate) async fn list(
        &self,
        path: &str,
        name: impl Fn(&Value) -> Option<String> + Send,
    ) -> Result<Vec<String>, Failure> {
        let list = self.list_at(self.below(path)).await?;
        let list = list.get("data").unwrap_or(&list).as_array();
        Ok(list.into_iter().flatten().filter_map(name).collect())
    }

    /// What `url` answers to a question that costs nothing.
    pub(crate) async fn list_at(&self, url: Url) -> Result<Value, Failure> {
        let told = self.ask(Method::GET, url, None, Spool::new("", "list")).await.map_err(|failure| failure.failure)?;
        if told.is_success() {
            return Ok(told.value);
        }
        Err(error::of_status(told.status, &told.headers, &told.text, false))
    }

    /// Sends a request that may cost money with its source pictures inside.
    pub(crate) async fn submit_inline(
        &self,
        url: Url,
        value: &Value,
        call: &WireCall<'_>,
    ) -> Result<Told, Box<CallFailure>> {
        self.submit(url, body::json(value, call.pictures), call).await
    }

    /// Tells the provider to drop a request.
    pub(crate) async fn tell_to_cancel(&self, method: Method, url: Url, body: Option<Body>) -> Result<(), Failure> {
        let nowhere = Spool::new("", "cancel");
        let told = self.ask(method, url, body, nowhere).await.map_err(|failure| failure.failure)?;
        if told.is_success() {
            return Ok(());
        }
        Err(error::of_status(told.status, &told.headers, &told.text, false))
    }

    /// The ticket of a request that was taken. Addresses on other hosts are left out, so that the credential never goes
    /// there; the documented form on the provider's own host stands in for them.
    pub(crate) fn ticket(&self, model: &str, id: Option<&Value>, urls: [Option<&Value>; 3]) -> Option<Ticket> {
        let own = |named: Option<&Value>| {
            let named = named?.as_str()?;
            match self.own_url(named) {
                Ok(_) => Some(named.to_owned()),
                Err(failure) => {
                    tracing::warn!(reason = %failure, "an address for asking is not on the provider's own host; the documented one is used");
                    None
                }
            }
        };
        let id = id.and_then(Value::as_str).filter(|id| is_id(id))?;
        let [status_url, result_url, cancel_url] = urls.map(own);
        Some(Ticket { version: 1, id: id.to_owned(), status_url, result_url, cancel_url, model: model.to_owned() })
    }

    /// The address in a ticket, or `path` below the base address where it names none. One that is not on the provider's
    /// own hosts (any more) is refused.
    pub(crate) fn ticket_url(&self, ticket: &Ticket, named: Option<&str>, path: &str) -> Result<Url, Box<CallFailure>> {
        match named {
            Some(named) => self.own_url(named).map_err(|refusal| {
                let message =
                    format!("the request {} cannot be asked about: {refusal}. It may have been charged", ticket.id);
                self.unanswered(Failure::new(FailureKind::UnknownOutcome, message).billing(Billing::Unknown))
            }),
            None if is_id(&ticket.id) => Ok(self.below(path)),
            None => {
                let message = "the ticket of a request cannot be read; it may have been charged";
                Err(self.unanswered(lost(message.into())))
            }
        }
    }

    /// An address that the provider named, if it is on its own hosts.
    pub(crate) fn own_url(&self, named: &str) -> Result<Url, Failure> {
        let url = address::check(named, api_rules(&self.profile))?;
        let listed = !self.profile.network.api_hosts.is_empty();
        let as_safe = url.scheme() == "https" || url.scheme() == self.base.scheme();
        if url.origin() == self.base.origin() || (listed && as_safe) {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default();
        let message = format!(
            "{host} is not the host of base_url; add it to the profile's network.api_hosts if it is the provider's"
        );
        Err(Failure::new(FailureKind::Invalid, message))
    }

    /// Reads a body to its end: JSON with its pictures taken out, or the text of a failure.
    async fn tell(&self, response: Response, spool: Spool) -> Result<Told, Failure> {
        let Response { status, headers, mut body } = response;
        let mut shelf = Shelf::new(spool, self.picture_limits());
        let told = |value: Value, text: String, shelf: Shelf| Told {
            status: status.as_u16(),
            headers: headers.clone(),
            value,
            text,
            shelf,
            base: self.base.clone(),
            secret: self.secret.clone(),
        };
        if !status.is_success() {
            let text = body.text(MAX_ERROR_BODY).await;
            return Ok(told(serde_json::from_str(&text).unwrap_or_default(), text, shelf));
        }
        let (mut reader, mut events) = (Reader::new(), Vec::new());
        let mut received = 0_usize;
        while let Some(piece) = body.next().await? {
            body.progressed();
            received += piece.len();
            let mut rest = &piece[..];
            // What stands behind the value, a line's end at least, is not wanted, and the reader takes no more.
            while !rest.is_empty() && events.is_empty() && !reader.is_done() {
                let taken = reader.feed(rest, &mut shelf, &mut events)?;
                rest = &rest[taken..];
            }
        }
        let cut = reader.finish(&mut shelf, &mut events)?;
        if cut || events.iter().any(|event| event.cut) {
            return Err(lost("the answer ended in the middle: the connection was closed too early".into()));
        }
        // A status without words (202, 204) is as good as an empty object.
        let Some(event) = events.into_iter().next() else {
            if received == 0 {
                return Ok(told(Value::Null, String::new(), shelf));
            }
            let words = quote(&error::words_of(&reader.excerpt()));
            let message = format!("the answer cannot be read, it is no JSON: {words}");
            return Err(Failure::new(FailureKind::Protocol, message).billing(Billing::Unknown));
        };
        let mut text = event.value.to_string();
        for number in 0..shelf.len() {
            if let Some(Slot::Picture(Some(kept))) = shelf.slot(number) {
                text = text.replace(&format!("<spool:{number}>"), &format!("<blake3:{}>", kept.get().blake3));
            }
        }
        Ok(told(event.value, text, shelf))
    }
}

impl Told {
    /// Whether its status is in the two hundreds.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// When it says to ask again.
    pub(crate) fn again_in_ms(&self) -> Option<u64> {
        error::retry_after_ms(&self.headers, jiff::Timestamp::now())
    }

    /// A text member.
    pub(crate) fn word(&self, name: &str) -> &str {
        self.value.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A failure of the call with this answer behind it.
    pub(crate) fn failed(&self, failure: Failure) -> Box<CallFailure> {
        Head::of(self.status, &self.headers).failed(failure, &self.text, self.secret.as_ref())
    }

    /// What a failure status to a question about a ticket means. Only what is certainly about the asking, or comes from
    /// the account, may be asked again; a ticket that the provider does not know may have been run and charged.
    pub(crate) fn about_ticket(self) -> Result<Self, Box<CallFailure>> {
        if self.is_success() {
            return Ok(self);
        }
        let said = error::of_status(self.status, &self.headers, &self.text, false);
        let of_account = of_question(said.kind) && said.kind != FailureKind::Transient;
        let failure = match self.status {
            300..=399 => {
                let message =
                    format!("the question about the result was answered with {}, which is not followed", self.status);
                Failure::new(FailureKind::Transient, message)
            }
            401..=403 | 429 | 503 if of_account => said,
            408 | 409 | 425 | 429 | 500.. => Failure { kind: FailureKind::Transient, ..said },
            _ => {
                let message = format!(
                    "the provider does not tell about a request that it took; it may have been charged. {}",
                    said.message
                );
                let unknown = Failure { kind: FailureKind::UnknownOutcome, billing: Billing::Unknown, message, ..said };
                return Err(self.failed(unknown));
            }
        };
        Err(self.failed(failure).of_question())
    }

    /// The run ended badly, in its own words. Such words alone decide whether the content was refused; what a failed run
    /// costs nobody says, but one that did not get its source drew nothing.
    pub(crate) fn run_failed(&self, reason: &str) -> Box<CallFailure> {
        let reason = if reason.trim().is_empty() { "no reason given" } else { reason };
        let lower = reason.to_ascii_lowercase();
        let refused = REFUSALS.iter().any(|word| lower.contains(word));
        let (kind, billing, what) = if refused {
            (FailureKind::Refused, Billing::Unknown, "the provider refused the content")
        } else if uploads::lacked_source(reason) {
            (FailureKind::Invalid, Billing::NotBilled, "the provider could not fetch a source picture")
        } else {
            (FailureKind::Protocol, Billing::Unknown, "the provider could not make the picture")
        };
        self.failed(Failure::new(kind, format!("{what}: {}", quote(reason))).billing(billing))
    }

    /// Somebody cancelled it, here or at the provider.
    pub(crate) fn cancelled(&self, billing: Billing) -> Box<CallFailure> {
        let message = "the request was cancelled at the provider";
        self.failed(Failure::new(FailureKind::Stopped, message).billing(billing))
    }

    /// Every picture and link in `value`: a text, a list, or objects with the usual members.
    pub(crate) fn found(&mut self, value: &Value) -> Vec<Found> {
        let mut items = Vec::new();
        self.collect(value, &mut items, 0);
        let mut seen = HashSet::new();
        items.retain(|item| !matches!(item, Found::Link(link) if !seen.insert(link.clone())));
        items
    }

    fn collect(&mut self, value: &Value, items: &mut Vec<Found>, depth: usize) {
        match value {
            Value::String(text) if text.contains("<spool:") => {
                for hit in links::find(text, &self.base) {
                    match hit {
                        Hit::Slot(slot) if matches!(self.shelf.slot(slot), Some(Slot::TooLarge)) => {
                            items.push(Found::Failed(picture_too_large()));
                        }
                        Hit::Slot(slot) => {
                            items.extend(self.shelf.take(slot).map(Kept::into_inner).map(Found::Picture));
                        }
                        Hit::Link(link) => items.push(Found::Link(link)),
                    }
                }
            }
            // A word is no address: models may answer with words.
            Value::String(text) if ["http://", "https://", "/"].iter().any(|start| text.starts_with(start)) => {
                items.extend(links::resolve(text, &self.base).map(Found::Link));
            }
            Value::Array(list) if depth < 4 => list.iter().for_each(|entry| self.collect(entry, items, depth + 1)),
            Value::Object(map) if depth < 4 => {
                let names =
                    ["url", "image", "images", "image_url", "uri", "output", "b64_json", "result", "results", "sample"];
                for value in names.iter().filter_map(|name| map.get(*name)) {
                    self.collect(value, items, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// The answer with these items; a failure when none is a picture.
    pub(crate) fn answer(self, items: Vec<Found>, text: &str) -> Result<Answer, Box<CallFailure>> {
        if !items.iter().any(|item| !matches!(item, Found::Failed(_))) {
            let failed = items.into_iter().find_map(|item| match item {
                Found::Failed(failure) => Some(failure),
                _ => None,
            });
            let none = || Failure::new(FailureKind::Protocol, "the result holds no picture").billing(Billing::Billed);
            return Err(self.failed(failed.unwrap_or_else(none)));
        }
        let head = Head::of(self.status, &self.headers);
        Ok(Answer {
            items,
            text: without_secret(shortened(text, 4 << 10), self.secret.as_ref()),
            usage: Usage::default(),
            http_status: head.status,
            request_id: head.request_id,
            raw: without_secret(shortened(&self.text, MAX_RAW), self.secret.as_ref()),
            rate: head.rate,
            revised_prompt: None,
        })
    }

    /// The body in the provider's own words.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// The provider's filter flagged this picture; what is there then is usually black.
pub(crate) fn flagged() -> Found {
    let message = "the provider's content filter flagged this picture and withholds it";
    Found::Failed(Failure::new(FailureKind::Refused, message).billing(Billing::Billed))
}

/// The request was taken and nothing tells how to ask about it.
pub(crate) fn no_ticket(told: &Told) -> Box<CallFailure> {
    let failure =
        lost("the provider took the request and gave no id to ask by; it may make and charge the picture".into());
    told.failed(failure)
}

/// Kinds that a failed question may have: they say nothing about the request.
pub(crate) fn of_question(kind: FailureKind) -> bool {
    use FailureKind::{Auth, NotEntitled, Quota, RateLimited, Transient};
    matches!(kind, Auth | NotEntitled | Quota | RateLimited | Transient)
}

fn asked_in_vain(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::UnknownOutcome | FailureKind::Protocol => {
            Failure { kind: FailureKind::Transient, billing: Billing::NotBilled, ..failure }
        }
        _ => failure,
    }
}

/// Ids become parts of addresses, so they may hold nothing that means something there.
fn is_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !id.is_empty() && id.len() <= MAX_ID && id.chars().all(plain) && !id.contains("..")
}
