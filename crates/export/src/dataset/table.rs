//! Columns of a data set's rows, and the rows as lines and as CSV. What is in a column is told by who gathered it.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// What a column holds. Every value may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Whole,
    Real,
    Texts,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

impl Column {
    pub(crate) fn new(name: &str, kind: Kind) -> Self {
        Self { name: name.to_owned(), kind }
    }
}

/// Columns out of a table of names.
pub(crate) fn columns(of: &[(&str, Kind)]) -> Vec<Column> {
    of.iter().map(|(name, kind)| Column::new(name, *kind)).collect()
}

/// Adds columns for members that rows have and the table does not know, by the first value that tells its kind; what is neither
/// text, number nor list of texts becomes JSON text.
pub(crate) fn widen<'a>(columns: &mut Vec<Column>, rows: impl Iterator<Item = &'a Map<String, Value>>) {
    let known = columns.len();
    for row in rows {
        for (name, value) in row {
            let kind = match value {
                Value::Null => continue,
                Value::Number(number) if number.is_i64() || number.is_u64() => Kind::Whole,
                Value::Number(_) => Kind::Real,
                Value::Array(all) if !all.is_empty() && all.iter().all(Value::is_string) => Kind::Texts,
                _ => Kind::Text,
            };
            match columns.iter().position(|column| column.name == *name) {
                None => columns.push(Column::new(name, kind)),
                // A later row has a fraction, or something else altogether.
                Some(at) if at >= known && columns[at].kind != kind => {
                    let numbers = [Kind::Whole, Kind::Real];
                    let both = numbers.contains(&columns[at].kind) && numbers.contains(&kind);
                    columns[at].kind = if both { Kind::Real } else { Kind::Text };
                }
                Some(_) => {}
            }
        }
    }
    columns[known..].sort_by(|a, b| a.name.cmp(&b.name));
}

/// A value as a text column holds it; `None` where it is missing.
pub(crate) fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A value as a column of texts holds it. A published form of such lists is a JSON text.
pub(crate) fn texts_of(value: Option<&Value>) -> Option<Vec<String>> {
    let list = match value? {
        Value::Array(all) => all.clone(),
        Value::String(text) => serde_json::from_str::<Vec<Value>>(text).ok()?,
        _ => return None,
    };
    Some(list.iter().filter_map(|value| text_of(Some(value))).collect())
}

/// One row as a line of JSON: every column, in order, missing values as null.
pub(crate) fn line(columns: &[Column], row: &Map<String, Value>) -> String {
    let mut out = String::from("{");
    for (at, column) in columns.iter().enumerate() {
        let value = match column.kind {
            Kind::Texts => texts_of(row.get(&column.name)).map_or(Value::Null, Value::from),
            Kind::Text => text_of(row.get(&column.name)).map_or(Value::Null, Value::from),
            Kind::Whole | Kind::Real => row.get(&column.name).cloned().unwrap_or(Value::Null),
        };
        let comma = if at == 0 { "" } else { ", " };
        let _ = write!(out, "{comma}{}: {value}", Value::from(column.name.as_str()));
    }
    out + "}\n"
}

/// The first line of a CSV file.
pub(crate) fn csv_head(columns: &[Column]) -> String {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    names.join(",") + "\n"
}

/// One row of a CSV file as RFC 4180 has it; lists as JSON.
pub(crate) fn csv_line(columns: &[Column], row: &Map<String, Value>) -> String {
    let cells: Vec<String> = columns
        .iter()
        .map(|column| match row.get(&column.name) {
            value if column.kind == Kind::Texts => {
                texts_of(value).map_or_else(String::new, |all| quoted(&Value::from(all).to_string()))
            }
            value => text_of(value).map_or_else(String::new, |text| quoted(&text)),
        })
        .collect();
    cells.join(",") + "\n"
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_become_lines_of_both_kinds() {
        let mut known = columns(&[("a", Kind::Text), ("list", Kind::Texts), ("n", Kind::Whole)]);
        let rows = [
            json!({"a": "x, \"y\"\n", "list": "[\"L1\", \"L2\"]", "n": 3, "more": {"deep": 1}, "share": 1}),
            json!({"list": ["L1"], "share": 0.5}),
        ];
        let rows: Vec<&Map<String, Value>> = rows.iter().filter_map(Value::as_object).collect();
        widen(&mut known, rows.iter().copied());
        let names: Vec<(&str, Kind)> = known.iter().map(|column| (column.name.as_str(), column.kind)).collect();
        let all =
            [("a", Kind::Text), ("list", Kind::Texts), ("n", Kind::Whole), ("more", Kind::Text), ("share", Kind::Real)];
        assert_eq!(names, all);
        assert_eq!(
            line(&known, rows[0]),
            "{\"a\": \"x, \\\"y\\\"\\n\", \"list\": [\"L1\",\"L2\"], \"n\": 3, \"more\": \"{\\\"deep\\\":1}\", \"share\": 1}\n"
        );
        assert_eq!(csv_head(&known), "a,list,n,more,share\n");
        assert_eq!(
            csv_line(&known, rows[0]),
            "\"x, \"\"y\"\"\n\",\"[\"\"L1\"\",\"\"L2\"\"]\",3,\"{\"\"deep\"\":1}\",1\n"
        );
        assert_eq!(csv_line(&known, rows[1]), ",\"[\"\"L1\"\"]\",,,0.5\n");
    }
}
