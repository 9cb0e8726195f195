//! Whether the words in a picture are those that were meant: each label against what was read off the picture. Numbers must be
//! the same; other words may be told to be near, which is still a misprint.

use serde::{Deserialize, Serialize};

use super::fidelity::numbers;
use crate::job_file::distance;

/// A label this far off, as a share of its letters, was meant by what was read.
const MOST_OFF: f64 = 0.5;
/// A label no further off than this is near.
const NEAR: f64 = 0.15;

/// How a label came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelState {
    /// Letter for letter.
    Same,
    /// A letter or two are wrong.
    Near,
    /// Its words are wrong, or a number is another one.
    Wrong,
    /// It is not there.
    Missing,
}

/// One label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelCheck {
    /// What was meant.
    pub label: String,
    /// What was read; `None` when nothing comes near.
    pub read: Option<String>,
    /// How it came out.
    pub state: LabelState,
    /// Letters to change.
    pub distance: usize,
}

/// Each label with what was read in its place. Case, width, punctuation and line breaks are no errors.
pub fn compare_labels(labels: &[String], read: &[String]) -> Vec<LabelCheck> {
    let flat_read: Vec<String> = read.iter().map(|text| flat(text)).collect();
    let spaced_read = read.iter().map(|text| spaced(text)).collect::<Vec<_>>().join(" ");
    labels.iter().map(|label| check(label, read, &flat_read, &spaced_read)).collect()
}

/// The share of letters that are right, 0 to 1; 1 without labels.
pub fn text_fidelity(checks: &[LabelCheck]) -> f64 {
    let letters = |check: &LabelCheck| flat(&check.label).chars().count().max(1);
    let all: usize = checks.iter().map(letters).sum();
    if all == 0 {
        return 1.0;
    }
    let wrong: usize = checks.iter().map(|check| check.distance.min(letters(check))).sum();
    1.0 - wrong as f64 / all as f64
}

fn check(label: &str, read: &[String], flat_read: &[String], spaced_read: &str) -> LabelCheck {
    let wanted = flat(label);
    let length = wanted.chars().count().max(1);
    let done = |read: Option<String>, state, distance| LabelCheck { label: label.to_owned(), read, state, distance };
    if let Some(at) = flat_read.iter().position(|text| *text == wanted) {
        return done(Some(read[at].clone()), LabelState::Same, 0);
    }
    // A reader may break a label into lines, or read several as one.
    if stands_in(spaced_read, &spaced(label)) || stands_in(&flat_read.concat(), &wanted) {
        return done(Some(label.to_owned()), LabelState::Same, 0);
    }
    let nearest = flat_read.iter().enumerate().map(|(at, text)| (distance(&wanted, text), at)).min();
    let Some((off, at)) = nearest.filter(|(off, _)| *off as f64 <= MOST_OFF * length as f64) else {
        return done(None, LabelState::Missing, length);
    };
    let seen = Some(read[at].clone());
    if numbers(label) != numbers(&read[at]) {
        return done(seen, LabelState::Wrong, length);
    }
    let state = if off as f64 <= NEAR * length as f64 { LabelState::Near } else { LabelState::Wrong };
    done(seen, state, off)
}

/// Whether a label stands in a longer text, and not as a part of a longer number or word.
fn stands_in(text: &str, label: &str) -> bool {
    let joined = |one: Option<char>, other: Option<char>| {
        one.zip(other).is_some_and(|(one, other)| {
            (one.is_ascii_alphanumeric() && other.is_ascii_alphanumeric()) || (one.is_numeric() && other.is_numeric())
        })
    };
    !label.is_empty()
        && text.match_indices(label).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let behind = text[at + label.len()..].chars().next();
            !joined(before, label.chars().next()) && !joined(label.chars().next_back(), behind)
        })
}

/// For comparing: letters and digits alone, narrow and small.
fn flat(text: &str) -> String {
    spaced(text).replace(' ', "")
}

/// The same with one blank between words.
fn spaced(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    };
    // A comma inside a number is no letter of it.
    let kept = |c: char| c.is_alphanumeric() || matches!(c, '%' | '+' | '°' | '$' | '€' | '¥' | '£' | '.' | '-' | '/');
    let letters = text.chars().map(narrow).filter(|c| *c != ',').flat_map(char::to_lowercase);
    let text: String = letters.map(|c| if kept(c) { c } else { ' ' }).collect();
    let words = text.split_whitespace().map(|word| word.trim_matches(['.', '-', '/']));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn states(labels: &[&str], read: &[&str]) -> Vec<LabelState> {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        compare_labels(&own(labels), &own(read)).into_iter().map(|check| check.state).collect()
    }

    #[test]
    fn words_may_be_near_and_numbers_must_be_the_same() {
        use LabelState::{Missing, Near, Same, Wrong};
        assert_eq!(states(&["How tea is made"], &["HOW TEA IS MADE"]), [Same]);
        assert_eq!(states(&["How tea is made"], &["How tea", "is made"]), [Same]);
        assert_eq!(states(&["Steam"], &["1. Steam: 3 minutes"]), [Same]);
        assert_eq!(states(&["How tea is made"], &["How tea is mode"]), [Near]);
        assert_eq!(states(&["How tea is made"], &["How tee iz mado"]), [Wrong]);
        assert_eq!(states(&["How tea is made"], &["Coffee"]), [Missing]);
        assert_eq!(states(&["90 °C"], &["80 °C"]), [Wrong]);
        assert_eq!(states(&["1,200 tons"], &["1200 tons"]), [Same]);
        assert_eq!(states(&["1,200 tons"], &["1,250 tons"]), [Wrong]);
        assert_eq!(states(&["12"], &["2012"]), [Missing], "a part of another number is no number");
        assert_eq!(states(&["蒸青"], &["蒸青"]), [Same]);
        assert_eq!(states(&["制作绿茶"], &["制作录茶"]), [Wrong]);
        assert_eq!(states(&["９０％"], &["90%"]), [Same]);
        assert_eq!(states(&["a", "b"], &[]), [Missing, Missing]);
    }

    #[test]
    fn a_wrong_number_weighs_like_a_missing_label() {
        let own = |text: &str| vec![text.to_owned()];
        let one = |label: &str, read: &str| text_fidelity(&compare_labels(&own(label), &own(read)));
        assert!((one("Made in 1984", "Made in 1984") - 1.0).abs() < 1e-9);
        assert!(one("Made in 1984", "Made in 1985") < 1e-9);
        assert!((one("Made at home", "Made at hone") - 0.9).abs() < 1e-9);
        assert!((text_fidelity(&[]) - 1.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn what_is_read_as_it_was_meant_is_right(labels in proptest::collection::vec("[a-zA-Z0-9 中文%.,]{1,16}", 0..6)) {
            let checks = compare_labels(&labels, &labels);
            prop_assert!(checks.iter().all(|check| check.state == LabelState::Same), "{checks:?}");
            let fidelity = text_fidelity(&compare_labels(&labels, &[]));
            prop_assert!((0.0..=1.0).contains(&fidelity));
        }
    }
}
