//! Verdicts on the pictures of an asset folder: which picture waits for one, and what a verdict does. It is written to
//! `qa/decisions.json`, its picture moves to the folder of that verdict, and an approved picture is the hero; nothing else makes one.
//! Records only grow: another verdict takes the place of an earlier one, and no file is ever deleted or replaced.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::folder::{AssetFolder, FolderError, sha256_of};
use crate::index::{is_run_manifest, place, rebuild, text};
use crate::verdict::{AssetVerdict, Judgement};

const DECISIONS: &str = "qa/decisions.json";

/// A picture of an asset, as a reviewer meets it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Where it lies, relative to the asset.
    pub path: String,
    /// What verdicts call it: `ASSET/RUN/img-001`, or `ASSET/FILE` for one that no run made.
    pub object: String,
    /// Its run.
    pub run: Option<String>,
    /// Of its bytes.
    pub sha256: String,
    /// The verdict in force: `approved`, `revise`, `reject`.
    pub verdict: Option<String>,
    /// Nobody has judged it, or it lies elsewhere than its verdict says.
    pub waits: bool,
    /// Whether it is the hero.
    pub hero: bool,
    /// Copies of it in other folders of the asset.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<String>,
}

impl Standing {
    /// The folder that it lies in: `candidates`, `approved`, `rejected`.
    pub fn folder(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }
}

/// What a verdict did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// Where the picture lay.
    pub from: String,
    /// Where it lies.
    pub path: String,
    /// The asset's hero now.
    pub hero: Option<String>,
    /// The record in `qa/decisions.json`.
    pub record: Value,
    /// The same verdict with the same words was in force already; no record was added.
    pub known: bool,
}

/// The pictures of an asset that can be judged, in the order of their names.
pub fn standing(folder: &AssetFolder) -> Result<Vec<Standing>, FolderError> {
    let card = folder.json("asset.json")?.unwrap_or_default();
    let asset = text(&card, "assetId").map_or_else(|| folder_name(folder), str::to_owned);
    let decisions = decisions(folder)?;
    let mut found: BTreeMap<(String, String), Standing> = BTreeMap::new();
    for (path, known) in place(folder)?.there {
        if !["images/candidates/", "images/approved/", "images/rejected/"].iter().any(|place| path.starts_with(place)) {
            continue;
        }
        let sha256 = sha256_of(&folder.path(&path))?;
        let name = path.rsplit('/').next().unwrap_or_default();
        let run = known.as_ref().map(|known| known.run.clone());
        let object = match &known {
            Some(known) => format!("{asset}/{}/{}", known.run, text(&known.entry, "assetId").unwrap_or(name)),
            None => format!("{asset}/{name}"),
        };
        let verdict = in_force(&decisions, &object, &sha256).and_then(|record| text(record, "verdict"));
        let right = match verdict.and_then(AssetVerdict::from_word) {
            Some(verdict) => path.starts_with(verdict.place()),
            // Who moved it by hand has judged it.
            None => !path.starts_with("images/candidates/"),
        };
        let hero = text(&card, "heroImagePath") == Some(&path);
        let one = Standing {
            verdict: verdict.map(str::to_owned),
            waits: !right,
            hero,
            run,
            copies: Vec::new(),
            sha256: sha256.clone(),
            object: object.clone(),
            path,
        };
        match found.remove(&(object.clone(), sha256.clone())) {
            None => _ = found.insert((object, sha256), one),
            // A copy that lies where it should stands for all of them.
            Some(other) => {
                let (mut first, second) = if other.waits && !one.waits { (one, other) } else { (other, one) };
                first.hero |= second.hero;
                first.copies.push(second.path);
                first.copies.extend(second.copies);
                found.insert((object, sha256), first);
            }
        }
    }
    let mut all: Vec<Standing> = found.into_values().collect();
    all.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(all)
}

/// Records a verdict on the picture at `path` (as [`standing`] names it) and does what it says. The same verdict again changes nothing, and
/// ends what a crash left undone. `now` is RFC 3339.
pub fn judge(
    folder: &AssetFolder,
    picture: &Standing,
    judgement: &Judgement,
    now: &str,
) -> Result<Judged, FolderError> {
    let mut document = match folder.json(DECISIONS)? {
        Some(Value::Object(document)) if !document.contains_key("qaReportId") => Value::Object(document),
        _ => json!({ "schemaVersion": 1 }),
    };
    let mut decisions = decisions(folder)?;
    let card = folder.json("asset.json")?.unwrap_or_else(|| json!({ "schemaVersion": 1, "createdAt": now }));
    let said = said(picture, judgement, &card);
    let before = decisions.iter().position(|record| is_of(record, picture) && record["status"] == "current");
    let known = before.is_some_and(|at| said.iter().all(|(name, value)| decisions[at][*name] == *value));
    let target = target(folder, picture, judgement.verdict)?;
    let at = match before {
        Some(at) if known => at,
        _ => {
            let id = format!("qa-{:04}", decisions.len() + 1);
            for earlier in decisions.iter_mut().filter(|record| is_of(record, picture) && record["status"] == "current")
            {
                earlier["status"] = "superseded".into();
                earlier["supersededBy"] = id.as_str().into();
            }
            let mut record = json!({
                "qaReportId": id, "reviewedAt": now, "status": "current", "from": picture.path, "path": target,
                "heroBefore": card["heroImagePath"],
            });
            for (name, value) in said {
                record[name] = value;
            }
            if judgement.verdict != AssetVerdict::Approve {
                let number = document["feedback"].as_array().map_or(0, Vec::len) + 1;
                let feedback = feedback(folder, number, &record)?;
                match document["feedback"].as_array_mut() {
                    Some(all) => all.push(feedback),
                    None => document["feedback"] = json!([feedback]),
                }
            }
            decisions.push(record);
            decisions.len() - 1
        }
    };
    document["decisions"] = decisions.clone().into();
    folder.put_json(DECISIONS, &document)?;
    for from in std::iter::once(&picture.path).chain(&picture.copies).filter(|path| **path != target) {
        folder.move_file(from, &target)?;
    }
    let hero = hero(folder, picture, judgement.verdict, &target, &decisions, &card)?;
    write_card(folder, card, hero.as_deref(), now)?;
    rebuild(folder)?;
    Ok(Judged { from: picture.path.clone(), path: target, hero, record: decisions[at].clone(), known })
}

/// What the verdict in force holds against a picture: reasons and categories.
pub(crate) fn remarks(folder: &AssetFolder, picture: &Standing) -> Result<(Vec<String>, Vec<String>), FolderError> {
    let decisions = decisions(folder)?;
    let record = in_force(&decisions, &picture.object, &picture.sha256);
    let list = |name: &str| {
        let texts = record.and_then(|record| record[name].as_array()).into_iter().flatten();
        texts.filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    Ok((list("badReasons"), list("issueCategories")))
}

/// Whether a picture of the asset waits for a verdict.
pub(crate) fn waits(folder: &AssetFolder) -> Result<bool, FolderError> {
    Ok(standing(folder)?.iter().any(|picture| picture.waits))
}

/// All records, oldest first. Those of other programs (a list, or a single record) stay as they are, and say nothing here.
fn decisions(folder: &AssetFolder) -> Result<Vec<Value>, FolderError> {
    match folder.json(DECISIONS)? {
        None => Ok(Vec::new()),
        Some(Value::Array(records)) => Ok(records),
        Some(Value::Object(record)) if record.contains_key("qaReportId") => Ok(vec![Value::Object(record)]),
        Some(Value::Object(mut document)) => match document.remove("decisions") {
            None => Ok(Vec::new()),
            Some(Value::Array(records)) => Ok(records),
            Some(_) => Err(FolderError::ForeignDecisions { path: folder.path(DECISIONS) }),
        },
        Some(_) => Err(FolderError::ForeignDecisions { path: folder.path(DECISIONS) }),
    }
}

fn in_force<'a>(decisions: &'a [Value], object: &str, sha256: &str) -> Option<&'a Value> {
    decisions.iter().rev().find(|record| {
        record["targetObjectId"] == object && record["targetVersion"] == sha256 && record["status"] == "current"
    })
}

fn is_of(record: &Value, picture: &Standing) -> bool {
    record["targetObjectId"] == picture.object.as_str() && record["targetVersion"] == picture.sha256.as_str()
}

fn folder_name(folder: &AssetFolder) -> String {
    folder.root().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What a record says, without its number, its time and what came of it: the same words make no second record.
fn said(picture: &Standing, judgement: &Judgement, card: &Value) -> Vec<(&'static str, Value)> {
    let suggested = match judgement.verdict {
        AssetVerdict::Approve => Value::Null,
        AssetVerdict::Revise => "edit".into(),
        AssetVerdict::Reject => "regenerate".into(),
    };
    vec![
        ("targetObjectType", "image".into()),
        ("targetObjectId", picture.object.as_str().into()),
        ("targetVersion", picture.sha256.as_str().into()),
        ("campaignId", card["campaignId"].clone()),
        ("personaId", card["personaId"].clone()),
        ("conceptId", card["conceptId"].clone()),
        ("reviewer", judgement.reviewer.trim().into()),
        ("verdict", judgement.verdict.word().into()),
        ("answers", json!(judgement.answers)),
        ("goodReasons", json!(judgement.good)),
        ("badReasons", json!(judgement.bad)),
        ("issueCategories", json!(judgement.categories)),
        ("blameStage", json!(judgement.stages)),
        ("proposedAction", judgement.action.as_ref().map_or(suggested, |action| action.as_str().into())),
    ]
}

/// What follows from a verdict against a picture: the runs that were made from it are concerned, too.
fn feedback(folder: &AssetFolder, number: usize, record: &Value) -> Result<Value, FolderError> {
    let mut impact = Vec::new();
    for file in folder.files("runs")?.iter().filter(|file| is_run_manifest(file)) {
        let manifest = folder.json(file)?.unwrap_or_default();
        let from = manifest["derivedFrom"].as_array().into_iter().flatten();
        if from.into_iter().any(|sha256| *sha256 == record["targetVersion"]) {
            impact.push(manifest["runId"].clone());
        }
    }
    let reasons: Vec<&str> = record["badReasons"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    Ok(json!({
        "feedbackId": format!("feedback-{number:04}"), "qaReportId": record["qaReportId"],
        "targetObjectType": "image", "targetObjectId": record["targetObjectId"],
        "feedbackCategory": record["issueCategories"][0], "feedbackText": reasons.join("; "),
        "dependencyImpact": impact, "rerunTarget": record["blameStage"].get(0).cloned().unwrap_or_else(|| "image".into()),
    }))
}

/// Where the picture will lie: under its own name, beside another one of that name.
fn target(folder: &AssetFolder, picture: &Standing, verdict: AssetVerdict) -> Result<String, FolderError> {
    let place = verdict.place();
    if let Some(there) = std::iter::once(&picture.path).chain(&picture.copies).find(|path| path.starts_with(place)) {
        return Ok(there.clone());
    }
    let name = picture.path.rsplit('/').next().unwrap_or_default();
    let plain = format!("{place}/{name}");
    if !folder.path(&plain).exists() || sha256_of(&folder.path(&plain))? == picture.sha256 {
        return Ok(plain);
    }
    let (stem, suffix) = name.rsplit_once('.').unwrap_or((name, "png"));
    Ok(format!("{place}/{stem}-{}.{suffix}", &picture.sha256[7..15]))
}

/// The hero after a verdict. An approved picture is one; a hero that is approved no more leaves its place to the one that was
/// approved before it and still is.
fn hero(
    folder: &AssetFolder,
    picture: &Standing,
    verdict: AssetVerdict,
    target: &str,
    decisions: &[Value],
    card: &Value,
) -> Result<Option<String>, FolderError> {
    if verdict == AssetVerdict::Approve {
        return Ok(Some(target.to_owned()));
    }
    let now = text(card, "heroImagePath");
    let was_it = picture.hero || now.is_some_and(|hero| !folder.path(hero).exists());
    if !was_it {
        return Ok(now.map(str::to_owned));
    }
    let approved: Vec<Standing> = standing(folder)?.into_iter().filter(|one| one.folder() == "approved").collect();
    let is_there = |path: &str| approved.iter().any(|one| one.path == path);
    let still =
        decisions.iter().rev().filter(|record| record["status"] == "current" && record["verdict"] == "approved");
    let by_verdict = still.filter_map(|record| text(record, "path")).find(|path| is_there(path));
    let by_hand = decisions.iter().rev().filter_map(|record| text(record, "heroBefore")).find(|path| is_there(path));
    Ok(by_verdict.or(by_hand).map(str::to_owned))
}

fn write_card(folder: &AssetFolder, mut card: Value, hero: Option<&str>, now: &str) -> Result<(), FolderError> {
    let before = card.clone();
    if card["assetId"].is_null() {
        card["assetId"] = folder_name(folder).into();
    }
    card["heroImagePath"] = json!(hero);
    let pictures = standing(folder)?;
    let has = |word: &str| pictures.iter().any(|picture| picture.verdict.as_deref() == Some(word));
    card["status"] = match hero {
        Some(_) => "approved",
        None if pictures.iter().any(|picture| picture.waits) => "review_pending",
        None if has("revise") => "revise",
        None => "rejected",
    }
    .into();
    if card != before {
        card["updatedAt"] = now.into();
    }
    folder.put_json("asset.json", &card)
}
