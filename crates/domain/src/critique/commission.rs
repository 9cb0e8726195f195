//! What a model is told to write about a picture, the form of its answer, and the check of one answer before it is taken. The words
//! are data (data/critique.toml). Pure; who is asked, and what becomes of an answer, is not known here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Place, answer_of};
use super::fault::Fault;
use super::gate::{Gate, check};
use super::rubric::{LAYERS, Rubric};

const WORDS: &str = include_str!("../../../../data/critique.toml");

/// Writers are asked for this much more than the gate's floors, because they count badly.
const ROOM: f64 = 1.3;
/// What a gate without a floor asks a writer for: letters and words.
const USUAL: (usize, usize) = (200, 120);

/// What stands at the beginning of a prompt that sends an answer back, for those who have to tell.
pub const SENT_BACK: &str = "You wrote this critique of the picture before:";

/// What stands at the end of a prompt that takes up an answer which was sent back before in vain.
pub const ONCE_MORE: &str = "This is its last chance.";

/// `[critique]` of a job file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CritiqueSection {
    /// The collection that the pictures belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Rubric by name or file; the collection's when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rubric: Option<String>,
    /// Gate profile by name or file; the collection's when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// Looks a second time at critiques that the list brings, instead of writing some.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub look: bool,
}

/// What a job's critiques are written and judged by, fixed when the job was submitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commission {
    /// The collection that the pictures belong to.
    pub collection: String,
    /// What a critique speaks of.
    pub rubric: Rubric,
    /// The name of the gate profile.
    pub gate_name: String,
    /// What an answer needs to be taken.
    pub gate: Gate,
    /// Looks a second time at critiques that are there, instead of writing some.
    #[serde(default)]
    pub look: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PromptWords {
    system: String,
    layers: String,
    avoid: String,
    task: String,
    wish: String,
    again: String,
    once_more: String,
}

fn prompt_words() -> PromptWords {
    toml::from_str(WORDS).expect("a test reads data/critique.toml")
}

impl Commission {
    /// The system prompt.
    pub fn system(&self) -> String {
        let words = prompt_words();
        let asked = |least: usize, usual: usize| ((least.max(usual) as f64) * ROOM).round().to_string();
        let phrases: Vec<&str> =
            self.rubric.taboos.iter().flat_map(|taboo| taboo.en.iter().chain(&taboo.zh)).map(String::as_str).collect();
        let dimensions = self.rubric.dimensions.iter().map(|dimension| {
            let (name, definition) = (&dimension.name, &dimension.definition);
            format!("{} {} / {}: {}", dimension.id, name.en, name.zh, definition.en)
        });
        let mut text = words
            .system
            .trim()
            .replace("{title}", &format!("{} ({})", self.rubric.title.en, self.rubric.title.zh))
            .replace("{zh}", &asked(self.gate.least_zh, USUAL.0))
            .replace("{en}", &asked(self.gate.least_en, USUAL.1))
            .replace("{count}", &self.least_dimensions().to_string())
            .replace("{layers}", if self.gate.every_layer { &words.layers } else { "" })
            .replace("{dimensions}", &dimensions.collect::<Vec<_>>().join("\n"));
        if self.gate.taboos && !phrases.is_empty() {
            text += words.avoid.trim_end();
            text = text.replace("{phrases}", &phrases.join("; "));
        }
        text
    }

    /// What the user says; `wish` is the job's own prompt.
    pub fn task(&self, wish: &str) -> String {
        let words = prompt_words();
        match wish.trim() {
            "" => words.task,
            wish => format!("{}\n\n{}", words.task, words.wish.replace("{wish}", wish)),
        }
    }

    /// What sends an answer back to its writer.
    pub fn again(&self, answer: &Value, faults: &[Fault]) -> String {
        prompt_words().again.trim().replace("{answer}", &answer.to_string()).replace("{faults}", &complaint(faults))
    }

    /// The same for an answer that was sent back before, when the task is asked for anew.
    pub fn once_more(&self, answer: &Value, faults: &[Fault]) -> String {
        format!("{}\n\n{}", self.again(answer, faults), prompt_words().once_more.trim())
    }

    /// A name for everything a writer is told but the picture.
    pub fn prompt_hash(&self, wish: &str) -> String {
        let told = json!([self.system(), self.task(wish), self.schema()]).to_string();
        blake3::hash(told.as_bytes()).to_hex()[..32].to_owned()
    }

    /// The form of an answer, in the subset of JSON schema that all providers take.
    pub fn schema(&self) -> Value {
        let ids: Vec<&str> = self.rubric.dimensions.iter().map(|dimension| dimension.id.as_str()).collect();
        let layers: Vec<String> = (1..=LAYERS).map(|layer| format!("L{layer}")).collect();
        let scores: Map<String, Value> = layers
            .iter()
            .map(|layer| (layer.clone(), json!({"type": "integer", "minimum": 0, "maximum": 100})))
            .collect();
        let text = |about: String| json!({"type": "string", "description": about});
        let members = json!({
            "critique_zh": text(format!("In Simplified Chinese, at least {} characters", self.gate.least_zh)),
            "critique_en": text(format!("In English, at least {} words", self.gate.least_en)),
            "covered_dimensions": {
                "type": "array",
                "description": format!("Ids of the rubric, at least {}, each once", self.least_dimensions()),
                "items": {"type": "string", "enum": ids},
            },
            "scores": {"type": "object", "properties": scores, "required": layers, "additionalProperties": false},
            "art_form": text("Such as hanging scroll, fresco, etching".to_owned()),
            "art_style": text("School, manner or movement".to_owned()),
            "medium": text("Materials, such as ink on paper".to_owned()),
        });
        let required: Vec<&String> = members.as_object().into_iter().flat_map(Map::keys).collect();
        json!({"type": "object", "properties": members, "required": required, "additionalProperties": false})
    }

    /// The row of an answer of this form: `picture` as files name it, and one score for the whole, the mean of the layers'.
    pub fn row(&self, picture: &str, answer: &Value) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("filepath".to_owned(), picture.into());
        row.insert("culture".to_owned(), self.collection.clone().into());
        for (key, value) in answer.as_object().into_iter().flatten() {
            row.insert(key.clone(), value.clone());
        }
        let scores: Vec<f64> =
            answer["scores"].as_object().into_iter().flat_map(Map::values).filter_map(Value::as_f64).collect();
        if !scores.is_empty() {
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            row.insert("quality_score".to_owned(), json!((mean * 10.0).round() / 10.0));
        }
        row
    }

    /// What keeps a row from being taken, as far as that shows without other rows.
    pub fn faults(&self, row: &Map<String, Value>) -> Vec<Fault> {
        let answers = [answer_of("answer", 1, row)];
        let alone = Gate { copies: false, near_copies: None, stock_rows: None, ..self.gate.clone() };
        check(&answers, &self.rubric, &alone, None).findings.into_iter().map(|finding| finding.fault).collect()
    }

    fn least_dimensions(&self) -> usize {
        self.gate.dimensions_of(self.rubric.dimensions.len())
    }
}

/// The faults of a row in one English sentence, for the one who wrote it.
pub fn complaint(faults: &[Fault]) -> String {
    faults.iter().map(sentence).collect::<Vec<_>>().join("; ")
}

fn sentence(fault: &Fault) -> String {
    let place = |first: &Place| if first.file.is_empty() { "another picture".to_owned() } else { first.to_string() };
    match fault {
        Fault::Unreadable { why } => why.clone(),
        Fault::NoPicture => "it names no picture".to_owned(),
        Fault::RepeatedPicture { first } => format!("its picture was answered before at {}", place(first)),
        Fault::NotAsked => "its picture was not asked for".to_owned(),
        Fault::NoAnswer => "there is no answer for the picture".to_owned(),
        Fault::WrongPlace { folder } => format!("its picture lies in the folder of another collection, {folder}"),
        Fault::MissingText { key } => format!("{key} is empty"),
        Fault::ShortZh { count, least } => format!("critique_zh has {count} characters and needs {least}"),
        Fault::ShortEn { count, least } => format!("critique_en has {count} words and needs {least}"),
        Fault::Unbalanced { zh, en, .. } => {
            format!(
                "{zh} Chinese characters stand against {en} English words, so one text leaves out what the other says"
            )
        }
        Fault::NotChinese => "critique_zh is not in Chinese".to_owned(),
        Fault::NotEnglish => "critique_en is not in English".to_owned(),
        Fault::UnknownDimension { ids, rubric } => format!("the rubric {rubric} has no {}", ids.join(", ")),
        Fault::RepeatedDimension { ids } => format!("{} is named more than once", ids.join(", ")),
        Fault::FewDimensions { count, least } => format!("{count} dimensions are covered and {least} are needed"),
        Fault::MissingLayer { layers } => format!("nothing of {} is covered", layers.join(", ")),
        Fault::MissingScore => "there is no score".to_owned(),
        Fault::BadScore { score } => format!("the score {score} is no measurement"),
        Fault::SameText { key, first } => format!("{key} is the text of {}", place(first)),
        Fault::NearText { key, first, percent } => {
            format!("{key} shares {percent} % with the text of {}", place(first))
        }
        Fault::StockSentence { key, sentence, .. } => format!("{key} has a sentence that fits any picture: {sentence}"),
        Fault::Taboo { phrase, why, .. } => {
            format!("the words \"{phrase}\" must not stand in it ({})", why.en.trim_end_matches('.'))
        }
        Fault::Contradicted { claims } => format!("the picture contradicts it: {}", claims.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commission(gate: &str) -> Commission {
        Commission {
            collection: "korean".into(),
            rubric: Rubric::shipped("korean").unwrap(),
            gate_name: gate.into(),
            gate: Gate::shipped(gate).unwrap(),
            look: false,
        }
    }

    fn answer(en_words: usize, zh_letters: usize, ids: &[&str]) -> Value {
        let en =
            "The pale wash of the hill is laid in with a dry brush and the line of the roof ".repeat(en_words / 18 + 1);
        let en: Vec<&str> = en.split(' ').take(en_words).collect();
        let zh: String = "远山以淡墨写成近处松石用笔干枯".chars().cycle().take(zh_letters).collect();
        json!({"critique_zh": zh, "critique_en": en.join(" "), "covered_dimensions": ids, "scores":
            {"L1": 80, "L2": 70, "L3": 61, "L4": 50, "L5": 40}, "art_form": "scroll", "art_style": "literati", "medium": "ink"})
    }

    #[test]
    fn a_writer_is_told_the_rubric_the_floors_and_the_words_to_keep_out() {
        let strict = commission("strict");
        let system = strict.system();
        for said in [
            "KR_L3_D1",
            "Korean painting (韩国绘画)",
            "at least 260 Chinese",
            "at least 156 words",
            "At least 18, each once, and at least one",
            "as an ai",
        ] {
            assert!(system.contains(said), "{said}: {system}");
        }
        assert!(!system.contains(['{', '}']), "{system}");
        let paper = commission("vulca-bench-paper").system();
        assert!(!paper.contains("one of each layer") && !paper.contains("as an ai"), "{paper}");
        assert!(strict.again(&json!({}), &[Fault::NotChinese]).starts_with(SENT_BACK));
        assert!(strict.once_more(&json!({}), &[Fault::NotChinese]).ends_with(ONCE_MORE));
    }

    #[test]
    fn the_hash_follows_everything_that_is_said() {
        let strict = commission("strict");
        let hash = strict.prompt_hash("");
        assert_eq!((hash.len(), &hash), (32, &strict.prompt_hash(" ")));
        assert_ne!(hash, strict.prompt_hash("mind the seal"));
        assert_ne!(hash, commission("reference-2025-12").prompt_hash(""));
    }

    #[test]
    fn answers_keep_to_the_schema_and_are_judged_alone() {
        let strict = commission("strict");
        let ids: Vec<String> = strict.rubric.dimensions.iter().map(|dimension| dimension.id.clone()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let good = answer(120, 260, &ids);
        let row = strict.row("korean/a.jpg", &good);
        assert_eq!(strict.faults(&row), Vec::new());
        assert_eq!((&row["quality_score"], &row["culture"]), (&json!(60.2), &json!("korean")));
        assert_eq!(strict.schema()["required"].as_array().unwrap().len(), good.as_object().unwrap().len());

        let short = strict.row("korean/a.jpg", &answer(40, 90, &ids[..6]));
        let said = complaint(&strict.faults(&short));
        for part in [
            "critique_zh has 90 characters and needs 200",
            "critique_en has 40 words and needs 100",
            "6 dimensions are covered",
            "nothing of L3, L4, L5",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let elsewhere = strict.row("mural/a.jpg", &good);
        assert!(complaint(&strict.faults(&elsewhere)).contains("another collection, mural"));
    }
}
