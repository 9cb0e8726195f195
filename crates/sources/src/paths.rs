//! What a path that a person typed means: `~`, relative paths, globs, and a good word when it is not there.

use std::path::{Component, Path, PathBuf};

use crate::error::SourceError;

/// The characters that make a path a glob when no file of that very name exists.
const GLOB: [char; 4] = ['*', '?', '[', '{'];

/// `~` and `~/…` by `home`; relative paths below `base`.
pub(crate) fn resolve(typed: &str, base: &Path, home: Option<&Path>) -> PathBuf {
    let path = Path::new(typed);
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) if rest.as_os_str().is_empty() => home.to_owned(),
        (Ok(rest), Some(home)) => home.join(rest),
        _ => base.join(path),
    }
}

/// Splits a glob into the folder before its first special part and the pattern below it; `None` when it is none.
pub(crate) fn split_glob(typed: &str) -> Option<(String, String)> {
    let special = typed.find(GLOB)?;
    match typed[..special].rfind('/') {
        Some(0) => Some(("/".to_owned(), typed[1..].to_owned())),
        Some(slash) => Some((typed[..slash].to_owned(), typed[slash + 1..].to_owned())),
        None => Some((".".to_owned(), typed.to_owned())),
    }
}

/// The absolute path of a file or folder that exists, with links in the folders above it resolved and its own name kept:
/// a linked file stays known under its own name.
pub(crate) fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            Ok(parent.canonicalize()?.join(name))
        }
        // "..", "." at the end or the root: there is no own name to keep.
        _ => path.canonicalize(),
    }
}

/// The error for `typed`, which was looked for at `path`, with the nearest folder and a similar name.
pub(crate) fn missing(typed: &str, path: &Path) -> SourceError {
    let nearest = path.ancestors().skip(1).find(|folder| folder.is_dir());
    // A similar name helps only for the first part that is missing.
    let wanted =
        nearest.and_then(|folder| path.strip_prefix(folder).ok()).and_then(|rest| match rest.components().next() {
            Some(Component::Normal(name)) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        });
    let similar = nearest.zip(wanted).and_then(|(folder, wanted)| similar(folder, &wanted));
    SourceError::Missing {
        path: typed.to_owned(),
        nearest: nearest.filter(|folder| !folder.as_os_str().is_empty()).map(|folder| folder.display().to_string()),
        similar: similar.map(|path| path.display().to_string()),
    }
}

/// The entry of `folder` whose name is nearest to `wanted`, if any is near enough to be a slip of the finger.
fn similar(folder: &Path, wanted: &str) -> Option<PathBuf> {
    let folded = wanted.to_lowercase();
    let allowed = (wanted.chars().count() / 3).clamp(1, 3);
    std::fs::read_dir(folder)
        .ok()?
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|name| (distance(&name.to_lowercase(), &folded), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| folder.join(name))
}

/// Edits (insert, remove, replace one character) between two names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tilde_and_relative_paths() {
        let (base, home) = (Path::new("/jobs"), Some(Path::new("/home/ada")));
        assert_eq!(resolve("~/photos", base, home), Path::new("/home/ada/photos"));
        assert_eq!(resolve("~", base, home), Path::new("/home/ada"));
        assert_eq!(resolve("~other", base, home), Path::new("/jobs/~other"));
        assert_eq!(resolve("photos", base, home), Path::new("/jobs/photos"));
        assert_eq!(resolve("/photos", base, home), Path::new("/photos"));
    }

    #[test]
    fn globs_split_before_the_first_special_part() {
        let split = |typed| split_glob(typed).map(|(folder, pattern)| format!("{folder} + {pattern}"));
        assert_eq!(split("photos/**/*.png").as_deref(), Some("photos + **/*.png"));
        assert_eq!(split("*.png").as_deref(), Some(". + *.png"));
        assert_eq!(split("/*.png").as_deref(), Some("/ + *.png"));
        assert_eq!(split("a/b[12]/c.png").as_deref(), Some("a + b[12]/c.png"));
        assert_eq!(split("photos/a.png"), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("photos", "photos"), 0);
        assert_eq!(distance("photo", "photos"), 1);
        assert_eq!(distance("phtoos", "photos"), 2);
        assert_eq!(distance("", "夜景"), 2);
    }
}
