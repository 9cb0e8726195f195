//! Handing source pictures over, so that requests name their addresses: forms, signed addresses, how long they are kept, and
//! which refusals may mean that one of them is gone. Must not know any provider's addresses.

use imagemill_domain::failure::{Failure, FailureKind};
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

use crate::address::{self, AddressRules, Purpose};
use crate::body::{self, Body, Part};
use crate::error;
use crate::http::Request;
use crate::provider::{CallFailure, PictureInput, Uploaded};
use crate::queue::Told;
use crate::spool::Spool;
use crate::wire::Wire;

/// An upload whose end nobody tells is taken to be kept for a day.
pub(crate) const DAY_MS: u64 = 24 * 3_600_000;

/// Words of a refusal that may mean that a source picture cannot be had at its address any more.
const GONE: [&str; 13] = [
    "download",
    "fetch",
    "expired",
    "not found",
    "not exist",
    "no such file",
    "unreachable",
    "inaccessible",
    "not accessible",
    "could not load",
    "failed to load",
    "access the file",
    "invalid image file",
];

/// Whether a request that named uploaded pictures may have failed because one of them is gone. Words alone say so; an account
/// that is shut out altogether says it otherwise.
pub fn may_mean_source_is_gone(failure: &Failure) -> bool {
    use FailureKind::{Auth, Invalid, NotEntitled, Protocol};
    let told = matches!(failure.kind, Invalid | Auth | NotEntitled | Protocol);
    let lower = failure.message.to_ascii_lowercase();
    told && GONE.iter().any(|word| lower.contains(word))
}

/// Whether a run ended because it could not fetch what it was to work on, in its own words: nothing was drawn. A model that could
/// not fetch its own weights is another matter.
pub(crate) fn lacked_source(reason: &str) -> bool {
    let lower = reason.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    says(&["download", "fetch", "expired", "404", "403"])
        && says(&["image", "file", "url", "input", "picture"])
        && !says(&["weight", "checkpoint", "model file", "the prediction expired"])
}

/// An address with the end of its life as the provider writes it (RFC 3339).
pub(crate) fn uploaded(address: String, end: Option<&Value>) -> Uploaded {
    let end = end.and_then(Value::as_str).and_then(|end| end.parse::<Timestamp>().ok());
    let left_ms = end.map(|end| end.as_millisecond() - Timestamp::now().as_millisecond());
    Uploaded { address, kept_for_ms: left_ms.map_or(DAY_MS, |left| u64::try_from(left).unwrap_or(0)) }
}

/// A good answer that names no address.
pub(crate) fn no_address() -> Failure {
    let message = "a source picture was uploaded and the answer names no address for it; nothing was paid";
    Failure::new(FailureKind::Protocol, message)
}

/// Puts what an upload is before what became of it.
pub(crate) fn not_uploaded(mut failure: Failure) -> Failure {
    failure.message = format!("a source picture could not be uploaded: {}", failure.message);
    failure
}

/// The picture's bytes as a body.
pub(crate) fn raw(picture: &PictureInput) -> Body {
    Body { content_type: picture.format.media_type().to_owned(), parts: vec![Part::Raw(picture.clone())] }
}

impl Wire {
    /// Gives the provider a source picture as a form, which costs nothing, and returns what it said.
    pub(crate) async fn upload(
        &self,
        url: Url,
        field: &str,
        picture: &PictureInput,
        spool: Spool,
    ) -> Result<Told, Box<CallFailure>> {
        self.upload_with(url, &[], field, picture, spool).await
    }

    /// The same with members beside the picture.
    pub(crate) async fn upload_with(
        &self,
        url: Url,
        members: &[(&str, &str)],
        field: &str,
        picture: &PictureInput,
        spool: Spool,
    ) -> Result<Told, Box<CallFailure>> {
        let boundary = format!("imagemill-{}", &picture.blake3.to_string()[..32]);
        let named = PictureInput { file_name: format!("imagemill-{}", picture.blake3), ..picture.clone() };
        let members: Vec<_> = members.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = body::multipart(&boundary, &members, &[(field, &named)]);
        let told = self.ask(Method::POST, url, Some(body), spool).await?;
        if told.is_success() {
            return Ok(told);
        }
        Err(told.failed(not_uploaded(error::of_status(told.status, &told.headers, told.text(), false))))
    }

    /// Puts a source picture to an address that the provider named for it. It may be on any host, so the credential stays here.
    pub(crate) async fn put_picture(&self, url: &str, picture: &PictureInput, spool: Spool) -> Result<(), Failure> {
        let network = &self.profile.network;
        let rules = AddressRules {
            purpose: Purpose::Download,
            allow_private: network.allow_private_downloads,
            hosts: &network.download_hosts,
        };
        let url = address::check(url, rules)?;
        let request = Request { method: Method::PUT, url, headers: HeaderMap::new(), body: Some(raw(picture)) };
        let client = &self.downloads().client;
        let told = self.ask_over(client, request, &self.profile.timeouts, spool).await;
        let told = told.map_err(|failure| failure.failure)?;
        if told.is_success() {
            return Ok(());
        }
        Err(not_uploaded(error::of_status(told.status, &told.headers, told.text(), false)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_about_a_source_only_where_its_words_say_so() {
        let says = |kind, message: &str| may_mean_source_is_gone(&Failure::new(kind, message));
        let gone = "the provider answered 403: You do not have permission to access the File abc or it may not exist.";
        assert!(says(FailureKind::Auth, gone) && says(FailureKind::NotEntitled, gone));
        assert!(says(FailureKind::Invalid, "the provider answered 422: Failed to download the file"));
        assert!(says(FailureKind::Protocol, "the provider could not make the picture: image URL has expired"));
        assert!(!says(FailureKind::Auth, "the provider answered 401: Incorrect API key provided"));
        assert!(!says(FailureKind::Invalid, "the provider answered 400: Invalid value for size"));
        assert!(!says(FailureKind::RateLimited, "fetch again later"));
    }

    #[test]
    fn the_end_of_an_upload_is_read_and_a_day_where_nobody_tells() {
        let in_an_hour = Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let told = uploaded("a".into(), Some(&Value::from(in_an_hour.to_string())));
        assert!((3_590_000..=3_600_000).contains(&told.kept_for_ms), "{told:?}");
        assert_eq!(uploaded("a".into(), Some(&Value::from("soon"))).kept_for_ms, DAY_MS);
        assert_eq!(uploaded("a".into(), Some(&Value::from("2020-01-01T00:00:00Z"))).kept_for_ms, 0);
    }
}
