//! Hashes and headers of many files, on two threads: enough to keep a disk busy, few enough to leave the machine usable.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::source::SkipReason;
use imagemill_imaging::ImageError;

use crate::error::Problem;
use crate::sidecar;

const THREADS: usize = 2;

/// What one file turned out to be.
#[derive(Clone, Debug)]
pub(crate) struct Inspected {
    pub(crate) blake3: ContentHash,
    pub(crate) format: PictureFormat,
    pub(crate) bytes: u64,
    pub(crate) size: (u32, u32),
    /// The prompt beside it, when it was asked for.
    pub(crate) prompt: Result<Option<String>, Problem>,
}

/// Looks at all `paths`; the answers are in the same order. `report` hears how many are done.
pub(crate) fn inspect_all(
    paths: &[PathBuf],
    sidecar_prompts: bool,
    report: &mut dyn FnMut(u64),
) -> Vec<Result<Inspected, SkipReason>> {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::sync_channel(256);
    let mut out: Vec<Option<Result<Inspected, SkipReason>>> = paths.iter().map(|_| None).collect();
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).clamp(1, THREADS);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some((at, path)) = take(paths, next) {
                    if sender.send((at, inspect(path, sidecar_prompts))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (done, (at, result)) in results.iter().enumerate() {
            out[at] = Some(result);
            report(done as u64 + 1);
        }
    });
    // A thread that panicked has ended the scope with its panic, so every slot is filled.
    out.into_iter().map(|slot| slot.expect("each index was taken by one thread")).collect()
}

fn take<'a>(paths: &'a [PathBuf], next: &AtomicUsize) -> Option<(usize, &'a Path)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    paths.get(at).map(|path| (at, path.as_path()))
}

fn inspect(path: &Path, sidecar_prompts: bool) -> Result<Inspected, SkipReason> {
    let (blake3, probe) = imagemill_imaging::facts(path).map_err(|error| match error {
        ImageError::Read(error) => SkipReason::Unreadable { detail: error.to_string() },
        other => SkipReason::NotAPicture { detail: other.to_string() },
    })?;
    Ok(Inspected {
        blake3,
        format: probe.format,
        bytes: probe.bytes,
        size: (probe.width, probe.height),
        prompt: if sidecar_prompts { sidecar::read(path) } else { Ok(None) },
    })
}
