//! The deck's folder as the recipes use it: reads and writes on the threads for blocking work, and what a folder that cannot be used
//! means for the task.

use std::path::PathBuf;

use imagemill_decks::{DeckError, DeckFolder, InfoPack, write_whole};
use imagemill_domain::deck::DeckSection;
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::job_file::JobFile;
use imagemill_engine::TaskContext;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Does something with files.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeckError> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Failure::new(FailureKind::Local, format!("the deck's folder: {error}")))?;
    done.map_err(|error| {
        let kind =
            if matches!(error, DeckError::Unwritable { .. }) { FailureKind::Local } else { FailureKind::Invalid };
        Failure::new(kind, error.to_string())
    })
}

/// The deck that the job names.
pub(super) fn section(file: &JobFile) -> Result<DeckSection, Failure> {
    let named = file.deck.clone().filter(|section| !section.folder.is_empty());
    named.ok_or_else(|| {
        Failure::new(FailureKind::Invalid, "the job names no deck's folder under [deck]; nothing was sent")
    })
}

/// Opens the deck's folder with what it is made from.
pub(super) async fn open(task: &TaskContext) -> Result<(DeckFolder, InfoPack), Failure> {
    let root = PathBuf::from(section(&task.definition().file)?.folder);
    blocking(move || {
        let folder = DeckFolder::open(&root)?;
        let info = folder.info()?;
        Ok((folder, info))
    })
    .await
}

/// Writes a text of the deck.
pub(super) async fn write(path: PathBuf, text: String) -> Result<(), Failure> {
    blocking(move || write_whole(&path, |file| std::io::Write::write_all(file, text.as_bytes()))).await
}

/// What all steps are told of the deck.
pub(super) fn facts(folder: &DeckFolder, info: &InfoPack) -> Value {
    let params = &folder.pack.params;
    let captions: Vec<&String> = info.user_assets.reference_image_captions.values().collect();
    json!({
        "params": {"role": params.role, "audience": params.audience, "scene": params.scene,
            "page_count": folder.page_count(), "language": folder.language()},
        "query": info.user_query,
        "digest": info.document_digest,
        "reference_captions": captions,
    })
}

/// An answer that kept to its schema, as our own type.
pub(super) fn of_model<T: DeserializeOwned>(step: &str, answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| {
        let message = format!("the answer to the step {step} keeps to its schema and cannot be read: {error}");
        Failure::new(FailureKind::Protocol, message)
    })
}

/// Whether a recipe may go on without the step: what the same request would meet again. Everything else has decided what becomes of
/// the attempt.
pub(super) fn is_final(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Invalid | FailureKind::Refused | FailureKind::Protocol)
}
