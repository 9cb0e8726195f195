//! From a task's source picture to what is sent: checks that the file is still the one that was planned, prepares a copy
//! where the provider or the job asks for one, and remembers how sources look so that results can be compared with them.
//!
//! Synchronous; runs in the picture pool.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::job_file::PrepareSection;
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::task::SourcePicture;
use imagemill_imaging::{self as imaging, ImageError, Limits, Look, PreparePolicy, Prepared};
use imagemill_providers::{PictureBytes, PictureInput};

/// Looks kept; a few hundred bytes each.
const LOOKS_KEPT: usize = 4_096;

/// How recent sources look, by the content that was sent.
#[derive(Default)]
pub(crate) struct SourceLooks(Mutex<HashMap<ContentHash, Arc<Look>>>);

/// A source, ready to be sent.
pub(crate) struct SentPicture {
    /// The source's own bytes.
    pub(crate) source: ContentHash,
    pub(crate) input: PictureInput,
    /// What was done to it, for the record; `None` when the file's own bytes are sent.
    pub(crate) prepared: Option<serde_json::Value>,
}

/// Checks and prepares one source for a provider that takes these formats.
pub(crate) fn prepare_for(
    source: &SourcePicture,
    rules: &PrepareSection,
    accepted: &[PictureFormat],
) -> Result<SentPicture, Failure> {
    let path = Path::new(&source.path);
    let (content, _) = imaging::facts(path).map_err(|error| unusable(source, &error))?;
    if content != source.blake3 {
        return Err(Failure::new(
            FailureKind::Invalid,
            format!(
                "the source {} changed since the job was planned; nothing was sent. Submit the job again to take it as it is now",
                source.name
            ),
        ));
    }
    let policy = PreparePolicy {
        rotate: rules.rotate,
        accepted,
        convert_to: rules.convert_to,
        max_edge: rules.max_edge,
        max_pixels: rules.max_pixels,
        max_bytes: rules.max_bytes,
    };
    let file_name = source.name.rsplit('/').next().unwrap_or(&source.name).to_owned();
    Ok(match imaging::prepare(path, &policy).map_err(|error| unusable(source, &error))? {
        Prepared::AsIs(probe) => SentPicture {
            source: content,
            input: PictureInput {
                address: None,
                bytes: PictureBytes::File(PathBuf::from(&source.path)),
                len: probe.bytes,
                format: probe.format,
                blake3: content,
                file_name,
            },
            prepared: None,
        },
        Prepared::Changed { bytes, format, width, height, blake3, steps } => SentPicture {
            source: content,
            input: PictureInput {
                address: None,
                len: bytes.len() as u64,
                bytes: PictureBytes::Memory(Bytes::from(bytes)),
                format,
                blake3,
                file_name,
            },
            prepared: Some(serde_json::json!({
                "source": source.name, "width": width, "height": height, "blake3": blake3, "steps": steps,
            })),
        },
    })
}

impl SourceLooks {
    /// How `input` looks; decodes it at most once in a while. `None` when it cannot be decoded: the provider may still
    /// have made something of it, so that is no failure.
    pub(crate) fn of(&self, input: &PictureInput) -> Option<Arc<Look>> {
        if let Some(look) = self.lock().get(&input.blake3) {
            return Some(look.clone());
        }
        let look = match &input.bytes {
            PictureBytes::File(path) => imaging::look_of(path).ok()?,
            PictureBytes::Memory(bytes) => imaging::ingest(imaging::Bytes::Memory(bytes), &Limits::SOURCES).ok()?.look,
        };
        let look = Arc::new(look);
        let mut looks = self.lock();
        if looks.len() >= LOOKS_KEPT {
            looks.clear();
        }
        looks.insert(input.blake3, look.clone());
        Some(look)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ContentHash, Arc<Look>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn unusable(source: &SourcePicture, error: &ImageError) -> Failure {
    let message = match error {
        ImageError::Read(io) if io.kind() == std::io::ErrorKind::NotFound => {
            format!(
                "the source {} is gone since the job was planned ({}); nothing was sent. Put it back and retry the task",
                source.name, source.path
            )
        }
        error => format!("the source {} cannot be sent: {error}; nothing was sent", source.name),
    };
    Failure::new(FailureKind::Invalid, message)
}
