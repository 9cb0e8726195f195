//! What tasks ended with in words, as files of rows: one JSON object a line, or a JSON array. A file is whole or not there.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use imagemill_domain::critique::{CritiqueEdit, edited};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::job::JobId;
use imagemill_store::Store;
use serde_json::Value;

use crate::error::ExportError;

/// Rows read at once.
const PAGE: u32 = 500;

/// Writes the rows of jobs, in the order of their plans, to `path`: an array when it ends in `.json`, else lines. Returns how many.
///
/// # Errors
/// A folder that cannot be written to, or a workspace that cannot be read; then there is no such file, or the earlier one.
pub async fn save_rows(store: &Store, jobs: &[JobId], path: &Path) -> Result<u64, ExportError> {
    let as_array = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut sink = Sink::open(path, as_array)?;
    let mut edits = Edits::default();
    for job in jobs {
        let mut after = None;
        loop {
            let page = store.tasks().documents(*job, after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some((last.position, last.id));
            for (_, row) in &page {
                sink.put(&edits.applied(store, row).await?)?;
            }
        }
    }
    sink.finish()
}

/// The same into memory, for a stream.
pub async fn rows(store: &Store, job: JobId) -> Result<Vec<Value>, ExportError> {
    let (mut all, mut edits) = (Vec::new(), Edits::default());
    let mut after = None;
    loop {
        let page = store.tasks().documents(job, after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(all) };
        after = Some((last.position, last.id));
        for (_, row) in &page {
            all.push(edits.applied(store, row).await?);
        }
    }
}

/// What people changed in rows, by collection and picture.
#[derive(Default)]
struct Edits(HashMap<String, HashMap<ContentHash, Vec<CritiqueEdit>>>);

impl Edits {
    /// A row as people left it.
    async fn applied(&mut self, store: &Store, row: &Value) -> Result<Value, ExportError> {
        let picture = row["image_blake3"].as_str().and_then(|name| name.parse::<ContentHash>().ok());
        let (Some(collection), Some(picture)) = (row["culture"].as_str(), picture) else { return Ok(row.clone()) };
        if !self.0.contains_key(collection) {
            let mut all: HashMap<ContentHash, Vec<CritiqueEdit>> = HashMap::new();
            for edit in store.critiques().edits(collection).await? {
                all.entry(edit.picture).or_default().push(edit);
            }
            self.0.insert(collection.to_owned(), all);
        }
        let own = self.0.get(collection).and_then(|all| all.get(&picture));
        Ok(own.map_or_else(|| row.clone(), |own| edited(row, own)))
    }
}

fn fault(path: &Path, error: &std::io::Error) -> ExportError {
    ExportError::File { path: path.to_owned(), message: error.to_string() }
}

struct Sink {
    path: PathBuf,
    draft: PathBuf,
    file: BufWriter<File>,
    as_array: bool,
    rows: u64,
}

impl Sink {
    fn open(path: &Path, as_array: bool) -> Result<Self, ExportError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| fault(folder, &error))?;
        }
        let mut draft = path.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let file = File::create(&draft).map_err(|error| fault(&draft, &error))?;
        Ok(Self { path: path.to_owned(), draft, file: BufWriter::new(file), as_array, rows: 0 })
    }

    fn put(&mut self, row: &Value) -> Result<(), ExportError> {
        let text = if self.as_array {
            let text = serde_json::to_string_pretty(row).unwrap_or_default().replace('\n', "\n  ");
            format!("{}\n  {text}", if self.rows == 0 { "[" } else { "," })
        } else {
            format!("{row}\n")
        };
        self.rows += 1;
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<(), ExportError> {
        self.file.write_all(text.as_bytes()).map_err(|error| fault(&self.draft, &error))
    }

    fn finish(mut self) -> Result<u64, ExportError> {
        if self.as_array {
            self.write(if self.rows == 0 { "[]\n" } else { "\n]\n" })?;
        }
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.and_then(|()| std::fs::rename(&self.draft, &self.path)).map_err(|error| fault(&self.path, &error))?;
        Ok(self.rows)
    }
}
