//! Whether an asset's folder is as its records say: every recorded file is there with its bytes, nothing lies among the pictures that
//! nobody recorded, the browse list is up to date. Changes nothing.

use serde::Serialize;

use crate::folder::{AssetFolder, FolderError, sha256_of};
use crate::index::{derived, place};
use crate::judge::standing;

/// What kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// A recorded file is nowhere in the folder.
    Missing,
    /// A recorded file has other bytes.
    Changed,
    /// A file among the results that no record knows.
    Extra,
    /// The browse list is not what the records and files give.
    StaleIndex,
    /// A hero that is not an approved picture that is there.
    Hero,
    /// A judged picture that lies elsewhere than its verdict says.
    Verdict,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What kind.
    pub kind: DifferenceKind,
    /// Which file, relative to the asset.
    pub path: String,
    /// The run whose record it is.
    pub run: Option<String>,
}

/// Compares; an empty list is a folder that is true.
pub fn check(folder: &AssetFolder) -> Result<Vec<Difference>, FolderError> {
    let card = folder.json("asset.json")?;
    if card.is_none() && folder.files("runs")?.is_empty() {
        return Err(FolderError::NoAsset { path: folder.root().to_owned() });
    }
    let placed = place(folder)?;
    let mut found: Vec<Difference> = Vec::new();
    for known in &placed.missing {
        found.push(Difference {
            kind: DifferenceKind::Missing,
            path: known.path.clone(),
            run: Some(known.run.clone()),
        });
    }
    for (path, known) in &placed.there {
        match known {
            Some(known) => {
                let Some(expected) = &known.sha256 else { continue };
                if sha256_of(&folder.path(path))? != *expected {
                    let (path, run) = (path.clone(), Some(known.run.clone()));
                    found.push(Difference { kind: DifferenceKind::Changed, path, run });
                }
            }
            // Sources are a person's own to put there.
            None if path.contains("/source/") => {}
            None => found.push(Difference { kind: DifferenceKind::Extra, path: path.clone(), run: None }),
        }
    }
    let hero = card.as_ref().and_then(|card| card["heroImagePath"].as_str());
    if let Some(hero) = hero.filter(|hero| !hero.starts_with("images/approved/") || !placed.there.contains_key(*hero)) {
        found.push(Difference { kind: DifferenceKind::Hero, path: hero.to_owned(), run: None });
    }
    for picture in standing(folder)?.into_iter().filter(|picture| picture.waits && picture.verdict.is_some()) {
        found.push(Difference { kind: DifferenceKind::Verdict, path: picture.path, run: picture.run });
    }
    if folder.json("index.json")?.as_ref() != Some(&derived(folder)?) {
        found.push(Difference { kind: DifferenceKind::StaleIndex, path: "index.json".into(), run: None });
    }
    Ok(found)
}
