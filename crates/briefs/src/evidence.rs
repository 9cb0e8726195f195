//! Files and links that a request names: they must be there, they lie in the active project, and what they held is written down.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::folder::sha256_of;
use crate::problem::Problem;

/// One file or link, as it was when the request was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// As it was written.
    pub named: String,
    /// Hash of its bytes; links and folders have none.
    pub sha256: Option<String>,
    /// Length of the file.
    pub bytes: Option<u64>,
}

impl Evidence {
    /// A link, which nobody looks behind.
    pub fn link(named: &str) -> Self {
        Self { named: named.to_owned(), sha256: None, bytes: None }
    }
}

/// Whether this is an address and no file.
pub fn is_link(named: &str) -> bool {
    let lower = named.to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://")
}

/// Where a named file is: below the project's folder, or where it says when it is absolute.
pub fn place(project: &Path, named: &str) -> PathBuf {
    project.join(named)
}

/// Looks at what `field` names. `asset` is the asset's folder, to notice evidence of another client.
pub fn look(field: &str, named: &str, project: &Path, asset: &Path) -> Result<(Evidence, Option<String>), Problem> {
    if is_link(named) {
        return Ok((Evidence::link(named), None));
    }
    let path = place(project, named);
    let gone = |why: &dyn std::fmt::Display| {
        Problem::wrong(
            field,
            format!("{field} names {named}, which cannot be read ({why}); paths start at the workspace's folder"),
        )
    };
    let real = path.canonicalize().map_err(|error| gone(&error))?;
    let root = project.canonicalize().map_err(|error| gone(&error))?;
    if !real.starts_with(&root) {
        let message =
            format!("{field} names {named}, which lies outside of the active project; copy it into the project first");
        return Err(Problem::wrong(field, message));
    }
    let warning = match (client(&real), client(asset)) {
        (Some(other), Some(ours)) if other != ours => {
            Some(format!("{field} names {named}, which belongs to the client {other}, and the asset belongs to {ours}"))
        }
        _ => None,
    };
    if real.is_dir() {
        return Ok((Evidence::link(named), warning));
    }
    let sha256 = sha256_of(&real).map_err(|error| gone(&error))?;
    let bytes = std::fs::metadata(&real).map_err(|error| gone(&error))?.len();
    Ok((Evidence { named: named.to_owned(), sha256: Some(sha256), bytes: Some(bytes) }, warning))
}

/// The customer whose folder a path is in.
fn client(path: &Path) -> Option<String> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    let parts: Vec<String> = parts.collect();
    let at = parts.iter().position(|part| matches!(part.as_str(), "customers" | "clients"))?;
    parts.get(at + 1).cloned()
}
