//! An asset's folder on the disk: paths below it, one writer at a time, files that are whole or not there. It must not know what
//! the documents in it mean.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Something in an asset's folder cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The disk or the system said no.
    #[error("{what} {}: {source}", .path.display())]
    Disk {
        /// What was attempted.
        what: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A record that was written by another program, or half.
    #[error("the record {} is not JSON: {source}; set it right or move it away", .path.display())]
    NotJson {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A run's request that another program recorded.
    #[error("{} was written by another program, so its run cannot be continued here; give a new runId", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// Verdicts that another program recorded in a form of its own.
    #[error("{} was written by another program in a form of its own; move it away, and give the verdicts anew", .path.display())]
    ForeignDecisions {
        /// Which.
        path: PathBuf,
    },
    /// Something stands where a new file was to go.
    #[error("{} is there already and is another file; nothing is ever overwritten: move it away", .path.display())]
    Taken {
        /// Which.
        path: PathBuf,
    },
    /// Another process writes into the folder.
    #[error("another imagemill writes into {}; try again when it has ended", .path.display())]
    Busy {
        /// The asset's folder.
        path: PathBuf,
    },
    /// The folder is no asset's.
    #[error("{} has no asset.json and no runs/; name the folder of one asset, or a folder that holds such folders", .path.display())]
    NoAsset {
        /// Which.
        path: PathBuf,
    },
}

impl FolderError {
    pub(crate) fn disk(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { what, path, source }
    }
}

/// Kept while one process writes; the lock goes with it.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "closing it ends the lock")] File);

/// One asset's folder.
#[derive(Clone, Debug)]
pub struct AssetFolder {
    root: PathBuf,
}

impl AssetFolder {
    /// The folder at `root`, which need not exist yet.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path in it from its relative form with `/`.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Becomes its only writer. `locks` is a folder for lock files, so that none lies among the user's.
    pub fn lock(&self, locks: &Path) -> Result<FolderLock, FolderError> {
        fs::create_dir_all(locks).map_err(FolderError::disk("cannot make the folder", locks))?;
        let absolute = std::path::absolute(&self.root).unwrap_or_else(|_| self.root.clone());
        let name = hex::encode(&Sha256::digest(absolute.as_os_str().as_encoded_bytes())[..8]);
        let path = locks.join(format!("{name}.lock"));
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(FolderError::disk("cannot open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock(file)),
            Err(fs::TryLockError::WouldBlock) => Err(FolderError::Busy { path: self.root.clone() }),
            Err(fs::TryLockError::Error(source)) => Err(FolderError::disk("cannot lock", &path)(source)),
        }
    }

    /// A record; `None` when there is none.
    pub fn json(&self, relative: &str) -> Result<Option<Value>, FolderError> {
        let path = self.path(relative);
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|source| FolderError::NotJson { path, source })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FolderError::disk("cannot read", &path)(error)),
        }
    }

    /// Writes a record whole, in place of an older one. The same content is not written again.
    pub fn put_json(&self, relative: &str, value: &Value) -> Result<(), FolderError> {
        let mut text = serde_json::to_vec_pretty(value).expect("a JSON value always serialises");
        text.push(b'\n');
        let path = self.path(relative);
        if fs::read(&path).is_ok_and(|known| known == text) {
            return Ok(());
        }
        self.whole(&path, |file| file.write_all(&text), |from, to| fs::rename(from, to))
    }

    /// Copies a file in. The same bytes may be there already; other bytes are never replaced.
    pub fn put_file(&self, relative: &str, from: &Path) -> Result<(), FolderError> {
        let path = self.path(relative);
        if path.exists() {
            let same = sha256_of(&path)? == sha256_of(from)?;
            return if same { Ok(()) } else { Err(FolderError::Taken { path }) };
        }
        let mut source = File::open(from).map_err(FolderError::disk("cannot read", from))?;
        let placed = |part: &Path, path: &Path| match fs::hard_link(part, path) {
            Ok(()) => fs::remove_file(part),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            // Not every file system has links; then nothing stands between the look above and this.
            Err(_) => fs::rename(part, path),
        };
        self.whole(&path, |file| io::copy(&mut source, file).map(drop), placed)
    }

    /// Moves a file within the folder. The same bytes may be there already; other bytes are never replaced.
    pub(crate) fn move_file(&self, from: &str, to: &str) -> Result<(), FolderError> {
        let (from, to) = (self.path(from), self.path(to));
        let folder = to.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&folder).map_err(FolderError::disk("cannot make the folder", &folder))?;
        // A link fails where something is, so nothing that came in between is replaced; not every file system has links.
        let moved = match fs::hard_link(&from, &to) {
            Ok(()) => fs::remove_file(&from),
            Err(_) if to.exists() => {
                if sha256_of(&to)? != sha256_of(&from)? {
                    return Err(FolderError::Taken { path: to });
                }
                fs::remove_file(&from)
            }
            Err(_) => fs::rename(&from, &to),
        };
        moved.map_err(FolderError::disk("cannot move", &from))?;
        for folder in [Some(folder.as_path()), from.parent()].into_iter().flatten() {
            if let Ok(folder) = File::open(folder) {
                let _ = folder.sync_all();
            }
        }
        Ok(())
    }

    /// Writes beside and puts in place, synced before and after.
    fn whole(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
        place: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(FolderError::disk("cannot make the folder", folder))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let part = folder.join(format!(".{name}.{}.part", std::process::id()));
        let written = File::create(&part).and_then(|mut file| fill(&mut file).and_then(|()| file.sync_all()));
        let placed = written.and_then(|()| place(&part, path)).inspect_err(|_| {
            let _ = fs::remove_file(&part);
        });
        placed.map_err(FolderError::disk("cannot write", path))?;
        // Not every system lets a folder be synced; its files are.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// The files below a folder of it, as relative paths with `/`, sorted; none when it is not there. Hidden files and half-written
    /// ones do not count.
    pub fn files(&self, relative: &str) -> Result<Vec<String>, FolderError> {
        let mut found = Vec::new();
        let mut folders = vec![relative.to_owned()];
        while let Some(folder) = folders.pop() {
            let path = self.path(&folder);
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(FolderError::disk("cannot look into", &path)(error)),
            };
            for entry in entries {
                let entry = entry.map_err(FolderError::disk("cannot look into", &path))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with('.') {
                    continue;
                }
                let inner = format!("{folder}/{name}");
                let kind = entry.file_type().map_err(FolderError::disk("cannot look at", &path))?;
                // A link to a folder could lead round in circles.
                if kind.is_dir() { folders.push(inner) } else { found.push(inner) }
            }
        }
        found.sort();
        Ok(found)
    }
}

/// `sha256:` and the hex form of the hash of a file's bytes.
pub fn sha256_of(path: &Path) -> Result<String, FolderError> {
    let wrong = || FolderError::disk("cannot read", path);
    let mut file = File::open(path).map_err(wrong())?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 128 << 10]);
    loop {
        match file.read(&mut buffer).map_err(wrong())? {
            0 => return Ok(format!("sha256:{}", hex::encode(hash.finalize()))),
            count => hash.update(&buffer[..count]),
        }
    }
}
