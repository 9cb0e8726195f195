//! Lists: a CSV, TSV or JSONL file with one input a row. Gives rows of texts; which picture a row names is seen elsewhere.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::error::SourceError;
use crate::text;

/// Lists larger than this are no lists.
const LIMIT_BYTES: u64 = 1 << 30;

/// One row: where it stands and its cells by column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Line in the file, from 1.
    pub(crate) line: u64,
    pub(crate) cells: BTreeMap<String, String>,
}

/// A list that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct List {
    /// Column names, for messages: in the order of the file for tables.
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// Reads the list at `path`; `typed` is its name in messages.
pub(crate) fn read(typed: &str, path: &Path) -> Result<List, SourceError> {
    let bad = |detail: String| SourceError::BadList { list: typed.to_owned(), detail };
    let bytes =
        text::read_limited(path, LIMIT_BYTES).map_err(|error| SourceError::unreadable(typed, error))?.map_err(bad)?;
    let text = text::decode(&bytes).map_err(|detail| bad(detail.into_owned()))?;
    let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default().to_ascii_lowercase();
    let list = match (suffix.as_str(), text.trim_start().chars().next()) {
        ("tsv" | "tab", _) => table(text, b'\t'),
        ("jsonl" | "ndjson", _) | (_, Some('{')) => json_lines(text),
        (_, Some('[')) if suffix != "csv" => {
            Err("it holds one JSON array; write one object a line instead (JSONL)".to_owned())
        }
        _ => table(text, delimiter(text)),
    }
    .map_err(bad)?;
    if list.rows.is_empty() {
        return Err(bad("it has no rows".to_owned()));
    }
    Ok(list)
}

/// The delimiter of the header line: the one of `,` `;` and tab that stands in it most often outside quotes.
fn delimiter(text: &str) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if !quoted => {
                for (candidate, count) in &mut counts {
                    *count += u32::from(*candidate == byte);
                }
            }
            _ => {}
        }
    }
    // The first of equals wins, so a header of one column is read with commas.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| delimiter)
}

fn table(text: &str, delimiter: u8) -> Result<List, String> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let header: Vec<String> =
        reader.headers().map_err(|error| table_error(&error))?.iter().map(|name| name.trim().to_owned()).collect();
    let columns: Vec<String> = header.iter().filter(|name| !name.is_empty()).cloned().collect();
    if columns.is_empty() {
        return Err("the first line must name the columns, and it is empty".to_owned());
    }
    if let Some(twice) = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name)) {
        return Err(format!("the column {:?} is named twice in the first line", twice.1));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| table_error(&error))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        // Spreadsheets leave columns without a name behind; there is no way to speak of them.
        let cells = header
            .iter()
            .zip(record.iter())
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, cell)| (name.clone(), cell.to_owned()))
            .collect();
        rows.push(Row { line, cells });
    }
    Ok(List { columns, rows })
}

fn table_error(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!(
                "line {line} has {len} cells and the first line {expected_len}; quote cells that contain the delimiter"
            )
        }
        _ => error.to_string(),
    }
}

fn json_lines(text: &str) -> Result<List, String> {
    let mut columns: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for (at, line_text) in text.lines().enumerate() {
        if line_text.trim().is_empty() {
            continue;
        }
        let line = at as u64 + 1;
        let object: serde_json::Map<String, Value> =
            serde_json::from_str(line_text).map_err(|error| format!("line {line} is not a JSON object: {error}"))?;
        for name in object.keys() {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        rows.push(Row { line, cells: object.into_iter().map(|(name, value)| (name, cell(value))).collect() });
    }
    // Every row has every column, as in a table: a template may use any of them.
    for row in &mut rows {
        for name in &columns {
            row.cells.entry(name.clone()).or_default();
        }
    }
    Ok(List { columns, rows })
}

/// A JSON value as the text of a cell; a list of texts as several pictures are written.
fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Array(values) if values.iter().all(Value::is_string) => {
            values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(list: &List) -> Vec<(u64, Vec<(&str, &str)>)> {
        list.rows
            .iter()
            .map(|row| (row.line, row.cells.iter().map(|(name, cell)| (name.as_str(), cell.as_str())).collect()))
            .collect()
    }

    #[test]
    fn delimiters_are_seen_in_the_header() {
        assert_eq!(delimiter("a,b\n1;2;3"), b',');
        assert_eq!(delimiter("a;b;c\n1,2"), b';');
        assert_eq!(delimiter("a\tb"), b'\t');
        assert_eq!(delimiter("\"a;x;y\",b"), b',');
        assert_eq!(delimiter("one"), b',');
    }

    #[test]
    fn tables_keep_every_column_and_the_line() {
        let list = table("file,prompt,\n\"a.png\",\"two\nlines\",\n,,\nb.png,夜,\n", b',').unwrap();
        assert_eq!(list.columns, ["file", "prompt"]);
        assert_eq!(
            cells(&list),
            [(2, vec![("file", "a.png"), ("prompt", "two\nlines")]), (5, vec![("file", "b.png"), ("prompt", "夜")])]
        );
    }

    #[test]
    fn wrong_tables_name_the_line() {
        assert!(table("a,b\n1,2\n1,2,3\n", b',').unwrap_err().starts_with("line 3 has 3 cells"));
        assert!(table("a,b,a\n", b',').unwrap_err().contains("\"a\" is named twice"));
        assert!(table(",,\n1,2,3\n", b',').unwrap_err().contains("first line"));
    }

    #[test]
    fn json_lines_become_texts() {
        let list = json_lines("{\"n\":1,\"f\":[\"a\",\"b\"]}\n\n{\"n\":null,\"ok\":true,\"t\":\"x\"}\n").unwrap();
        assert_eq!(list.columns, ["f", "n", "ok", "t"]);
        assert_eq!(
            cells(&list),
            [
                (1, vec![("f", "a|b"), ("n", "1"), ("ok", ""), ("t", "")]),
                (3, vec![("f", ""), ("n", ""), ("ok", "true"), ("t", "x")])
            ]
        );
        assert!(json_lines("{}\n[1]\n").unwrap_err().starts_with("line 2 is not a JSON object"));
    }
}
