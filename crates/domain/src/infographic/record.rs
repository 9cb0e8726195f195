//! What was done for a request, round by round, and which round is the best. Stored with the task; every document about it is made
//! from this and from the ledger.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::review::Review;
use super::selection::Choice;
use crate::hash::ContentHash;
use crate::picture::PictureFormat;

/// Rounds without a better picture after which no more are made.
const PATIENCE: u32 = 2;

/// Why there were no more rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// Nothing counts against the picture.
    Passed,
    /// Two rounds brought nothing better.
    Plateau,
    /// As many as were asked for.
    Rounds,
    /// The budget has no room for another.
    Money,
    /// A round failed; those before it are kept.
    Failed,
}

/// A round's picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundPicture {
    /// Its bytes' name.
    pub blake3: ContentHash,
    /// Its format.
    pub format: PictureFormat,
    /// Position among the pictures of the task, from 1.
    pub index: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// One round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// From 1.
    pub round: u32,
    /// The prompt that was sent.
    pub prompt: String,
    /// What it has more than the first round's.
    pub corrections: Vec<String>,
    /// The round whose picture was edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edits: Option<u32>,
    /// What came.
    pub picture: Option<RoundPicture>,
    /// What it was found to be; `None` when nobody looked.
    pub review: Option<Review>,
    /// What went wrong.
    pub error: Option<String>,
}

/// Everything about one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Of this form.
    pub version: u32,
    /// The request as it was written.
    pub request: String,
    /// What was understood.
    pub asked: Asked,
    /// Title of the picture, for people.
    pub title: String,
    /// The request was drawn as it is.
    pub expand_skipped: bool,
    /// The prompt of the first round.
    pub prompt: String,
    /// Words that are to be drawn.
    pub labels: Vec<String>,
    /// Layout and style, where the request was worked out.
    pub choice: Option<Choice>,
    /// The ratio that was asked of the model.
    pub ratio: String,
    /// The size that was sent, in the model's spelling.
    pub size: String,
    /// What was decided on the way, in plain words.
    pub notes: Vec<String>,
    /// In order.
    pub rounds: Vec<Round>,
    /// Rounds with a picture, the best first.
    pub ranking: Vec<u32>,
    /// Why there were no more.
    pub stopped: Stopped,
}

impl Record {
    /// A round by its number.
    pub fn round(&self, number: u32) -> Option<&Round> {
        self.rounds.iter().find(|round| round.round == number)
    }

    /// The best round.
    pub fn best(&self) -> Option<&Round> {
        self.round(*self.ranking.first()?)
    }

    /// A picture passed before all rounds were made.
    pub fn ended_early(&self) -> bool {
        self.stopped == Stopped::Passed && self.asked.rounds > 1 && (self.rounds.len() as u32) < self.asked.rounds
    }
}

/// Rounds with a picture, the best first: right letters, then what counts against it, then the earlier one. A picture that nobody
/// looked at stands behind those that somebody did.
pub fn rank(rounds: &[Round]) -> Vec<u32> {
    let mut shown: Vec<&Round> = rounds.iter().filter(|round| round.picture.is_some()).collect();
    shown.sort_by(|one, other| order(one, other));
    shown.into_iter().map(|round| round.round).collect()
}

fn order(one: &Round, other: &Round) -> Ordering {
    let reviews = match (&one.review, &other.review) {
        (Some(one), Some(other)) => {
            other.text_fidelity.total_cmp(&one.text_fidelity).then(one.weight.cmp(&other.weight))
        }
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    reviews.then(one.round.cmp(&other.round))
}

/// Watches whether rounds still bring something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plateau {
    idle: u32,
}

impl Plateau {
    /// A round is over; `better` when it is the best now. True when it is time to stop.
    pub fn after(&mut self, better: bool) -> bool {
        self.idle = if better { 0 } else { self.idle + 1 };
        self.idle >= PATIENCE
    }
}

/// What a next picture should do differently: words first, then rules. Each once.
pub fn corrections_of(reviews: &[&Review], chinese: bool) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let labels = reviews.iter().flat_map(|review| review.misprints()).map(|check| {
        let label = check.label.replace('"', "'");
        if chinese {
            format!("准确写出 \"{label}\"，一字不差")
        } else {
            format!("Write \"{label}\" exactly so, letter for letter")
        }
    });
    let rules = reviews
        .iter()
        .flat_map(|review| &review.violations)
        .map(|violation| violation.revised_description.trim().to_owned());
    for text in labels.chain(rules) {
        if !text.is_empty() && !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// The prompt with corrections behind it.
pub fn amended(prompt: &str, corrections: &[String], chinese: bool) -> String {
    if corrections.is_empty() {
        return prompt.to_owned();
    }
    let head = if chinese { "这一次特别注意：" } else { "This time take special care of the following:" };
    let lines: Vec<String> = corrections.iter().map(|text| format!("- {text}")).collect();
    format!("{}\n\n{head}\n{}", prompt.trim_end(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::labels::{LabelCheck, LabelState};
    use super::*;
    use crate::catalogue::Rule;
    use crate::infographic::Violation;

    fn round(number: u32, seen: Option<(f64, u32)>) -> Round {
        let picture = RoundPicture {
            blake3: ContentHash([0; 32]),
            format: PictureFormat::Png,
            index: number,
            width: 1,
            height: 1,
        };
        let review = seen.map(|(text_fidelity, weight)| Review {
            passed: weight == 0,
            reasoning: String::new(),
            violations: Vec::new(),
            exempted: Vec::new(),
            labels: Vec::new(),
            text_fidelity,
            weight,
        });
        Round {
            round: number,
            prompt: String::new(),
            corrections: Vec::new(),
            edits: None,
            picture: Some(picture),
            review,
            error: None,
        }
    }

    #[test]
    fn right_letters_come_before_rules_and_rules_before_age() {
        let rounds = [
            round(1, Some((0.9, 1))),
            round(2, Some((1.0, 7))),
            round(3, Some((1.0, 3))),
            round(4, Some((1.0, 3))),
            round(5, None),
        ];
        assert_eq!(rank(&rounds), [3, 4, 2, 1, 5]);
        let without = Round { picture: None, ..round(6, None) };
        assert_eq!(rank(&[without]), Vec::<u32>::new());
    }

    #[test]
    fn two_rounds_without_a_better_one_are_enough() {
        let mut plateau = Plateau::default();
        let ends: Vec<bool> =
            [true, false, true, false, false].into_iter().map(|better| plateau.after(better)).collect();
        assert_eq!(ends, [false, false, false, false, true]);
    }

    #[test]
    fn corrections_name_words_first_and_nothing_twice() {
        let mut review = round(1, Some((0.5, 9))).review.unwrap();
        review.labels =
            vec![LabelCheck { label: "90 °C".into(), read: None, state: LabelState::Missing, distance: 5 }];
        review.violations = vec![Violation {
            rule: Rule::Space,
            detail: String::new(),
            revised_description: "Spread the steps".into(),
        }];
        let corrections = corrections_of(&[&review, &review], false);
        assert_eq!(corrections, ["Write \"90 °C\" exactly so, letter for letter", "Spread the steps"]);
        let prompt = amended("Draw tea", &corrections, false);
        assert!(prompt.starts_with("Draw tea\n\n") && prompt.ends_with("- Spread the steps"), "{prompt}");
        assert_eq!(amended("Draw tea", &[], true), "Draw tea");
        assert!(corrections_of(&[&review], true)[0].contains("一字不差"));
    }

    proptest! {
        /// A ranking is an order: every picture once, and nobody stands behind a worse one.
        #[test]
        fn a_ranking_is_an_order(seen in proptest::collection::vec(proptest::option::of((0.0..1.0_f64, 0_u32..20)), 0..8)) {
            let rounds: Vec<Round> = seen.iter().enumerate().map(|(at, seen)| round(at as u32 + 1, *seen)).collect();
            let ranking = rank(&rounds);
            prop_assert_eq!(ranking.len(), rounds.len());
            let place = |number: u32| &rounds[number as usize - 1];
            prop_assert!(ranking.windows(2).all(|pair| order(place(pair[0]), place(pair[1])) != Ordering::Greater));
        }
    }
}
