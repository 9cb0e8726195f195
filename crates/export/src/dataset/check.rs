//! Reads a written data set again and says what is wrong with it: files that are missing or changed, pictures that do not decode, captions
//! that are empty, partners that are missing, look-alikes on both sides of a split. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use imagemill_imaging::{near_duplicates, phash_of};
use serde::Serialize;

use super::item::{DatasetError, Split};
use super::likeness::BITS;
use super::record::{FILE, Record};
use super::release;
use super::write::{sha256_of, side_by_side};
use crate::save::blocking;

/// Suffixes of picture files.
const PICTURES: [&str; 7] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif"];

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The rule by its stable word.
    pub rule: &'static str,
    /// The file, below the folder.
    pub file: String,
    /// In plain words.
    pub message: String,
}

/// What a check found. Serialises as the `--json` answer of `imagemill export check`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The form, as `dataset.json` says.
    pub form: String,
    /// Files that were looked at.
    pub files: u64,
    /// Pictures that were decoded.
    pub pictures: u64,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// Checks a folder.
///
/// # Errors
/// A folder that cannot be read, or that no export wrote.
pub async fn check(folder: PathBuf) -> Result<Checked, DatasetError> {
    blocking(move || check_now(&folder)).await
}

fn check_now(folder: &Path) -> Result<Checked, DatasetError> {
    let not_one =
        |message: &str| DatasetError::NotOne { folder: folder.display().to_string(), message: message.to_owned() };
    let record = Record::read(folder).ok_or_else(|| not_one("it has no dataset.json that imagemill wrote"))?;
    let mut faults = Vec::new();
    if !record.complete {
        faults.push(fault("incomplete", FILE, "the export was cut; run it again"));
    }
    let there = files_of(folder).map_err(|error| not_one(&error.to_string()))?;
    check_files(folder, &record, &there, &mut faults)?;
    let pictures = check_pictures(folder, &record, &there, &mut faults)?;
    if record.form == release::FORM {
        let pictures: Vec<&String> = there.iter().filter(|file| is_picture(file)).collect();
        release::check_rows(folder, &record, &pictures, &mut faults);
    }
    faults.sort();
    Ok(Checked { form: record.form, files: there.len() as u64, pictures, faults })
}

pub(crate) fn fault(rule: &'static str, file: &str, message: impl Into<String>) -> Fault {
    Fault { rule, file: file.to_owned(), message: message.into() }
}

fn suffix(file: &str) -> String {
    file.rsplit_once('.').map_or_else(String::new, |(_, suffix)| suffix.to_ascii_lowercase())
}

fn is_picture(file: &str) -> bool {
    PICTURES.contains(&suffix(file).as_str())
}

fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// All files of the folder, below it and with `/`.
fn files_of(folder: &Path) -> std::io::Result<BTreeSet<String>> {
    let (mut files, mut open) = (BTreeSet::new(), vec![String::new()]);
    while let Some(below) = open.pop() {
        for entry in std::fs::read_dir(folder.join(&below))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else if path != FILE {
                files.insert(path);
            }
        }
    }
    Ok(files)
}

/// Every file is what `dataset.json` says, and there is no other. A caption may be changed by a person.
fn check_files(
    folder: &Path,
    record: &Record,
    there: &BTreeSet<String>,
    faults: &mut Vec<Fault>,
) -> Result<(), DatasetError> {
    let found = side_by_side(&record.files, |entry| Ok(sha256_of(&folder.join(&entry.file)).ok()))?;
    for (entry, found) in record.files.iter().zip(found) {
        match found {
            None => faults.push(fault("missing", &entry.file, "the file is missing or cannot be read")),
            Some((_, sha256)) if sha256 != entry.sha256 && suffix(&entry.file) != "txt" => {
                faults.push(fault("changed", &entry.file, "the file is not what was exported"));
            }
            Some(_) => {}
        }
    }
    let known = record.by_file();
    for file in there.iter().filter(|file| !known.contains_key(file.as_str())) {
        faults.push(fault("stranger", file, "no export wrote this file"));
    }
    Ok(())
}

/// Pictures decode, have captions and partners, and no two look-alikes are on both sides.
fn check_pictures(
    folder: &Path,
    record: &Record,
    there: &BTreeSet<String>,
    faults: &mut Vec<Fault>,
) -> Result<u64, DatasetError> {
    let pictures: Vec<&String> = there.iter().filter(|file| is_picture(file)).collect();
    let looks =
        side_by_side(&pictures, |file| Ok(phash_of(&folder.join(file.as_str())).map_err(|error| error.to_string())))?;
    let mut hashes = Vec::new();
    for (file, look) in pictures.iter().zip(looks) {
        match look {
            Ok(phash) => hashes.push((file.as_str(), phash)),
            Err(why) => faults.push(fault("unreadable", file, why)),
        }
    }
    check_captions(folder, record, there, faults);
    check_partners(&pictures, faults);
    // Masks of two pictures may well be alike.
    hashes
        .retain(|(file, _)| !file.contains("/masks/") && !file.contains("/mask/") && !file.contains("_conditioning/"));
    let side = |file: &str| Split::ALL.into_iter().find(|split| file.starts_with(split.word()));
    for group in near_duplicates(&hashes, record.near_duplicate_bits.unwrap_or(BITS)) {
        let learned = group.iter().find(|file| side(file) == Some(Split::Train));
        let Some(learned) = learned else { continue };
        for file in group.iter().filter(|file| side(file) == Some(Split::Validation)) {
            faults.push(fault("leak", file, format!("it looks like {learned}, which is learned from")));
        }
    }
    Ok(pictures.len() as u64)
}

/// Where texts stand beside pictures, each picture has one with words in it.
fn check_captions(folder: &Path, record: &Record, there: &BTreeSet<String>, faults: &mut Vec<Fault>) {
    let with_texts: BTreeSet<&str> = record
        .files
        .iter()
        .filter(|entry| suffix(&entry.file) == "txt")
        .filter_map(|entry| Some(entry.file.rsplit_once('/')?.0))
        .collect();
    for file in there.iter().filter(|file| is_picture(file)) {
        if !file.rsplit_once('/').is_some_and(|(folder, _)| with_texts.contains(folder)) {
            continue;
        }
        let text = format!("{}.txt", stem(file));
        match std::fs::read_to_string(folder.join(&text)) {
            Ok(words) if !words.trim().is_empty() => {}
            Ok(_) => faults.push(fault("no_caption", &text, "the caption is empty")),
            Err(_) => faults.push(fault("no_caption", file, "it has no caption beside it")),
        }
    }
}

/// Folders of one part that hold control pictures and masks have the stems of its pictures.
fn check_partners(pictures: &[&String], faults: &mut Vec<Fault>) {
    let mut stems: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for file in pictures {
        let Some((folder, name)) = file.rsplit_once('/') else { continue };
        // `train/images`, `train/control_2`; kohya: `train/10_word` beside `train_conditioning`.
        let part = Split::ALL.into_iter().find(|split| folder.starts_with(split.word()));
        stems.entry((part.map_or("", Split::word), folder)).or_default().insert(stem(name));
    }
    let is_partner = |folder: &str| {
        let last = folder.rsplit_once('/').map_or(folder, |(_, last)| last);
        last.starts_with("control") || last == "masks" || last == "mask" || last.ends_with("_conditioning")
    };
    for ((part, folder), own) in stems.iter().filter(|((_, folder), _)| is_partner(folder)) {
        let main = stems.iter().find(|((of, other), _)| of == part && !is_partner(other)).map(|(_, stems)| stems);
        let none = BTreeSet::new();
        let main = main.unwrap_or(&none);
        for stem in main.difference(own) {
            faults.push(fault("no_partner", &format!("{folder}/{stem}"), "a picture has no partner in this folder"));
        }
        for stem in own.difference(main) {
            faults.push(fault("no_partner", &format!("{folder}/{stem}"), "it is the partner of no picture"));
        }
    }
}
