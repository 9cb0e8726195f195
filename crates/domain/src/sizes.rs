//! From the picture a job wants (an aspect ratio, a size by name or in pixels) to what one model takes, or the nearest that
//! it does take. Pure; must not know under which names a protocol sends the result.
//!
//! Size names are areas: 1K is 1024×1024 pixels, 2K is 2048×2048, 4K is 4096×4096, whatever the ratio, unless a model's rule
//! says otherwise.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

mod rules;

/// Two ratios are the same when they differ by less than this share. `1792x992` counts as 16:9.
const RATIO_TOLERANCE: f64 = 0.025;

/// Which sizes a model takes; a table of data/models.toml (`[model.size]`, docs/models.md).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SizeRule {
    /// These and no others, as they are sent: `1024x1024`, `auto`.
    List {
        /// The sizes; the first that fits counts.
        sizes: Vec<String>,
    },
    /// One pixel size for each size name and ratio.
    Buckets {
        /// The size name when only a ratio is wanted.
        default: String,
        /// Size name, ratio, pixels: `2K`, `16:9`, `2752x1536`.
        sizes: BTreeMap<String, BTreeMap<String, String>>,
    },
    /// Any pixels within bounds.
    Pixels(PixelRule),
    /// A ratio and a size name go out as they are; the model chooses the pixels.
    Names {
        /// Ratios it takes.
        ratios: Vec<String>,
        /// Size names in its own spelling.
        sizes: Vec<String>,
        /// Whether a size is sent at all; a model of one size has no such parameter.
        #[serde(default = "yes")]
        sends_size: bool,
    },
}

/// Bounds of free pixel sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelRule {
    /// Pixels in all that each size name stands for.
    pub names: BTreeMap<String, u64>,
    /// The size name when only a ratio is wanted.
    pub default: String,
    /// Both edges are multiples of this.
    #[serde(default = "one")]
    pub multiple_of: u32,
    /// Fewest pixels in all.
    #[serde(default)]
    pub min_pixels: u64,
    /// Most pixels in all.
    #[serde(default = "most")]
    pub max_pixels: u64,
    /// Longer edge over shorter edge, at most.
    #[serde(default = "any_ratio")]
    pub max_ratio: f64,
    /// Longest edge.
    #[serde(default)]
    pub max_edge: Option<u32>,
    /// A size name without a ratio goes out as it is.
    #[serde(default)]
    pub sends_names: bool,
    /// `auto` is a size.
    #[serde(default)]
    pub auto: bool,
}

fn yes() -> bool {
    true
}
fn one() -> u32 {
    1
}
fn most() -> u64 {
    u64::MAX
}
fn any_ratio() -> f64 {
    f64::INFINITY
}

/// What a job wants. Both may be missing: then nothing is sent and the model's default holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SizeWish<'a> {
    /// `16:9`, or `auto`.
    pub aspect_ratio: Option<&'a str>,
    /// `2K`, `1536x1024`, or `auto`.
    pub size: Option<&'a str>,
}

/// What is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SizeChoice {
    /// The size in the model's own spelling.
    pub size: Option<String>,
    /// The ratio, for models that take one.
    pub aspect_ratio: Option<String>,
    /// Pixels of the picture in all: exact when the size is in pixels, else what its name stands for.
    pub pixels: Option<u64>,
}

impl fmt::Display for SizeChoice {
    /// As it is written in a job file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.aspect_ratio, &self.size) {
            (Some(ratio), Some(size)) => write!(f, "aspect_ratio = {ratio:?}, size = {size:?}"),
            (Some(ratio), None) => write!(f, "aspect_ratio = {ratio:?}"),
            (None, Some(size)) => write!(f, "size = {size:?}"),
            (None, None) => f.write_str("no size"),
        }
    }
}

/// A wish that the model cannot fulfil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeRefusal {
    /// The option that is in the way: `size` or `aspect_ratio`.
    pub option: &'static str,
    /// Why, in plain words.
    pub reason: String,
    /// What it takes instead.
    pub nearest: SizeChoice,
}

/// A size as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Auto,
    /// `2K`, in capitals.
    Name(String),
    Pixels(u32, u32),
    Other(String),
}

impl Wanted {
    fn read(text: &str) -> Self {
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") {
            return Self::Auto;
        }
        if let Some((width, height)) = pixels_of(text) {
            return Self::Pixels(width, height);
        }
        let number = text.strip_suffix(['k', 'K']).and_then(|number| number.parse::<f64>().ok());
        if number.is_some_and(|number| number > 0.0 && number < 100.0) {
            return Self::Name(text.to_ascii_uppercase());
        }
        Self::Other(text.to_owned())
    }
}

/// `1536x1024`, also with `*`, `×` or capitals.
pub fn pixels_of(size: &str) -> Option<(u32, u32)> {
    let (width, height) = size.trim().split_once(['x', 'X', '*', '×'])?;
    let edge = |text: &str| text.trim().parse::<u32>().ok().filter(|edge| *edge > 0);
    Some((edge(width)?, edge(height)?))
}

/// Whether a size is a name such as `2K`.
pub fn is_name(size: &str) -> bool {
    matches!(Wanted::read(size), Wanted::Name(_))
}

/// Width over height of `16:9`.
pub fn ratio_of(ratio: &str) -> Option<f64> {
    let (width, height) = ratio.trim().split_once(':')?;
    let part = |text: &str| text.trim().parse::<f64>().ok().filter(|part| *part > 0.0 && part.is_finite());
    Some(part(width)? / part(height)?)
}

/// The pixels that a size name stands for where a model does not say otherwise.
fn area_of(name: &str) -> Option<u64> {
    let k: f64 = name.strip_suffix(['k', 'K'])?.parse().ok()?;
    Some((k * k * 1024.0 * 1024.0).round() as u64)
}

fn same_ratio(one: f64, other: f64) -> bool {
    (one / other - 1.0).abs() < RATIO_TOLERANCE
}

/// How far two positive numbers are apart, as a ratio: 0 when they are equal.
fn apart(one: f64, other: f64) -> f64 {
    (one / other).ln().abs()
}

impl SizeRule {
    /// What to send for `wish`, or why not and what instead.
    pub fn resolve(&self, wish: SizeWish<'_>) -> Result<SizeChoice, SizeRefusal> {
        let size = wish.size.map(Wanted::read);
        let ratio = match wish.aspect_ratio.map(str::trim).filter(|ratio| !ratio.eq_ignore_ascii_case("auto")) {
            None => None,
            Some(text) => Some(ratio_of(text).ok_or_else(|| SizeRefusal {
                option: "aspect_ratio",
                reason: format!("{text:?} is no ratio such as \"16:9\""),
                nearest: self.any(),
            })?),
        };
        if wish.aspect_ratio.is_none() && size.is_none() {
            return Ok(SizeChoice::default());
        }
        match self {
            Self::List { sizes } => rules::list(sizes, ratio, size.as_ref()),
            Self::Buckets { default, sizes } => rules::buckets(default, sizes, ratio, size.as_ref()),
            Self::Pixels(rule) => rule.resolve(ratio, size.as_ref()),
            Self::Names { ratios, sizes, sends_size } => {
                rules::names(ratios, sizes, *sends_size, wish.aspect_ratio.map(str::trim), ratio, size.as_ref())
            }
        }
    }

    /// The sizes in a few words, for tables: `1K 2K 4K`, `1024x1024 …`.
    pub fn in_words(&self) -> String {
        match self {
            Self::List { sizes } | Self::Names { sizes, .. } => sizes.join(" "),
            Self::Buckets { sizes, .. } => sizes.keys().cloned().collect::<Vec<_>>().join(" "),
            Self::Pixels(rule) => rule.names.keys().cloned().collect::<Vec<_>>().join(" ") + " WxH",
        }
    }

    /// Whether the rule can be used at all; the error says what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let known = |default: &String, names: Vec<&String>| {
            if names.contains(&default) {
                Ok(())
            } else {
                Err(format!("the default size {default:?} is not among its sizes"))
            }
        };
        match self {
            Self::List { sizes } if sizes.is_empty() => Err("it has no sizes".to_owned()),
            Self::Buckets { default, sizes } => {
                for (ratio, size) in sizes.values().flatten() {
                    if ratio_of(ratio).is_none() || pixels_of(size).is_none() {
                        return Err(format!("{ratio:?} = {size:?} is no ratio with a size in pixels"));
                    }
                }
                known(default, sizes.keys().collect())
            }
            Self::Pixels(rule) if rule.multiple_of == 0 || rule.max_ratio < 1.0 => {
                Err("multiple_of is at least 1, and so is max_ratio".to_owned())
            }
            Self::Pixels(rule) => known(&rule.default, rule.names.keys().collect()),
            Self::Names { ratios, sizes, .. } if ratios.is_empty() || sizes.is_empty() => {
                Err("it needs ratios and sizes".to_owned())
            }
            Self::List { .. } | Self::Names { .. } => Ok(()),
        }
    }

    /// Something it takes.
    fn any(&self) -> SizeChoice {
        let wish = SizeWish { aspect_ratio: Some("1:1"), size: None };
        self.resolve(wish).unwrap_or_else(|refusal| refusal.nearest)
    }
}

#[cfg(test)]
mod tests;
