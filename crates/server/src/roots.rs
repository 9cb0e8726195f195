//! The folders that requests may name. A server that other machines reach has few; on this machine alone every folder of its
//! user may be named, as on the command line.

use std::path::{Component, Path, PathBuf};

use crate::error::{Answer, ApiError};

/// Allowed folders, without links in their paths.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    allowed: Option<Vec<PathBuf>>,
    shown: Vec<PathBuf>,
}

impl Roots {
    /// Every folder; `shown` are where a person may want to begin.
    pub(crate) fn all(shown: Vec<PathBuf>) -> Self {
        Self { allowed: None, shown }
    }

    /// These and what is below them.
    pub(crate) fn only(folders: &[PathBuf]) -> std::io::Result<Self> {
        let allowed: Vec<PathBuf> = folders.iter().map(std::fs::canonicalize).collect::<Result<_, _>>()?;
        Ok(Self { shown: allowed.clone(), allowed: Some(allowed) })
    }

    /// Where a person may want to begin.
    pub(crate) fn shown(&self) -> &[PathBuf] {
        &self.shown
    }

    /// Whether every folder may be named.
    pub(crate) fn are_all(&self) -> bool {
        self.allowed.is_none()
    }

    /// Refuses a path that lies, or leads, outside. Of a path that is not there yet, or is a pattern, the part that is there
    /// counts.
    pub(crate) fn check(&self, path: &Path) -> Answer<()> {
        let Some(allowed) = &self.allowed else { return Ok(()) };
        let refused = || {
            ApiError::forbidden("outside", format!("{} is outside the folders that may be used here", path.display()))
                .help("name a folder below those that the server was started with (--root)")
        };
        if path.components().any(|part| part == Component::ParentDir) || !path.is_absolute() {
            return Err(refused());
        }
        let there = path.ancestors().find_map(|ancestor| std::fs::canonicalize(ancestor).ok()).ok_or_else(refused)?;
        if allowed.iter().any(|root| there.starts_with(root)) { Ok(()) } else { Err(refused()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_outside() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::create_dir_all(inside.join("sub")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        let roots = Roots::only(std::slice::from_ref(&inside)).unwrap();
        assert!(roots.check(&inside.join("sub")).is_ok() && roots.check(&inside.join("new/er")).is_ok());
        assert!(roots.check(&inside.join("*.png")).is_ok());
        for path in [outside.clone(), inside.join("../out"), PathBuf::from("in"), PathBuf::from("/")] {
            assert!(roots.check(&path).is_err(), "{}", path.display());
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
            assert!(roots.check(&inside.join("link")).is_err());
            assert!(roots.check(&inside.join("link/x.png")).is_err());
        }
        assert!(Roots::all(Vec::new()).check(&outside).is_ok());
    }
}
