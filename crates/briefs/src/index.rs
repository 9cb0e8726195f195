//! The browse list of an asset, derived from its run records and the files that are there. A picture that a person moved among the
//! media folders is found again by its bytes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::folder::{AssetFolder, FolderError, sha256_of};

/// What a record says of one media file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    /// Where the record put it, relative to the asset.
    pub(crate) path: String,
    /// The record's run.
    pub(crate) run: String,
    /// Hash, where the record has one: older ones do not.
    pub(crate) sha256: Option<String>,
    /// The record's whole entry.
    pub(crate) entry: Value,
    /// The address it was uploaded to.
    pub(crate) uploaded: Option<(String, Option<String>)>,
}

/// What all run records say, in the order of the runs.
pub(crate) fn known(folder: &AssetFolder) -> Result<Vec<Known>, FolderError> {
    let mut all = Vec::new();
    for file in folder.files("runs")?.iter().filter(|file| is_run_manifest(file)) {
        let Some(manifest) = folder.json(file)? else { continue };
        let run = text(&manifest, "runId").unwrap_or_default().to_owned();
        for entry in manifest["assets"].as_array().into_iter().flatten() {
            let path = text(entry, "assetRelativePath").or(text(entry, "localPath"));
            let Some(path) = path.and_then(|path| relative(folder, path)) else { continue };
            let sha256 = text(entry, "sha256").map(str::to_owned);
            all.push(Known { path, run: run.clone(), sha256, entry: entry.clone(), uploaded: None });
        }
        if let (Some(path), Some(url)) = (text(&manifest, "sourceAssetRelativePath"), text(&manifest, "uploadedUrl")) {
            let Some(path) = relative(folder, path) else { continue };
            let sha256 = text(&manifest, "sha256").map(str::to_owned);
            let uploaded = Some((url.to_owned(), text(&manifest, "createdAt").map(str::to_owned)));
            all.push(Known { path, run: run.clone(), sha256, entry: manifest.clone(), uploaded });
        }
    }
    Ok(all)
}

/// `runs/KIND/RUN/manifest.json`; attempts have manifests of their own.
pub(crate) fn is_run_manifest(file: &str) -> bool {
    file.ends_with("/manifest.json") && file.matches('/').count() == 3
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// A path of a record, relative to the asset: as it is, or, in older records, cut out of an absolute one.
pub(crate) fn relative(folder: &AssetFolder, path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let is_absolute = path.starts_with('/') || path.get(1..3) == Some(":/");
    if !is_absolute {
        let inside = path.split('/').all(|part| !part.is_empty() && part != "..");
        return inside.then_some(path);
    }
    if let Some(inner) = folder.root().to_str().and_then(|root| path.strip_prefix(root)) {
        return Some(inner.trim_start_matches('/').to_owned());
    }
    // The folder was moved since; its own parts have fixed names.
    let start =
        ["/images/", "/videos/", "/audio/", "/runs/", "/inputs/"].iter().filter_map(|part| path.rfind(part)).min()?;
    let inner = &path[start + 1..];
    inner.split('/').all(|part| part != "..").then(|| inner.to_owned())
}

/// Where each known file is now; the same bytes elsewhere count when it is not at its own place.
pub(crate) struct Placed {
    /// Paths that are there, with what is known of them.
    pub(crate) there: BTreeMap<String, Option<Known>>,
    /// Known files that are nowhere.
    pub(crate) missing: Vec<Known>,
}

/// Looks at the media folders.
pub(crate) fn place(folder: &AssetFolder) -> Result<Placed, FolderError> {
    let mut files = Vec::new();
    for media in ["images", "videos", "audio"] {
        files.extend(folder.files(media)?);
    }
    let mut there: BTreeMap<String, Option<Known>> = files.into_iter().map(|file| (file, None)).collect();
    let mut elsewhere = Vec::new();
    for known in known(folder)? {
        match there.get_mut(&known.path) {
            // The first writer of a path keeps it.
            Some(place @ None) => *place = Some(known),
            Some(Some(_)) => {}
            None => elsewhere.push(known),
        }
    }
    let mut missing = Vec::new();
    let strangers: Vec<String> = there
        .iter()
        .filter(|(path, known)| known.is_none() && !path.contains("/source/"))
        .map(|(path, _)| path.clone())
        .collect();
    let mut by_hash: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in strangers {
        by_hash.entry(sha256_of(&folder.path(&path))?).or_default().push(path);
    }
    for known in elsewhere {
        match known.sha256.as_ref().and_then(|hash| by_hash.get_mut(hash)).and_then(Vec::pop) {
            Some(path) => _ = there.insert(path, Some(known)),
            None => missing.push(known),
        }
    }
    // What a person copied instead of moving it is the same picture.
    let copied: Vec<(String, Known)> = there
        .values()
        .flatten()
        .filter_map(|known| Some((known.sha256.clone()?, known.clone())))
        .flat_map(|(hash, known)| {
            by_hash.remove(&hash).unwrap_or_default().into_iter().map(move |path| (path, known.clone()))
        })
        .collect();
    there.extend(copied.into_iter().map(|(path, known)| (path, Some(known))));
    Ok(Placed { there, missing })
}

/// The browse list as it should be.
pub fn derived(folder: &AssetFolder) -> Result<Value, FolderError> {
    let placed = place(folder)?;
    let mut lists: BTreeMap<&str, Vec<Value>> =
        ["images", "videos", "audio", "uploads"].map(|name| (name, Vec::new())).into();
    for (path, known) in &placed.there {
        let mut parts = path.split('/');
        let (media, place) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if let Some(Known { run, sha256, uploaded: Some((url, at)), .. }) = known {
            let row = json!({
                "path": path, "kind": "uploaded_source", "originRunId": run, "uploadedUrl": url, "uploadedAt": at,
                "sha256": sha256,
            });
            lists.entry("uploads").or_default().push(row);
            continue;
        }
        let kind = match place {
            "candidates" => "candidate",
            other => other,
        };
        let member = |name: &str| known.as_ref().map(|known| known.entry[name].clone());
        let row = json!({
            "path": path, "kind": kind, "originRunId": known.as_ref().map(|known| &known.run),
            "sha256": member("sha256"), "mimeType": member("mimeType"), "width": member("width"),
            "height": member("height"), "createdAt": member("createdAt"),
        });
        lists
            .entry(if media == "images" {
                "images"
            } else if media == "videos" {
                "videos"
            } else {
                "audio"
            })
            .or_default()
            .push(row);
    }
    let mut failures = Vec::new();
    for file in folder.files("runs")?.iter().filter(|file| is_run_manifest(file)) {
        let failure = folder.json(file)?.and_then(|mut manifest| Some(manifest.get_mut("recoverableFailure")?.take()));
        failures.extend(failure.filter(Value::is_object));
    }
    let asset_id = folder.json("asset.json")?.map(|asset| asset["assetId"].clone());
    let asset_id = asset_id.unwrap_or_else(|| {
        folder.root().file_name().map_or(Value::Null, |name| name.to_string_lossy().into_owned().into())
    });
    Ok(json!({
        "schemaVersion": 1, "assetId": asset_id, "images": lists["images"], "videos": lists["videos"],
        "audio": lists["audio"], "uploads": lists["uploads"], "recoverableFailures": failures,
    }))
}

/// Writes the browse list anew; whether it had to be.
pub fn rebuild(folder: &AssetFolder) -> Result<bool, FolderError> {
    let derived = derived(folder)?;
    let changed = folder.json("index.json").ok().flatten().as_ref() != Some(&derived);
    if changed {
        folder.put_json("index.json", &derived)?;
    }
    Ok(changed)
}
