//! Whether a file is a picture that slides can show. It is decoded whole, because a file that was cut has a header and no end; what was
//! seen is remembered as long as the file's length and time stay, because a deck is looked at far more often than it changes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use imagemill_imaging::{Bytes, look_of, probe};

/// Files remembered; some hundred bytes each.
const REMEMBERED: usize = 4_096;

/// What a file was found to be.
#[derive(Clone)]
pub(crate) struct Seen {
    /// Its content, whatever it is.
    pub(crate) content: ContentHash,
    /// Format, width and height; else why slides cannot show it.
    pub(crate) shown: Result<(PictureFormat, u32, u32), String>,
}

type Known = HashMap<PathBuf, (u64, SystemTime, Seen)>;

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// Looks at a file; the error is that there is none.
pub(crate) fn at(path: &Path) -> Result<Seen, String> {
    let metadata = std::fs::metadata(path).map_err(|_| "there is no picture".to_owned())?;
    if !metadata.is_file() {
        return Err("the picture is no file".to_owned());
    }
    let (length, time) = (metadata.len(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, _, seen)) = known().get(path).filter(|(at, when, _)| (*at, *when) == (length, time)) {
        return Ok(seen.clone());
    }
    let bytes = std::fs::read(path).map_err(|error| format!("the picture cannot be read: {error}"))?;
    let seen = Seen { content: ContentHash::of(&bytes), shown: shown(path, &bytes) };
    let mut known = known();
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(path.to_path_buf(), (length, time, seen.clone()));
    Ok(seen)
}

fn shown(path: &Path, bytes: &[u8]) -> Result<(PictureFormat, u32, u32), String> {
    if bytes.is_empty() {
        return Err("the picture's file is empty".to_owned());
    }
    let unreadable = |error: imagemill_imaging::ImageError| format!("the picture cannot be read: {error}");
    let found = probe(Bytes::Memory(bytes)).map_err(unreadable)?;
    if found.format == PictureFormat::Webp {
        return Err("the picture is WebP, which slides cannot show; save it as PNG or JPEG".to_owned());
    }
    look_of(path).map_err(unreadable)?;
    Ok((found.format, found.width, found.height))
}
