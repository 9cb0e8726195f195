//! The files of a collection for other programs: candidates, inputs and outputs of batches, merged rows, progress. Each is whole or not
//! there. What they look like is the domain's matter.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use imagemill_domain::collection::batch_file;
use imagemill_domain::hash::ContentHash;
use imagemill_store::CollectionItem;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock::{now_us, rfc3339};
use crate::collections::{Board, ItemState};
use crate::error::DeskError;

/// Writes all files of a collection; `rows` are those that may be given out, with their places on the board.
pub(crate) async fn write_files(folder: &Path, board: &Board, rows: Vec<(usize, Value)>) -> Result<(), DeskError> {
    let (folder, board) = (folder.to_owned(), board.clone());
    let writing = tokio::task::spawn_blocking(move || write_now(&folder, &board, &rows));
    writing.await.map_err(|error| DeskError::Fault(error.to_string()))?
}

fn write_now(folder: &Path, board: &Board, rows: &[(usize, Value)]) -> Result<(), DeskError> {
    std::fs::create_dir_all(folder).map_err(|source| DeskError::Folder { folder: folder.to_owned(), source })?;
    let name = &board.name;
    let images: Vec<Value> = board.items.iter().map(|item| input_row(&item.item)).collect();
    write_json(&folder.join(format!("{name}_expansion_candidates.json")), &json!({ "images": images }))?;
    let by_picture: HashMap<ContentHash, &Value> =
        rows.iter().map(|(at, row)| (board.items[*at].item.picture, row)).collect();
    for (number, places) in board.by_batch() {
        let items = || places.iter().map(|at| &board.items[*at].item);
        write_input(folder, name, number, items())?;
        let answered: Vec<&Value> = items().filter_map(|item| by_picture.get(&item.picture).copied()).collect();
        if !answered.is_empty() {
            write_json(&folder.join(batch_file(name, number, "output")), &answered)?;
        }
    }
    let mut merged = String::new();
    for (_, row) in rows.iter().filter(|(at, _)| board.items[*at].state == ItemState::Merged) {
        let _ = writeln!(merged, "{row}");
    }
    write(&folder.join(format!("{name}_accepted.jsonl")), &merged)?;
    write_json(&folder.join(format!("{name}_expansion_progress.json")), &board.progress(&rfc3339(now_us())))
}

/// Writes the input file of a batch; returns its path.
pub fn write_input<'a>(
    folder: &Path,
    name: &str,
    number: u32,
    items: impl Iterator<Item = &'a CollectionItem>,
) -> Result<PathBuf, DeskError> {
    let path = folder.join(batch_file(name, number, "input"));
    write_json(&path, &items.map(input_row).collect::<Vec<_>>())?;
    Ok(path)
}

/// A picture as an input file names it: `filepath`, and the columns of its list.
pub fn input_row(item: &CollectionItem) -> Value {
    let mut row = Map::from_iter([("filepath".to_owned(), item.name.clone().into())]);
    row.extend(item.columns.iter().map(|(key, value)| (key.clone(), value.clone().into())));
    Value::Object(row)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DeskError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| DeskError::Fault(error.to_string()))?;
    write(path, &(text + "\n"))
}

/// The file is whole or not there.
fn write(path: &Path, text: &str) -> Result<(), DeskError> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let written = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, path));
    written.map_err(|source| DeskError::File { what: "cannot write", path: path.to_owned(), source })
}
