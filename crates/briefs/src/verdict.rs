//! What a person says about a picture of an asset folder, in the words of its records, and whether it is enough to be recorded. Pure.
//! Other than the gallery's reviews (keep, reject), which are rows and know no folders.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use imagemill_domain::job_file::nearest;
use serde::{Deserialize, Serialize};

use crate::problem::{Objections, Problem};

const WORDS: &str = include_str!("../../../data/asset-review.toml");

/// The words of reviews; data/asset-review.toml.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewWords {
    /// What is asked about each picture.
    pub questions: Vec<String>,
    /// What may be answered.
    pub answers: Vec<String>,
    /// What may be wrong with it.
    pub categories: Vec<String>,
    /// Where it went wrong.
    pub stages: Vec<String>,
}

/// The words of reviews.
pub fn review_words() -> &'static ReviewWords {
    static READ: LazyLock<ReviewWords> = LazyLock::new(|| toml::from_str(WORDS).expect("a test reads the file"));
    &READ
}

/// What is to become of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetVerdict {
    /// It is good: it moves to `approved/` and is the hero.
    Approve,
    /// It is nearly good: it stays a candidate, and an edit mends it.
    Revise,
    /// It is not used: it moves to `rejected/`.
    Reject,
}

impl AssetVerdict {
    /// The word of the records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Revise => "revise",
            Self::Reject => "reject",
        }
    }

    /// From the word of the records.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Approve, Self::Revise, Self::Reject].into_iter().find(|verdict| verdict.word() == word)
    }

    /// Where such pictures lie.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Self::Approve => "images/approved",
            Self::Revise => "images/candidates",
            Self::Reject => "images/rejected",
        }
    }
}

/// A verdict with all that was said with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What is to become of it.
    pub verdict: AssetVerdict,
    /// Answers by question.
    pub answers: BTreeMap<String, String>,
    /// What speaks for it.
    pub good: Vec<String>,
    /// What speaks against it.
    pub bad: Vec<String>,
    /// What is wrong with it.
    pub categories: Vec<String>,
    /// Where it went wrong.
    pub stages: Vec<String>,
    /// What is to be done; left out, what the verdict suggests.
    pub action: Option<String>,
    /// Who says so.
    pub reviewer: String,
}

impl Judgement {
    /// Everything that keeps it from being recorded, at once.
    pub fn check(&self) -> Result<(), Objections> {
        let words = review_words();
        let mut problems = Vec::new();
        for (question, answer) in &self.answers {
            known(&mut problems, "answers", question, &words.questions);
            known(&mut problems, "answers", answer, &words.answers);
        }
        self.categories.iter().for_each(|word| known(&mut problems, "category", word, &words.categories));
        self.stages.iter().for_each(|word| known(&mut problems, "blame", word, &words.stages));
        if self.reviewer.trim().is_empty() {
            problems.push(Problem::missing("reviewer", "the reviewer is missing: say who gives the verdict"));
        }
        if self.verdict == AssetVerdict::Approve {
            self.check_approval(&mut problems);
        } else {
            if self.bad.is_empty() {
                problems.push(Problem::missing("reason", "the reason is missing: say what is wrong with the picture"));
            }
            if self.categories.is_empty() {
                let list = words.categories.join(", ");
                let message = format!("the category is missing: give at least one of {list}");
                problems.push(Problem::missing("category", message));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Objections(problems)) }
    }

    fn check_approval(&self, problems: &mut Vec<Problem>) {
        for question in &review_words().questions {
            match self.answers.get(question).map(String::as_str) {
                None => {
                    let message = format!("the answer to {question} is missing: an approval answers every question");
                    problems.push(Problem::missing("answers", message));
                }
                Some("fail") => {
                    let message =
                        format!("the answer to {question} is fail, and an approval has none: revise it, or reject it");
                    problems.push(Problem::wrong("answers", message));
                }
                Some(_) => {}
            }
        }
        if !(self.bad.is_empty() && self.categories.is_empty() && self.stages.is_empty()) {
            let message = "an approval has no category and no blame: revise the picture, or leave them out";
            problems.push(Problem::wrong("category", message));
        }
    }
}

fn known(problems: &mut Vec<Problem>, field: &str, word: &str, words: &[String]) {
    if words.iter().any(|known| known == word) {
        return;
    }
    let message = match nearest(word, words.iter().map(String::as_str)) {
        Some(near) => format!("{field} does not know the word {word}; did you mean {near}?"),
        None => format!("{field} does not know the word {word}; it knows {}", words.join(", ")),
    };
    problems.push(Problem::wrong(field, message));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgement(verdict: AssetVerdict) -> Judgement {
        let answers = review_words().questions.iter().map(|question| (question.clone(), "pass".to_owned())).collect();
        let none = Vec::new;
        Judgement {
            verdict,
            answers,
            good: none(),
            bad: none(),
            categories: none(),
            stages: none(),
            action: None,
            reviewer: "ada".into(),
        }
    }

    fn fields(judgement: &Judgement) -> Vec<String> {
        judgement.check().err().map_or_else(Vec::new, |all| all.0.into_iter().map(|one| one.field).collect())
    }

    #[test]
    fn the_words_are_those_of_the_reference() {
        let words = review_words();
        assert_eq!((words.questions.len(), words.categories.len(), words.stages.len()), (5, 10, 6));
    }

    #[test]
    fn an_approval_answers_everything_and_the_others_say_why() {
        assert!(fields(&judgement(AssetVerdict::Approve)).is_empty());
        let mut short = judgement(AssetVerdict::Approve);
        short.answers.remove("fit");
        short.answers.insert("realism".into(), "fail".into());
        short.reviewer = " ".into();
        assert_eq!(fields(&short), ["reviewer", "answers", "answers"]);
        let mut mixed = judgement(AssetVerdict::Approve);
        mixed.categories = vec!["ad_like".into()];
        assert_eq!(fields(&mixed), ["category"]);
        let mut reject = judgement(AssetVerdict::Reject);
        reject.answers.clear();
        assert_eq!(fields(&reject), ["reason", "category"]);
        reject.bad = vec!["plastic skin".into()];
        reject.categories = vec!["visual_realsm".into()];
        reject.stages = vec!["weather".into()];
        let told = reject.check().unwrap_err().to_string();
        assert!(told.contains("did you mean visual_realism?") && told.contains("it knows image, script"), "{told}");
    }
}
