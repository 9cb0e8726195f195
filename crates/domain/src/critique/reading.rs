//! What people say about rows: whether one may be given out, and a score from 1 to 5. A reading is about one version of a text; when
//! the text changes it counts no longer. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::agreement::Agreement;
use crate::hash::ContentHash;

/// The scores of people, as the paper on the data set has them.
pub const SCORES: std::ops::RangeInclusive<u8> = 1..=5;

/// One person's reading of one row; a later one by the same person replaces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The row's picture.
    pub picture: ContentHash,
    /// Who.
    pub reader: String,
    /// What the row said, as `version_of` names it.
    pub version: String,
    /// Whether the row may be given out; `None` while only a score or a note is there.
    pub approved: Option<bool>,
    /// 1 to 5.
    pub score: Option<u8>,
    /// Free text.
    pub note: String,
    /// Whether it was given without knowing what others said.
    pub blind: bool,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

/// What readings of one version come to. One no keeps a row out until it is taken back or the text is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nobody decided.
    #[default]
    Open,
    /// All who decided approve.
    Approved,
    /// All who decided reject.
    Rejected,
    /// They decided differently.
    Disputed,
}

impl Decision {
    /// What these readings come to, for a row that says `version`.
    pub fn of(readings: &[Reading], version: &str) -> Self {
        let mut decided =
            readings.iter().filter(|reading| reading.version == version).filter_map(|reading| reading.approved);
        let Some(first) = decided.next() else { return Self::Open };
        match (first, decided.all(|next| next == first)) {
            (true, true) => Self::Approved,
            (false, true) => Self::Rejected,
            (_, false) => Self::Disputed,
        }
    }

    /// Whether a row may be given out.
    pub fn lets_through(self) -> bool {
        matches!(self, Self::Open | Self::Approved)
    }
}

/// Whether a picture is in the sample that is read a second time: always the same pictures, whoever asks.
pub fn in_sample(collection: &str, picture: &ContentHash, share: f64) -> bool {
    let name = blake3::hash(&[collection.as_bytes(), b"/second/", picture.as_bytes()].concat());
    let first = u64::from_le_bytes(name.as_bytes()[..8].try_into().expect("eight bytes"));
    ((first >> 11) as f64) < share * (1_u64 << 53) as f64
}

/// How far people agree about rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReadingAgreement {
    /// Share and kappa of the verdicts.
    #[serde(flatten)]
    pub verdicts: Agreement,
    /// Pairs of scores by two people for the same text.
    pub scored_twice: u64,
    /// How far these lie apart on average, on the scale of 1 to 5.
    pub score_gap: Option<f64>,
}

/// Over readings of texts as they stand; the caller leaves out the others.
pub fn agreement(readings: &[&Reading]) -> ReadingAgreement {
    let decided = |reading: &&Reading| Some((reading.picture, reading.approved?));
    let verdicts = Agreement::over(
        readings.iter().filter_map(|reading| decided(reading).map(|(on, yes)| (reading.reader.as_str(), on, yes))),
    );
    let mut scores: HashMap<&ContentHash, Vec<u8>> = HashMap::new();
    for reading in readings {
        scores.entry(&reading.picture).or_default().extend(reading.score);
    }
    let mut gaps = Vec::new();
    for own in scores.values() {
        let pairs = own.iter().enumerate().flat_map(|(at, a)| own[at + 1..].iter().map(|b| a.abs_diff(*b)));
        gaps.extend(pairs.map(f64::from));
    }
    let score_gap = (!gaps.is_empty()).then(|| gaps.iter().sum::<f64>() / gaps.len() as f64);
    ReadingAgreement { verdicts, scored_twice: gaps.len() as u64, score_gap }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(picture: u8, reader: &str, approved: Option<bool>, score: Option<u8>) -> Reading {
        Reading {
            picture: ContentHash([picture; 32]),
            reader: reader.into(),
            version: "v1".into(),
            approved,
            score,
            note: String::new(),
            blind: false,
            at_us: 0,
        }
    }

    #[test]
    fn one_no_keeps_a_row_out_until_the_text_is_another() {
        let [yes, no] = [reading(1, "ann", Some(true), None), reading(1, "ben", Some(false), None)];
        assert_eq!(Decision::of(&[], "v1"), Decision::Open);
        assert_eq!(Decision::of(&[reading(1, "ann", None, Some(3))], "v1"), Decision::Open);
        assert_eq!(Decision::of(std::slice::from_ref(&yes), "v1"), Decision::Approved);
        assert_eq!(Decision::of(std::slice::from_ref(&no), "v1"), Decision::Rejected);
        let both = [yes, no];
        assert_eq!(Decision::of(&both, "v1"), Decision::Disputed);
        assert!(!Decision::of(&both, "v1").lets_through() && Decision::of(&both, "v2").lets_through());
    }

    #[test]
    fn the_sample_has_its_share_and_stays_the_same() {
        let pictures: Vec<ContentHash> = (0..2_000_u32).map(|at| ContentHash::of(&at.to_le_bytes())).collect();
        let sample = |share| pictures.iter().filter(|picture| in_sample("korean", picture, share)).count();
        assert_eq!((sample(0.0), sample(1.0)), (0, 2_000));
        assert!((150..250).contains(&sample(0.1)), "{}", sample(0.1));
        let grown = pictures.iter().filter(|picture| in_sample("korean", picture, 0.1));
        assert!(grown.clone().all(|picture| in_sample("korean", picture, 0.2)), "a larger share keeps the smaller one");
    }

    #[test]
    fn people_are_compared_where_both_read() {
        let all = [
            reading(1, "ann", Some(true), Some(4)),
            reading(1, "ben", Some(true), Some(3)),
            reading(2, "ann", Some(false), Some(1)),
            reading(2, "ben", Some(true), Some(4)),
            reading(3, "ann", Some(true), Some(5)),
        ];
        let found = agreement(&all.iter().collect::<Vec<_>>());
        assert_eq!((found.verdicts.pairs[0].both, found.verdicts.pairs[0].agree), (2, 0.5));
        assert_eq!((found.scored_twice, found.score_gap), (2, Some(2.0)));
        assert_eq!(agreement(&[]).score_gap, None);
    }
}
