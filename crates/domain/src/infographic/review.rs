//! What a critic's answer and the words read off a picture come to. The verdict is ours: it follows from what was found, never
//! from a word of the model.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::labels::{LabelCheck, LabelState, compare_labels, text_fidelity};
use crate::catalogue::Rule;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// Where and how.
    pub detail: String,
    /// An instruction that would mend it.
    pub revised_description: String,
}

/// A critic's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct CriticAnswer {
    /// How it came to it.
    pub reasoning: String,
    /// What it found.
    pub violations: Vec<Violation>,
}

/// What a picture was found to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Nothing counts against it.
    pub passed: bool,
    /// The critic's own words.
    pub reasoning: String,
    /// Rules that it breaks.
    pub violations: Vec<Violation>,
    /// Rules that it breaks because its layout or style does.
    pub exempted: Vec<Violation>,
    /// Each label.
    pub labels: Vec<LabelCheck>,
    /// Share of letters that are right.
    pub text_fidelity: f64,
    /// Weight of everything that counts against it.
    pub weight: u32,
}

/// What a critic's answer must look like.
pub fn critic_schema() -> Value {
    let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.word()).collect();
    let violation = json!({"type": "object", "additionalProperties": false,
        "required": ["rule", "detail", "revised_description"],
        "properties": {"rule": {"enum": rules}, "detail": {"type": "string"}, "revised_description": {"type": "string"}}});
    json!({"title": "infographic_review", "type": "object", "additionalProperties": false,
        "required": ["reasoning", "violations"],
        "properties": {"reasoning": {"type": "string"}, "violations": {"type": "array", "items": violation}}})
}

/// What the answer of a reader of a picture must look like.
pub fn reading_schema() -> Value {
    json!({"title": "infographic_reading", "type": "object", "additionalProperties": false, "required": ["texts"],
        "properties": {"texts": {"type": "array", "items": {"type": "string"}}}})
}

/// How much a broken rule counts.
fn weight_of(rule: Rule) -> u32 {
    match rule {
        Rule::Legibility => 5,
        Rule::Charts | Rule::Leaders => 3,
        Rule::Containers | Rule::Noise | Rule::Connectors => 2,
        Rule::Balance | Rule::Space | Rule::Icons => 1,
    }
}

/// How much a label counts that did not come out.
fn weight_of_label(state: LabelState) -> u32 {
    match state {
        LabelState::Same => 0,
        LabelState::Near => 3,
        LabelState::Wrong => 5,
        LabelState::Missing => 4,
    }
}

/// The verdict. `exempt` are the rules that layout and style break on purpose; `read` is what stands in the picture.
pub fn reviewed(answer: CriticAnswer, exempt: &[Rule], labels: &[String], read: &[String]) -> Review {
    let mut counted: Vec<Violation> = Vec::new();
    let mut exempted = Vec::new();
    for violation in answer.violations {
        if exempt.contains(&violation.rule) {
            exempted.push(violation);
        } else if counted.iter().all(|known| known.rule != violation.rule) {
            // One entry a rule: a critic that tells one fault in five sentences must not outweigh five faults.
            counted.push(violation);
        }
    }
    let labels = compare_labels(labels, read);
    let weight = counted.iter().map(|violation| weight_of(violation.rule)).sum::<u32>()
        + labels.iter().map(|check| weight_of_label(check.state)).sum::<u32>();
    Review {
        passed: weight == 0,
        reasoning: answer.reasoning,
        violations: counted,
        exempted,
        text_fidelity: text_fidelity(&labels),
        labels,
        weight,
    }
}

impl Review {
    /// Labels that did not come out.
    pub fn misprints(&self) -> impl Iterator<Item = &LabelCheck> {
        self.labels.iter().filter(|check| check.state != LabelState::Same)
    }

    /// Everything that counts against it, for people.
    pub fn faults(&self) -> usize {
        self.violations.len() + self.misprints().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(rule: Rule) -> Violation {
        Violation { rule, detail: "there".into(), revised_description: "Move it".into() }
    }

    fn labels(all: &[&str]) -> Vec<String> {
        all.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn the_verdict_follows_from_what_was_found() {
        let none = reviewed(CriticAnswer::default(), &[], &labels(&["Tea"]), &labels(&["Tea"]));
        assert!(none.passed && none.weight == 0);
        let answer = CriticAnswer { violations: vec![violation(Rule::Balance); 3], ..CriticAnswer::default() };
        let one = reviewed(answer.clone(), &[], &[], &[]);
        assert_eq!((one.passed, one.weight, one.violations.len()), (false, 1, 1));
        let exempt = reviewed(answer, &[Rule::Balance], &[], &[]);
        assert_eq!((exempt.passed, exempt.exempted.len()), (true, 3));
    }

    #[test]
    fn a_misprint_is_a_fault_although_the_critic_saw_none() {
        let review = reviewed(CriticAnswer::default(), &[], &labels(&["90 °C"]), &labels(&["80 °C"]));
        assert_eq!((review.passed, review.weight, review.faults()), (false, 5, 1));
        assert!(review.text_fidelity < 0.01);
    }

    #[test]
    fn unreadable_text_weighs_most() {
        assert!(Rule::ALL.iter().all(|rule| weight_of(*rule) <= weight_of(Rule::Legibility)));
    }
}
