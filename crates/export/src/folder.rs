//! The output folder on the disk: looks at files, copies and writes them so that nobody ever sees a half one, and never
//! goes outside. Knows nothing of rules and names.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use imagemill_domain::hash::ContentHash;

const BUFFER_BYTES: usize = 256 << 10;

/// After so many files the earlier ones are synced: enough for the disk to work ahead, few enough to keep in mind.
const SYNC_EVERY: usize = 512;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum There {
    Nothing,
    /// A file with the bytes that are wanted.
    Same,
    /// A file with other bytes, a link or a folder.
    Other,
}

/// Why a file was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// No room; nothing more can be written.
    Full,
    /// The bytes to copy are not the ones that were expected.
    Changed,
    /// Something else, in plain words.
    Failed(String),
}

/// The output folder. Files are named by their path below it, with `/`.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    /// Folders below the root that are real folders, not links that lead out.
    inside: HashSet<PathBuf>,
    unsynced: Vec<PathBuf>,
    touched: BTreeSet<PathBuf>,
    temporary: u64,
}

impl Folder {
    /// The folder at `path`; made unless `dry_run`.
    pub(crate) fn open(path: &Path, dry_run: bool) -> io::Result<Self> {
        if !dry_run {
            fs::create_dir_all(path)?;
        }
        let root = match path.canonicalize() {
            Err(error) if error.kind() == ErrorKind::NotFound => std::path::absolute(path)?,
            other => other?,
        };
        if root.exists() && !root.is_dir() {
            return Err(io::Error::new(ErrorKind::NotADirectory, "it is a file, not a folder"));
        }
        Ok(Self { root, inside: HashSet::new(), unsynced: Vec::new(), touched: BTreeSet::new(), temporary: 0 })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// What lies at `file`, compared with `content` (and with `bytes`, its length, where that is known).
    pub(crate) fn look(&self, file: &str, content: &ContentHash, bytes: Option<u64>) -> There {
        let path = self.path(file);
        match fs::symlink_metadata(&path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => There::Nothing,
            Ok(found) if found.is_file() && bytes.is_none_or(|bytes| bytes == found.len()) => {
                // A file that cannot be read is another one: it is not ours to judge.
                if hash_of(&path).is_ok_and(|hash| hash == *content) { There::Same } else { There::Other }
            }
            _ => There::Other,
        }
    }

    /// Refuses a file whose folders lead out of the root through a link. Looks only.
    pub(crate) fn check_inside(&mut self, file: &str) -> Result<(), String> {
        let Some((folders, _)) = file.rsplit_once('/') else { return Ok(()) };
        let mut path = self.root.clone();
        for part in folders.split('/') {
            path.push(part);
            if self.inside.contains(&path) {
                continue;
            }
            match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(format!("{} cannot be looked into: {error}", path.display())),
                Ok(found) if found.is_symlink() => {
                    let real =
                        path.canonicalize().map_err(|error| format!("{} leads nowhere: {error}", path.display()))?;
                    if !real.starts_with(&self.root) {
                        return Err(format!("{} is a link that leads out of the output folder", path.display()));
                    }
                }
                Ok(found) if !found.is_dir() => return Err(format!("{} is a file, not a folder", path.display())),
                Ok(_) => {}
            }
            self.inside.insert(path.clone());
        }
        Ok(())
    }

    /// Copies `from` to `file` if its bytes are `expected`. Replaces what is there.
    pub(crate) fn copy(&mut self, from: &Path, file: &str, expected: &ContentHash) -> Result<(), WriteError> {
        let mut input = File::open(from).map_err(|error| WriteError::Failed(format!("it cannot be read: {error}")))?;
        self.put(file, |output| {
            let hash = pump(&mut input, output)?;
            if hash == *expected { Ok(()) } else { Err(WriteError::Changed) }
        })
    }

    /// Writes `bytes` to `file`. Replaces what is there.
    pub(crate) fn write(&mut self, file: &str, bytes: &[u8]) -> Result<(), WriteError> {
        self.put(file, |output| output.write_all(bytes).map_err(WriteError::from))
    }

    /// A new file with a name of its own, to become `file` by [`Folder::finish`].
    pub(crate) fn begin(&mut self, file: &str) -> Result<(File, PathBuf), WriteError> {
        let target = self.path(file);
        let folder = target.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&folder)?;
        loop {
            self.temporary += 1;
            let temporary = folder.join(format!(".imagemill-{}-{}.part", std::process::id(), self.temporary));
            match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(output) => return Ok((output, temporary)),
                // Left behind by a process of the same number that was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives a file from [`Folder::begin`] its name.
    pub(crate) fn finish(&mut self, temporary: &Path, file: &str) -> Result<(), WriteError> {
        let target = self.path(file);
        if let Err(error) = fs::rename(temporary, &target) {
            remove(temporary);
            return Err(error.into());
        }
        if let Some(folder) = target.parent() {
            self.touched.insert(folder.to_owned());
        }
        self.unsynced.push(target);
        if self.unsynced.len() >= SYNC_EVERY {
            self.sync_files()?;
        }
        Ok(())
    }

    /// Waits until everything that was written is on the disk.
    pub(crate) fn sync(&mut self) -> Result<(), WriteError> {
        self.sync_files()?;
        for folder in std::mem::take(&mut self.touched) {
            // Not every system lets a folder be synced; its files are.
            if let Ok(folder) = File::open(folder) {
                let _ = folder.sync_all();
            }
        }
        Ok(())
    }

    fn sync_files(&mut self) -> io::Result<()> {
        for path in self.unsynced.drain(..) {
            match File::open(&path) {
                Ok(file) => file.sync_all()?,
                // Somebody moved it away meanwhile: theirs to keep.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn put(&mut self, file: &str, fill: impl FnOnce(&mut File) -> Result<(), WriteError>) -> Result<(), WriteError> {
        self.check_inside(file).map_err(WriteError::Failed)?;
        let (mut output, temporary) = self.begin(file)?;
        if let Err(error) = fill(&mut output) {
            drop(output);
            remove(&temporary);
            return Err(error);
        }
        drop(output);
        self.finish(&temporary, file)
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// BLAKE3 of a file, read in pieces.
pub(crate) fn hash_of(path: &Path) -> io::Result<ContentHash> {
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut io::BufReader::with_capacity(BUFFER_BYTES, File::open(path)?), &mut hasher)?;
    Ok(ContentHash(*hasher.finalize().as_bytes()))
}

/// Copies all bytes and hashes them on the way.
fn pump(input: &mut File, output: &mut File) -> Result<ContentHash, WriteError> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read =
            input.read(&mut buffer).map_err(|error| WriteError::Failed(format!("it cannot be read: {error}")))?;
        if read == 0 {
            return Ok(ContentHash(*hasher.finalize().as_bytes()));
        }
        hasher.update(&buffer[..read]);
        output.write_all(&buffer[..read])?;
    }
}

/// A temporary file that stays costs space and nothing else.
pub(crate) fn remove(temporary: &Path) {
    if let Err(error) = fs::remove_file(temporary) {
        tracing::debug!(path = %temporary.display(), %error, "a temporary file stays behind");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart() {
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            assert!(matches!(WriteError::from(io::Error::from(kind)), WriteError::Full));
        }
        assert!(matches!(WriteError::from(io::Error::from(ErrorKind::PermissionDenied)), WriteError::Failed(_)));
    }

    #[test]
    fn what_fails_on_the_way_leaves_nothing_behind() {
        let temporary = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(temporary.path(), false).unwrap();
        fs::write(temporary.path().join("from"), "changed").unwrap();
        let from = folder.path("from");
        let outcome = folder.copy(&from, "sub/to", &ContentHash::of(b"expected"));
        assert!(matches!(outcome, Err(WriteError::Changed)));
        let full = folder.put("sub/to", |_| Err(WriteError::Full));
        assert!(matches!(full, Err(WriteError::Full)));
        assert_eq!(fs::read_dir(folder.path("sub")).unwrap().count(), 0);
    }
}
