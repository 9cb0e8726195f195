//! The threads for work on pixels, and the way of an answer's picture into the asset files: checked, decoded, thumbnailed,
//! synced under its content name.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::{PictureFacts, PictureFormat};
use imagemill_imaging::{self as imaging, Limits, Look};
use imagemill_store::{Files, StoreError};
use tokio::sync::{Semaphore, oneshot};

use crate::answers::{SavedBody, SavedItem};

/// Files being synced at once: the file system joins their flushes, so many at once cost little more than one.
const SYNCS_AT_ONCE: usize = 16;

/// Work on pixels, and disk work beside it.
///
/// Pixels have threads of their own: every thread that ever decoded a picture keeps some megabytes of memory for the next
/// one, and the runtime's blocking threads are many.
pub(crate) struct PicturePool {
    files: Files,
    cpu: mpsc::Sender<Work>,
    disk: Arc<Semaphore>,
}

type Work = Box<dyn FnOnce() + Send>;

/// A picture whose bytes are durable under their content name.
pub(crate) struct Stored {
    pub(crate) facts: PictureFacts,
    pub(crate) look: Look,
}

impl PicturePool {
    pub(crate) fn new(files: Files, threads: usize) -> std::io::Result<Self> {
        let (cpu, inbox) = mpsc::channel::<Work>();
        let inbox = Arc::new(Mutex::new(inbox));
        for number in 0..threads.max(1) {
            let inbox = inbox.clone();
            let next = move || inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
            std::thread::Builder::new().name(format!("pictures-{number}")).spawn(move || {
                while let Ok(work) = next() {
                    work();
                }
            })?;
        }
        Ok(Self { files, cpu, disk: Arc::new(Semaphore::new(SYNCS_AT_ONCE)) })
    }

    /// Runs `work` on one of the pool's threads. A panic in it becomes a failure of the task at hand.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (reply, done) = oneshot::channel();
        let work = Box::new(move || {
            // Nobody waits any more when the task was dropped.
            let _ = reply.send(catch_unwind(AssertUnwindSafe(work)));
        });
        self.cpu.send(work).expect("the threads live as long as the pool");
        match done.await.expect("every piece of work replies") {
            Ok(result) => result,
            Err(_) => Err(must_not_happen("a panic")),
        }
    }

    /// Checks one picture of an answer and stores it. The thumbnail comes first and needs no sync; the original is synced.
    /// Bytes that do not decode are kept as evidence and never become an asset.
    pub(crate) async fn take_in(&self, item: SavedItem, name: String) -> Result<Stored, Failure> {
        let SavedItem::Picture { body, bytes, blake3, sha256, .. } = item else {
            unreachable!("only pictures are taken in");
        };
        let files = self.files.clone();
        let (body, checked) = self
            .run(move || {
                let body = locate(&files, body, &blake3);
                let checked = match &body {
                    SavedBody::Here(bytes) => imaging::ingest(imaging::Bytes::Memory(bytes), &Limits::default()),
                    SavedBody::File(path) => imaging::ingest(imaging::Bytes::File(path), &Limits::default()),
                };
                match checked {
                    Ok(checked) => {
                        files.put_thumbnail(&blake3, &checked.thumbnail).map_err(|error| local(&error))?;
                        Ok((body, checked))
                    }
                    Err(error) => Err(bad_picture(&files, body, &name, &error)),
                }
            })
            .await?;
        let facts = PictureFacts {
            blake3,
            sha256,
            bytes,
            format: checked.format,
            width: checked.width,
            height: checked.height,
            phash: checked.phash,
        };
        let files = self.files.clone();
        let place = self.disk.clone().acquire_owned().await.expect("the semaphore is never closed");
        let format = checked.format;
        let writing = tokio::task::spawn_blocking(move || {
            let _place = place;
            match body {
                SavedBody::Here(bytes) => files.put_original_bytes(&bytes, &blake3, format),
                SavedBody::File(path) => files.put_original_from_file(&path, &blake3, format),
            }
        });
        let written = writing.await.map_err(|error| must_not_happen(&error.to_string()))?;
        written.map_err(|error| local(&error))?;
        Ok(Stored { facts, look: checked.look })
    }
}

fn must_not_happen(what: &str) -> Failure {
    let message = format!("working on the picture failed in a way that must not happen ({what}); please report it");
    Failure::new(FailureKind::BadPicture, message).billing(Billing::Billed)
}

/// Where the bytes are now: a predecessor may have moved the spool file to its final place before it was killed.
fn locate(files: &Files, body: SavedBody, blake3: &ContentHash) -> SavedBody {
    match body {
        SavedBody::File(path) if !path.exists() => {
            let moved = PictureFormat::ALL.into_iter().map(|format| files.original_path(blake3, format));
            SavedBody::File(moved.into_iter().find(|path| path.exists()).unwrap_or(path))
        }
        body => body,
    }
}

fn bad_picture(files: &Files, body: SavedBody, name: &str, error: &imaging::ImageError) -> Failure {
    if let imaging::ImageError::Read(io) = error {
        return Failure::new(FailureKind::Local, format!("a picture that was paid for cannot be read back: {io}"))
            .billing(Billing::Billed);
    }
    let place = keep_evidence(files.spool_dir(), body, name);
    let kept = match place {
        Ok(path) => format!("; the bytes were kept at {}", path.display()),
        Err(error) => format!("; the bytes could not be kept ({error})"),
    };
    Failure::new(FailureKind::BadPicture, format!("the provider sent a picture that cannot be used: {error}{kept}"))
        .billing(Billing::Billed)
}

/// Evidence lies beside the spool folder as `evidence/<call>-<n>.bin`.
fn keep_evidence(spool: &Path, body: SavedBody, name: &str) -> std::io::Result<PathBuf> {
    let folder = spool.parent().unwrap_or(spool).join("evidence");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.bin"));
    match body {
        SavedBody::Here(bytes) => std::fs::write(&path, bytes)?,
        SavedBody::File(part) => std::fs::rename(part, &path)?,
    }
    Ok(path)
}

pub(crate) fn local(error: &StoreError) -> Failure {
    Failure::new(FailureKind::Local, error.to_string())
}
