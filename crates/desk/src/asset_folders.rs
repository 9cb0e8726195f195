//! Asset folders as commands and pages both meet them: which there are, verdicts on their pictures, edits that a verdict asks for.
//! What a folder holds and what a verdict does to it is the crate `briefs`' matter.

use std::path::{Path, PathBuf};

use imagemill_briefs::{
    AssetFolder, Judged, Judgement, Objections, Problem, Proposal, ProposalError, Standing, judge, propose, standing,
};
use serde_json::{Value, json};

use crate::clock::{now_us, rfc3339};
use crate::desk::Desk;
use crate::error::DeskError;

/// Folders deeper than this are not looked into: `customers/C/campaigns/C/assets/A` has six.
const DEEPEST: usize = 6;

/// Whether a folder is an asset's.
fn is_asset(path: &Path) -> bool {
    path.join("asset.json").is_file() || path.join("runs").is_dir()
}

/// The asset folder at `path`, or those right below it, by name.
pub fn asset_folders(path: &Path) -> std::io::Result<Vec<AssetFolder>> {
    if is_asset(path) {
        return Ok(vec![AssetFolder::new(path.to_owned())]);
    }
    let mut below: Vec<PathBuf> = std::fs::read_dir(path)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    below.retain(|path| is_asset(path));
    below.sort();
    Ok(below.into_iter().map(AssetFolder::new).collect())
}

/// The asset folders anywhere below `root`, by path, `most` at most. Hidden folders, links and what is inside an asset do not count.
pub fn asset_folders_below(root: &Path, most: usize) -> Vec<AssetFolder> {
    let (mut found, mut level) = (Vec::new(), vec![root.to_owned()]);
    for _ in 0..=DEEPEST {
        let mut next = Vec::new();
        for folder in level {
            // The top may hold a folder `runs` of something else.
            if folder != root && is_asset(&folder) {
                found.push(folder);
                continue;
            }
            let entries = std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
            let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            let seen = folders.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
            next.extend(seen.map(|entry| entry.path()));
        }
        level = next;
        if found.len() >= most {
            break;
        }
    }
    found.sort();
    found.truncate(most);
    found.into_iter().map(AssetFolder::new).collect()
}

/// An asset in a list: who and what it is, and how many pictures lie where. Reads no picture.
pub fn asset_card(folder: &AssetFolder) -> Result<Value, DeskError> {
    let card = folder.json("asset.json")?.unwrap_or_default();
    let named = folder.root().file_name().unwrap_or_default().to_string_lossy();
    let count = |place: &str| Ok::<_, DeskError>(folder.files(&format!("images/{place}"))?.len());
    Ok(json!({
        "folder": folder.root(), "asset": card["assetId"].as_str().unwrap_or(&named), "persona": card["personaId"],
        "concept": card["conceptId"], "campaign": card["campaignId"], "purpose": card["assetPurpose"],
        "status": card["status"], "hero": card["heroImagePath"], "updated": card["updatedAt"],
        "candidates": count("candidates")?, "approved": count("approved")?, "rejected": count("rejected")?,
    }))
}

impl Desk {
    /// Gives a verdict on the picture that records call `object`; `None` when the asset has none of that name.
    pub fn judge_picture(
        &self,
        folder: &AssetFolder,
        object: &str,
        judgement: &Judgement,
    ) -> Result<Option<Judged>, DeskError> {
        judgement.check()?;
        let _lock = self.lock_asset(folder)?;
        // Where it lies is looked up under the lock: another verdict may have moved a copy of it.
        let Some(picture) = standing(folder)?.into_iter().find(|one| one.object == object) else { return Ok(None) };
        Ok(Some(judge(folder, &picture, judgement, &rfc3339(now_us()))?))
    }

    /// A request that edits `picture` as the feedback says; without any, as its verdict says. Writes nothing.
    pub fn propose_edit(
        &self,
        folder: &AssetFolder,
        picture: &Standing,
        feedback: &[String],
    ) -> Result<Proposal, DeskError> {
        // A request names its folder from the workspace's.
        let place = folder.root().strip_prefix(&self.workspace.root).unwrap_or(folder.root());
        let place = place.to_string_lossy().replace('\\', "/");
        propose(folder, picture, &place, feedback).map_err(|error| match error {
            ProposalError::Folder(error) => error.into(),
            error @ ProposalError::NoFeedback => {
                Objections(vec![Problem::missing("feedback", error.to_string())]).into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_found_at_any_depth_and_not_inside_one_another() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str| std::fs::create_dir_all(root.path().join(path)).unwrap();
        for asset in ["assets/a", "customers/c/campaigns/k/assets/b"] {
            make(&format!("{asset}/runs/image/r1/runs"));
        }
        make(".imagemill/assets/hidden/runs");
        make("photos");
        let found = asset_folders_below(root.path(), 10);
        let names: Vec<_> = found.iter().map(|one| one.root().strip_prefix(root.path()).unwrap()).collect();
        assert_eq!(names, [Path::new("assets/a"), Path::new("customers/c/campaigns/k/assets/b")]);
        assert_eq!(asset_folders_below(root.path(), 1).len(), 1);
        assert_eq!(asset_folders(&root.path().join("assets")).unwrap().len(), 1);
        assert_eq!(asset_folders(&root.path().join("assets/a")).unwrap().len(), 1);
        let card = asset_card(&found[0]).unwrap();
        assert_eq!((card["asset"].as_str(), card["candidates"].as_u64()), (Some("a"), Some(0)));
    }
}
