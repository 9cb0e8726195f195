//! An edit of a picture that is nearly right, proposed as a request file: what a review says is changed and everything else is kept, so that
//! an approved face is not thrown away for a lamp. Writes nothing.

use imagemill_domain::endpoints::endpoint;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::folder::{AssetFolder, FolderError};
use crate::index::text;
use crate::judge::{Standing, remarks};

/// A request file, and whether an edit is what it takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// The run that it would be.
    pub run: String,
    /// The request.
    pub request: Value,
    /// What the edit is to change.
    pub feedback: Vec<String>,
    /// The verdict says that the person is another one: an edit keeps the face, so a new picture is the better way.
    pub regenerate: bool,
}

/// Why there is nothing to propose.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// Nobody said what is to change.
    #[error("nothing says what is to change: give --feedback, or a verdict that says it")]
    NoFeedback,
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// Members of the picture's own request that an edit of it keeps.
const KEPT: [&str; 17] = [
    "campaignId",
    "personaId",
    "conceptId",
    "visualDirection",
    "variantTestReason",
    "provider",
    "creativeFormat",
    "targetAspectRatio",
    "negativePrompt",
    "qualityProfile",
    "qualityReason",
    "outputFormat",
    "seed",
    "sourceBasis",
    "mustKeep",
    "canVary",
    "mustAvoid",
];

/// Proposes an edit of `picture`. `place` is the folder as requests name it; without `feedback` the remarks of the verdict in force count.
pub fn propose(
    folder: &AssetFolder,
    picture: &Standing,
    place: &str,
    feedback: &[String],
) -> Result<Proposal, ProposalError> {
    let (said, categories) = remarks(folder, picture)?;
    let feedback = if feedback.is_empty() { said } else { feedback.to_vec() };
    if feedback.is_empty() {
        return Err(ProposalError::NoFeedback);
    }
    let card = folder.json("asset.json")?.unwrap_or_default();
    let known = match &picture.run {
        Some(run) => folder.json(&format!("runs/image/{run}/request.json"))?.unwrap_or_default(),
        None => Value::Null,
    };
    // Older runners wrote the request bare.
    let before = known.get("input").unwrap_or(&known);
    let mut request = Map::new();
    for name in KEPT {
        let value = before.get(name).or_else(|| card.get(name)).filter(|value| !is_empty(value));
        request.extend(value.map(|value| (name.to_owned(), value.clone())));
    }
    if request.contains_key("variantTestReason") {
        request.insert("variantTest".into(), true.into());
    }
    let run = next_run(folder)?;
    let chinese = feedback.iter().any(|text| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)));
    let prompt = if chinese {
        "保持这张图片，只修改审阅意见要求的地方。"
    } else {
        "Keep this picture as it is and change only what the review asks for."
    };
    let asset = text(&card, "assetId").unwrap_or_else(|| picture.object.split('/').next().unwrap_or_default());
    let members: [(&str, Value); 7] = [
        ("assetId", asset.into()),
        ("runId", run.as_str().into()),
        ("assetPurpose", "edit_fix".into()),
        ("localAssetDir", place.into()),
        ("inputUrls", vec![format!("{place}/{}", picture.path)].into()),
        ("feedback", feedback.clone().into()),
        ("prompt", prompt.into()),
    ];
    request.extend(members.map(|(name, value)| (name.to_owned(), value)));
    request.extend(text(before, "model").and_then(editor).map(|model| ("model".to_owned(), model.into())));
    let regenerate = categories.iter().any(|category| category == "persona_drift");
    Ok(Proposal { run, request: request.into(), feedback, regenerate })
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// The model that edits where this one makes; `None` leaves it to the default.
fn editor(model: &str) -> Option<String> {
    let Some(known) = endpoint(model) else { return Some(model.to_owned()) };
    if known.edits && !known.is_sequential() {
        return Some(known.key.to_owned());
    }
    let other = known.key.trim_end_matches("-sequential").replacen("-text", "-edit", 1);
    let other = if other.contains("-edit") { other } else { format!("{other}-edit") };
    endpoint(&other).filter(|other| other.edits).map(|other| other.key.to_owned())
}

fn next_run(folder: &AssetFolder) -> Result<String, FolderError> {
    let files = folder.files("runs/image")?;
    let taken = |run: &str| files.iter().any(|file| file.starts_with(&format!("runs/image/{run}/")));
    let mut number = 1;
    loop {
        let run = format!("edit-run-{number:03}");
        if !taken(&run) {
            return Ok(run);
        }
        number += 1;
    }
}
