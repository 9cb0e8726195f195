//! What can be wrong with a row, as data: the rule and the values that a message needs. The words are the caller's.

use serde::Serialize;

use super::answer::Place;
use super::rubric::Words;

/// The names of all rules, for the texts of each.
pub const RULES: [&str; 24] = [
    "unreadable",
    "no_picture",
    "repeated_picture",
    "not_asked",
    "no_answer",
    "wrong_place",
    "missing_text",
    "short_zh",
    "short_en",
    "unbalanced",
    "not_chinese",
    "not_english",
    "unknown_dimension",
    "repeated_dimension",
    "few_dimensions",
    "missing_layer",
    "missing_score",
    "bad_score",
    "same_text",
    "near_text",
    "stock_sentence",
    "taboo",
    "contradicted",
    "same_score",
];

/// A rule that a row breaks. `key` is the row's member, such as `critique_en`; `first` the place of another row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Fault {
    /// No JSON, or not of the row's form.
    Unreadable {
        /// What the reader found.
        why: String,
    },
    /// It names no picture.
    NoPicture,
    /// Its picture was answered before.
    RepeatedPicture {
        /// Where.
        first: Place,
    },
    /// Its picture is not among those that were asked for.
    NotAsked,
    /// A picture that was asked for has no row.
    NoAnswer,
    /// Its picture lies in the folder of another collection.
    WrongPlace {
        /// The folder.
        folder: String,
    },
    /// A text is not there.
    MissingText {
        /// Which.
        key: &'static str,
    },
    /// The Chinese text is too short.
    ShortZh {
        /// Its length in letters.
        count: usize,
        /// What it takes.
        least: usize,
    },
    /// The English text is too short.
    ShortEn {
        /// Its length in words.
        count: usize,
        /// What it takes.
        least: usize,
    },
    /// One text is a digest of the other.
    Unbalanced {
        /// Chinese letters.
        zh: usize,
        /// English words.
        en: usize,
        /// The fewest letters a word.
        low: f64,
        /// The most.
        high: f64,
    },
    /// The Chinese text is in another language.
    NotChinese,
    /// The English text is in another language.
    NotEnglish,
    /// Ids that this version of the rubric does not have.
    UnknownDimension {
        /// They.
        ids: Vec<String>,
        /// `chinese 1.0`.
        rubric: String,
    },
    /// Ids that are named more than once.
    RepeatedDimension {
        /// They.
        ids: Vec<String>,
    },
    /// Too little is covered.
    FewDimensions {
        /// Distinct known ids.
        count: usize,
        /// What it takes.
        least: usize,
    },
    /// Layers of which nothing is covered.
    MissingLayer {
        /// `L4`.
        layers: Vec<String>,
    },
    /// No score.
    MissingScore,
    /// A score that cannot be one: outside 0 to 100, or 0 where a score is asked for.
    BadScore {
        /// As it stands.
        score: f64,
    },
    /// The text of another row.
    SameText {
        /// Which text.
        key: &'static str,
        /// The row that had it first.
        first: Place,
    },
    /// Nearly the text of another row.
    NearText {
        /// Which text.
        key: &'static str,
        /// The row that had it first.
        first: Place,
        /// How much of it is the same.
        percent: u32,
    },
    /// A sentence that several rows hold.
    StockSentence {
        /// Which text.
        key: &'static str,
        /// The one that most rows hold.
        sentence: String,
        /// How many.
        rows: usize,
    },
    /// Words that must not be there.
    Taboo {
        /// Which taboo of the rubric.
        id: String,
        /// The words.
        phrase: String,
        /// What is wrong with them.
        why: Words,
    },
    /// The second look found claims that the picture contradicts.
    Contradicted {
        /// They.
        claims: Vec<String>,
    },
}

impl Fault {
    /// The name of the rule, one of [`RULES`].
    pub fn rule(&self) -> &'static str {
        let word = serde_json::to_value(self).ok().and_then(|value| value["rule"].as_str().map(str::to_owned));
        RULES.into_iter().find(|rule| word.as_deref() == Some(*rule)).unwrap_or("unreadable")
    }
}

/// A row and a rule that it breaks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// File and row.
    #[serde(flatten)]
    pub place: Place,
    /// The row's picture, as the row names it.
    pub picture: Option<String>,
    /// The rule.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What is odd about the rows as a whole; fails none of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Remark {
    /// One score stands on so many rows that it looks like a default.
    SameScore {
        /// The score.
        score: f64,
        /// On how many rows.
        rows: usize,
        /// Of how many that have one.
        of: usize,
    },
}
