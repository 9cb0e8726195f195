//! Whether a request is complete enough to be drawn as it is: twenty questions that a model answers, and the rule over its
//! answers. A question without a clear yes counts as no.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name in answers.
    pub id: &'static str,
    /// What is asked.
    pub text: &'static str,
}

const fn ask(id: &'static str, text: &'static str) -> Question {
    Question { id, text }
}

/// All of these must be answered with yes.
pub const REQUIRED: [Question; 8] = [
    ask("R01", "Is there a text, and does it describe a picture rather than only name a topic?"),
    ask("R02", "Does it say what the main subject is, or what kind of picture it is to be?"),
    ask("R03", "Does it bring information in a structure: sections, steps, a comparison, a list?"),
    ask("R04", "Does it name at least one visual quality: style, colour, background, composition or mood?"),
    ask("R05", "Does it name at least one concrete thing that can be drawn?"),
    ask("R06", "Does it hold words or details that can be set as text without further work?"),
    ask("R07", "Does it say how things relate: by place, order, connection or rank?"),
    ask("R08", "Is it long and detailed enough that two drawings of it would come out alike?"),
];

/// A share of these must be.
pub const OPTIONAL: [Question; 12] = [
    ask("O01", "Does it explain a cause with its effect, or a line of reasoning?"),
    ask("O02", "Does it say how numbers are to be shown: which chart, scale or encoding?"),
    ask("O03", "Does it tell important things from less important ones?"),
    ask("O04", "Does it describe a background or a scene?"),
    ask("O05", "Does it ask for marks of movement or connection such as arrows and lines?"),
    ask("O06", "Does it name a material or a texture?"),
    ask("O07", "Does it use symbols or references of a culture?"),
    ask("O08", "Does it set an emotional tone?"),
    ask("O09", "Does it use fitting technical terms?"),
    ask("O10", "Does it say in which language each label is written?"),
    ask("O11", "Does it hold a summary or a conclusion?"),
    ask("O12", "Does it say who will look at it, or where?"),
];

/// A model's answer to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Clearly so.
    Yes,
    /// Not so.
    No,
    /// Cannot be told; counts as no.
    Unknown,
}

/// One line of a model's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationAnswer {
    /// The question.
    pub id: String,
    /// The answer.
    pub answer: Answer,
}

/// What the answers come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the request is to be worked out.
    pub expand: bool,
    /// Required questions that were answered with yes, of 8.
    pub required_yes: usize,
    /// Optional questions that were answered with yes, of 12.
    pub optional_yes: usize,
    /// The share of optional questions that was asked for.
    pub threshold: f64,
    /// Required questions that were not answered with yes.
    pub lacking: Vec<String>,
    /// What is wrong with the answers themselves.
    pub faults: Vec<String>,
}

#[derive(Deserialize)]
struct Answers {
    required_results: Vec<EvaluationAnswer>,
    optional_results: Vec<EvaluationAnswer>,
}

/// What a model's answer must look like. Counts are not part of it: a missing answer is a no and costs no repair.
pub fn evaluation_schema() -> Value {
    let list = |questions: &[Question]| {
        let ids: Vec<&str> = questions.iter().map(|question| question.id).collect();
        json!({"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["id", "answer"],
            "properties": {"id": {"enum": ids}, "answer": {"enum": ["yes", "no", "unknown"]}}}})
    };
    json!({"title": "infographic_evaluation", "type": "object", "additionalProperties": false,
        "required": ["required_results", "optional_results"],
        "properties": {"required_results": list(&REQUIRED), "optional_results": list(&OPTIONAL)}})
}

impl Verdict {
    /// The rule: all required ones, and at least `threshold` of the optional ones.
    pub fn of(answers: &Value, threshold: f64) -> Self {
        let mut faults = Vec::new();
        let read: Answers = serde_json::from_value(answers.clone()).unwrap_or_else(|error| {
            faults.push(format!("the answers cannot be read: {error}"));
            Answers { required_results: Vec::new(), optional_results: Vec::new() }
        });
        let yes = |questions: &[Question], given: &[EvaluationAnswer], faults: &mut Vec<String>| {
            let mut yes = Vec::new();
            for question in questions {
                let mut all = given.iter().filter(|answer| answer.id == question.id);
                match (all.next(), all.next()) {
                    (Some(one), None) if one.answer == Answer::Yes => yes.push(question.id),
                    (Some(_), None) => {}
                    (None, _) => faults.push(format!("{} was not answered and counts as no", question.id)),
                    (Some(_), Some(_)) => faults.push(format!("{} was answered twice and counts as no", question.id)),
                }
            }
            yes
        };
        let required = yes(&REQUIRED, &read.required_results, &mut faults);
        let optional = yes(&OPTIONAL, &read.optional_results, &mut faults);
        let lacking = REQUIRED.iter().map(|question| question.id).filter(|id| !required.contains(id));
        let passes = optional.len() as f64 / OPTIONAL.len() as f64 >= threshold;
        Self {
            expand: required.len() < REQUIRED.len() || !passes,
            required_yes: required.len(),
            optional_yes: optional.len(),
            threshold,
            lacking: lacking.map(str::to_owned).collect(),
            faults,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answers(required: usize, optional: usize) -> Value {
        let list = |questions: &[Question], yes: usize| -> Vec<Value> {
            let line = |(at, question): (usize, &Question)| json!({"id": question.id, "answer": if at < yes { "yes" } else { "no" }});
            questions.iter().enumerate().map(line).collect()
        };
        json!({"required_results": list(&REQUIRED, required), "optional_results": list(&OPTIONAL, optional)})
    }

    #[test]
    fn eight_of_eight_and_eight_of_twelve_are_enough() {
        for (required, optional, expand) in [(8, 7, true), (8, 8, false), (7, 12, true), (8, 12, false), (0, 0, true)] {
            let verdict = Verdict::of(&answers(required, optional), 0.6);
            assert_eq!((verdict.expand, verdict.faults.len()), (expand, 0), "{required} {optional}");
        }
        assert!(!Verdict::of(&answers(8, 3), 0.25).expand);
        assert_eq!(Verdict::of(&answers(6, 8), 0.6).lacking, ["R07", "R08"]);
    }

    #[test]
    fn missing_double_and_unknown_answers_are_no() {
        let mut given = answers(8, 12);
        given["required_results"].as_array_mut().unwrap().remove(0);
        let verdict = Verdict::of(&given, 0.6);
        assert!(verdict.expand && verdict.faults == ["R01 was not answered and counts as no"], "{verdict:?}");
        let mut given = answers(8, 12);
        given["required_results"].as_array_mut().unwrap().push(json!({"id": "R02", "answer": "yes"}));
        assert!(Verdict::of(&given, 0.6).expand);
        let mut given = answers(8, 12);
        given["required_results"][3]["answer"] = "unknown".into();
        assert_eq!(Verdict::of(&given, 0.6).lacking, ["R04"]);
        for garbage in [json!({}), json!(null), json!({"required_results": [], "optional_results": []})] {
            assert!(Verdict::of(&garbage, 0.0).expand, "{garbage}");
        }
    }

    proptest! {
        #[test]
        fn more_yes_never_asks_for_more(required in 0_usize..=8, optional in 0_usize..12, threshold in 0.0..1.0_f64) {
            let fewer = Verdict::of(&answers(required, optional), threshold);
            let more = Verdict::of(&answers(required, optional + 1), threshold);
            prop_assert!(fewer.expand || !more.expand);
        }
    }
}
