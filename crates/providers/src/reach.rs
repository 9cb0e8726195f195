//! Whether a profile's server can be reached at all: its name, the connection, its certificate, its clock. Sends no credential and
//! asks for nothing that could cost.

use std::time::Duration;

use imagemill_domain::failure::Failure;
use imagemill_domain::profile::{Profile, Timeouts};
use reqwest::Method;
use reqwest::header::{DATE, HeaderMap};
use tokio::time::Instant;

use crate::address::{self, AddressRules, Purpose};
use crate::http::{self, Request};
use crate::registry::Registry;

/// The most each part of the question may take.
const WAIT_MS: u64 = 10_000;

/// A server that answered, whatever it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// From the question to the head of the answer.
    pub took: Duration,
    /// Its clock, microseconds since 1970, to the second; `None` when it does not tell.
    pub clock_us: Option<i64>,
}

impl Registry {
    /// Asks the profile's server for its root.
    ///
    /// Fails with `invalid` when the address cannot be used, with `transient` when nobody answers there; the words name the
    /// reason (name, connection, certificate).
    pub async fn reach(&self, profile: &Profile) -> Result<Reached, Failure> {
        let network = &profile.network;
        let rules =
            AddressRules { purpose: Purpose::Api, allow_private: network.allow_private_api, hosts: &network.api_hosts };
        let mut url = address::check(&profile.base_url, rules)?;
        url.set_path("/");
        url.set_query(None);
        let client = self.client((Purpose::Api, network.allow_private_api, WAIT_MS))?;
        let request = Request { method: Method::GET, url, headers: HeaderMap::new(), body: None };
        let limits = Timeouts { connect_ms: WAIT_MS, first_byte_ms: WAIT_MS, total_ms: WAIT_MS, ..Timeouts::default() };
        let begun = Instant::now();
        let response = http::send(&client, request, &limits, || ()).await?;
        let date = response.headers.get(DATE).and_then(|date| date.to_str().ok());
        let clock = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let clock_us = clock.map(|clock| clock.timestamp().as_microsecond());
        Ok(Reached { took: begun.elapsed(), clock_us })
    }
}
