//! What providers tell by themselves: that a request ended. It is believed when the provider signed it, and even then only
//! *that* the request ended: the call is asked about as always, only sooner. So a notice that is lost, repeated or forged
//! neither costs nor loses anything.
//!
//! Replicate signs with a secret (HMAC-SHA256, standardwebhooks.com), fal with Ed25519 keys that it publishes (fal.ai/docs).

use std::collections::HashMap;
use std::time::Duration;

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use imagemill_domain::failure::Failure;
use imagemill_domain::profile::{Profile, Protocol, Timeouts, Webhook};
use reqwest::Method;
use reqwest::header::HeaderMap;
use ring::{hmac, signature};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::address::{self, Purpose};
use crate::http::{self, Request};
use crate::wire::api_rules;

/// Where fal publishes its keys.
const FAL_KEYS: &str = "https://rest.fal.ai/.well-known/jwks.json";
/// A notice that was signed longer ago was heard by somebody else first.
const TOLERANCE_S: i64 = 300;
/// Published keys are asked for again after this time; sooner, but not more often than once a minute, when none fits.
const KEYS_LAST: Duration = Duration::from_secs(24 * 3600);
const KEYS_AGAIN: Duration = Duration::from_secs(60);
/// Longest list of keys.
const MAX_KEYS_BYTES: usize = 256 << 10;

/// A notice as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, byte for byte.
    pub body: &'a [u8],
    /// The time, seconds since 1970.
    pub now_s: i64,
}

/// Why a notice is not believed.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// The protocol has none.
    #[error("providers that speak {0} send no notices that imagemill knows")]
    NotKnown(&'static str),
    /// A header is missing or is not what it should be.
    #[error("the header {0} is missing or cannot be read")]
    Header(&'static str),
    /// Signed too long ago, or in the future.
    #[error("it was signed {0} s away from this machine's time")]
    Stale(i64),
    /// Nobody who may signed it.
    #[error("its signature is not the provider's")]
    Forged,
    /// It is signed, and names no request.
    #[error("it names no request")]
    Nameless,
    /// The secret of the profile's `[webhook]` is not one.
    #[error("the webhook's secret must be Replicate's signing secret, whsec_ and base64")]
    Secret,
    /// The published keys could not be had.
    #[error("the provider's public keys could not be read: {0}")]
    Keys(Failure),
}

/// Where notices of `profile` are to be sent; `None` when it has no `[webhook]`.
pub(crate) fn address_of(profile: &Profile) -> Option<String> {
    let webhook = profile.webhook.as_ref()?;
    let mut url = url::Url::parse(webhook.url.trim()).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(["api", "v1", "webhooks", &profile.name]);
    Some(url.into())
}

/// Whether the providers that speak `protocol` send notices that can be checked here.
pub(crate) fn knows(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Fal | Protocol::Replicate)
}

/// Checks notices; keeps the keys that providers publish.
#[derive(Debug, Default)]
pub struct NoticeReader {
    published: Mutex<HashMap<String, Published>>,
}

#[derive(Debug)]
struct Published {
    keys: Vec<Vec<u8>>,
    read_at: Instant,
}

impl NoticeReader {
    /// The id of the request that ended, as the provider named it when it took it.
    ///
    /// `secret` is what the credential of `webhook` holds; only Replicate's notices need it.
    pub async fn ended_request(
        &self,
        profile: &Profile,
        webhook: &Webhook,
        secret: Option<&SecretString>,
        notice: Notice<'_>,
    ) -> Result<String, NoticeError> {
        let name = match profile.resolved_protocol(false) {
            Protocol::Replicate => {
                check_secret(secret.ok_or(NoticeError::Secret)?, notice)?;
                "id"
            }
            Protocol::Fal => {
                self.check_published(profile, webhook, notice).await?;
                "request_id"
            }
            other => return Err(NoticeError::NotKnown(other.word())),
        };
        let body: Value = serde_json::from_slice(notice.body).map_err(|_| NoticeError::Nameless)?;
        let id = body.get(name).and_then(Value::as_str).filter(|id| !id.is_empty());
        id.map(str::to_owned).ok_or(NoticeError::Nameless)
    }

    async fn check_published(
        &self,
        profile: &Profile,
        webhook: &Webhook,
        notice: Notice<'_>,
    ) -> Result<(), NoticeError> {
        let signed = FalSigned::of(notice)?;
        let address = if webhook.keys_url.is_empty() { FAL_KEYS } else { &webhook.keys_url };
        // Held while they are fetched: many notices at once ask for them once.
        let mut published = self.published.lock().await;
        let known = published.get(address);
        if known.is_some_and(|known| known.read_at.elapsed() < KEYS_LAST && signed.fits(&known.keys)) {
            return Ok(());
        }
        if known.is_some_and(|known| known.read_at.elapsed() < KEYS_AGAIN) {
            return Err(NoticeError::Forged);
        }
        let keys = fetch_keys(profile, address).await.map_err(NoticeError::Keys)?;
        let fits = signed.fits(&keys);
        published.insert(address.to_owned(), Published { keys, read_at: Instant::now() });
        if fits { Ok(()) } else { Err(NoticeError::Forged) }
    }
}

fn header<'a>(notice: Notice<'a>, name: &'static str) -> Result<&'a str, NoticeError> {
    notice.headers.get(name).and_then(|value| value.to_str().ok()).ok_or(NoticeError::Header(name))
}

fn check_time(text: &str, name: &'static str, now_s: i64) -> Result<(), NoticeError> {
    let at: i64 = text.parse().map_err(|_| NoticeError::Header(name))?;
    let away = now_s.saturating_sub(at);
    if away.saturating_abs() <= TOLERANCE_S { Ok(()) } else { Err(NoticeError::Stale(away)) }
}

/// `webhook-signature: v1,BASE64 v1,BASE64` over `ID.TIMESTAMP.BODY`; several while the secret is being changed.
fn check_secret(secret: &SecretString, notice: Notice<'_>) -> Result<(), NoticeError> {
    let (id, time) = (header(notice, "webhook-id")?, header(notice, "webhook-timestamp")?);
    let signatures = header(notice, "webhook-signature")?;
    check_time(time, "webhook-timestamp", notice.now_s)?;
    let encoded = secret.expose_secret().trim().strip_prefix("whsec_").ok_or(NoticeError::Secret)?;
    let key = STANDARD.decode_to_vec(encoded).map_err(|_| NoticeError::Secret)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let message = [id.as_bytes(), b".", time.as_bytes(), b".", notice.body].concat();
    let given = signatures.split(' ').filter_map(|one| STANDARD.decode_to_vec(one.strip_prefix("v1,")?).ok());
    let signed = given.into_iter().any(|tag| hmac::verify(&key, &message, &tag).is_ok());
    if signed { Ok(()) } else { Err(NoticeError::Forged) }
}

/// What fal signs: request, user, time and the body's SHA-256, a line each.
struct FalSigned {
    message: String,
    signature: Vec<u8>,
}

impl FalSigned {
    fn of(notice: Notice<'_>) -> Result<Self, NoticeError> {
        const TIME: &str = "x-fal-webhook-timestamp";
        const SIGNATURE: &str = "x-fal-webhook-signature";
        let (request, user) = (header(notice, "x-fal-webhook-request-id")?, header(notice, "x-fal-webhook-user-id")?);
        let time = header(notice, TIME)?;
        check_time(time, TIME, notice.now_s)?;
        let signature = hex::decode(header(notice, SIGNATURE)?).map_err(|_| NoticeError::Header(SIGNATURE))?;
        let body = hex::encode(Sha256::digest(notice.body));
        Ok(Self { message: [request, user, time, &body].join("\n"), signature })
    }

    fn fits(&self, keys: &[Vec<u8>]) -> bool {
        keys.iter().any(|key| {
            let key = signature::UnparsedPublicKey::new(&signature::ED25519, key);
            key.verify(self.message.as_bytes(), &self.signature).is_ok()
        })
    }
}

/// The Ed25519 keys of a JSON Web Key Set. The credential is not sent there.
async fn fetch_keys(profile: &Profile, url: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let url = address::check(url, api_rules(profile))?;
    let client = http::client(Purpose::Api, profile.network.allow_private_api, profile.timeouts.connect_ms)?;
    let request = Request { method: Method::GET, url, headers: HeaderMap::new(), body: None };
    // The sender waits for an answer, 15 s in fal's case.
    let timeouts = Timeouts { first_byte_ms: 5_000, idle_ms: 5_000, total_ms: 8_000, ..profile.timeouts };
    let response = http::send(&client, request, &timeouts, || ()).await?;
    let (status, headers) = (response.status, response.headers.clone());
    let text = response.body.text(MAX_KEYS_BYTES).await;
    if !status.is_success() {
        return Err(crate::error::of_status(status.as_u16(), &headers, &text, false));
    }
    Ok(keys_of(&text))
}

fn keys_of(text: &str) -> Vec<Vec<u8>> {
    let set: Value = serde_json::from_str(text).unwrap_or_default();
    let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    keys.filter_map(|key| URL_SAFE_NO_PAD.decode_to_vec(key.get("x")?.as_str()?.trim_end_matches('=')).ok()).collect()
}

#[cfg(test)]
mod tests;
