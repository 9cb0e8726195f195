//! Fetches pictures by link. A fetch costs nothing, so it follows checked redirects and may be repeated by the caller;
//! it never carries the credential to another host.

use std::sync::Arc;

use imagemill_domain::asset::Delivery;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::profile::{NetworkRules, Timeouts};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Method};
use url::Url;

use crate::address::{self, AddressRules, Purpose};
use crate::error;
use crate::extract::picture_too_large;
use crate::http::{self, Request, Response};
use crate::lift::{Kept, Limits, Shelf};
use crate::links::{self, Hit};
use crate::spool::{Spool, Spooled};

/// Code of a link that the profile's network rules do not let be fetched.
pub const ADDRESS_NOT_ALLOWED: &str = "address_not_allowed";

/// Fetches for one profile.
pub(crate) struct Downloads {
    /// Client with the download rules.
    pub(crate) client: Client,
    /// The profile's rules.
    pub(crate) network: NetworkRules,
    /// The profile's limits.
    pub(crate) timeouts: Timeouts,
    /// The provider's own address.
    pub(crate) api: Arc<Url>,
    /// Sent to that host only, and only when the rules say so.
    pub(crate) authorization: Option<HeaderValue>,
}

impl Downloads {
    /// Fetches `link`. Every failure carries `Billing::Billed`: the picture was paid for.
    pub(crate) async fn fetch(&self, link: &str, spool: Spool) -> Result<Spooled, Failure> {
        let result = if link.starts_with("data:") { self.inline(link, spool) } else { self.follow(link, spool).await };
        result.map_err(|failure| failure.billing(Billing::Billed))
    }

    async fn follow(&self, link: &str, spool: Spool) -> Result<Spooled, Failure> {
        let mut next = link.to_owned();
        for _ in 0..=self.network.max_redirects {
            let rules = AddressRules {
                purpose: Purpose::Download,
                allow_private: self.network.allow_private_downloads,
                hosts: &self.network.download_hosts,
            };
            let url = address::check(&next, rules).map_err(not_allowed)?;
            let mut headers = HeaderMap::new();
            if self.network.authorize_downloads && url.origin() == self.api.origin() {
                headers.extend(self.authorization.clone().map(|value| (AUTHORIZATION, value)));
            }
            let request = Request { method: Method::GET, url: url.clone(), headers, body: None };
            let response = http::send(&self.client, request, &self.timeouts, || ()).await.map_err(repeatable)?;
            if !response.status.is_redirection() {
                return self.take(response, spool).await;
            }
            let target = response.headers.get(LOCATION).and_then(|target| target.to_str().ok());
            let target = target.and_then(|target| url.join(target).ok());
            let Some(target) = target else {
                return Err(Failure::new(FailureKind::Transient, "the picture's address redirects to nowhere"));
            };
            next = target.into();
        }
        let message = format!("the picture's address redirects more than {} times", self.network.max_redirects);
        Err(Failure::new(FailureKind::Invalid, message))
    }

    async fn take(&self, response: Response, spool: Spool) -> Result<Spooled, Failure> {
        let Response { status, headers, mut body } = response;
        let limit = self.network.max_picture_bytes;
        if !status.is_success() {
            let words = error::quote(&error::words_of(&body.text(4 << 10).await));
            let kind = match status.as_u16() {
                403 | 404 | 410 => FailureKind::FetchExpired,
                _ => FailureKind::Transient,
            };
            let message = format!("the picture's address answered {status}: {words}");
            let mut failure = Failure::new(kind, message).status(status.as_u16());
            failure.retry_after_ms = error::retry_after_ms(&headers, jiff::Timestamp::now());
            return Err(failure);
        }
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(picture_too_large());
        }
        let mut writer = spool.writer();
        while let Some(piece) = body.next().await.map_err(repeatable)? {
            body.progressed();
            if writer.bytes() + piece.len() as u64 > limit {
                return Err(picture_too_large());
            }
            writer.write(&piece).map_err(|error| not_written(&error))?;
        }
        if writer.bytes() == 0 {
            return Err(Failure::new(FailureKind::Transient, "the picture's address answered with nothing"));
        }
        let mut spooled = writer.finish().map_err(|error| not_written(&error))?;
        spooled.delivery = Delivery::Link;
        Ok(spooled)
    }

    /// A picture that is its own address.
    fn inline(&self, link: &str, spool: Spool) -> Result<Spooled, Failure> {
        let limits = Limits { picture_bytes: self.network.max_picture_bytes };
        let mut shelf = Shelf::new(spool, limits);
        let text = shelf.read_whole(link.as_bytes())?;
        let found = links::find(&text, &self.api).into_iter().find_map(|hit| match hit {
            Hit::Slot(slot) => shelf.take(slot),
            Hit::Link(_) => None,
        });
        found
            .map(Kept::into_inner)
            .ok_or_else(|| Failure::new(FailureKind::BadPicture, "the data URL holds no picture that can be taken"))
    }
}

/// The rules themselves say no: a setting of the profile would have to be changed.
fn not_allowed(mut failure: Failure) -> Failure {
    if failure.message.contains("network.") {
        failure.code = Some(ADDRESS_NOT_ALLOWED.to_owned());
    }
    failure
}

/// A broken fetch can be repeated for nothing.
fn repeatable(mut failure: Failure) -> Failure {
    if failure.kind == FailureKind::UnknownOutcome {
        failure.kind = FailureKind::Transient;
    }
    failure
}

fn not_written(error: &std::io::Error) -> Failure {
    let message = format!("a picture could not be written to the workspace's spool folder: {error}");
    Failure::new(FailureKind::Local, message)
}
