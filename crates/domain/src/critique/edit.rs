//! What people change in rows: which members, from what to what, and by whom. A row is given out as it was left; what was written
//! first is never lost. Pure; where edits are kept is not known here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::hash::ContentHash;

/// The members of a row that a person may change. What a row is from, and what was measured, is no matter of opinion.
pub const EDITABLE: [&str; 9] = [
    "critique_zh",
    "critique_en",
    "covered_dimensions",
    "art_form",
    "art_style",
    "art_genre",
    "medium",
    "artist",
    "title",
];

/// A member of a row, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What stood there; null for nothing.
    pub before: Value,
    /// What stands there now.
    pub after: Value,
}

/// One person's change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CritiqueEdit {
    /// The row's picture.
    pub picture: ContentHash,
    /// The version of the row as it was first written: an edit is about this text and no other.
    pub base: String,
    /// Who.
    pub author: String,
    /// Member by member.
    pub changes: BTreeMap<String, Change>,
    /// Why, in the author's words.
    pub note: String,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

/// A name for what a row says: texts and dimensions. Two rows that say the same have the same.
pub fn version_of(row: &Value) -> String {
    let said = json!([row["critique_zh"], row["critique_en"], row["covered_dimensions"]]).to_string();
    blake3::hash(said.as_bytes()).to_hex()[..16].to_owned()
}

/// The edits that are about this row, in the order in which they were made.
pub fn edits_of<'a>(row: &Value, edits: &'a [CritiqueEdit]) -> Vec<&'a CritiqueEdit> {
    let base = version_of(row);
    edits.iter().filter(|edit| edit.base == base).collect()
}

/// A row as people left it: with its changes, who made them, and an authorship that says so.
pub fn edited(row: &Value, edits: &[CritiqueEdit]) -> Value {
    let own = edits_of(row, edits);
    let mut row = row.clone();
    let (Some(last), Value::Object(members)) = (own.last(), &mut row) else { return row };
    for (member, change) in own.iter().flat_map(|edit| &edit.changes) {
        members.insert(member.clone(), change.after.clone());
    }
    let mut authors: Vec<&str> = Vec::new();
    for edit in &own {
        if !authors.contains(&edit.author.as_str()) {
            authors.push(&edit.author);
        }
    }
    if members.get("authorship").and_then(Value::as_str) == Some("model") {
        members.insert("authorship".to_owned(), "model+human-edited".into());
    }
    members.insert("edited_by".to_owned(), json!(authors));
    members.insert("edited_us".to_owned(), last.at_us.into());
    row
}

/// What a person asks to change, held against the row as it stands: the members that are really other ones; in words what is wrong
/// with the others.
pub fn changes(row: &Value, wanted: &BTreeMap<String, Value>) -> Result<BTreeMap<String, Change>, String> {
    let mut changes = BTreeMap::new();
    for (member, after) in wanted {
        if !EDITABLE.contains(&member.as_str()) {
            return Err(format!("{member} of a critique cannot be edited; these can: {}", EDITABLE.join(", ")));
        }
        let is_list = member == "covered_dimensions";
        let ids = after.as_array().map(|ids| ids.iter().all(Value::is_string));
        if is_list && ids != Some(true) {
            return Err(format!("{member} of a critique must be a list of ids"));
        }
        if !is_list && !after.is_string() {
            return Err(format!("{member} of a critique must be a text"));
        }
        let before = row[member.as_str()].clone();
        if before != *after {
            changes.insert(member.clone(), Change { before, after: after.clone() });
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(base: &str, author: &str, member: &str, after: &str, at_us: i64) -> CritiqueEdit {
        let changes = BTreeMap::from([(member.to_owned(), Change { before: Value::Null, after: after.into() })]);
        let (picture, note) = (ContentHash([0; 32]), String::new());
        CritiqueEdit { picture, base: base.into(), author: author.into(), changes, note, at_us }
    }

    #[test]
    fn a_row_is_given_out_as_people_left_it_and_says_so() {
        let row =
            json!({"critique_zh": "山", "critique_en": "A hill.", "covered_dimensions": [], "authorship": "model"});
        let base = version_of(&row);
        let edits = [
            edit(&base, "ann", "critique_en", "A pale hill.", 1),
            edit("another text", "ben", "critique_zh", "水", 2),
            edit(&base, "cleo", "critique_en", "A pale, low hill.", 3),
            edit(&base, "ann", "medium", "ink", 4),
        ];
        let left = edited(&row, &edits);
        assert_eq!((&left["critique_en"], &left["critique_zh"]), (&"A pale, low hill.".into(), &"山".into()));
        assert_eq!((&left["authorship"], &left["edited_us"]), (&"model+human-edited".into(), &4.into()));
        assert_eq!(left["edited_by"], json!(["ann", "cleo"]));
        assert_ne!(version_of(&left), base);
        assert_eq!(edited(&row, &edits[1..2]), row, "an edit of another text changes nothing");
        let by_hand =
            json!({"critique_zh": "山", "critique_en": "A hill.", "covered_dimensions": [], "authorship": "human"});
        assert_eq!(edited(&by_hand, &edits)["authorship"], "human");
    }

    #[test]
    fn only_what_is_a_matter_of_words_may_be_changed() {
        let row = json!({"critique_en": "A hill.", "covered_dimensions": ["KR_L1_D1"], "quality_score": 71});
        let ask = |member: &str, after: Value| changes(&row, &BTreeMap::from([(member.to_owned(), after)]));
        assert_eq!(ask("critique_en", "A hill.".into()), Ok(BTreeMap::new()));
        let change = Change { before: json!(["KR_L1_D1"]), after: json!(["KR_L1_D2"]) };
        assert_eq!(ask("covered_dimensions", json!(["KR_L1_D2"])).unwrap()["covered_dimensions"], change);
        assert!(ask("quality_score", 90.into()).unwrap_err().starts_with("quality_score of a critique cannot"));
        assert!(ask("covered_dimensions", "KR_L1_D1".into()).unwrap_err().ends_with("a list of ids"));
        assert!(ask("critique_en", Value::Null).unwrap_err().ends_with("a text"));
    }
}
