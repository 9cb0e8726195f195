//! Folders made for one test, and a scan told as text.

use std::fs;
use std::path::{Path, PathBuf};

use imagemill_domain::job_file::{RecipeName, SourceSection};
use imagemill_domain::source::Scan;
use imagemill_sources::{ScanProgress, SourceError, scan};
use tempfile::TempDir;

/// The smallest whole picture: one pixel of the colour `seed`, as a Windows bitmap.
pub(crate) fn picture(seed: u32) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    for number in [58_u32, 0, 54, 40, 1, 1] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([1, 0, 24, 0]);
    for number in [0_u32, 4, 0, 0, 0, 0, seed & 0x00ff_ffff] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

/// A folder that is gone when the test ends.
pub(crate) struct Tree(TempDir);

impl Tree {
    /// With a different picture under each of `names`.
    pub(crate) fn of(names: &[&str]) -> Self {
        let tree = Self(TempDir::new().unwrap());
        for (seed, name) in names.iter().enumerate() {
            tree.write(name, &picture(seed as u32));
        }
        tree
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> &Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn scan(&self, section: &SourceSection) -> Result<Scan, SourceError> {
        scan_in(self.0.path(), section)
    }

    /// Scans `paths`; everything else as it is by default.
    pub(crate) fn scan_paths(&self, paths: &[&str]) -> Result<Scan, SourceError> {
        self.scan(&section(paths))
    }

    /// The sentence that a person gets for a scan that must fail.
    pub(crate) fn error(&self, section: &SourceSection) -> String {
        self.scan(section).unwrap_err().to_string().replace(&self.path().display().to_string(), "BASE")
    }
}

pub(crate) fn section(paths: &[&str]) -> SourceSection {
    SourceSection { paths: paths.iter().map(ToString::to_string).collect(), ..SourceSection::default() }
}

pub(crate) fn scan_in(base: &Path, section: &SourceSection) -> Result<Scan, SourceError> {
    let mut last = ScanProgress::default();
    let result = scan(section, base, RecipeName::Edit, &mut |progress| {
        assert!(progress.checked >= last.checked, "progress never goes back");
        last = progress;
    });
    assert!(result.is_err() || last.checked == last.found, "the last word on progress is that all is done: {last:?}");
    result
}

/// Names of the items' first pictures, in order.
pub(crate) fn names(scan: &Scan) -> Vec<&str> {
    scan.items.iter().map(|item| item.pictures[0].name.as_str()).collect()
}

/// What was left out: path and reason.
pub(crate) fn skipped(scan: &Scan) -> Vec<String> {
    scan.skipped.iter().map(|skipped| format!("{}: {}", skipped.path, skipped.reason)).collect()
}
