//! Which files a folder, a file name or a glob stands for. Looks at names, kinds and the first bytes; reads nothing else.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::source::{SkipReason, Skipped};

use crate::error::SourceError;
use crate::paths;

/// Suffixes of the formats we read. A file so named counts as a picture that was meant, whatever its bytes are.
const SUFFIXES: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];

/// Suffixes of picture formats that we do not read: worth a word, not silence.
const FOREIGN_SUFFIXES: [&str; 4] = ["heic", "heif", "avif", "jxl"];

/// The folder in which a workspace keeps its own pictures; never a source.
const WORKSPACE: &str = ".imagemill";

/// A file that is to become a source picture.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Absolute; the last part is the file's own name, also for a link.
    pub(crate) path: PathBuf,
    /// As the user would write it.
    pub(crate) shown: String,
    /// Absolute folder that was named, or the folder of a file that was named.
    pub(crate) root: PathBuf,
    /// Path below `root`, with `/`.
    pub(crate) name: String,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) ignored: u64,
    /// Whether hidden files or folders were passed over.
    pub(crate) passed_hidden: bool,
}

/// Where to look and how.
pub(crate) struct Places<'a> {
    pub(crate) base: &'a Path,
    pub(crate) home: Option<&'a Path>,
    pub(crate) hidden: bool,
}

/// Adds to `found` what `typed` stands for. `report` hears the number of candidates now and then.
pub(crate) fn find(
    typed: &str,
    places: &Places<'_>,
    found: &mut Found,
    report: &mut dyn FnMut(u64),
) -> Result<(), SourceError> {
    let path = paths::resolve(typed, places.base, places.home);
    match fs::metadata(&path) {
        Ok(kind) if kind.is_dir() => walk(typed, &path, None, places.hidden, found, report).map(drop),
        Ok(kind) if kind.is_file() => add_file(typed, &path, found),
        Ok(_) => Err(SourceError::unreadable(typed, std::io::Error::other("it is neither a file nor a folder"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => match paths::split_glob(typed) {
            Some((folder, pattern)) => find_glob(typed, &folder, &pattern, places, found, report),
            None if fs::symlink_metadata(&path).is_ok() => {
                Err(SourceError::unreadable(typed, std::io::Error::other("the link leads to nothing")))
            }
            None => Err(paths::missing(typed, &path)),
        },
        Err(error) => Err(SourceError::unreadable(typed, error)),
    }
}

fn find_glob(
    typed: &str,
    folder: &str,
    pattern: &str,
    places: &Places<'_>,
    found: &mut Found,
    report: &mut dyn FnMut(u64),
) -> Result<(), SourceError> {
    let root = paths::resolve(folder, places.base, places.home);
    if !root.is_dir() {
        return Err(paths::missing(folder, &root));
    }
    let matcher = GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|error| SourceError::BadGlob { pattern: typed.to_owned(), detail: error.kind().to_string() })?
        .compile_matcher();
    let parts = (!pattern.contains("**")).then(|| pattern.split('/').count());
    let glob = Glob { matcher, parts };
    let hidden_before = std::mem::take(&mut found.passed_hidden);
    let matched = walk(folder, &root, Some(&glob), places.hidden, found, report)?;
    let passed_hidden = found.passed_hidden;
    found.passed_hidden |= hidden_before;
    if matched {
        Ok(())
    } else {
        Err(SourceError::NoMatch {
            pattern: typed.to_owned(),
            folder: root.display().to_string(),
            hidden: passed_hidden,
        })
    }
}

/// A file that a person named counts whatever it is called; whether it is a picture is seen later.
fn add_file(typed: &str, path: &Path, found: &mut Found) -> Result<(), SourceError> {
    let absolute = paths::absolute(path).map_err(|error| SourceError::unreadable(typed, error))?;
    let (Some(name), Some(root)) = (absolute.file_name().and_then(|name| name.to_str()), absolute.parent()) else {
        found.skipped.push(not_utf8(typed.to_owned()));
        return Ok(());
    };
    let (name, root) = (name.to_owned(), root.to_owned());
    found.candidates.push(Candidate { path: absolute, shown: typed.to_owned(), root, name });
    Ok(())
}

/// A pattern for names below a folder.
struct Glob {
    matcher: GlobMatcher,
    /// Parts of a name it can match; `None` with `**`. Deeper folders need not be read.
    parts: Option<usize>,
}

/// A folder still to be read.
struct Pending {
    path: PathBuf,
    /// Path below the root, with `/`; empty for the root.
    name: String,
    /// Whether the glob matched this folder or one above it: then everything in it counts.
    matched: bool,
}

/// Reads `root` and everything below it; linked folders are reported and not entered, so there are no circles.
/// Answers whether `glob` matched anything.
fn walk(
    typed: &str,
    root: &Path,
    glob: Option<&Glob>,
    hidden: bool,
    found: &mut Found,
    report: &mut dyn FnMut(u64),
) -> Result<bool, SourceError> {
    let root = root.canonicalize().map_err(|error| SourceError::unreadable(typed, error))?;
    let mut any = false;
    let mut pending = vec![Pending { path: root.clone(), name: String::new(), matched: glob.is_none() }];
    while let Some(folder) = pending.pop() {
        let entries = match fs::read_dir(&folder.path) {
            Ok(entries) => entries,
            Err(error) if folder.name.is_empty() => return Err(SourceError::unreadable(typed, error)),
            Err(error) => {
                found.skipped.push(unreadable(shown(typed, &folder.name), &error));
                continue;
            }
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    found.skipped.push(unreadable(shown(typed, &folder.name), &error));
                    break;
                }
            };
            let own = entry.file_name();
            let hidden_name = own.as_encoded_bytes().first() == Some(&b'.');
            if own == WORKSPACE || (hidden_name && !hidden) {
                found.passed_hidden |= own != WORKSPACE;
                continue;
            }
            let Some(own) = own.to_str() else {
                let place = shown(typed, &below(&folder.name, &own.to_string_lossy()));
                found.skipped.push(not_utf8(place));
                continue;
            };
            let name = below(&folder.name, own);
            let matched = folder.matched || glob.is_some_and(|glob| glob.matcher.is_match(&name));
            any |= matched;
            match kind(&entry) {
                Ok(Kind::Folder)
                    if !matched && glob.and_then(|glob| glob.parts).is_some_and(|parts| too_deep(&name, parts)) => {}
                Ok(Kind::Folder) => pending.push(Pending { path: entry.path(), name, matched }),
                Ok(Kind::File) if matched => files.push((own.to_owned(), name)),
                Ok(Kind::LinkedFolder) if matched => {
                    found.skipped.push(Skipped { path: shown(typed, &name), reason: SkipReason::LinkedFolder });
                }
                Err(error) if matched => found.skipped.push(unreadable(shown(typed, &name), &error)),
                _ => {}
            }
        }
        sort_out(typed, &root, &folder.path, files, found);
        report(found.candidates.len() as u64);
    }
    Ok(any)
}

/// Of the files of one folder, those that are named or shaped like pictures.
fn sort_out(typed: &str, root: &Path, folder: &Path, files: Vec<(String, String)>, found: &mut Found) {
    let mut stems = BTreeSet::new();
    let mut others = Vec::new();
    for (own, name) in files {
        let path = folder.join(&own);
        let suffix = suffix(&own);
        if SUFFIXES.contains(&suffix.as_str()) || is_picture(&path) {
            stems.insert(stem(&own).to_owned());
            found.candidates.push(Candidate { path, shown: shown(typed, &name), root: root.to_owned(), name });
        } else if FOREIGN_SUFFIXES.contains(&suffix.as_str()) {
            let detail = format!("{} pictures cannot be read; convert it to PNG or JPEG first", suffix.to_uppercase());
            found.skipped.push(Skipped { path: shown(typed, &name), reason: SkipReason::NotAPicture { detail } });
        } else {
            others.push((own, suffix));
        }
    }
    // The text beside a picture belongs to it and is not a stray file.
    let strays = others.iter().filter(|(own, suffix)| suffix != "txt" || !stems.contains(stem(own)));
    found.ignored += strays.count() as u64;
}

fn too_deep(name: &str, parts: usize) -> bool {
    name.split('/').count() >= parts
}

enum Kind {
    File,
    Folder,
    LinkedFolder,
    Other,
}

fn kind(entry: &fs::DirEntry) -> std::io::Result<Kind> {
    let own = entry.file_type()?;
    if own.is_file() {
        return Ok(Kind::File);
    }
    if own.is_dir() {
        return Ok(Kind::Folder);
    }
    if !own.is_symlink() {
        // Sockets and pipes: opening one could wait for ever.
        return Ok(Kind::Other);
    }
    let target = fs::metadata(entry.path())?;
    Ok(match () {
        () if target.is_file() => Kind::File,
        () if target.is_dir() => Kind::LinkedFolder,
        () => Kind::Other,
    })
}

fn is_picture(path: &Path) -> bool {
    let mut head = Vec::with_capacity(16);
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
    read.is_ok() && PictureFormat::sniff(&head).is_some()
}

fn suffix(own: &str) -> String {
    own.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase()).unwrap_or_default()
}

fn stem(own: &str) -> &str {
    own.rsplit_once('.').map_or(own, |(stem, _)| stem)
}

fn below(folder: &str, own: &str) -> String {
    if folder.is_empty() { own.to_owned() } else { format!("{folder}/{own}") }
}

fn shown(typed: &str, name: &str) -> String {
    match typed.trim_end_matches('/') {
        "" => format!("/{name}"),
        "." => name.to_owned(),
        typed => below(typed, name).trim_end_matches('/').to_owned(),
    }
}

fn unreadable(path: String, error: &std::io::Error) -> Skipped {
    Skipped { path, reason: SkipReason::Unreadable { detail: error.to_string() } }
}

fn not_utf8(path: String) -> Skipped {
    let detail = "its name is not valid Unicode, so it cannot be written down; rename it".to_owned();
    Skipped { path, reason: SkipReason::Unreadable { detail } }
}
