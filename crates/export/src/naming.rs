//! The name that a rule wants for a picture, its source and its text. Pure: what is on the disk is not looked at.

use std::borrow::Cow;
use std::collections::BTreeMap;

use imagemill_domain::asset::Asset;
use imagemill_domain::job::Job;
use imagemill_domain::plan::prompt_of;
use imagemill_domain::save_rule::SaveRule;
use imagemill_domain::task::Task;
use imagemill_domain::template::{Template, TemplateError};

use crate::clean;
use crate::error::ExportError;

/// Longest name made from a prompt, in characters.
const SLUG_CHARS: usize = 60;

/// The variables of every template, besides the columns of the list.
pub(crate) const VARIABLES: [&str; 18] = [
    "src_stem",
    "pair_stem",
    "src_name",
    "src_ext",
    "src_folder",
    "task_id",
    "task_key",
    "result_id",
    "result_index",
    "global_index",
    "prompt_index",
    "sample",
    "job",
    "model",
    "ext",
    "width",
    "height",
    "blake3",
];

/// The variables of text templates only.
pub(crate) const TEXT_VARIABLES: [&str; 2] = ["image_name", "image_path"];

/// Checks a rule's templates before anything is paid for.
///
/// `has_list` says whether the job reads a list: its columns are variables too and are not known here, so that unknown
/// names are found only when the pictures are saved.
///
/// # Errors
/// [`ExportError::Template`] with the rule's key.
pub fn check_rule(rule: &SaveRule, has_list: bool) -> Result<(), ExportError> {
    Naming::new(rule, has_list).map(drop)
}

/// A rule whose templates were read.
#[derive(Debug)]
pub(crate) struct Naming {
    rule: SaveRule,
    name: Template,
    source_name: Template,
    text: Template,
}

/// One result picture, as far as names are concerned.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) job: &'a Job,
    pub(crate) task: &'a Task,
    pub(crate) asset: &'a Asset,
    /// The model that made it.
    pub(crate) model: &'a str,
    /// Running number of saved pictures, from 1.
    pub(crate) number: u64,
}

impl Naming {
    pub(crate) fn new(rule: &SaveRule, has_list: bool) -> Result<Self, ExportError> {
        let read = |key: &'static str, text: &str, extra: &[&str], used: bool| {
            let template = Template::parse(text).map_err(|source| ExportError::Template { key, source })?;
            let known: Vec<&str> = VARIABLES.iter().chain(extra).copied().collect();
            let unknown = template.variables().find(|name| !known.contains(name));
            match unknown.filter(|_| used && !has_list).map(ToOwned::to_owned) {
                Some(name) => {
                    let source = TemplateError::Unknown { name, known: known.join(", ") };
                    Err(ExportError::Template { key, source })
                }
                None => Ok(template),
            }
        };
        Ok(Self {
            rule: rule.clone(),
            name: read("name", &rule.name, &[], true)?,
            source_name: read("source_name", &rule.source_name, &[], rule.copy_source)?,
            text: read("text_template", &rule.text_template, &TEXT_VARIABLES, rule.text)?,
        })
    }

    /// Path of the result below the output folder, with `/` and without suffix.
    pub(crate) fn result(&self, subject: &Subject<'_>) -> Result<String, TemplateError> {
        self.path(&self.name, subject, Some(&self.rule))
    }

    /// The same for the copy of the source, whose stem is not replaced.
    pub(crate) fn source(&self, subject: &Subject<'_>) -> Result<String, TemplateError> {
        self.path(&self.source_name, subject, None)
    }

    /// What the text file holds; `image_name` and `image_path` are the saved picture's.
    pub(crate) fn text(
        &self,
        subject: &Subject<'_>,
        image_name: &str,
        image_path: &str,
    ) -> Result<String, TemplateError> {
        let values = subject.values(None);
        let lookup = |name: &str| match name {
            "image_name" => Some(Cow::Borrowed(image_name)),
            "image_path" => Some(Cow::Borrowed(image_path)),
            _ => find(&subject.task.spec.columns, &values, name).map(Cow::Borrowed),
        };
        self.text.render(lookup, || subject.known(&TEXT_VARIABLES))
    }

    fn path(
        &self,
        template: &Template,
        subject: &Subject<'_>,
        replacement: Option<&SaveRule>,
    ) -> Result<String, TemplateError> {
        let values = subject.values(replacement);
        let lookup = |name: &str| find(&subject.task.spec.columns, &values, name).map(clean::value);
        let rendered = template.render(lookup, || subject.known(&[]))?;
        let mut parts: Vec<String> = Vec::new();
        if self.rule.keep_folders {
            parts.extend(subject.source_folder().split('/').map(clean::part).filter(|part| !part.is_empty()));
        }
        let (folders, name) = rendered.rsplit_once('/').unwrap_or(("", &rendered));
        parts.extend(folders.split('/').map(clean::part).filter(|part| !part.is_empty()));
        let name = clean::part(name);
        parts.push(if name.is_empty() { fallback(subject, &values) } else { name });
        Ok(parts.join("/"))
    }
}

/// The name for a template that came to nothing.
fn fallback(subject: &Subject<'_>, values: &BTreeMap<&'static str, String>) -> String {
    let stem = clean::part(&values["src_stem"]);
    let stem = if stem.is_empty() { "picture" } else { &stem };
    format!("{stem}_{}", subject.asset.index)
}

impl Subject<'_> {
    /// Name of the first source, with its folders; `None` when there is no source.
    fn source(&self) -> Option<&str> {
        self.task.spec.pictures.first().map(|picture| picture.name.as_str())
    }

    fn source_folder(&self) -> &str {
        self.source().and_then(|name| name.rsplit_once('/')).map_or("", |(folder, _)| folder)
    }

    /// File name of the source, its stem and its suffix; for a picture made from words a name made from the prompt.
    fn source_parts(&self) -> (String, String, String) {
        let Some(path) = self.source() else {
            let slug = clean::slug(&prompt_of(&self.job.definition, &self.task.spec), SLUG_CHARS);
            return (slug.clone(), slug, String::new());
        };
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let (stem, ext) = match name.rsplit_once('.') {
            Some((stem, ext)) if !stem.is_empty() => (stem, ext),
            _ => (name, ""),
        };
        (name.to_owned(), stem.to_owned(), ext.to_owned())
    }

    /// The values of [`VARIABLES`], with the stem's replacement of a rule.
    fn values(&self, replacement: Option<&SaveRule>) -> BTreeMap<&'static str, String> {
        let (src_name, src_stem, src_ext) = self.source_parts();
        let src_stem = match replacement {
            Some(rule) if !rule.replace_from.is_empty() => src_stem.replace(&rule.replace_from, &rule.replace_to),
            _ => src_stem,
        };
        let facts = &self.asset.facts;
        BTreeMap::from([
            ("pair_stem", pair_stem(&src_stem).to_owned()),
            ("src_stem", src_stem),
            ("src_name", src_name),
            ("src_ext", src_ext),
            ("src_folder", self.source_folder().to_owned()),
            ("task_id", self.task.id.0.to_string()),
            ("task_key", self.task.key.to_hex()),
            ("result_id", self.asset.id.0.to_string()),
            ("result_index", self.asset.index.to_string()),
            ("global_index", self.number.to_string()),
            ("prompt_index", (self.task.spec.prompt_index.unwrap_or(0) + 1).to_string()),
            ("sample", (self.task.spec.sample + 1).to_string()),
            ("job", self.job.name.clone()),
            ("model", self.model.to_owned()),
            ("ext", facts.format.extension().to_owned()),
            ("width", facts.width.to_string()),
            ("height", facts.height.to_string()),
            ("blake3", facts.blake3.short()),
        ])
    }

    fn known(&self, extra: &[&str]) -> Vec<String> {
        let columns = self.task.spec.columns.keys().map(String::as_str);
        VARIABLES.iter().chain(extra).copied().chain(columns).map(ToOwned::to_owned).collect()
    }
}

/// `001` of `001_start`: what both halves of a training pair have in common. Any other stem stays whole.
pub(crate) fn pair_stem(stem: &str) -> &str {
    const MARK: &str = "start";
    let Some((head, tail)) = stem.len().checked_sub(MARK.len()).and_then(|at| stem.split_at_checked(at)) else {
        return stem;
    };
    let head = head.trim_end_matches(['_', '-', ' ', '.']);
    if tail.eq_ignore_ascii_case(MARK) && !head.is_empty() { head } else { stem }
}

/// A column of the list wins over a variable of the same name, as in prompts.
fn find<'a>(
    columns: &'a BTreeMap<String, String>,
    values: &'a BTreeMap<&'static str, String>,
    name: &str,
) -> Option<&'a str> {
    columns.get(name).or_else(|| values.get(name)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halves_of_a_pair_share_what_stands_before_start() {
        for (stem, shared) in [
            ("001_start", "001"),
            ("a-START", "a"),
            ("night.start", "night"),
            ("holiday", "holiday"),
            ("start", "start"),
            ("_start", "_start"),
            ("start_1", "start_1"),
            ("夜景start", "夜景"),
            ("夜景", "夜景"),
        ] {
            assert_eq!(pair_stem(stem), shared, "{stem}");
        }
    }
}
