//! From a job file and what was typed beside it to a job that can be planned.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use imagemill_desk::{DeskError, FileFault, JobInput, check_name, config::expand_home, default_folder, save_rule};
use imagemill_domain::job_file::{Format, JobFile, JobFileError, MAX_JOB_FILE_BYTES, too_large};
use imagemill_domain::route::Profiles;
use imagemill_domain::save_rule::SaveRule;

use crate::cli::{OverrideArgs, SaveToArgs, StartArgs};
use crate::context::Context;
use crate::quit::Quit;

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
    let mut file =
        JobFile::parse(&text, format).map_err(|error| DeskError::from(FileFault::new(&shown, &text, error)))?;
    let keys = save_keys(&text, format);
    let preset = save.save_preset.as_ref().or(file.save_preset.as_ref());
    if preset.is_some() || file.save.is_some() {
        file.save = Some(save_rule(&context.desk.config, preset.map(String::as_str), keys)?);
    } else if save.save_to.is_some() {
        file.save = Some(SaveRule::default());
    }
    if save.no_save {
        file.save = None;
    }
    let stem = path.file_stem().map_or_else(|| "job".to_owned(), |stem| stem.to_string_lossy().into_owned());
    merge(&mut file, overrides, start);
    let name = file.name.clone().unwrap_or(stem);
    check_name(&name)?;
    let absolute = std::path::absolute(path).with_context(|| format!("{shown} is no path"))?;
    let base = absolute.parent().unwrap_or(&context.desk.current).to_path_buf();
    let save_to = remember_folder(context, &mut file, save, &name);
    Ok(JobInput { file, name, base, text: Some((shown, text)), save_to, concurrency: overrides.concurrency })
}

/// Command line over job file.
pub(crate) fn merge(file: &mut JobFile, overrides: &OverrideArgs, start: &StartArgs) {
    let OverrideArgs { profile, model, budget, concurrency: _, lane, name } = overrides.clone();
    match profile {
        None => {}
        Some(Profiles::Order(mut names)) if names.len() == 1 => {
            (file.profile, file.profiles) = (names.pop(), None);
        }
        several => (file.profile, file.profiles) = (None, several),
    }
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
    let named = save.save_to.clone().or_else(|| rule.folder.as_deref().map(expand_home));
    let folder = context.desk.current.join(named.unwrap_or_else(|| default_folder(job)));
    rule.folder = Some(folder.to_string_lossy().into_owned());
    Some(folder)
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
    let problem = |text: &str, error| anyhow::Error::from(DeskError::from(FileFault::new(shown, text, error)));
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
    fn only_written_save_keys_count() {
        let keys = save_keys("recipe = \"edit\"\n[save]\nonly_first = true\n", Format::Toml);
        assert_eq!(keys.keys().collect::<Vec<_>>(), ["only_first"]);
        assert!(save_keys("{\"recipe\":\"edit\"}", Format::Json).is_empty());
    }
}
