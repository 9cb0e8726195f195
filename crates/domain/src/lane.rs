//! The ways that a job's calls can take to their provider: at once, as a stream, through its queue, or in its half-price batch.
//! What a provider's batches are is data (`[batch.…]` in data/models.toml).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// Which way a job's calls go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// As the profile's protocol does by itself.
    #[default]
    Auto,
    /// One request, one whole answer.
    Sync,
    /// One request, the answer as a stream.
    Stream,
    /// The provider's queue: submit, ask, fetch.
    Queue,
    /// The provider's batch: many requests in one file, answered within its window, at its batch price.
    Batch,
}

impl Lane {
    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Sync => "sync",
            Self::Stream => "stream",
            Self::Queue => "queue",
            Self::Batch => "batch",
        }
    }
}

/// What becomes of tasks whose batch ended without them: it expired, or was cancelled at the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchFallback {
    /// They are called at once, at the full price.
    Sync,
    /// They go into a further batch.
    #[default]
    Batch,
    /// They fail; `retry` takes them up.
    Stop,
}

/// Row id of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub i64);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which form of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchKind {
    /// There is none.
    None,
    /// OpenAI's files and batches.
    Openai,
    /// Gemini's `batchGenerateContent`.
    Gemini,
    /// Anthropic's message batches: words only.
    Anthropic,
    /// xAI's batches, which nothing here speaks.
    Xai,
}

/// What one form of batches takes and costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchTerms {
    /// Most requests in one batch.
    pub max_items: u32,
    /// Most bytes of all its requests.
    pub max_bytes: u64,
    /// Hours within which the provider answers or gives up.
    pub window_h: u32,
    /// What a call costs, as a share of its usual price.
    pub price: f64,
    /// Day on which this was read, `YYYY-MM-DD`.
    pub date: String,
    /// Where.
    pub source: String,
}

impl BatchTerms {
    /// The batch price of something.
    pub fn of(&self, full: Money) -> Money {
        full * self.price
    }
}
