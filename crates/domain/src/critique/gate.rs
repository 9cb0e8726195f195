//! The gate: which rows of critiques may enter a data set under a rubric and a profile. Profiles are data (data/gates.toml). What
//! every profile asks for is here; what a profile adds is in its keys. Must not know files or the words of messages.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Place};
use super::echo::{SIDES, echoes};
use super::fault::{Fault, Finding, Remark};
use super::rubric::{LAYERS, Rubric};
use super::script::{chinese_length, is_chinese, is_english, words};

const GATES: &str = include_str!("../../../../data/gates.toml");

/// Fewer scores say nothing about defaults.
const SCORES_TO_JUDGE: usize = 20;

/// What a profile asks for besides what all ask for. A key that is left out asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// Chinese letters, at least; 0 lets the text be missing.
    pub least_zh: usize,
    /// English words, at least; 0 lets the text be missing.
    pub least_en: usize,
    /// Dimensions, at least, whatever the rubric's size (at most all of it).
    pub least_dimensions: usize,
    /// Share of the rubric, at least; rounded up to whole dimensions.
    pub least_share: f64,
    /// Fewest and most Chinese letters for an English word.
    pub zh_per_en: Option<[f64; 2]>,
    /// Each text is in its language.
    pub languages: bool,
    /// Something is covered in each layer.
    pub every_layer: bool,
    /// A score above 0 is there.
    pub score: bool,
    /// From this share of rows on, one and the same score is remarked.
    pub most_same_score: Option<f64>,
    /// No text is that of another row.
    pub copies: bool,
    /// No text shares this much with another row's, in runs of three words or letters.
    pub near_copies: Option<f64>,
    /// No sentence stands in this many rows.
    pub stock_rows: Option<usize>,
    /// None of the rubric's taboos.
    pub taboos: bool,
    /// The picture does not lie in another collection's folder.
    pub placement: bool,
    /// No claim is contradicted by the picture, as far as a second look was taken.
    pub evidence: bool,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// It is no TOML of this form.
    #[error("the gate profile cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    /// There is none of this name.
    #[error("there is no gate profile {name}; known are {known}, or name a TOML file")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A key has a value that makes no sense.
    #[error("{key} of the gate profile must be {wanted}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

impl Gate {
    /// The names of the shipped profiles.
    pub fn names() -> Vec<String> {
        let all: BTreeMap<String, Self> = toml::from_str(GATES).expect("a test reads data/gates.toml");
        all.into_keys().collect()
    }

    /// A shipped profile.
    pub fn shipped(name: &str) -> Result<Self, GateError> {
        let mut all: BTreeMap<String, Self> = toml::from_str(GATES)?;
        let known = all.keys().cloned().collect::<Vec<_>>().join(", ");
        all.remove(name).ok_or_else(|| GateError::Unknown { name: name.to_owned(), known })
    }

    /// Reads the keys of one profile.
    pub fn parse(text: &str) -> Result<Self, GateError> {
        let gate: Self = toml::from_str(text)?;
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let wrong = |key, wanted| Err(GateError::Value { key, wanted });
        if !share(gate.least_share) {
            return wrong("least_share", "between 0 and 1");
        }
        if !gate.near_copies.is_none_or(|value| share(value) && value >= 0.3) {
            return wrong("near_copies", "between 0.3 and 1");
        }
        if !gate.most_same_score.is_none_or(share) {
            return wrong("most_same_score", "between 0 and 1");
        }
        if gate.stock_rows.is_some_and(|rows| rows < 2) {
            return wrong("stock_rows", "2 or more");
        }
        if gate.zh_per_en.is_some_and(|[low, high]| !(low > 0.0 && low < high)) {
            return wrong("zh_per_en", "two numbers above 0, the smaller one first");
        }
        Ok(gate)
    }

    /// How many dimensions of a rubric of this size a row needs.
    pub fn dimensions_of(&self, size: usize) -> usize {
        // 0.7 × 30 is a little above 21 in binary.
        let share = (self.least_share * size as f64 - 1e-9).ceil() as usize;
        self.least_dimensions.min(size).max(share)
    }
}

/// What the gate found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Rows that were read.
    pub rows: usize,
    /// Rows that break a rule.
    pub failed: usize,
    /// In order of file and row.
    pub findings: Vec<Finding>,
    /// What is odd about the whole.
    pub remarks: Vec<Remark>,
}

impl Outcome {
    /// A finding that was made elsewhere: what the second look says of a row.
    pub fn add(&mut self, file: &str, row: usize, picture: String, fault: Fault) {
        let at = self.findings.partition_point(|finding| finding.place.row <= row);
        let is_first = at == 0 || self.findings[at - 1].place.row != row;
        self.failed += usize::from(is_first);
        let place = Place { file: file.to_owned(), row };
        self.findings.insert(at, Finding { place, picture: Some(picture), fault });
    }
}

/// Holds all rows against the rubric and the profile. `asked` are the pictures of the batch, when they are known.
pub fn check(answers: &[Answer], rubric: &Rubric, gate: &Gate, asked: Option<&[Answer]>) -> Outcome {
    let mut faults: Vec<Vec<Fault>> = answers.iter().map(|answer| answer.faults.clone()).collect();
    for (answer, faults) in answers.iter().zip(&mut faults) {
        // Nothing can be said of a row that is no row.
        if !answer.faults.iter().any(|fault| matches!(fault, Fault::Unreadable { .. })) {
            texts(answer, gate, faults);
            dimensions(answer, rubric, gate, faults);
            score(answer, gate, faults);
            if gate.taboos {
                taboos(answer, rubric, faults);
            }
            if gate.placement {
                faults.extend(placement(answer, rubric));
            }
        }
    }
    let asked_keys = asked.map(|asked| asked.iter().filter_map(Answer::picture_key).collect::<BTreeSet<_>>());
    let answered = pictures(answers, asked_keys.as_ref(), &mut faults);
    for (at, fault) in echoes(answers, gate) {
        faults[at].push(fault);
    }
    let failed = faults.iter().filter(|faults| !faults.is_empty()).count();
    let mut findings: Vec<Finding> = Vec::new();
    for (answer, faults) in answers.iter().zip(faults) {
        let finding = |fault| Finding { place: answer.place.clone(), picture: answer.picture.clone(), fault };
        findings.extend(faults.into_iter().map(finding));
    }
    for wanted in asked.unwrap_or_default() {
        let picture = wanted.picture.clone();
        let fault = match wanted.picture_key() {
            Some(key) if answered.contains_key(&key) => continue,
            Some(_) => Fault::NoAnswer,
            None => wanted.faults.first().cloned().unwrap_or(Fault::NoPicture),
        };
        findings.push(Finding { place: wanted.place.clone(), picture, fault });
    }
    Outcome { rows: answers.len(), failed, findings, remarks: remarks(answers, gate) }
}

fn texts(answer: &Answer, gate: &Gate, faults: &mut Vec<Fault>) {
    let (zh, en) = (chinese_length(&answer.zh), words(&answer.en).count());
    for (side, least) in SIDES.into_iter().zip([gate.least_zh, gate.least_en]) {
        if least > 0 && (side.of)(answer).trim().is_empty() {
            faults.push(Fault::MissingText { key: side.key });
        }
    }
    if zh > 0 && zh < gate.least_zh {
        faults.push(Fault::ShortZh { count: zh, least: gate.least_zh });
    }
    let english = gate.languages && !is_english(&answer.en);
    // A text without any word of an alphabet is in another language, not short.
    if en < gate.least_en && !english && !answer.en.trim().is_empty() {
        faults.push(Fault::ShortEn { count: en, least: gate.least_en });
    }
    if gate.languages && !is_chinese(&answer.zh) {
        faults.push(Fault::NotChinese);
    }
    if english {
        faults.push(Fault::NotEnglish);
    }
    if let Some([low, high]) = gate.zh_per_en.filter(|_| zh > 0 && en > 0) {
        let ratio = zh as f64 / en as f64;
        if !(low..=high).contains(&ratio) {
            faults.push(Fault::Unbalanced { zh, en, low, high });
        }
    }
}

fn dimensions(answer: &Answer, rubric: &Rubric, gate: &Gate, faults: &mut Vec<Fault>) {
    let (mut known, mut layers) = (BTreeSet::new(), BTreeSet::new());
    let (mut unknown, mut repeated) = (BTreeSet::new(), BTreeSet::new());
    for id in &answer.dimensions {
        match rubric.find(id) {
            None => {
                unknown.insert(id.clone());
            }
            Some(dimension) => {
                layers.insert(dimension.layer());
                if !known.insert(id) {
                    repeated.insert(id.clone());
                }
            }
        }
    }
    if !unknown.is_empty() {
        let ids = unknown.into_iter().collect();
        faults.push(Fault::UnknownDimension { ids, rubric: format!("{} {}", rubric.name, rubric.version) });
    }
    if !repeated.is_empty() {
        faults.push(Fault::RepeatedDimension { ids: repeated.into_iter().collect() });
    }
    let least = gate.dimensions_of(rubric.dimensions.len());
    if known.len() < least {
        faults.push(Fault::FewDimensions { count: known.len(), least });
    }
    let missing: Vec<String> =
        (1..=LAYERS).filter(|layer| !layers.contains(layer)).map(|layer| format!("L{layer}")).collect();
    if gate.every_layer && !missing.is_empty() {
        faults.push(Fault::MissingLayer { layers: missing });
    }
}

fn score(answer: &Answer, gate: &Gate, faults: &mut Vec<Fault>) {
    match answer.score {
        None if gate.score => faults.push(Fault::MissingScore),
        // Nobody measures exactly nothing: zeros are scores that were never given.
        Some(score) if !(0.0..=100.0).contains(&score) || (gate.score && score <= 0.0) => {
            faults.push(Fault::BadScore { score });
        }
        _ => {}
    }
    // A layer that the picture does not bear out at all has 0.
    let out = answer.layer_scores.iter().find(|score| !(0.0..=100.0).contains(*score));
    faults.extend(out.map(|score| Fault::BadScore { score: *score }));
}

fn taboos(answer: &Answer, rubric: &Rubric, faults: &mut Vec<Fault>) {
    let english = answer.en.to_lowercase().replace('’', "'");
    for taboo in &rubric.taboos {
        let phrase = taboo.en.iter().find(|phrase| stands_in(phrase, &english));
        let phrase = phrase.or_else(|| taboo.zh.iter().find(|phrase| answer.zh.contains(phrase.as_str())));
        if let Some(phrase) = phrase {
            let (id, phrase, why) = (taboo.id.clone(), phrase.clone(), taboo.why.clone());
            faults.push(Fault::Taboo { id, phrase, why });
        }
    }
}

/// Whether a phrase stands in a text as words of its own.
fn stands_in(phrase: &str, text: &str) -> bool {
    text.match_indices(phrase).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

/// Whether the picture lies in the folder of another shipped collection and in none of its own.
fn placement(answer: &Answer, rubric: &Rubric) -> Option<Fault> {
    let path = answer.picture_key()?.to_lowercase();
    let (folders, _) = path.rsplit_once('/')?;
    let other = |folder: &&str| Rubric::names().any(|name| name == *folder);
    if folders.split('/').any(|folder| folder == rubric.name) {
        return None;
    }
    folders.split('/').find(other).map(|folder| Fault::WrongPlace { folder: folder.to_owned() })
}

/// One answer for each picture, and none that nobody asked for. Returns where each picture was first answered.
fn pictures(answers: &[Answer], asked: Option<&BTreeSet<String>>, faults: &mut [Vec<Fault>]) -> HashMap<String, Place> {
    let mut first: HashMap<String, Place> = HashMap::new();
    for (answer, faults) in answers.iter().zip(faults) {
        let Some(key) = answer.picture_key() else { continue };
        if asked.is_some_and(|asked| !asked.contains(&key)) {
            faults.push(Fault::NotAsked);
        }
        match first.get(&key) {
            Some(place) => faults.push(Fault::RepeatedPicture { first: place.clone() }),
            None => {
                first.insert(key, answer.place.clone());
            }
        }
    }
    first
}

fn remarks(answers: &[Answer], gate: &Gate) -> Vec<Remark> {
    let Some(share) = gate.most_same_score else { return Vec::new() };
    let mut rows: BTreeMap<u64, usize> = BTreeMap::new();
    for score in answers.iter().filter_map(|answer| answer.score) {
        *rows.entry(score.to_bits()).or_default() += 1;
    }
    let of: usize = rows.values().sum();
    let many = |rows: &usize| of >= SCORES_TO_JUDGE && *rows as f64 > share * of as f64;
    rows.into_iter()
        .filter(|(_, rows)| many(rows))
        .map(|(score, rows)| Remark::SameScore { score: f64::from_bits(score), rows, of })
        .collect()
}
