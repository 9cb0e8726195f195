//! Asset folders that other runners wrote, of any age, brought into a folder of ours: files are copied, records get relative paths,
//! hashes and the types that the bytes have. The folder that is read is never changed, and each record is kept as it was beside
//! the new one.

use std::collections::BTreeMap;
use std::path::Path;

use imagemill_imaging::{Bytes, probe};
use serde_json::{Value, json};

use crate::digest::prompt_hash;
use crate::folder::{AssetFolder, FolderError, sha256_of};
use crate::index::{is_run_manifest, rebuild, relative, text};

/// Members of records that hold a path.
const PATHS: [&str; 8] = [
    "requestPath",
    "responsePath",
    "manifestPath",
    "attemptPath",
    "attemptsPath",
    "attemptsDir",
    "sourceAssetRelativePath",
    "localPath",
];

/// What was brought in.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Files that are in the new folder.
    pub files: u64,
    /// Runs.
    pub runs: u64,
    /// Recorded pictures that exist no more, as `RUN: PATH`: nothing can be done about them.
    pub lost: Vec<String>,
    /// The hero that was no approved picture and is none any more.
    pub hero_dropped: Option<String>,
}

/// The name of the asset in a folder; its folder's name when no record has one.
pub fn asset_name(from: &AssetFolder) -> Result<String, FolderError> {
    let card = from.json("asset.json")?;
    if card.is_none() && from.files("runs")?.is_empty() {
        return Err(FolderError::NoAsset { path: from.root().to_owned() });
    }
    let named = card
        .as_ref()
        .and_then(|card| text(card, "assetId"))
        .filter(|name| !name.contains(['/', '\\']) && *name != "..");
    let folder = from.root().file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(named.map_or(folder, str::to_owned))
}

/// Brings `from` into `to`. May be repeated; what is in `to` already is not replaced.
pub fn import(from: &AssetFolder, to: &AssetFolder) -> Result<Imported, FolderError> {
    asset_name(from)?;
    if to.json("asset.json")?.is_some_and(|card| card["importedFrom"].is_null()) {
        return Err(FolderError::Taken { path: to.path("asset.json") });
    }
    let mut imported = Imported::default();
    let mut files = Vec::new();
    for folder in ["images", "videos", "audio", "inputs", "qa", "runs"] {
        files.extend(from.files(folder)?);
    }
    let (manifests, files): (Vec<String>, Vec<String>) = files.into_iter().partition(|file| is_run_manifest(file));
    for file in &files {
        to.put_file(file, &from.path(file))?;
        imported.files += 1;
    }
    let mut records = Vec::new();
    for file in &manifests {
        let kept = file.replace("manifest.json", "manifest.original.json");
        to.put_file(&kept, &from.path(file))?;
        records.extend(from.json(file)?.map(|record| (file.clone(), record)));
    }
    // The runner wrote each run's pictures under the same names: a later run replaced an earlier one's.
    let when = |record: &Value| text(record, "createdAt").unwrap_or_default().to_owned();
    records.sort_by_key(|(file, record)| (when(record), file.clone()));
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for (file, record) in &records {
        for path in record["assets"].as_array().into_iter().flatten().filter_map(|entry| path_of(from, entry)) {
            owners.insert(path, file.clone());
        }
    }
    for (file, record) in records {
        let record = renewed(from, &file, record, &owners, &mut imported)?;
        to.put_json(&file, &record)?;
        imported.runs += 1;
    }
    card(from, to, &mut imported)?;
    rebuild(to)?;
    Ok(imported)
}

fn path_of(from: &AssetFolder, entry: &Value) -> Option<String> {
    relative(from, text(entry, "assetRelativePath").or(text(entry, "localPath"))?)
}

/// A run's record with relative paths and what its pictures really are.
fn renewed(
    from: &AssetFolder,
    file: &str,
    mut record: Value,
    owners: &BTreeMap<String, String>,
    imported: &mut Imported,
) -> Result<Value, FolderError> {
    let run = text(&record, "runId").or(text(&record, "jobId")).unwrap_or_default().to_owned();
    let request = from.json(&file.replace("manifest.json", "request.json")).ok().flatten().unwrap_or_default();
    let request = request.get("input").unwrap_or(&request).clone();
    let hash = text(&request, "prompt").map(prompt_hash);
    let created = record["createdAt"].clone();
    let mut lost = Vec::new();
    let mut assets = Vec::new();
    for mut entry in record["assets"].as_array().cloned().unwrap_or_default() {
        let path = path_of(from, &entry);
        let ours = path.filter(|path| owners.get(path).is_some_and(|owner| owner == file) && from.path(path).exists());
        let Some(path) = ours else {
            imported.lost.push(format!("{run}: {}", text(&entry, "localPath").unwrap_or("?")));
            lost.push(entry);
            continue;
        };
        measure(&from.path(&path), &mut entry)?;
        entry["localPath"] = path.as_str().into();
        entry["assetRelativePath"] = path.into();
        if entry["promptHash"].is_null() {
            entry["promptHash"] = json!(hash);
        }
        if entry["createdAt"].is_null() {
            entry["createdAt"] = created.clone();
        }
        assets.push(entry);
    }
    relative_paths(from, &mut record);
    if let Some(path) =
        text(&record, "sourceAssetRelativePath").map(|path| from.path(path)).filter(|path| path.exists())
    {
        measure(&path, &mut record)?;
    }
    record["runId"] = run.into();
    record["localAssetDir"] = ".".into();
    if record["mediaType"] != "upload" {
        record["assets"] = assets.into();
        record["lost"] = lost.into();
    }
    record["originalManifest"] = file.replace("manifest.json", "manifest.original.json").into();
    Ok(record)
}

fn relative_paths(from: &AssetFolder, record: &mut Value) {
    for name in PATHS {
        if let Some(path) = text(record, name).and_then(|path| relative(from, path)) {
            record[name] = path.into();
        }
    }
}

/// Hash, length, real type and size of a file, into its record.
fn measure(path: &Path, entry: &mut Value) -> Result<(), FolderError> {
    entry["sha256"] = sha256_of(path)?.into();
    entry["bytes"] = std::fs::metadata(path).map_err(FolderError::disk("cannot look at", path))?.len().into();
    // Videos and sounds stay what their record says.
    if let Ok(probe) = probe(Bytes::File(path)) {
        entry["mimeType"] = probe.format.media_type().into();
        entry["width"] = probe.width.into();
        entry["height"] = probe.height.into();
    }
    Ok(())
}

/// The asset's card; a hero that nobody approved is dropped.
fn card(from: &AssetFolder, to: &AssetFolder, imported: &mut Imported) -> Result<(), FolderError> {
    let mut card = from.json("asset.json")?.unwrap_or_else(|| json!({ "status": "review_pending" }));
    let hero = text(&card, "heroImagePath").and_then(|hero| relative(from, hero));
    let approved = hero.filter(|hero| hero.starts_with("images/approved/") && from.path(hero).exists());
    if approved.is_none() {
        imported.hero_dropped = text(&card, "heroImagePath").map(str::to_owned);
    }
    card["heroImagePath"] = json!(approved);
    card["assetId"] = asset_name(from)?.into();
    card["schemaVersion"] = 1.into();
    card["localAssetDir"] = ".".into();
    card["importedFrom"] = from.root().file_name().unwrap_or_default().to_string_lossy().into();
    to.put_json("asset.json", &card)
}
