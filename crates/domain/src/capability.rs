//! What each model can do and costs, as data (data/models.toml, and a user's file on top). Prices carry a date and a source;
//! a price that is not in the table is unknown, never zero.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::{RecoveryClass, Usage};
use crate::lane::{BatchKind, BatchTerms};
use crate::money::Money;
use crate::request::NegativePrompt;
use crate::sizes::SizeRule;

/// Tokens per picture are prices per million of these.
const MILLION: f64 = 1_000_000.0;

/// What a model does with a seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedSupport {
    /// The parameter does not exist: asking for it is an error before anything is spent.
    #[default]
    Absent,
    /// Taken, without a promise.
    Ignored,
    /// The same seed gives the same picture.
    Honoured,
}

/// What a request option may be; everything when nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameter {
    /// Words it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Least number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

impl Parameter {
    /// What is wrong with `value`; `None` when it is fine.
    pub fn refusal(&self, value: &serde_json::Value) -> Option<String> {
        if let Some(word) = value.as_str() {
            let known = self.values.is_empty() || self.values.iter().any(|known| known == word);
            return (!known).then(|| format!("it takes {}", self.values.join(", ")));
        }
        let number = value.as_f64()?;
        let (low, high) = (self.min.unwrap_or(f64::NEG_INFINITY), self.max.unwrap_or(f64::INFINITY));
        (!(low..=high).contains(&number)).then(|| match (self.min, self.max) {
            (Some(low), Some(high)) => format!("it takes {low} to {high}"),
            (Some(low), None) => format!("it takes {low} and more"),
            _ => format!("it takes at most {high}"),
        })
    }
}

/// Dated prices in US dollars. Only the lines that apply are set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Price {
    /// Day the price was read, `YYYY-MM-DD`.
    pub date: String,
    /// Where.
    pub source: String,
    /// Per picture that comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_image: Option<f64>,
    /// Per million text tokens in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_in: Option<f64>,
    /// Per million text tokens out, thoughts included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_out: Option<f64>,
    /// Per million picture tokens in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_in: Option<f64>,
    /// Per million picture tokens out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_out: Option<f64>,
    /// Picture tokens of one answer picture by quality (`low`, `medium`, `high`) at about one megapixel.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub image_out_tokens: BTreeMap<String, u64>,
    /// Picture tokens of one reference picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_in_tokens: Option<u64>,
}

/// One model of one provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Provider name.
    pub provider: String,
    /// Model name; a trailing `*` stands for any ending.
    pub model: String,
    /// It makes pictures from words: over `/images/generations` or the provider's own protocol.
    #[serde(default)]
    pub generations: bool,
    /// It makes pictures from pictures: over `/images/edits` or the provider's own protocol.
    #[serde(default)]
    pub edits: bool,
    /// It is served by `/chat/completions`.
    #[serde(default)]
    pub chat: bool,
    /// It is served by `/responses`.
    #[serde(default)]
    pub responses: bool,
    /// Sizes it takes; left out means not checked, and sent as they are.
    #[serde(default)]
    pub size: Option<SizeRule>,
    /// Request options by name with their ranges. When there are any, every other option is an error of the plan; `n`,
    /// `size`, `aspect_ratio`, `seed`, `stream` and `extra_body` have rules of their own.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Request options by name that it refuses (`response_format`, `size`, `background`, …).
    #[serde(default)]
    pub refuses: Vec<String>,
    /// Its text answers keep to a JSON schema when they are asked to.
    #[serde(default)]
    pub json_schema: bool,
    /// The same for single protocols: OpenRouter takes other options over chat than over `/images`.
    #[serde(default)]
    pub refuses_over: BTreeMap<String, Vec<String>>,
    /// Most pictures in one call.
    #[serde(default = "one")]
    pub max_n: u32,
    /// Most pictures in the request.
    #[serde(default)]
    pub max_references: Option<u32>,
    /// The member of its input that takes pictures, for protocols where each model calls it something else (fal,
    /// Replicate): `image_url` takes the first one, `image_urls[]` a list.
    #[serde(default)]
    pub picture_field: Option<String>,
    /// Most pictures in the request and the answer together.
    #[serde(default)]
    pub max_pictures: Option<u32>,
    /// How it is told what must not be in the picture.
    #[serde(default)]
    pub negative_prompt: NegativePrompt,
    /// Whether its answers can be streamed; `None` when nobody says.
    #[serde(default)]
    pub stream: Option<bool>,
    /// Its batch form; `None` when nobody says.
    #[serde(default)]
    pub batch: Option<BatchKind>,
    /// Seeds.
    #[serde(default)]
    pub seed: SeedSupport,
    /// How a lost answer can be dealt with.
    #[serde(default)]
    pub recovery: RecoveryClass,
    /// Whether a 5xx answer may have been paid for. `true` unless the provider says otherwise.
    #[serde(default = "yes")]
    pub bills_5xx: bool,
    /// Whether its provider takes source pictures as files, which requests name by id (`/files`).
    #[serde(default)]
    pub files: bool,
    /// Whether a refusal is paid for; `None` when nobody says.
    #[serde(default)]
    pub bills_refusals: Option<bool>,
    /// Seconds for which a picture link lives.
    #[serde(default)]
    pub link_lifetime_s: Option<u64>,
    /// What else a person should know, in one sentence.
    #[serde(default)]
    pub note: String,
    /// Dated price.
    #[serde(default)]
    pub price: Option<Price>,
}

fn one() -> u32 {
    1
}
fn yes() -> bool {
    true
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityTable {
    /// Entries; the first that fits counts, exact names before patterns.
    #[serde(default, rename = "model")]
    pub models: Vec<Capabilities>,
    /// What batches take and cost, by their form.
    #[serde(default)]
    pub batch: BTreeMap<BatchKind, BatchTerms>,
}

/// A capability file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the capability table cannot be read: {0}")]
pub struct CapabilityError(#[from] toml::de::Error);

impl CapabilityTable {
    /// Reads TOML of the form of data/models.toml.
    pub fn parse(text: &str) -> Result<Self, CapabilityError> {
        Ok(toml::from_str(text)?)
    }

    /// Puts the entries of a user's table in front, so that they win.
    #[must_use]
    pub fn overlaid_by(mut self, mut user: Self) -> Self {
        user.models.append(&mut self.models);
        self.batch.append(&mut user.batch);
        Self { models: user.models, batch: self.batch }
    }

    /// The entry for a model, exact names first.
    pub fn find(&self, provider: &str, model: &str) -> Option<&Capabilities> {
        let of_provider = || self.models.iter().filter(|entry| entry.provider == provider);
        of_provider().find(|entry| entry.model == model).or_else(|| {
            of_provider().find(|entry| entry.model.strip_suffix('*').is_some_and(|start| model.starts_with(start)))
        })
    }
}

impl CapabilityTable {
    /// What a model's batches take and cost; `None` when it has none, or none that is known.
    pub fn batch_terms(&self, model: &Capabilities) -> Option<&BatchTerms> {
        self.batch.get(&model.batch?)
    }
}

impl Capabilities {
    /// Whether the images endpoints serve this model.
    pub fn knows_images(&self) -> bool {
        self.generations || self.edits
    }

    /// The endpoints that serve it, in words.
    pub fn endpoints(&self) -> Vec<&'static str> {
        [("generations", self.generations), ("edits", self.edits), ("chat", self.chat), ("responses", self.responses)]
            .into_iter()
            .filter_map(|(word, served)| served.then_some(word))
            .collect()
    }

    /// What nobody has told about it, by the keys of the table.
    pub fn unknowns(&self) -> Vec<&'static str> {
        let untold = |price: &Price| price.per_image.is_none() && price.image_out_tokens.is_empty();
        [
            ("price", self.price.is_none()),
            ("price.image_out_tokens", self.price.as_ref().is_some_and(untold)),
            ("size", self.size.is_none()),
            ("parameters", self.parameters.is_empty()),
            ("max_references", self.edits && self.max_references.is_none()),
            ("bills_refusals", self.bills_refusals.is_none()),
            ("link_lifetime_s", self.knows_images() && self.link_lifetime_s.is_none()),
            ("stream", self.stream.is_none()),
            ("batch", self.batch.is_none()),
        ]
        .into_iter()
        .filter_map(|(key, unknown)| unknown.then_some(key))
        .collect()
    }
}

/// Low, likely and high cost of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallEstimate {
    /// The least it can cost when it works.
    pub low: Money,
    /// What it usually costs.
    pub likely: Money,
    /// The most: what a budget reserves.
    pub high: Money,
}

/// What a call is expected to look like.
#[derive(Clone, Copy, Debug)]
pub struct CallShape<'a> {
    /// Pictures asked for.
    pub n: u32,
    /// Pictures sent.
    pub references: u32,
    /// Quality asked for.
    pub quality: Option<&'a str>,
    /// Size that goes out, as a name (`2K`) or in pixels; 1K where none is asked for, as where sizes have names.
    pub size: Option<&'a str>,
    /// Pixels of an answer picture, when a size was asked for.
    pub pixels: Option<u64>,
    /// Characters of all prompts.
    pub prompt_chars: usize,
}

impl Price {
    /// Cost of one call of this shape; `None` when the price lines do not suffice.
    pub fn estimate(&self, shape: CallShape<'_>) -> Option<CallEstimate> {
        if let Some(per_image) = self.per_image {
            let one = Money::from_dollars(per_image);
            return Some(CallEstimate { low: one, likely: one.times(shape.n.into()), high: one.times(shape.n.into()) });
        }
        let image_out = self.image_out?;
        let tokens = |quality: &str| self.image_out_tokens.get(quality).copied();
        let by_size = tokens(&shape.size.unwrap_or("1K").to_ascii_uppercase());
        let (low, likely, high) = match shape.quality.filter(|quality| *quality != "auto") {
            _ if let Some(exact) = by_size => (exact, exact, exact),
            Some(quality) => {
                let exact = tokens(quality)?;
                (exact, exact, exact)
            }
            None => (
                self.image_out_tokens.values().copied().min()?,
                tokens("medium").or_else(|| self.image_out_tokens.values().copied().max())?,
                self.image_out_tokens.values().copied().max()?,
            ),
        };
        // Token counts by quality are for about one megapixel and grow with the area; those by size are for that size.
        let pixels = shape.pixels.filter(|_| by_size.is_none());
        let area = pixels.map_or(1.0, |pixels| (pixels as f64 / (1024.0 * 1024.0)).max(0.25));
        let input = self.text_in.unwrap_or(0.0) * shape.prompt_chars as f64 / 3.0 / MILLION
            + self.image_in.unwrap_or(0.0) * f64::from(shape.references) * self.image_in_tokens.unwrap_or(1_600) as f64
                / MILLION;
        let call = |tokens: u64, n: u32, area: f64| {
            Money::from_dollars(input + image_out * tokens as f64 * area * f64::from(n) / MILLION)
        };
        // Without a size the answer may be up to half as large again (1024×1536).
        let largest = if pixels.is_some() || by_size.is_some() { area } else { 1.5 };
        Some(CallEstimate {
            low: call(low, 1, area),
            likely: call(likely, shape.n, area),
            high: call(high, shape.n, largest),
        })
    }

    /// What a call cost by what the provider counted; `None` when the counts do not suffice.
    pub fn settle(&self, usage: &Usage, pictures: u64) -> Option<Money> {
        if let Some(micros) = usage.cost_micros {
            return Some(Money::from_micros(micros));
        }
        if let Some(per_image) = self.per_image {
            return Some(Money::from_dollars(per_image).times(usage.images.unwrap_or(pictures)));
        }
        let output = usage.output_tokens?;
        let input = usage.input_tokens.unwrap_or(0);
        let input_images = usage.input_image_tokens.unwrap_or(0).min(input);
        // Without details all output counts as picture tokens, the dearer kind.
        let output_images = usage.output_image_tokens.unwrap_or(output);
        let dollars = self.text_in.unwrap_or(0.0) * (input - input_images) as f64
            + self.image_in.or(self.text_in).unwrap_or(0.0) * input_images as f64
            + self.image_out? * output_images as f64;
        Some(Money::from_dollars(dollars / MILLION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens_price() -> Price {
        Price {
            text_in: Some(5.0),
            image_in: Some(8.0),
            image_out: Some(30.0),
            image_out_tokens: [("low", 272), ("medium", 1056), ("high", 4160)]
                .map(|(quality, tokens)| (quality.to_owned(), tokens))
                .into(),
            ..Price::default()
        }
    }

    const SHAPE: CallShape<'static> =
        CallShape { n: 1, references: 0, quality: None, size: None, pixels: Some(1024 * 1024), prompt_chars: 0 };

    #[test]
    fn estimate_orders_low_likely_high() {
        let estimate = tokens_price().estimate(SHAPE).unwrap();
        assert_eq!(estimate.low, Money::from_micros(8_160));
        assert_eq!(estimate.likely, Money::from_micros(31_680));
        assert_eq!(estimate.high, Money::from_micros(124_800));
        let exact = tokens_price().estimate(CallShape { quality: Some("low"), ..SHAPE }).unwrap();
        assert_eq!((exact.low, exact.high), (estimate.low, estimate.low));
    }

    #[test]
    fn no_price_is_no_estimate() {
        assert_eq!(Price::default().estimate(SHAPE), None);
        assert_eq!(Price::default().settle(&Usage { output_tokens: Some(9), ..Usage::default() }, 1), None);
    }

    #[test]
    fn settles_from_what_the_provider_counted() {
        let usage = Usage {
            input_tokens: Some(1_100),
            input_image_tokens: Some(1_000),
            output_tokens: Some(1_056),
            ..Usage::default()
        };
        assert_eq!(tokens_price().settle(&usage, 1), Some(Money::from_micros(500 + 8_000 + 31_680)));
        let named = Usage { cost_micros: Some(70_000), ..usage };
        assert_eq!(tokens_price().settle(&named, 1), Some(Money::from_micros(70_000)));
    }

    #[test]
    fn exact_names_win_over_patterns_and_users_over_ours() {
        let entry =
            |model: &str, max_n: u32| format!("[[model]]\nprovider = \"p\"\nmodel = \"{model}\"\nmax_n = {max_n}\n");
        let ours = CapabilityTable::parse(&(entry("m-*", 1) + &entry("m-2", 2))).unwrap();
        assert_eq!(ours.find("p", "m-2").unwrap().max_n, 2);
        assert_eq!(ours.find("p", "m-9").unwrap().max_n, 1);
        assert_eq!(ours.find("q", "m-2"), None);
        let user = CapabilityTable::parse(&entry("m-2", 7)).unwrap();
        assert_eq!(ours.overlaid_by(user).find("p", "m-2").unwrap().max_n, 7);
    }
}
