//! What all protocols share when they call: addresses made from the base address, headers, sending, reading, fetching,
//! the list of models. Must not know any protocol's body.

use std::collections::BTreeMap;
use std::sync::Arc;

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::profile::Profile;
use imagemill_domain::request::ImageRequest;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::oneshot;
use url::Url;

use crate::address::{self, AddressRules, Purpose};
use crate::answer::{self, Reading, without_secret};
use crate::body::{self, Body};
use crate::chat::{ChatAnswer, ChatCall};
use crate::download::Downloads;
use crate::error;
use crate::gemini;
use crate::http::{self, Request, Response};
use crate::lift::Limits;
use crate::provider::{CallFailure, Progress, Reply, WireCall};
use crate::registry::WireOptions;
use crate::spool::Spool;

/// Endings of an address that is an endpoint and not a base.
pub(crate) const CHAT: &str = "/chat/completions";
/// The Responses endpoint.
pub(crate) const RESPONSES: &str = "/responses";
/// Anthropic's endpoint for words.
pub(crate) const MESSAGES: &str = "/messages";
/// Pictures from words.
pub(crate) const GENERATIONS: &str = "/images/generations";
/// Pictures from pictures.
pub(crate) const EDITS: &str = "/images/edits";
/// OpenRouter's one for both.
pub(crate) const IMAGES: &str = "/images";
const ENDPOINTS: [&str; 6] = [CHAT, RESPONSES, MESSAGES, GENERATIONS, EDITS, IMAGES];
/// Ends the address of a call to Gemini, behind the model's name.
const GENERATE_CONTENT: &str = ":generatecontent";

/// How the credential is written into the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `Bearer KEY`.
    Bearer,
    /// `Key KEY`, as fal wants it.
    Key,
    /// `Basic …` of `user:password`.
    Basic,
}

/// Most characters of our name of a call in its header.
const MAX_CALL_NAME: usize = 128;
/// Largest list of models read, in bytes.
const MAX_MODELS: usize = 8 << 20;

/// What a call says of itself, whatever it asks for.
pub(crate) struct Asked<'a> {
    /// Our name of the call.
    pub(crate) key: &'a str,
    /// Sent along where given.
    pub(crate) idempotency_key: Option<&'a str>,
    /// Told how far it is.
    pub(crate) progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl<'a> From<&'a WireCall<'_>> for Asked<'a> {
    fn from(call: &'a WireCall<'_>) -> Self {
        Self { key: call.key, idempotency_key: call.idempotency_key, progress: call.progress }
    }
}

/// One account, ready to be called.
pub(crate) struct Wire {
    /// Its settings.
    pub(crate) profile: Profile,
    /// What is known of the provider beyond them.
    pub(crate) options: WireOptions,
    /// For the provider's address.
    pub(crate) client: Client,
    /// The checked base address.
    pub(crate) base: Url,
    /// Sent with every request to it, the credential among them.
    pub(crate) headers: HeaderMap,
    /// Never to be shown.
    pub(crate) secret: Option<SecretString>,
    downloads: Downloads,
}

impl Wire {
    /// From a profile. `client` has the rules for the provider's address, `fetcher` those for picture links.
    pub(crate) fn new(
        profile: &Profile,
        secret: Option<SecretString>,
        scheme: Scheme,
        options: WireOptions,
        client: Client,
        fetcher: Client,
    ) -> Result<Self, Failure> {
        let base = address::check(profile.base_url.trim(), api_rules(profile))?;
        let authorization = secret.as_ref().map(|secret| authorization(scheme, secret)).transpose()?;
        let mut headers = HeaderMap::new();
        headers.extend(authorization.clone().map(|value| (AUTHORIZATION, value)));
        for (name, value) in &profile.headers {
            let bad = || Failure::new(FailureKind::Invalid, format!("the profile's header {name:?} cannot be sent"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let downloads = Downloads {
            client: fetcher,
            network: profile.network.clone(),
            timeouts: profile.timeouts,
            api: Arc::new(base.clone()),
            authorization,
        };
        Ok(Self { profile: profile.clone(), options, client, base, headers, secret, downloads })
    }

    /// The address of `endpoint`. A base address that is an endpoint itself stands as it is, but for the two images
    /// endpoints, which stand for each other.
    pub(crate) fn endpoint(&self, endpoint: &str) -> Url {
        let path = self.base.path().trim_end_matches('/');
        if path.to_ascii_lowercase().ends_with(GENERATE_CONTENT) {
            return self.base.clone();
        }
        let Some(own) = ENDPOINTS.iter().find(|own| path.to_ascii_lowercase().ends_with(**own)) else {
            return self.with_path(&format!("{path}{endpoint}"));
        };
        let is_images = |name: &str| name == GENERATIONS || name == EDITS;
        if is_images(own) && is_images(endpoint) {
            return self.with_path(&format!("{}{endpoint}", &path[..path.len() - own.len()]));
        }
        self.base.clone()
    }

    /// The address of `endpoint` for words. A base address without a path gets `version`. One that is this endpoint itself
    /// stands as it is, and one that is another endpoint stands for the base it is under.
    pub(crate) fn words_endpoint(&self, version: &str, endpoint: &str) -> Url {
        let path = self.base.path().trim_end_matches('/');
        let lower = path.to_ascii_lowercase();
        if lower.ends_with(endpoint) || (endpoint.ends_with(":generateContent") && lower.ends_with(GENERATE_CONTENT)) {
            return self.base.clone();
        }
        let own = ENDPOINTS.iter().find(|own| lower.ends_with(**own)).map_or(0, |own| own.len());
        match &path[..path.len() - own] {
            "" if own == 0 => self.with_path(&format!("{version}{endpoint}")),
            base => self.with_path(&format!("{base}{endpoint}")),
        }
    }

    /// The base address with `path` behind it.
    pub(crate) fn below(&self, path: &str) -> Url {
        self.with_path(&format!("{}{path}", self.base.path().trim_end_matches('/')))
    }

    fn with_path(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    /// Adds the profile's and then the request's own members to a body.
    pub(crate) fn add_extra(&self, value: &mut Value, request: &ImageRequest) {
        self.add_members(value, &request.options.extra_body);
    }

    /// Adds the profile's and then these members to a body.
    pub(crate) fn add_members(&self, value: &mut Value, own: &BTreeMap<String, Value>) {
        for extra in [&self.profile.extra_body, own] {
            body::merge(value, &extra.iter().map(|(name, extra)| (name.clone(), extra.clone())).collect());
        }
    }

    /// Whether the answer is to be asked for as a stream; `None` leaves it to the provider.
    pub(crate) fn stream(&self, request: &ImageRequest) -> Option<bool> {
        request.options.stream.or(self.profile.stream)
    }

    /// The same with the key in the header `name` instead of `Authorization`.
    pub(crate) fn with_key_in(mut self, name: HeaderName) -> Result<Self, Failure> {
        let Some(secret) = &self.secret else { return Ok(self) };
        let mut value = HeaderValue::from_str(secret.expose_secret().trim()).map_err(|_| unsendable())?;
        value.set_sensitive(true);
        // A header of the profile's own stays as it is.
        if !self.profile.headers.keys().any(|own| own.eq_ignore_ascii_case(AUTHORIZATION.as_str())) {
            self.headers.remove(AUTHORIZATION);
        }
        self.downloads.authorization = None;
        self.headers.entry(name).or_insert(value);
        Ok(self)
    }

    /// The same with a header that the profile's own headers may replace.
    pub(crate) fn with_header(mut self, (name, value): (HeaderName, HeaderValue)) -> Self {
        self.headers.entry(name).or_insert(value);
        self
    }

    /// Sends `body` to `endpoint` and reads the pictures of the answer.
    pub(crate) async fn call(&self, endpoint: &str, body: Body, call: WireCall<'_>) -> Result<Reply, Box<CallFailure>> {
        let response = self.send(self.endpoint(endpoint), body, &Asked::from(&call)).await?;
        let expected = call.request.options.n.unwrap_or(1);
        answer::read(response, self.reading(call.spool, expected, call.progress)).await.map(Reply::Answer)
    }

    /// Sends `body` to `url` and reads the words of the answer.
    pub(crate) async fn chat(&self, url: Url, body: Body, call: ChatCall<'_>) -> Result<ChatAnswer, Box<CallFailure>> {
        let asked = Asked { key: call.key, idempotency_key: call.idempotency_key, progress: call.progress };
        let response = self.send(url, body, &asked).await?;
        answer::read_words(response, self.reading(call.spool, 1, call.progress)).await
    }

    /// What the reader of an answer needs to know.
    pub(crate) fn reading<'a>(
        &'a self,
        spool: Spool,
        expected: u32,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> Reading<'a> {
        Reading {
            base: &self.base,
            spool,
            limits: self.picture_limits(),
            bills_5xx: self.options.bills_5xx,
            expected,
            secret: self.secret.as_ref(),
            progress,
        }
    }

    /// Bounds on the pictures of an answer.
    pub(crate) fn picture_limits(&self) -> Limits {
        Limits { picture_bytes: self.profile.network.max_picture_bytes }
    }

    /// Sends a request that may cost money, once, and returns when the head of its answer is here.
    pub(crate) async fn send(&self, url: Url, body: Body, asked: &Asked<'_>) -> Result<Response, Box<CallFailure>> {
        let mut headers = self.headers.clone();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json, text/event-stream"));
        let name: String = asked.key.chars().filter(char::is_ascii_graphic).take(MAX_CALL_NAME).collect();
        headers.extend(HeaderValue::from_str(&name).ok().map(|value| (CLIENT_REQUEST_ID, value)));
        if let Some(key) = asked.idempotency_key {
            headers.extend(HeaderValue::from_str(key).ok().map(|value| (IDEMPOTENCY_KEY, value)));
        }
        let request = Request { method: Method::POST, url, headers, body: Some(body) };
        let (sent, mut was_sent) = oneshot::channel();
        let sent = std::sync::Mutex::new(Some(sent));
        let on_sent = move || {
            let sender = sent.lock().ok().and_then(|mut sent| sent.take());
            // The receiver is gone only when nobody waits any more.
            let _ = sender.map(|sender| sender.send(()));
        };
        let mut sending = std::pin::pin!(http::send(&self.client, request, &self.profile.timeouts, on_sent));
        let mut told = false;
        let response = loop {
            tokio::select! {
                biased;
                result = &mut was_sent, if !told => {
                    told = true;
                    if result.is_ok() {
                        (asked.progress)(Progress::Sent);
                    }
                }
                response = &mut sending => break response,
            }
        };
        let response = response.map_err(|failure| self.unanswered(failure))?;
        (asked.progress)(Progress::FirstByte);
        Ok(response)
    }

    /// A failure without an answer; the credential is taken out of its words.
    pub(crate) fn unanswered(&self, mut failure: Failure) -> Box<CallFailure> {
        failure.message = without_secret(failure.message, self.secret.as_ref());
        CallFailure::without_answer(failure)
    }

    /// What fetches pictures by link.
    pub(crate) fn downloads(&self) -> &Downloads {
        &self.downloads
    }

    /// The ids at `/models`.
    pub(crate) async fn models(&self) -> Result<Vec<String>, Failure> {
        let path = self.base.path().trim_end_matches('/');
        let lower = path.to_ascii_lowercase();
        let own = ENDPOINTS.iter().find(|own| lower.ends_with(**own)).map_or(0, |own| own.len());
        // `…/models/{model}:generateContent`
        let base = match lower.rfind("/models/").filter(|_| lower.ends_with(GENERATE_CONTENT)) {
            Some(end) => &path[..end],
            None => &path[..path.len() - own],
        };
        let mut url = self.with_path(&format!("{base}/models"));
        if self.headers.contains_key(gemini::KEY_HEADER) {
            // Gemini gives 50 a page unless told otherwise.
            url.set_query(Some("pageSize=1000"));
        }
        let request = Request { method: Method::GET, url, headers: self.headers.clone(), body: None };
        let mut response = http::send(&self.client, request, &self.profile.timeouts, || ()).await?;
        let status = response.status;
        if !status.is_success() {
            let text = response.body.text(http::MAX_ERROR_BODY).await;
            return Err(error::of_status(status.as_u16(), &response.headers, &text, false));
        }
        let mut text = Vec::new();
        while let Some(piece) = response.body.next().await? {
            response.body.progressed();
            text.extend_from_slice(&piece);
            if text.len() > MAX_MODELS {
                return Err(Failure::new(FailureKind::Protocol, "the provider's list of models is over 8 MiB"));
            }
        }
        let unreadable = || Failure::new(FailureKind::Protocol, "the provider's list of models cannot be read");
        let list: Value = serde_json::from_slice(&text).map_err(|_| unreadable())?;
        let models = list.get("data").or(list.get("models")).unwrap_or(&list).as_array().ok_or_else(unreadable)?;
        // Gemini: `{"name": "models/gemini-…"}`; Ollama: `{"name": "flux"}`.
        let id = |model: &Value| {
            let id = model.get("id").or(model.get("name"))?.as_str()?;
            Some(id.strip_prefix("models/").unwrap_or(id).to_owned())
        };
        Ok(models.iter().filter_map(id).collect())
    }
}

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-client-request-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The rules for the provider's own address.
pub(crate) fn api_rules(profile: &Profile) -> AddressRules<'_> {
    AddressRules {
        purpose: Purpose::Api,
        allow_private: profile.network.allow_private_api,
        hosts: &profile.network.api_hosts,
    }
}

fn authorization(scheme: Scheme, secret: &SecretString) -> Result<HeaderValue, Failure> {
    let secret = secret.expose_secret().trim();
    let text = match scheme {
        Scheme::Bearer => format!("Bearer {secret}"),
        Scheme::Key => format!("Key {secret}"),
        Scheme::Basic => format!("Basic {}", base64_simd::STANDARD.encode_to_string(secret)),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| unsendable())?;
    value.set_sensitive(true);
    Ok(value)
}

fn unsendable() -> Failure {
    Failure::new(FailureKind::Auth, "the credential holds characters that cannot be sent in a header")
}

#[cfg(test)]
mod tests;
