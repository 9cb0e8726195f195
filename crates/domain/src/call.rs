//! A call: one request to a model that may cost money. Its row is durable before the first byte goes out.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::hash::RequestHash;
use crate::lane::BatchId;
use crate::money::Money;
use crate::task::TaskId;

/// Row id of a call; also the name of its spool files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub i64);

/// Where a call stands (the diagram is in docs/money.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// The row is durable; the request is about to go out or under way.
    Sent,
    /// The provider gave an id to ask by.
    Accepted,
    /// The provider made the picture; it is not here yet.
    Produced,
    /// The picture is stored here.
    Fetched,
    /// The provider refused the content.
    Refused,
    /// It ended without a picture for another reason.
    Failed,
    /// Sent, no complete answer, and nobody is working on it.
    Unknown,
}

impl CallState {
    /// Every state; the position is the stored number.
    pub const ALL: [Self; 7] =
        [Self::Sent, Self::Accepted, Self::Produced, Self::Fetched, Self::Refused, Self::Failed, Self::Unknown];

    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Produced => "produced",
            Self::Fetched => "fetched",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the outcome is still open.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Sent | Self::Accepted | Self::Produced)
    }
}

/// What the provider counted. Every field is what the answer said; nothing is made up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Text and picture tokens that went in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Of these, picture tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_image_tokens: Option<u64>,
    /// Tokens that came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Of these, picture tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_image_tokens: Option<u64>,
    /// Pictures the provider says it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// Money the provider named itself, in micro-dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<i64>,
}

impl Usage {
    /// Whether the provider said nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a lost answer can be dealt with (docs/money.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryClass {
    /// The provider takes an idempotency key: send again with the same key.
    Replayable,
    /// The provider can be asked by id.
    Addressable,
    /// A plain synchronous call: a lost answer stays unknown.
    #[default]
    Opaque,
}

/// The ledger's entry, as read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Row id.
    pub id: CallId,
    /// The task it works for.
    pub task: TaskId,
    /// The task's attempt, from 1.
    pub attempt: u32,
    /// Name of the paid step inside the task (`image`, `round-2/image`).
    pub step: String,
    /// Canonical request.
    pub request_hash: RequestHash,
    /// Where it stands.
    pub state: CallState,
    /// Profile by name.
    pub profile: String,
    /// Model by name.
    pub model: String,
    /// The most it may cost; `None` when the price is not known.
    pub ceiling: Option<Money>,
    /// What it cost; `None` while open or when the price is not known.
    pub cost: Option<Money>,
    /// What the provider counted.
    pub usage: Usage,
    /// The id to ask the provider by.
    pub remote_id: Option<String>,
    /// The batch that it goes with.
    pub batch: Option<BatchId>,
    /// HTTP status of the answer.
    pub http_status: Option<u16>,
    /// How it failed.
    pub failure: Option<Failure>,
    /// When the row became durable, microseconds since 1970.
    pub sent_us: i64,
    /// When it ended.
    pub ended_us: Option<i64>,
}
