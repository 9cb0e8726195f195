//! The table `[infographic]` of a job file. Holds what was set; what a request itself says is added by `asked`.

use serde::{Deserialize, Serialize};

/// Most rounds of one request.
pub const MAX_ROUNDS: u32 = 8;

/// Whether a request is worked out into a longer prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expand {
    /// Unless a model finds it complete.
    #[default]
    Auto,
    /// Always.
    Force,
    /// Never: it goes to the picture model as it is.
    Disable,
}

/// How much is told at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// One sentence and the best picture.
    #[default]
    Friendly,
    /// Every round with its time.
    Verbose,
}

/// What may stand in the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// Numbers and names of the request alone; what is foreign is taken out.
    #[default]
    Strict,
    /// A model may add what helps.
    Enrich,
}

/// How a round makes use of what the round before was found to lack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// A new picture from an amended prompt.
    #[default]
    Prompt,
    /// An edit of the best picture so far.
    Edit,
}

/// `[infographic]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InfographicSection {
    /// Rounds at most, 1 to 8; each but a single one is reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// Whether requests are worked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expand: Option<Expand>,
    /// How much is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
    /// What may stand in the picture.
    pub fidelity: Fidelity,
    /// This layout of the catalogue and no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
    /// This style of the catalogue and no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// How a round makes use of the one before.
    pub repair: Repair,
    /// The share of optional questions that a complete request answers, 0 to 1.
    pub threshold: f64,
}

impl Default for InfographicSection {
    fn default() -> Self {
        Self {
            rounds: None,
            expand: None,
            output: None,
            fidelity: Fidelity::Strict,
            layout: None,
            style: None,
            repair: Repair::Prompt,
            threshold: 0.6,
        }
    }
}

impl InfographicSection {
    /// Whether its numbers are possible; else the key, the value and what is possible.
    pub fn check(&self) -> Result<(), (&'static str, String, &'static str)> {
        if let Some(rounds) = self.rounds.filter(|rounds| !(1..=MAX_ROUNDS).contains(rounds)) {
            return Err(("infographic.rounds", rounds.to_string(), "1 to 8"));
        }
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(("infographic.threshold", self.threshold.to_string(), "0 to 1"));
        }
        Ok(())
    }
}
