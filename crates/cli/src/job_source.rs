//! From what was typed, a job file or the arguments of a direct command, to a job that can be planned.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use imagemill_domain::job_file::{Format, JobFile, JobFileError, MAX_JOB_FILE_BYTES, locate, nearest, too_large};
use imagemill_domain::plan::PlanError;
use imagemill_domain::save_rule::{SaveRule, built_in};

use crate::cli::{OverrideArgs, SaveToArgs, StartArgs};
use crate::context::Context;
use crate::quit::{FileProblem, Quit};
use crate::texts::say;

/// A job before it is planned.
#[derive(Debug)]
pub(crate) struct JobInput {
    /// What was asked for; overrides are merged in.
    pub(crate) file: JobFile,
    /// Name when the file has none.
    pub(crate) name: String,
    /// Folder that relative paths start from.
    pub(crate) base: PathBuf,
    /// Name and text of the job file, to show places in.
    pub(crate) text: Option<(String, String)>,
    /// Where finished pictures go; `None` leaves them in the workspace.
    pub(crate) save_to: Option<PathBuf>,
    /// `--concurrency`; the other limits stay the job's or the profile's.
    pub(crate) concurrency: Option<u32>,
}

impl JobInput {
    /// What is wrong with the plan, with a place in the job file where there is one.
    pub(crate) fn plan_error(&self, error: &PlanError) -> anyhow::Error {
        let Some((file, text)) = &self.text else { return Quit::usage(error.to_string()) };
        let key = match error {
            PlanError::OutOfRange { key, .. } => Some((*key).to_owned()),
            PlanError::Unsupported { option, .. } => {
                let option = option.split([' ', '=']).next().unwrap_or_default();
                Some(if option == "edit" || option == "generate" {
                    "recipe".into()
                } else {
                    format!("options.{option}")
                })
            }
            PlanError::Prompt { .. } => {
                Some(if self.file.prompt.is_some() { "prompt".into() } else { "prompts".into() })
            }
            _ => None,
        };
        match key.and_then(|key| locate(text, &key)) {
            Some(span) => {
                let error = JobFileError { message: error.to_string(), span: Some(span), help: None };
                Quit::from(FileProblem::new(file, text, error)).into()
            }
            None => Quit::usage(format!("{file}: {error}")),
        }
    }
}

/// Reads a job file and merges the command line into it.
pub(crate) fn read(
    context: &Context,
    path: &Path,
    overrides: &OverrideArgs,
    start: &StartArgs,
    save: &SaveToArgs,
) -> anyhow::Result<JobInput> {
    let shown = path.display().to_string();
    let text = read_text(path, &shown)?;
    let format = match path.extension().and_then(|suffix| suffix.to_str()) {
        Some(suffix) if suffix.eq_ignore_ascii_case("json") => Format::Json,
        Some(suffix) if suffix.eq_ignore_ascii_case("toml") => Format::Toml,
        _ if text.trim_start().starts_with('{') => Format::Json,
        _ => Format::Toml,
    };
    let mut file = JobFile::parse(&text, format).map_err(|error| Quit::from(FileProblem::new(&shown, &text, error)))?;
    let keys = save_keys(&text, format);
    let preset = save.save_preset.as_ref().or(file.save_preset.as_ref());
    if preset.is_some() || file.save.is_some() {
        file.save = Some(save_rule(context, preset.map(String::as_str), keys)?);
    } else if save.save_to.is_some() {
        file.save = Some(SaveRule::default());
    }
    if save.no_save {
        file.save = None;
    }
    let stem = path.file_stem().map_or_else(|| "job".to_owned(), |stem| stem.to_string_lossy().into_owned());
    merge(&mut file, overrides, start);
    let name = file.name.clone().unwrap_or(stem);
    check_name(context, &name)?;
    let absolute = std::path::absolute(path).with_context(|| format!("{shown} is no path"))?;
    let base = absolute.parent().unwrap_or(&context.current).to_path_buf();
    let save_to = remember_folder(context, &mut file, save, &name);
    Ok(JobInput { file, name, base, text: Some((shown, text)), save_to, concurrency: overrides.concurrency })
}

/// Command line over job file.
pub(crate) fn merge(file: &mut JobFile, overrides: &OverrideArgs, start: &StartArgs) {
    let OverrideArgs { profile, model, budget, concurrency: _, lane, name } = overrides.clone();
    file.profile = profile.or(file.profile.take());
    file.model = model.or(file.model.take());
    file.budget = budget.or(file.budget);
    file.lane = lane.unwrap_or(file.lane);
    file.name = name.or(file.name.take());
    file.accept_unknown_price |= start.accept_unknown_price;
}

/// Where a job's pictures go: `--save-to`, the rule's folder, `./imagemill-out/JOB`. Written into the rule as well, so that a
/// later `resume` saves to the same place from whatever folder it is typed in.
pub(crate) fn remember_folder(context: &Context, file: &mut JobFile, save: &SaveToArgs, job: &str) -> Option<PathBuf> {
    let rule = file.save.as_mut()?;
    let named = save.save_to.clone().or_else(|| rule.folder.as_deref().map(crate::config::expand_home));
    let folder = context.current.join(named.unwrap_or_else(|| default_folder(job)));
    rule.folder = Some(folder.to_string_lossy().into_owned());
    Some(folder)
}

/// `imagemill-out/JOB`, with a name that is one folder whatever the job is called.
pub(crate) fn default_folder(job: &str) -> PathBuf {
    let clean: String =
        job.chars().map(|c| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c }).collect();
    let clean = clean.trim_matches(['.', ' ']).to_owned();
    Path::new("imagemill-out").join(if clean.is_empty() { "job".to_owned() } else { clean })
}

/// A preset by name with single keys changed.
pub(crate) fn save_rule(
    context: &Context,
    preset: Option<&str>,
    keys: serde_json::Map<String, serde_json::Value>,
) -> anyhow::Result<SaveRule> {
    let base = match preset {
        None => SaveRule::default(),
        Some(name) => preset_named(context, name)?,
    };
    let mut value = serde_json::to_value(base).expect("a rule always serialises");
    if let Some(object) = value.as_object_mut() {
        object.extend(keys);
    }
    Ok(serde_json::from_value(value)?)
}

fn preset_named(context: &Context, name: &str) -> anyhow::Result<SaveRule> {
    let presets = save_presets(context);
    if let Some((_, _, rule)) = presets.iter().find(|(known, ..)| known == name) {
        return Ok(rule.clone());
    }
    let known: Vec<&str> = presets.iter().map(|(name, ..)| name.as_str()).collect();
    let hint = nearest(name, known.iter().copied())
        .map(|near| format!(" {}", say!(context.texts, "word.did_you_mean", word = near)))
        .unwrap_or_default();
    let text = say!(context.texts, "save.unknown_preset", preset = name, known = known.join(", "));
    Err(Quit::usage(format!("{text}{hint}")))
}

/// All presets: the user's in front of the built-in ones. Name, one line, rule.
pub(crate) fn save_presets(context: &Context) -> Vec<(String, String, SaveRule)> {
    let user = context.config.save.iter().map(|(name, rule)| (name.clone(), rule.name.clone(), rule.clone()));
    let ours = built_in().into_iter().map(|(name, line, rule)| (name.to_owned(), line.to_owned(), rule));
    user.chain(ours).collect()
}

/// A name that can be typed and shown.
pub(crate) fn check_name(context: &Context, name: &str) -> anyhow::Result<()> {
    if name.trim().is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Quit::usage(say!(context.texts, "job.bad_name")));
    }
    Ok(())
}

/// The keys that stand under `[save]`, so that only these change a preset.
fn save_keys(text: &str, format: Format) -> serde_json::Map<String, serde_json::Value> {
    let root: Option<serde_json::Value> = match format {
        Format::Toml => toml::from_str::<toml::Table>(text).ok().and_then(|table| serde_json::to_value(table).ok()),
        Format::Json => serde_json::from_str(text).ok(),
    };
    root.and_then(|root| root.get("save")?.as_object().cloned()).unwrap_or_default()
}

fn read_text(path: &Path, shown: &str) -> anyhow::Result<String> {
    let facts = std::fs::metadata(path).map_err(|error| Quit::Usage(format!("{shown}: {error}")))?;
    if facts.is_dir() {
        return Err(Quit::usage(format!("{shown} is a folder; did you mean `imagemill edit {shown} --prompt …`?")));
    }
    let problem = |text: &str, error| anyhow::Error::from(Quit::from(FileProblem::new(shown, text, error)));
    if facts.len() > MAX_JOB_FILE_BYTES {
        return Err(problem("", too_large(facts.len())));
    }
    let bytes = std::fs::read(path).map_err(|error| Quit::Usage(format!("{shown}: {error}")))?;
    match String::from_utf8(bytes) {
        // A byte order mark is what some editors leave behind.
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let (message, help) = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
                ("the file is UTF-16 text".to_owned(), "save it as UTF-8")
            } else {
                let line = bytes[..at].split(|byte| *byte == b'\n').count();
                (format!("the file is not UTF-8 text: line {line} has a byte that cannot be"), "save it as UTF-8")
            };
            Err(problem("", JobFileError { message, span: None, help: Some(help.to_owned()) }))
        }
    }
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

    #[test]
    fn only_written_save_keys_count() {
        let keys = save_keys("recipe = \"edit\"\n[save]\nonly_first = true\n", Format::Toml);
        assert_eq!(keys.keys().collect::<Vec<_>>(), ["only_first"]);
        assert!(save_keys("{\"recipe\":\"edit\"}", Format::Json).is_empty());
    }
}
