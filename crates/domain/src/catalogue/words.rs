//! The words and values that entries of the catalogue are written in. Each is checked as it is read, so that a fault has its
//! line; must not know layouts and styles.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sizes::ratio_of;

/// Longest phrase, in characters.
const PHRASE_CHARS: usize = 200;

/// Longest name of an entry, in characters.
const NAME_CHARS: usize = 64;

/// A closed list of words. The first word of a line is the one that is written; the others are read, too.
macro_rules! closed {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal $(| $alias:literal)*,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word $(, alias = $alias)*)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable machine word.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// By its word or another word for it.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word $(| $alias)* => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

closed! {
    /// What kind of content an infographic shows; decides the layout.
    Content {
        /// Dates in order.
        Timeline = "timeline" | "history",
        /// Steps that someone takes.
        Process = "process" | "tutorial",
        /// Things held against each other.
        Comparison = "comparison",
        /// Ranks and levels.
        Hierarchy = "hierarchy",
        /// What has to do with what.
        Relationships = "relationships",
        /// Numbers.
        Data = "data" | "metrics",
        /// What begins again.
        Cycle = "cycle" | "loop",
        /// A whole and its parts.
        System = "system" | "structure",
        /// A way with experiences.
        Journey = "journey" | "narrative",
        /// Many sides of one subject.
        Overview = "overview" | "summary",
        /// What is wrong and what helps.
        ProblemSolution = "problem_solution" | "problem" | "solution",
        /// Things by kind.
        Categories = "categories" | "collection",
        /// Places.
        Spatial = "spatial" | "geographic",
        /// Work among several roles.
        Workflow = "workflow" | "cross_functional",
        /// What a thing offers.
        Features = "features" | "catalog",
        /// One idea.
        Concept = "concept" | "spotlight",
        /// Who says what.
        Dialogue = "dialogue" | "qa",
        /// Things to find.
        Discovery = "discovery" | "exploration",
        /// Several centres.
        Network = "network" | "multi_center",
        /// Long text.
        Report = "report" | "long_form",
        /// An offer with a call.
        Marketing = "marketing" | "cta",
    }
}

closed! {
    /// The tone or domain that an infographic speaks in; decides the style.
    Context {
        /// Engineering.
        Technical = "technical" | "engineering",
        /// Software and its makers.
        Software = "software" | "product",
        /// The far future.
        SciFi = "sci_fi" | "futuristic",
        /// Business.
        Business = "business" | "professional",
        /// Statistics.
        Data = "data" | "analytics",
        /// Lessons.
        Education = "education" | "educational" | "instructional",
        /// Fun and children.
        Playful = "playful" | "casual" | "kids",
        /// Premium goods and fashion.
        Luxury = "luxury" | "premium" | "fashion",
        /// Chinese subjects.
        Chinese = "chinese",
        /// Japanese subjects.
        Japanese = "japanese",
        /// Old times.
        Vintage = "vintage" | "retro",
        /// Painting.
        FineArt = "fine_art" | "artistic",
        /// Made by hand.
        Handmade = "handmade" | "craft",
        /// Drawing.
        Illustration = "illustration" | "drawing",
        /// Against the rules.
        Experimental = "experimental" | "avant_garde",
        /// Calm and sparse.
        Minimal = "minimal" | "scandinavian",
        /// Playful shapes.
        Geometric = "geometric",
        /// Photographs, alone or mixed.
        Photography = "photography" | "mixed",
        /// Advertising.
        Marketing = "marketing" | "advertising",
        /// Expensive technology.
        LuxuryTech = "luxury_tech",
        /// The young and the net.
        Youth = "youth" | "internet",
    }
}

closed! {
    /// A rule of the critic, in the order of its numbers from 1.
    Rule {
        /// A diagram that needs containers has them.
        Containers = "containers",
        /// Weight is not one-sided.
        Balance = "balance",
        /// Space is used evenly.
        Space = "space",
        /// No titles, captions and labels without a use.
        Noise = "noise",
        /// All text can be read.
        Legibility = "legibility",
        /// An icon stands for one thing only.
        Icons = "icons",
        /// Connectors are straight and can be followed.
        Connectors = "connectors",
        /// It is clear which line belongs to which label.
        Leaders = "leaders",
        /// Charts have axes and series that can be told apart.
        Charts = "charts",
    }
}

/// The name of an entry: small letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryName(String);

impl TryFrom<String> for EntryName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > NAME_CHARS || !text.chars().all(fine) {
            return Err(format!(
                "a name in the catalogue is 1 to 64 small letters, digits and hyphens, and not {text:?}"
            ));
        }
        Ok(Self(text))
    }
}

impl From<EntryName> for String {
    fn from(name: EntryName) -> Self {
        name.0
    }
}

impl EntryName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A line of a definition. It goes into prompts, so it has nothing in it that a model would draw or stumble over: no colour
/// numbers, no quotation marks (only words to be drawn stand in them), no places to be filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phrase(String);

impl TryFrom<String> for Phrase {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let length = text.chars().count();
        if text.trim().is_empty() || length > PHRASE_CHARS || text.contains(char::is_control) {
            return Err("a line of the catalogue has 1 to 200 characters on one line".to_owned());
        }
        if has_hex_colour(&text) {
            return Err(format!("{text:?} has a colour as a number; say its name, because models draw numbers"));
        }
        if text.contains(['"', '“', '”', '„', '«', '»', '「', '」', '『', '』']) {
            return Err(format!("{text:?} has quotation marks, which are kept for words to be drawn; leave them out"));
        }
        if text.contains("{{") || text.contains("}}") {
            return Err(format!("{text:?} has a place to be filled in, and nothing fills it; leave it out"));
        }
        Ok(Self(text))
    }
}

impl From<Phrase> for String {
    fn from(phrase: Phrase) -> Self {
        phrase.0
    }
}

impl Phrase {
    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `#` with three to eight hexadecimal digits that end there, or `0x` with six or eight.
pub(crate) fn has_hex_colour(text: &str) -> bool {
    let digits = |after: &str| {
        let word: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
        word.chars().all(|c| c.is_ascii_hexdigit()).then_some(word.len())
    };
    let after = |mark: &'static str| text.match_indices(mark).map(move |(at, _)| &text[at + mark.len()..]);
    after("#").any(|rest| digits(rest).is_some_and(|count| matches!(count, 3 | 4 | 6 | 8)))
        || after("0x").any(|rest| digits(rest).is_some_and(|count| matches!(count, 6 | 8)))
}

/// A text for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// English.
    pub en: Phrase,
    /// Simplified Chinese; the English where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh: Option<Phrase>,
}

/// Width to height, such as `16:9`; ordered from narrow to wide.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ratio {
    text: String,
    width_to_height: f64,
}

impl TryFrom<String> for Ratio {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let width_to_height = ratio_of(&text).ok_or_else(|| format!("{text:?} is no ratio such as \"16:9\""))?;
        Ok(Self { text, width_to_height })
    }
}

impl Ratio {
    /// As a number.
    pub fn width_to_height(&self) -> f64 {
        self.width_to_height
    }
}

impl std::str::FromStr for Ratio {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl From<Ratio> for String {
    fn from(ratio: Ratio) -> Self {
        ratio.text
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other).is_some_and(std::cmp::Ordering::is_eq)
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.width_to_height.partial_cmp(&other.width_to_height)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// From the least to the most, both included; written as a pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[T; 2]", into = "[T; 2]")]
#[serde(bound(serialize = "T: Clone + Serialize", deserialize = "T: Deserialize<'de> + PartialOrd + fmt::Display"))]
pub struct Span<T> {
    /// The least.
    pub least: T,
    /// The most.
    pub most: T,
}

impl<T: PartialOrd + fmt::Display> TryFrom<[T; 2]> for Span<T> {
    type Error = String;

    fn try_from([least, most]: [T; 2]) -> Result<Self, String> {
        if least > most {
            return Err(format!("{least} is more than {most}; write the least first"));
        }
        Ok(Self { least, most })
    }
}

impl<T> From<Span<T>> for [T; 2] {
    fn from(span: Span<T>) -> Self {
        [span.least, span.most]
    }
}

impl<T: PartialOrd> Span<T> {
    /// Whether a value lies in it.
    pub fn holds(&self, value: &T) -> bool {
        &self.least <= value && value <= &self.most
    }
}

impl<T: fmt::Display> fmt::Display for Span<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}–{}", self.least, self.most)
    }
}

/// A share in a draw, 1 to 100: 10 is the first choice among ours, 6 a good one, 3 a bold one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Weight(u32);

impl TryFrom<u32> for Weight {
    type Error = String;

    fn try_from(weight: u32) -> Result<Self, String> {
        if !(1..=100).contains(&weight) {
            return Err(format!("a weight is 1 to 100, and not {weight}"));
        }
        Ok(Self(weight))
    }
}

impl From<Weight> for u32 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

/// What an entry is drawn for.
pub type Fits<T> = BTreeMap<T, Weight>;
