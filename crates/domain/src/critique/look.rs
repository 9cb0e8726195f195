//! The second look: a judge sees a picture and a critique that somebody else wrote, says of each claim whether the picture bears it
//! out, and scores the whole. What it is told, the form of its answer, and what an answer comes to. The words are data
//! (data/second-look.toml). Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::rubric::Rubric;

const WORDS: &str = include_str!("../../../../data/second-look.toml");

/// What a judge scores, 1 to 5 each.
const SCORED: [&str; 5] = ["coverage", "alignment", "depth", "accuracy", "quality"];

/// What stands in a prompt that asks for a second look, for those who have to tell.
pub const SECOND_LOOK: &str = "Check it against the picture.";

/// Whether the picture bears a claim out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// It shows it.
    Seen,
    /// One should see it, and does not.
    Unseen,
    /// It shows something else.
    Contradicted,
    /// No picture could show it.
    Beyond,
}

/// A claim of a critique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// In a few words.
    pub claim: String,
    /// Whether the picture bears it out.
    pub support: Support,
    /// What in the picture speaks for or against it.
    #[serde(rename = "where", default)]
    pub place: String,
}

/// What a second look found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// The text that was looked at, as `version_of` names it.
    pub version: String,
    /// Its claims.
    pub claims: Vec<Claim>,
    /// The judge's score of the whole, uncalibrated: the mean of its five, 1 to 5.
    pub raw: f64,
    /// Who looked: the model.
    pub judge: String,
    /// A name for what the judge was told.
    pub prompt_hash: String,
}

impl Look {
    /// From the document of a task; `None` for one of another kind.
    pub fn read(document: &Value) -> Option<Self> {
        Self::deserialize(document).ok()
    }

    fn count(&self, support: Support) -> usize {
        self.claims.iter().filter(|claim| claim.support == support).count()
    }

    /// Claims that the picture contradicts.
    pub fn contradicted(&self) -> usize {
        self.count(Support::Contradicted)
    }

    /// Claims that should be seen and are not.
    pub fn unseen(&self) -> usize {
        self.count(Support::Unseen)
    }

    /// What the gate makes of it.
    pub fn fault(&self) -> Option<Fault> {
        let claims: Vec<String> = self
            .claims
            .iter()
            .filter(|claim| claim.support == Support::Contradicted)
            .map(|claim| claim.claim.clone())
            .collect();
        (!claims.is_empty()).then_some(Fault::Contradicted { claims })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LookWords {
    system: String,
    task: String,
}

fn look_words() -> LookWords {
    toml::from_str(WORDS).expect("a test reads data/second-look.toml")
}

/// The judge's system prompt.
pub fn look_system(rubric: &Rubric) -> String {
    look_words().system.trim().replace("{title}", &format!("{} ({})", rubric.title.en, rubric.title.zh))
}

/// What the judge is asked about these texts.
pub fn look_task(zh: &str, en: &str) -> String {
    // The texts last, so that nothing in them is filled in.
    let words = look_words().task;
    let (before, rest) = words.split_once("{zh}").unwrap_or((&words, ""));
    let (between, after) = rest.split_once("{en}").unwrap_or((rest, ""));
    [before, zh, between, en, after].concat()
}

/// The form of the judge's answer.
pub fn look_schema() -> Value {
    let scores: Map<String, Value> = SCORED
        .iter()
        .map(|name| ((*name).to_owned(), json!({"type": "integer", "minimum": 1, "maximum": 5})))
        .collect();
    json!({"type": "object", "additionalProperties": false, "required": ["claims", "scores"], "properties": {
        "claims": {"type": "array", "items": {"type": "object", "additionalProperties": false,
            "required": ["claim", "support", "where"], "properties": {
                "claim": {"type": "string"},
                "support": {"type": "string", "enum": ["seen", "unseen", "contradicted", "beyond"]},
                "where": {"type": "string"},
            }}},
        "scores": {"type": "object", "properties": scores, "required": SCORED, "additionalProperties": false},
    }})
}

/// A name for everything a judge is told but picture and texts.
pub fn look_hash(rubric: &Rubric) -> String {
    let told = json!([look_system(rubric), look_words().task, look_schema()]).to_string();
    blake3::hash(told.as_bytes()).to_hex()[..32].to_owned()
}

/// The document of an answer of this form: which text, its claims, its scores and their mean.
pub fn look_document(version: &str, answer: &Value, judge: &str, rubric: &Rubric) -> Map<String, Value> {
    let scores: Vec<f64> = SCORED.iter().filter_map(|name| answer["scores"][name].as_f64()).collect();
    let raw = if scores.is_empty() { 0.0 } else { scores.iter().sum::<f64>() / scores.len() as f64 };
    let document = json!({
        "version": version,
        "claims": answer["claims"],
        "scores": answer["scores"],
        "raw": raw,
        "judge": judge,
        "prompt_hash": look_hash(rubric),
    });
    document.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_claims_a_score_and_a_finding() {
        let rubric = Rubric::shipped("korean").unwrap();
        let answer = json!({"claims": [
            {"claim": "a pine at the left", "support": "contradicted", "where": "the left is bare"},
            {"claim": "dated 1751", "support": "beyond", "where": ""},
            {"claim": "a red seal", "support": "unseen", "where": ""},
        ], "scores": {"coverage": 4, "alignment": 3, "depth": 2, "accuracy": 2, "quality": 4}});
        let look = Look::read(&Value::Object(look_document("v1", &answer, "judge-1", &rubric))).unwrap();
        assert_eq!((look.contradicted(), look.unseen(), look.raw), (1, 1, 3.0));
        assert_eq!(look.fault(), Some(Fault::Contradicted { claims: vec!["a pine at the left".into()] }));
        assert_eq!(Look::read(&json!({"critique_zh": "山"})), None);
    }

    #[test]
    fn a_judge_is_told_the_texts_as_they_are() {
        let told = look_task("远山{en}", "A hill {zh}.");
        assert!(
            told.contains("远山{en}\n") && told.contains("A hill {zh}.\n") && told.ends_with(SECOND_LOOK),
            "{told}"
        );
        let system = look_system(&Rubric::shipped("korean").unwrap());
        assert!(system.contains("Korean painting (韩国绘画)") && !system.contains("{title}"), "{system}");
        let other = look_hash(&Rubric::shipped("mural").unwrap());
        assert_ne!(look_hash(&Rubric::shipped("korean").unwrap()), other);
    }
}
