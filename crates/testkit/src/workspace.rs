//! A folder that is gone after the test. It must not know what is in a workspace.

use std::path::{Path, PathBuf};

/// A temporary folder, removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct TempWorkspace {
    folder: tempfile::TempDir,
}

impl TempWorkspace {
    /// An empty one.
    ///
    /// # Panics
    /// When the system's temporary folder cannot be written to: no test can run then.
    #[expect(clippy::new_without_default, reason = "making a folder is an act, not a default value")]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("the temporary folder can be written to") }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of `name` inside it; nothing is made.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders above it, and returns its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        let parent = path.parent().expect("a file inside the folder has a parent");
        std::fs::create_dir_all(parent).expect("the temporary folder can be written to");
        std::fs::write(&path, bytes).expect("the temporary folder can be written to");
        path
    }
}
