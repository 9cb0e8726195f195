//! Save rules by name and where finished pictures go. What a rule does is the export crate's matter.

use std::path::{Path, PathBuf};

use imagemill_domain::job::Job;
use imagemill_domain::job_file::nearest;
use imagemill_domain::save_rule::{SaveRule, built_in};
use serde_json::{Map, Value};

use crate::config::{Config, expand_home};
use crate::error::DeskError;

/// Where to and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// Output folder.
    pub folder: PathBuf,
    /// Naming rule.
    pub rule: SaveRule,
}

/// A preset by name with single keys changed.
pub fn save_rule(config: &Config, preset: Option<&str>, keys: Map<String, Value>) -> Result<SaveRule, DeskError> {
    let base = match preset {
        None => SaveRule::default(),
        Some(name) => preset_named(config, name)?,
    };
    let mut value = serde_json::to_value(base).expect("a rule always serialises");
    if let Some(object) = value.as_object_mut() {
        object.extend(keys);
    }
    serde_json::from_value(value).map_err(DeskError::SaveRule)
}

fn preset_named(config: &Config, name: &str) -> Result<SaveRule, DeskError> {
    let presets = save_presets(config);
    if let Some((_, _, rule)) = presets.iter().find(|(known, ..)| known == name) {
        return Ok(rule.clone());
    }
    let known: Vec<&str> = presets.iter().map(|(name, ..)| name.as_str()).collect();
    Err(DeskError::UnknownPreset {
        near: nearest(name, known.iter().copied()).map(str::to_owned),
        name: name.to_owned(),
        known: known.join(", "),
    })
}

/// All presets: the user's in front of the built-in ones. Name, one line, rule.
pub fn save_presets(config: &Config) -> Vec<(String, String, SaveRule)> {
    let user = config.save.iter().map(|(name, rule)| (name.clone(), rule.name.clone(), rule.clone()));
    let ours = built_in().into_iter().map(|(name, line, rule)| (name.to_owned(), line.to_owned(), rule));
    user.chain(ours).collect()
}

/// `imagemill-out/JOB`, with a name that is one folder whatever the job is called.
pub fn default_folder(job: &str) -> PathBuf {
    let clean: String =
        job.chars().map(|c| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c }).collect();
    let clean = clean.trim_matches(['.', ' ']).to_owned();
    Path::new("imagemill-out").join(if clean.is_empty() { "job".to_owned() } else { clean })
}

/// A job's save target as it was submitted; a relative folder is below `current`.
pub fn stored_target(current: &Path, job: &Job) -> Option<Target> {
    let rule = job.definition.file.save.clone()?;
    let folder = rule.folder.as_deref().map(expand_home);
    let folder = current.join(folder.unwrap_or_else(|| default_folder(&job.name)));
    Some(Target { folder, rule })
}

/// A name that can be typed and shown.
pub fn check_name(name: &str) -> Result<(), DeskError> {
    if name.trim().is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(DeskError::BadJobName);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_for_any_name() {
        for (job, folder) in [("night", "night"), ("../x", "_x"), ("a/b:c", "a_b_c"), ("..", "job"), ("夜", "夜")] {
            assert_eq!(default_folder(job), Path::new("imagemill-out").join(folder), "{job}");
        }
    }
}
