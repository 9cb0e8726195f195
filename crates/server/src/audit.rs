//! What was changed through the API, by whom: one JSON line for each such request in `.imagemill/audit.jsonl`. Bodies, tokens
//! and answers never enter it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use imagemill_desk::now_us;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::safety::Peer;
use crate::state::AppState;

/// A larger file is put aside; one is kept.
const LARGEST_BYTES: u64 = 32 << 20;
/// Read at once, from the end.
const WINDOW_BYTES: u64 = 256 << 10;

/// One change.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// When, microseconds since 1970.
    pub(crate) at_us: i64,
    /// Address of the client.
    pub(crate) who: String,
    /// HTTP method.
    pub(crate) method: String,
    /// Path.
    pub(crate) path: String,
    /// What it was about.
    pub(crate) detail: String,
    /// HTTP status of the answer.
    pub(crate) status: u16,
}

/// What a handler adds to the entry of its request, as an extension of the answer.
#[derive(Clone, Debug)]
pub(crate) struct Detail(pub(crate) String);

/// The file.
#[derive(Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    turn: Mutex<()>,
}

impl Audit {
    /// Written to `path`.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, turn: Mutex::new(()) }
    }

    fn write(&self, entry: &AuditEntry) {
        let mut line = serde_json::to_vec(entry).expect("texts and numbers always serialise");
        line.push(b'\n');
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if std::fs::metadata(&self.path).is_ok_and(|facts| facts.len() > LARGEST_BYTES) {
            // That the old file cannot be put aside is told by the next line that cannot be written.
            let _ = std::fs::rename(&self.path, self.path.with_extension("1.jsonl"));
        }
        let written =
            File::options().create(true).append(true).open(&self.path).and_then(|mut file| file.write_all(&line));
        if let Err(error) = written {
            tracing::error!(%error, path = %self.path.display(), "the audit log cannot be written");
        }
    }

    /// Up to `limit` entries before the byte `before`, newest first, and where to go on.
    pub(crate) fn page(&self, before: Option<u64>, limit: usize) -> std::io::Result<(Vec<AuditEntry>, Option<u64>)> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        let end = before.unwrap_or(length).min(length);
        let start = end.saturating_sub(WINDOW_BYTES);
        file.seek(SeekFrom::Start(start))?;
        let mut text = Vec::new();
        file.take(end - start).read_to_end(&mut text)?;
        // The first line of a window may be cut.
        let skip =
            if start == 0 { 0 } else { text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1) };
        let mut entries = Vec::new();
        let mut place = text.len();
        for line in text[skip..].split(|byte| *byte == b'\n').rev().skip(1) {
            if entries.len() == limit {
                break;
            }
            place -= line.len() + 1;
            entries.extend(serde_json::from_slice::<AuditEntry>(line).ok());
        }
        let next = start + place as u64;
        Ok((entries, (next > 0 && place < text.len()).then_some(next)))
    }
}

/// Writes an entry for every request that may change something.
pub(crate) async fn record(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    // These only compute.
    let computes = ["/plans", "/results/rows", "/save/preview"].iter().any(|end| request.uri().path().ends_with(end));
    // Nobody's change: a provider told that a call of ours ended.
    let notice = request.uri().path().contains("/webhooks/");
    if matches!(method, Method::GET | Method::HEAD | Method::OPTIONS) || computes || notice {
        return next.run(request).await;
    }
    let who = request.extensions().get::<Peer>().map_or_else(String::new, |peer| peer.address.to_string());
    let path = request.uri().path().to_owned();
    let answer = next.run(request).await;
    let detail = answer.extensions().get::<Detail>().map_or_else(String::new, |detail| detail.0.clone());
    let entry =
        AuditEntry { at_us: now_us(), who, method: method.to_string(), path, detail, status: answer.status().as_u16() };
    // A line on a local disk; awaiting it keeps the order of the file that of the answers.
    let written = tokio::task::spawn_blocking(move || state.audit.write(&entry)).await;
    if let Err(error) = written {
        tracing::error!(%error, "the audit log was not written");
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_back_to_the_first_entry() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::new(folder.path().join("audit.jsonl"));
        assert!(audit.page(None, 10).unwrap().0.is_empty());
        for at_us in 0..7 {
            let (who, method) = ("127.0.0.1".to_owned(), "POST".to_owned());
            audit.write(&AuditEntry { at_us, who, method, path: "/x".into(), detail: String::new(), status: 200 });
        }
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let (entries, next) = audit.page(before, 3).unwrap();
            seen.extend(entries.iter().map(|entry| entry.at_us));
            before = next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(seen, [6, 5, 4, 3, 2, 1, 0]);
    }
}
