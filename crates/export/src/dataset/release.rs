//! Releases of critiques: rows alone, in three subsets, with a table of rights, counts that add up, and what changed since the release
//! before. No picture is ever in one, because who may show a critique may not always show its picture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::card::{self, CardWords};
use super::check::{Fault, fault};
use super::forms::Form;
use super::item::{Dataset, DatasetError};
use super::piece::Piece;
use super::record::Record;
use super::table::{Kind, columns, csv_head, csv_line, line, text_of};
use super::write::{FormOptions, Written, earlier, put_all};
use crate::save::blocking;

/// The form's word in `dataset.json`.
pub(crate) const FORM: &str = "release";
/// The subsets, the whole first.
const SUBSETS: [&str; 3] = ["full", "balanced", "pilot"];
/// What a row cannot be without.
const NEEDED: [&str; 8] =
    ["pair_id", "ulid", "culture", "image_path", "image_sha256", "critique_zh", "critique_en", "authorship"];
/// Columns of the table of rights.
const RIGHTS: [(&str, Kind); 9] = [
    ("pair_id", Kind::Text),
    ("ulid", Kind::Text),
    ("culture", Kind::Text),
    ("image_path", Kind::Text),
    ("source", Kind::Text),
    ("can_redistribute_image", Kind::Text),
    ("image_license", Kind::Text),
    ("critique_license", Kind::Text),
    ("attribution", Kind::Text),
];

/// What is released.
#[derive(Clone, Debug)]
pub struct ReleaseRequest {
    /// The rows.
    pub set: Dataset,
    /// The release's version.
    pub version: String,
    /// Rows of each collection in the subset `pilot`.
    pub pilot: usize,
    /// Folder of the release before.
    pub since: Option<PathBuf>,
    /// Where to.
    pub folder: PathBuf,
}

/// Writes a release.
///
/// # Errors
/// A folder of somebody else, a release before that cannot be read, a disk that is full.
pub async fn release(request: ReleaseRequest) -> Result<Written, DatasetError> {
    blocking(move || release_now(&request)).await
}

fn release_now(request: &ReleaseRequest) -> Result<Written, DatasetError> {
    let ReleaseRequest { set, version, pilot, since, folder } = request;
    let known = earlier(folder)?;
    let subsets = subsets(set, *pilot);
    let mut record = Record::new(&set.name, FORM);
    record.version = Some(version.clone());
    record.columns = set.columns.iter().map(|column| column.name.clone()).collect();
    (record.near_duplicate_bits, record.near_duplicates_left_out) = (set.bits, set.removed);
    let mut pieces = Vec::new();
    for (name, items) in SUBSETS.into_iter().zip(&subsets) {
        record.counts.insert(name.to_owned(), items.len() as u64);
        let rows: String = items.iter().map(|at| line(&set.columns, &set.items[*at].fields)).collect();
        pieces.push(Piece::Text { file: format!("{name}.jsonl"), text: rows });
        let (columns, items) = (set.columns.clone(), items.clone());
        pieces.push(Piece::Parquet { file: format!("data/{name}.parquet"), columns, items, with_pictures: false });
    }
    for item in &set.items {
        *record.collections.entry(culture(&item.fields).to_owned()).or_default() += 1;
    }
    pieces.push(Piece::Text { file: "rights.csv".to_owned(), text: rights(set) });
    pieces
        .push(Piece::Text { file: "README.md".to_owned(), text: readme(set, version, &record.collections, &subsets) });
    if let Some(before) = since {
        let rows = set.items.iter().map(|item| item.fields.clone()).collect();
        let change = compare(read(before)?, (version.clone(), rows));
        pieces.push(Piece::Text { file: "CHANGES.md".to_owned(), text: change.text(&set.words) });
    }
    let record = put_all(set, &pieces, folder, record, known.as_ref())?;
    Ok(Written {
        folder: folder.clone(),
        train: set.items.len() as u64,
        near_duplicates: set.removed,
        files: record.files.len() as u64,
        bytes: record.files.iter().map(|entry| entry.bytes).sum(),
        ..Written::default()
    })
}

fn culture(row: &Map<String, Value>) -> &str {
    row.get("culture").and_then(Value::as_str).unwrap_or_default()
}

/// All rows; as many of each collection as the smallest has; a few of each. Which ones is told by their ids alone, so that a row
/// stays where it was as long as the counts allow.
fn subsets(set: &Dataset, pilot: usize) -> [Vec<usize>; 3] {
    let mut by_culture: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, item) in set.items.iter().enumerate() {
        by_culture.entry(culture(&item.fields)).or_default().push(at);
    }
    let draw =
        |at: &usize| blake3::derive_key("imagemill subsets of a release 1", set.items[*at].picture.blake3.as_bytes());
    for items in by_culture.values_mut() {
        items.sort_by_key(draw);
    }
    let least = by_culture.values().map(Vec::len).min().unwrap_or(0);
    let some = |most: usize| {
        let mut chosen: Vec<usize> = by_culture.values().flat_map(|items| items.iter().take(most).copied()).collect();
        chosen.sort_unstable();
        chosen
    };
    [(0..set.items.len()).collect(), some(least), some(pilot.min(least.max(1)))]
}

fn rights(set: &Dataset) -> String {
    let columns = columns(&RIGHTS);
    let rows = set.items.iter().map(|item| {
        let mut row = item.fields.clone();
        // Nothing is given away that nobody has said may be given away.
        row.entry("can_redistribute_image").or_insert_with(|| "false".into());
        for (from, to) in [("license", "image_license"), ("text_license", "critique_license")] {
            row.insert(to.to_owned(), item.fields.get(from).cloned().unwrap_or_default());
        }
        csv_line(&columns, &row)
    });
    csv_head(&columns) + &rows.collect::<String>()
}

fn readme(set: &Dataset, version: &str, collections: &BTreeMap<String, u64>, subsets: &[Vec<usize>; 3]) -> String {
    let mut text = card::card(set, &FormOptions { with_pictures: false, ..FormOptions::new(Form::Parquet) });
    let mut configs = String::new();
    for name in SUBSETS {
        let _ = write!(
            configs,
            "- config_name: {name}\n  data_files:\n  - split: test\n    path: \"data/{name}.parquet\"\n"
        );
    }
    if let (Some(from), Some(to)) = (text.find("configs:\n"), text.find("---\n\n")) {
        text.replace_range(from + "configs:\n".len()..to, &configs);
    }
    let title = set.words.fill("release", &[("version", version.to_owned())]);
    let head = format!("| {} | {} |\n|---|---|---|---|", set.words.say("collection"), SUBSETS.join(" | "));
    let _ = writeln!(text, "\n## {title}\n\n{head}");
    for name in collections.keys() {
        let count = |items: &Vec<usize>| items.iter().filter(|at| culture(&set.items[**at].fields) == name).count();
        let counts = subsets.iter().map(|items| count(items).to_string()).collect::<Vec<_>>().join(" | ");
        let _ = writeln!(text, "| {name} | {counts} |");
    }
    text + "\n" + set.words.say("no_picture") + "\n"
}

/// What changed between two releases. Serialises as the `--json` answer of `imagemill export changes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The version before.
    pub from: String,
    /// The version behind.
    pub to: String,
    /// Rows before, of each collection.
    pub before: BTreeMap<String, u64>,
    /// Rows behind.
    pub after: BTreeMap<String, u64>,
    /// Ids of rows that are new.
    pub added: Vec<String>,
    /// Ids of rows that are gone.
    pub removed: Vec<String>,
    /// Ids of rows that are other ones now, with the columns that differ.
    pub changed: BTreeMap<String, Vec<String>>,
}

/// Compares two releases.
///
/// # Errors
/// A folder that is no release.
pub async fn changes(from: PathBuf, to: PathBuf) -> Result<Change, DatasetError> {
    blocking(move || Ok(compare(read(&from)?, read(&to)?))).await
}

type Rows = (String, Vec<Map<String, Value>>);

/// Version and rows of a release.
fn read(folder: &Path) -> Result<Rows, DatasetError> {
    let wrong = |message: String| DatasetError::NotOne { folder: folder.display().to_string(), message };
    let record = Record::read(folder).filter(|record| record.form == FORM);
    let record = record.ok_or_else(|| wrong("it has no dataset.json of a release".to_owned()))?;
    let rows = rows_of(folder, "full").map_err(wrong)?;
    Ok((record.version.unwrap_or_default(), rows))
}

fn rows_of(folder: &Path, subset: &str) -> Result<Vec<Map<String, Value>>, String> {
    let file = format!("{subset}.jsonl");
    let text =
        std::fs::read_to_string(folder.join(&file)).map_err(|error| format!("{file} cannot be read: {error}"))?;
    let parse = |(at, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("line {} of {file} is no row: {error}", at + 1))
    };
    text.lines().enumerate().map(parse).collect()
}

/// Rows are the same one when collection and picture are.
fn compare((from, before): Rows, (to, after): Rows) -> Change {
    let key =
        |row: &Map<String, Value>| (culture(row).to_owned(), text_of(row.get("image_sha256")).unwrap_or_default());
    let id = |row: &Map<String, Value>| text_of(row.get("pair_id")).unwrap_or_default();
    let count = |rows: &[Map<String, Value>]| {
        rows.iter().fold(BTreeMap::new(), |mut counts: BTreeMap<String, u64>, row| {
            *counts.entry(culture(row).to_owned()).or_default() += 1;
            counts
        })
    };
    let mut change = Change { from, to, before: count(&before), after: count(&after), ..Change::default() };
    let mut old: BTreeMap<_, _> = before.iter().map(|row| (key(row), row)).collect();
    for row in &after {
        match old.remove(&key(row)) {
            None => change.added.push(id(row)),
            Some(earlier) => {
                let names: BTreeSet<&String> = earlier.keys().chain(row.keys()).collect();
                let value = |row: &Map<String, Value>, name: &str| row.get(name).cloned().unwrap_or_default();
                let differ = names.into_iter().filter(|name| value(earlier, name) != value(row, name)).cloned();
                let differ: Vec<String> = differ.collect();
                if !differ.is_empty() {
                    change.changed.insert(id(row), differ);
                }
            }
        }
    }
    change.removed = old.into_values().map(id).collect();
    change
}

impl Change {
    /// As a page.
    pub fn text(&self, words: &CardWords) -> String {
        let all = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>().to_string();
        let (from, to) = (&self.from, &self.to);
        let title = words.fill("changes", &[("from", from.clone()), ("to", to.clone())]);
        let facts = [
            ("before", all(&self.before)),
            ("added", self.added.len().to_string()),
            ("removed", self.removed.len().to_string()),
            ("after", all(&self.after)),
            ("changed", self.changed.len().to_string()),
        ];
        let (sum, collection) = (words.fill("change_sum", &facts), words.say("collection"));
        let mut text = format!("# {title}\n\n{sum}\n\n| {collection} | {from} | {to} |\n|---|---|---|\n");
        for name in self.before.keys().chain(self.after.keys()).collect::<BTreeSet<_>>() {
            let of = |counts: &BTreeMap<String, u64>| counts.get(name).copied().unwrap_or(0);
            let _ = writeln!(text, "| {name} | {} | {} |", of(&self.before), of(&self.after));
        }
        for (key, ids) in [("added", &self.added), ("removed", &self.removed)] {
            if !ids.is_empty() {
                let _ = writeln!(text, "\n## {}\n\n{}", words.say(key), ids.join(", "));
            }
        }
        if !self.changed.is_empty() {
            let _ = writeln!(text, "\n## {}\n", words.say("changed"));
            for (id, columns) in &self.changed {
                let _ = writeln!(text, "- {id}: {}", columns.join(", "));
            }
        }
        text
    }
}

/// What only a release promises: rows that are whole and unique, subsets of the full set, exact counts, rights for every row, no
/// pictures, no paths of anybody's machine.
pub(crate) fn check_rows(folder: &Path, record: &Record, pictures: &[&String], faults: &mut Vec<Fault>) {
    for picture in pictures {
        faults.push(fault("picture", picture, "a release holds no pictures"));
    }
    let mut full = BTreeSet::new();
    for subset in SUBSETS {
        let file = format!("{subset}.jsonl");
        let rows = match rows_of(folder, subset) {
            Ok(rows) => rows,
            Err(message) => {
                faults.push(fault("schema", &file, message));
                continue;
            }
        };
        if record.counts.get(subset) != Some(&(rows.len() as u64)) {
            faults.push(fault("count", &file, format!("it has {} rows, and dataset.json says otherwise", rows.len())));
        }
        let ulids = check_subset(&file, record, &rows, faults);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for row in &rows {
            *counts.entry(culture(row).to_owned()).or_default() += 1;
        }
        match subset {
            "full" => {
                if counts != record.collections {
                    faults.push(fault("count", &file, "the counts of its collections are not those of dataset.json"));
                }
                full = ulids;
                continue;
            }
            _ if counts.values().collect::<BTreeSet<_>>().len() > 1 => {
                faults.push(fault("count", &file, "its collections have different counts"));
            }
            _ => {}
        }
        for ulid in ulids.difference(&full) {
            faults.push(fault("subset", &file, format!("{ulid} is not in full.jsonl")));
        }
    }
    check_rights(folder, &full, faults);
}

/// Rows of one subset; answers their ids.
fn check_subset(file: &str, record: &Record, rows: &[Map<String, Value>], faults: &mut Vec<Fault>) -> BTreeSet<String> {
    let (mut ulids, mut pairs) = (BTreeSet::new(), BTreeSet::new());
    let expected: BTreeSet<&str> = record.columns.iter().map(String::as_str).collect();
    for (at, row) in rows.iter().enumerate() {
        let mut say =
            |rule: &'static str, message: String| faults.push(fault(rule, file, format!("row {}: {message}", at + 1)));
        if row.keys().map(String::as_str).collect::<BTreeSet<_>>() != expected {
            say("schema", "its columns are not those of dataset.json".to_owned());
        }
        for column in NEEDED {
            if text_of(row.get(column)).is_none_or(|text| text.trim().is_empty()) {
                say("schema", format!("{column} is missing"));
            }
        }
        let path = text_of(row.get("image_path")).unwrap_or_default();
        let is_absolute = path.starts_with(['/', '\\', '~']) || path.get(1..2) == Some(":");
        if is_absolute || path.split(['/', '\\']).any(|part| part == "..") {
            say("path", format!("{path} is not a path below the set"));
        }
        let (ulid, pair) =
            (text_of(row.get("ulid")).unwrap_or_default(), text_of(row.get("pair_id")).unwrap_or_default());
        if !pairs.insert(pair.clone()) {
            say("repeated", format!("{pair} stands twice"));
        }
        if !ulids.insert(ulid.clone()) {
            say("repeated", format!("{ulid} stands twice"));
        }
    }
    ulids
}

/// Each row of the full set has one row of rights.
fn check_rights(folder: &Path, full: &BTreeSet<String>, faults: &mut Vec<Fault>) {
    const FILE: &str = "rights.csv";
    let Ok(text) = std::fs::read_to_string(folder.join(FILE)) else {
        faults.push(fault("rights", FILE, "the file is missing or cannot be read"));
        return;
    };
    // Both ids stand before anything that could be quoted; lines inside quotes do not begin with one.
    let rows = text.lines().skip(1).filter(|line| line.starts_with("PAIR_"));
    let told: Vec<&str> = rows.filter_map(|line| line.split(',').nth(1)).collect();
    for ulid in full.iter().filter(|ulid| !told.contains(&ulid.as_str())) {
        faults.push(fault("rights", FILE, format!("{ulid} has no row")));
    }
    if told.len() != full.len() {
        faults.push(fault("rights", FILE, format!("it has {} rows for {} critiques", told.len(), full.len())));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(culture: &str, picture: &str, words: &str) -> Map<String, Value> {
        let row = json!({"culture": culture, "image_sha256": picture, "pair_id": picture, "critique_en": words});
        row.as_object().cloned().unwrap()
    }

    #[test]
    fn the_change_log_adds_up() {
        let before = vec![row("korean", "a", "x"), row("korean", "b", "x"), row("mural", "c", "x")];
        let after =
            vec![row("korean", "a", "x"), row("korean", "b", "y"), row("mural", "d", "x"), row("mural", "e", "x")];
        let change = compare(("1".to_owned(), before), ("2".to_owned(), after));
        assert_eq!((&change.added, &change.removed), (&vec!["d".to_owned(), "e".to_owned()], &vec!["c".to_owned()]));
        assert_eq!(change.changed, BTreeMap::from([("b".to_owned(), vec!["critique_en".to_owned()])]));
        let text = change.text(&CardWords::default());
        assert!(text.contains("3 rows before, 2 added, 1 removed: 4 rows now. 1 of those"), "{text}");
        assert!(text.contains("| mural | 1 | 2 |"), "{text}");
    }
}
