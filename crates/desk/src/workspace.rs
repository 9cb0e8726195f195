//! The workspace: which folder it is, what lies in it, and who owns it. One process at a time runs jobs of a workspace; the
//! others read, or write rows which the owner acts on.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clock::now_us;
use crate::error::DeskError;

/// Name of the folder with the state.
const STATE_FOLDER: &str = ".imagemill";

/// A workspace by place. It may not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// The folder that holds `.imagemill/`.
    pub root: PathBuf,
}

impl Workspace {
    /// `named` (--workspace), IMAGEMILL_WORKSPACE, APP_DATA_DIR, the nearest folder upwards that has one, else the current
    /// folder. Empty variables are unset.
    pub fn find(named: Option<&Path>, current: &Path, variable: impl Fn(&str) -> Option<String>) -> Self {
        let from_environment = || {
            ["IMAGEMILL_WORKSPACE", "APP_DATA_DIR"]
                .into_iter()
                .find_map(|name| variable(name).filter(|value| !value.is_empty()))
                .map(PathBuf::from)
        };
        let root = match named.map(Path::to_path_buf).or_else(from_environment) {
            // Both `X` and `X/.imagemill` name the same one.
            Some(path) if path.file_name().is_some_and(|name| name == STATE_FOLDER) => {
                path.parent().map(Path::to_path_buf).unwrap_or_default()
            }
            Some(path) => path,
            None => {
                current.ancestors().find(|folder| folder.join(STATE_FOLDER).is_dir()).unwrap_or(current).to_path_buf()
            }
        };
        Self { root: current.join(root) }
    }

    /// The folder with the state.
    pub fn state(&self) -> PathBuf {
        self.root.join(STATE_FOLDER)
    }

    /// Whether anything was run here.
    pub fn exists(&self) -> bool {
        self.database().is_file()
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.state().join("db.sqlite")
    }

    /// The logs.
    pub fn logs(&self) -> PathBuf {
        self.state().join("logs")
    }

    /// The workspace's own configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.root.join("imagemill.toml")
    }

    /// Settings that were made in the console; nobody writes them by hand.
    pub fn settings_file(&self) -> PathBuf {
        self.state().join("settings.toml")
    }

    /// Keys that were typed in the console, one file a profile.
    pub fn keys(&self) -> PathBuf {
        self.state().join("keys")
    }

    /// Makes the folders.
    pub fn create(&self) -> Result<(), DeskError> {
        for folder in [self.state(), self.logs()] {
            std::fs::create_dir_all(&folder).map_err(|source| DeskError::Folder { folder, source })?;
        }
        // The state is nothing for version control.
        let ignore = self.state().join(".gitignore");
        if !ignore.exists() {
            let _ = std::fs::write(ignore, "*\n");
        }
        Ok(())
    }

    /// Who runs the workspace now, without becoming the owner.
    pub fn owner(&self) -> Option<Owner> {
        let mut file = File::open(self.state().join("lock")).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read_owner(&mut file)),
            // Nobody, or nobody can tell.
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }

    /// Becomes the owner, or says who is.
    pub fn claim(&self, command: &str) -> Result<Claim, DeskError> {
        let mut claim = self.try_claim(command)?;
        // Somebody who only looks holds the lock for less than a millisecond.
        for _ in 0..3 {
            if matches!(claim, Claim::Mine(_)) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
            claim = self.try_claim(command)?;
        }
        Ok(claim)
    }

    fn try_claim(&self, command: &str) -> Result<Claim, DeskError> {
        let path = self.state().join("lock");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| DeskError::File { what: "cannot open the lock file", path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => {
                let owner = Owner {
                    pid: std::process::id(),
                    host: host_name(),
                    started_us: now_us(),
                    command: command.to_owned(),
                };
                let text = serde_json::to_string(&owner).expect("an owner always serialises");
                let write = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
                write.map_err(|source| DeskError::File { what: "cannot write the lock file", path, source })?;
                Ok(Claim::Mine(OwnerLock { _file: file }))
            }
            Err(TryLockError::WouldBlock) => Ok(Claim::Theirs(read_owner(&mut file))),
            Err(TryLockError::Error(error)) => {
                Err(DeskError::CannotLock { path, owner: read_owner(&mut file), source: error })
            }
        }
    }
}

/// Who runs a workspace.
#[derive(Debug)]
pub enum Claim {
    /// We do, until the lock is dropped.
    Mine(OwnerLock),
    /// Another process does.
    Theirs(Owner),
}

/// Held for as long as this process is the owner; the system frees it when the process ends in whatever way.
#[derive(Debug)]
pub struct OwnerLock {
    _file: File,
}

/// The owner as written into the lock file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// Process.
    pub pid: u32,
    /// Machine.
    pub host: String,
    /// Since when, microseconds since 1970.
    pub started_us: i64,
    /// What it was started as.
    pub command: String,
}

impl Owner {
    /// Whether it runs on this machine, so that its work can be followed through the database.
    pub fn is_here(&self) -> bool {
        self.host.is_empty() || self.host == host_name()
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pid == 0 {
            return f.write_str("an unknown process");
        }
        write!(f, "process {} on {}", self.pid, self.host)?;
        if !self.command.is_empty() {
            write!(f, " (imagemill {})", self.command)?;
        }
        Ok(())
    }
}

fn read_owner(file: &mut File) -> Owner {
    let mut text = String::new();
    // The owner may be between locking and writing: then it is simply not known yet.
    let _ = file.rewind().and_then(|()| file.take(4_096).read_to_string(&mut text));
    serde_json::from_str(&text).unwrap_or_default()
}

/// This machine's name.
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .or_else(|| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_by_flag_then_environment_then_upwards() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::create_dir(folder.path().join(STATE_FOLDER)).unwrap();
        let nothing = |_: &str| None;
        assert_eq!(Workspace::find(None, &deep, nothing).root, folder.path());
        let environment = |name: &str| (name == "APP_DATA_DIR").then(|| "/data".to_owned());
        assert_eq!(Workspace::find(None, &deep, environment).root, Path::new("/data"));
        assert_eq!(Workspace::find(Some(Path::new("x")), &deep, environment).root, deep.join("x"));
        assert_eq!(Workspace::find(Some(Path::new("x/.imagemill")), &deep, nothing).root, deep.join("x"));
        let empty = |_: &str| Some(String::new());
        assert_eq!(Workspace::find(None, &deep, empty).root, folder.path());
    }

    #[test]
    fn only_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace { root: folder.path().into() };
        workspace.create().unwrap();
        let first = workspace.claim("run a.toml").unwrap();
        assert!(matches!(first, Claim::Mine(_)));
        let Claim::Theirs(owner) = workspace.claim("run b.toml").unwrap() else { panic!("two owners") };
        assert_eq!((owner.pid, owner.command.as_str()), (std::process::id(), "run a.toml"));
        assert!(owner.is_here());
        drop(first);
        assert!(matches!(workspace.claim("again").unwrap(), Claim::Mine(_)));
    }
}
