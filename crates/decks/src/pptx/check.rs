//! Opens a pptx file and holds it against itself: every part is XML where it says so, has a type, and each relation leads to a part.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

/// Gives the number of slides; else what is wrong.
pub fn check(path: &Path) -> Result<usize, String> {
    check_open(&mut File::open(path).map_err(|error| format!("it cannot be opened: {error}"))?)
}

pub(super) fn check_open(file: &mut File) -> Result<usize, String> {
    let mut archive = ZipArchive::new(file).map_err(|error| format!("it is no whole archive: {error}"))?;
    let names: Result<BTreeSet<String>, _> = archive.file_names().map(|name| name.map(Cow::into_owned)).collect();
    let names = names.map_err(|error| format!("a name in it cannot be read: {error}"))?;
    let mut texts = BTreeMap::new();
    for name in &names {
        let mut entry = archive.by_name(name).map_err(|error| format!("{name} cannot be opened: {error}"))?;
        if is_xml(name) {
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(|error| format!("{name} cannot be read: {error}"))?;
            texts.insert(name.clone(), text);
        } else {
            // Reading to the end checks its sum.
            std::io::copy(&mut entry, &mut std::io::sink()).map_err(|error| format!("{name} is damaged: {error}"))?;
        }
    }
    for (name, text) in &texts {
        let document = roxmltree::Document::parse(text).map_err(|error| format!("{name} is no XML: {error}"))?;
        if let Some(source) = source_of(name) {
            relations(name, &source, &document, &names)?;
        }
    }
    types(&texts, &names)?;
    Ok(names.iter().filter(|name| name.starts_with("ppt/slides/slide") && is_xml(name)).count())
}

fn is_xml(name: &str) -> bool {
    [".xml", ".rels"].iter().any(|suffix| name.ends_with(suffix))
}

/// The folder that a part's relations start from; `None` when it has none to tell.
fn source_of(name: &str) -> Option<String> {
    let (folder, _) = name.strip_suffix(".rels")?.rsplit_once('/')?;
    Some(folder.strip_suffix("_rels")?.to_owned())
}

fn relations(
    name: &str,
    source: &str,
    document: &roxmltree::Document<'_>,
    names: &BTreeSet<String>,
) -> Result<(), String> {
    for relation in document.descendants().filter(|node| node.tag_name().name() == "Relationship") {
        if relation.attribute("TargetMode") == Some("External") {
            continue;
        }
        let target = relation.attribute("Target").unwrap_or_default();
        let place = resolve(source, target);
        if !names.contains(&place) {
            return Err(format!("{name} leads to {place}, which is not there"));
        }
    }
    Ok(())
}

/// `ppt/slides/` and `../media/a.png` give `ppt/media/a.png`.
fn resolve(source: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut parts: Vec<&str> = source.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn types(texts: &BTreeMap<String, String>, names: &BTreeSet<String>) -> Result<(), String> {
    const TYPES: &str = "[Content_Types].xml";
    let text = texts.get(TYPES).ok_or("it has no [Content_Types].xml")?;
    let document = roxmltree::Document::parse(text).map_err(|error| format!("{TYPES} is no XML: {error}"))?;
    let (mut suffixes, mut parts) = (BTreeSet::new(), BTreeSet::new());
    for node in document.descendants() {
        if let Some(suffix) = node.attribute("Extension") {
            suffixes.insert(suffix.to_ascii_lowercase());
        }
        if let Some(part) = node.attribute("PartName") {
            let part = part.trim_start_matches('/').to_owned();
            if !names.contains(&part) {
                return Err(format!("{TYPES} names {part}, which is not there"));
            }
            parts.insert(part);
        }
    }
    for name in names.iter().filter(|name| *name != TYPES && !name.ends_with('/')) {
        let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
        if !parts.contains(name) && !suffix.is_some_and(|suffix| suffixes.contains(&suffix)) {
            return Err(format!("{name} has no type"));
        }
    }
    Ok(())
}
