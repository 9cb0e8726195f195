//! Rows of critiques as they stand in files: JSON arrays and JSON lines, with the members of batch output files and of published
//! data sets (`filepath` or `image_path`, `quality_score` or `score`, dimensions as a list or as a JSON string). A row that cannot
//! be read is a row with a fault; nothing is left out.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::Serialize;
use serde_json::{Map, Value};

use super::fault::Fault;
use crate::collection::path_key;

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// Its number from 1: the line in JSON lines, the position in an array.
    pub row: usize,
}

impl Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file, self.row)
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Where it stands.
    pub place: Place,
    /// Its picture, as written.
    pub picture: Option<String>,
    /// The Chinese text, empty when there is none.
    pub zh: String,
    /// The English text, empty when there is none.
    pub en: String,
    /// The ids it says it covers.
    pub dimensions: Vec<String>,
    /// Its score.
    pub score: Option<f64>,
    /// Its scores by layer.
    pub layer_scores: Vec<f64>,
    /// What reading it found.
    pub faults: Vec<Fault>,
}

impl Answer {
    fn empty(place: Place) -> Self {
        let (zh, en) = (String::new(), String::new());
        let (dimensions, layer_scores, faults) = (Vec::new(), Vec::new(), Vec::new());
        Self { place, picture: None, zh, en, dimensions, score: None, layer_scores, faults }
    }

    /// The picture's path in one form, so that the same picture is known as the same.
    pub(super) fn picture_key(&self) -> Option<String> {
        self.picture.as_deref().map(path_key)
    }
}

/// The rows of a file. A file without any is one row with a fault.
pub fn read(file: &str, text: &str) -> Vec<Answer> {
    let rows: Vec<Answer> = values(text)
        .into_iter()
        .map(|(row, value)| {
            let place = Place { file: file.to_owned(), row };
            match value {
                Ok(Value::Object(row)) => answer(place, &row),
                Ok(_) => unreadable(place, "the row is no object".to_owned()),
                Err(why) => unreadable(place, why),
            }
        })
        .collect();
    if rows.is_empty() {
        return vec![unreadable(Place { file: file.to_owned(), row: 1 }, "the file holds no row".to_owned())];
    }
    rows
}

/// A row that was read before: the `row`th of what `file` names.
pub fn answer_of(file: &str, row: usize, members: &Map<String, Value>) -> Answer {
    answer(Place { file: file.to_owned(), row }, members)
}

/// The pictures that a batch was asked to describe: rows with a `filepath`, or `{"images": […]}` with such rows.
pub fn pictures(file: &str, text: &str) -> Vec<Answer> {
    match serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(mut whole)) if whole.contains_key("images") => {
            read(file, &whole.remove("images").unwrap_or_default().to_string())
        }
        _ => read(file, text),
    }
}

/// Rows with their numbers. An array that is broken is one row that cannot be read.
fn values(text: &str) -> Vec<(usize, Result<Value, String>)> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') {
        return match serde_json::from_str::<Vec<Value>>(text) {
            Ok(rows) => (1..).zip(rows.into_iter().map(Ok)).collect(),
            Err(error) => vec![(1, Err(error.to_string()))],
        };
    }
    // One object over several lines is one row.
    if let Ok(row @ Value::Object(_)) = serde_json::from_str(text) {
        return vec![(1, Ok(row))];
    }
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(row, line)| (row, serde_json::from_str(line).map_err(|error| error.to_string()))).collect()
}

fn unreadable(place: Place, why: String) -> Answer {
    let mut answer = Answer::empty(place);
    answer.faults.push(Fault::Unreadable { why });
    answer
}

fn answer(place: Place, row: &Map<String, Value>) -> Answer {
    let mut answer = Answer::empty(place);
    let mut faults = Vec::new();
    let picture = text(row, "filepath", &mut faults).or_else(|| text(row, "image_path", &mut faults));
    answer.picture = picture.filter(|path| !path.trim().is_empty());
    if answer.picture.is_none() {
        faults.push(Fault::NoPicture);
    }
    answer.zh = text(row, "critique_zh", &mut faults).unwrap_or_default();
    answer.en = text(row, "critique_en", &mut faults).unwrap_or_default();
    answer.dimensions = dimensions(row, &mut faults);
    answer.score = ["quality_score", "score"].into_iter().find_map(|key| match row.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::Number(number)) => number.as_f64(),
        Some(_) => {
            faults.push(wrong(format!("{key} is not a number")));
            None
        }
    });
    answer.layer_scores = layer_scores(row, &mut faults);
    answer.faults = faults;
    answer
}

/// Scores by layer, or the same as a JSON string.
fn layer_scores(row: &Map<String, Value>, faults: &mut Vec<Fault>) -> Vec<f64> {
    let listed: Option<BTreeMap<String, f64>> = match row.get("scores") {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::String(text)) => serde_json::from_str(text).ok(),
        Some(value) => serde_json::from_value(value.clone()).ok(),
    };
    let Some(listed) = listed else {
        faults.push(wrong("scores is not a number for each layer".to_owned()));
        return Vec::new();
    };
    listed.into_values().collect()
}

fn text(row: &Map<String, Value>, key: &'static str, faults: &mut Vec<Fault>) -> Option<String> {
    match row.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            faults.push(wrong(format!("{key} is not a text")));
            None
        }
    }
}

/// A list of ids, or the same as a JSON string.
fn dimensions(row: &Map<String, Value>, faults: &mut Vec<Fault>) -> Vec<String> {
    let listed = match row.get("covered_dimensions") {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::String(text)) => serde_json::from_str(text).ok(),
        Some(value) => serde_json::from_value(value.clone()).ok(),
    };
    listed.unwrap_or_else(|| {
        faults.push(wrong("covered_dimensions is not a list of ids".to_owned()));
        Vec::new()
    })
}

fn wrong(why: String) -> Fault {
    Fault::Unreadable { why }
}
