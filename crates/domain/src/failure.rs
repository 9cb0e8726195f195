//! What can go wrong with a paid call or a task, as a closed list of meanings. Vendor errors are translated into these at
//! the edge; what to do about one is decided in one place only (`engine::retry::decide`).
//!
//! Each kind has a page in docs/failures/ that says what happened, what it cost and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The meaning of a failure. What it stops is part of the kind (docs/failures/).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The request is wrong as it stands (400, 404, 415, 422, a missing source): this task fails, the rest goes on.
    Invalid,
    /// Content policy: this item only; never softened, never sent again.
    Refused,
    /// The provider asks to wait (429, 503 with Retry-After): same task later, not an attempt that counts.
    RateLimited,
    /// The request certainly did not run (connect refused, DNS, TLS) or the provider says such failures are not billed.
    Transient,
    /// Sent, no complete answer: may have been paid for.
    UnknownOutcome,
    /// The key is missing or wrong (401, 403): the profile pauses with all its tasks.
    Auth,
    /// The account is out of quota or money: the profile pauses.
    Quota,
    /// The plan does not include this model ("limit: 0"): the profile pauses.
    NotEntitled,
    /// The same transport fault again and again, whatever the item: the profile pauses behind one probe at a time.
    StableInfra,
    /// An answer that cannot be read: HTML, cut JSON, no picture where one was due.
    Protocol,
    /// A picture came, and its bytes do not decode or break a limit. Kept as evidence, never exported.
    BadPicture,
    /// The picture was made and its address no longer answers.
    FetchExpired,
    /// The budget has no room for the call: the job pauses before spending.
    Budget,
    /// A person stopped it.
    Stopped,
    /// A fault of this machine: disk full, folder not writable, database damaged.
    Local,
}

impl FailureKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::Invalid,
        Self::Refused,
        Self::RateLimited,
        Self::Transient,
        Self::UnknownOutcome,
        Self::Auth,
        Self::Quota,
        Self::NotEntitled,
        Self::StableInfra,
        Self::Protocol,
        Self::BadPicture,
        Self::FetchExpired,
        Self::Budget,
        Self::Stopped,
        Self::Local,
    ];

    /// The stable machine word, also the name of its page in docs/failures/.
    pub fn word(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limited",
            Self::Transient => "transient",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Auth => "auth",
            Self::Quota => "quota",
            Self::NotEntitled => "not_entitled",
            Self::StableInfra => "stable_infra",
            Self::Protocol => "protocol",
            Self::BadPicture => "bad_picture",
            Self::FetchExpired => "fetch_expired",
            Self::Budget => "budget",
            Self::Stopped => "stopped",
            Self::Local => "local",
        }
    }

    /// From its machine word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether the profile as a whole cannot work, so that all of its tasks must wait for a person.
    pub fn pauses_profile(self) -> bool {
        matches!(self, Self::Auth | Self::Quota | Self::NotEntitled | Self::StableInfra)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Whether a failed call cost money, as far as we can know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// It certainly cost nothing.
    NotBilled,
    /// It was or may have been charged like a success.
    Billed,
    /// Nobody can say before the provider's own records are read.
    #[default]
    Unknown,
}

/// One failure, ready to be shown: a sentence that a user can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// A sentence in plain words, with the provider's own words where there are any. No secrets, no pictures.
    pub message: String,
    /// The HTTP status of the answer, if one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The provider's own error code (`moderation_blocked`, `rate_limit_exceeded`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How long the provider asked to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The provider's explicit word on trying again (`x-should-retry`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub should_retry: Option<bool>,
    /// Whether it cost money.
    #[serde(default)]
    pub billing: Billing,
}

impl Failure {
    /// A failure that cost nothing, of `kind`, told by `message`.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            http_status: None,
            code: None,
            retry_after_ms: None,
            should_retry: None,
            billing: Billing::NotBilled,
        }
    }

    /// The same with another word on money.
    #[must_use]
    pub fn billing(mut self, billing: Billing) -> Self {
        self.billing = billing;
        self
    }

    /// The same with the HTTP status it came with.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.http_status = Some(status);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_agree_with_serde() {
        for kind in FailureKind::ALL {
            assert_eq!(FailureKind::from_word(kind.word()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
    }
}
