//! Sends one request and hands its answer over in pieces, with four time limits. Never repeats a request and never
//! follows a redirect: both could pay twice or carry the key to another host.
//!
//! Must not know what is in the bodies.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::profile::Timeouts;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::address::{CheckedResolver, Purpose, Refusal};
use crate::body::{self, Awaited, Body, SentState};

/// How much of an answer is read that is only quoted.
pub(crate) const MAX_ERROR_BODY: usize = 64 << 10;

/// A client for one purpose. `connect_ms` is the time limit for opening a connection.
pub(crate) fn client(purpose: Purpose, allow_private: bool, connect_ms: u64) -> Result<Client, Failure> {
    // Another crate of the program may have installed the same provider before; either is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("imagemill/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .dns_resolver(CheckedResolver { purpose, allow_private })
        .connect_timeout(Duration::from_millis(connect_ms))
        // Servers close idle connections after 5 s and more. A request that meets such a close looks lost, so a
        // connection is not used again after 4 s.
        .pool_idle_timeout(Duration::from_secs(4))
        .tcp_keepalive(Duration::from_secs(30))
        .http2_adaptive_window(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(20))
        .build()
        .map_err(|error| Failure::new(FailureKind::Local, format!("no HTTP client could be made: {}", words(&error))))
}

/// One request.
pub(crate) struct Request {
    /// Its method.
    pub(crate) method: Method,
    /// A checked address.
    pub(crate) url: Url,
    /// Its headers; the credential among them is marked sensitive.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Option<Body>,
}

/// The head of an answer with its body still to come.
pub(crate) struct Response {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: BodyReader,
}

/// Sends `request` once. Failures say whether it may have run.
///
/// `on_sent` is called when the last byte of the body was handed to the connection.
pub(crate) async fn send(
    client: &Client,
    request: Request,
    timeouts: &Timeouts,
    on_sent: impl Fn() + Send + 'static,
) -> Result<Response, Failure> {
    let started = Instant::now();
    let host = request.url.host_str().unwrap_or_default().to_owned();
    let state = SentState::default();
    let mut builder = client.request(request.method, request.url).headers(request.headers);
    // Pictures do not shrink, and a compressed stream would arrive late. A gzip answer is understood all the same.
    builder = builder.header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(body) = request.body {
        builder = builder.header(CONTENT_LENGTH, body.len()).header(CONTENT_TYPE, &body.content_type);
        builder = builder.body(reqwest::Body::wrap_stream(body::stream(body, &state, on_sent)));
    }
    let first_byte = Duration::from_millis(timeouts.first_byte_ms.min(timeouts.total_ms));
    let awaited = Awaited(&state);
    let answered = tokio::time::timeout(first_byte, builder.send()).await;
    if let Ok(Ok(_)) = &answered {
        awaited.answered();
    } else {
        drop(awaited);
    }
    let response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(not_answered(&error, &host, &state)),
        Err(_) if state.is_complete() => {
            return Err(lost(format!("{host} sent no answer within {} s", first_byte.as_secs_f64())));
        }
        Err(_) => {
            let message = format!("{host} did not take the whole request within {} s", first_byte.as_secs_f64());
            return Err(Failure::new(FailureKind::Transient, message));
        }
    };
    let deadline = started + Duration::from_millis(timeouts.total_ms);
    Ok(Response {
        status: response.status(),
        headers: response.headers().clone(),
        body: BodyReader {
            pieces: response.bytes_stream().boxed(),
            host,
            idle: Duration::from_millis(timeouts.idle_ms),
            idle_from: Instant::now(),
            deadline,
            total_ms: timeouts.total_ms,
        },
    })
}

/// An answer's body.
pub(crate) struct BodyReader {
    pieces: BoxStream<'static, reqwest::Result<Bytes>>,
    host: String,
    idle: Duration,
    idle_from: Instant,
    deadline: Instant,
    total_ms: u64,
}

impl BodyReader {
    /// The next piece; `None` at the end. A failure means that the answer is not whole.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let idle_until = self.idle_from + self.idle;
        match tokio::time::timeout_at(idle_until.min(self.deadline), self.pieces.next()).await {
            Ok(None) => Ok(None),
            Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
            Ok(Some(Err(error))) => Err(lost(format!(
                "the connection to {} broke in the middle of the answer: {}",
                self.host,
                words(&error)
            ))),
            Err(_) if idle_until < self.deadline => {
                Err(lost(format!("{} sent nothing more for {} s", self.host, self.idle.as_secs_f64())))
            }
            Err(_) => {
                let seconds = Duration::from_millis(self.total_ms).as_secs_f64();
                Err(lost(format!("the answer of {} was not complete after {seconds} s", self.host)))
            }
        }
    }

    /// Data came: the idle time begins again. Comments of a stream are not data.
    pub(crate) fn progressed(&mut self) {
        self.idle_from = Instant::now();
    }

    /// At most `limit` bytes as text; what breaks off is left out.
    pub(crate) async fn text(mut self, limit: usize) -> String {
        let mut all = Vec::new();
        while all.len() < limit
            && let Ok(Some(bytes)) = self.next().await
        {
            self.progressed();
            all.extend_from_slice(&bytes[..bytes.len().min(limit - all.len())]);
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// The request may have run and its answer is lost.
pub(crate) fn lost(message: String) -> Failure {
    Failure::new(FailureKind::UnknownOutcome, message).billing(Billing::Unknown)
}

fn not_answered(error: &reqwest::Error, host: &str, state: &SentState) -> Failure {
    if let Some(refusal) = cause::<Refusal>(error) {
        return Failure::new(FailureKind::Invalid, refusal.to_string());
    }
    if let Some(kind) = state.source_failed() {
        return Failure::new(kind, format!("the request was not completed: {}", words(error)));
    }
    if error.is_builder() || error.is_request() && error.url().is_none() {
        return Failure::new(FailureKind::Invalid, format!("the request could not be made: {}", words(error)));
    }
    if error.is_connect() || !state.is_complete() {
        let what = if error.is_timeout() { "could not be reached in time" } else { "could not be reached" };
        return Failure::new(FailureKind::Transient, format!("{host} {what}: {}", words(error)));
    }
    lost(format!("the connection to {host} broke before an answer came: {}", words(error)))
}

/// The first error of type `T` behind `error`.
fn cause<T: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The innermost reasons, without the address (it may hold a key).
fn words(error: &reqwest::Error) -> String {
    let mut last = String::new();
    let mut next = error.source();
    while let Some(error) = next {
        last = error.to_string();
        next = error.source();
    }
    if last.is_empty() { "no reason given".into() } else { last }
}
