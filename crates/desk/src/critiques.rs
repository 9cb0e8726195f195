//! What a job for critiques is held against: its collection, rubric and gate, found by name or read from files. What they ask for is
//! the domain's matter.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use imagemill_domain::collection::Collection;
use imagemill_domain::critique::{Commission, CritiqueSection, Gate, Rubric};
use imagemill_domain::job_file::{JobFile, RecipeName, nearest};

use crate::config::{Config, expand_home};
use crate::error::DeskError;
use crate::job_input::JobInput;

/// The gate where neither job nor collection names one.
const STRICT: &str = "strict";

/// The collection of this name.
pub fn collection<'a>(config: &'a Config, name: &str) -> Result<&'a Collection, DeskError> {
    config.collections.get(name).ok_or_else(|| {
        let known: Vec<&str> = config.collections.keys().map(String::as_str).collect();
        let near = nearest(name, known.iter().copied()).map(str::to_owned);
        DeskError::UnknownCollection { name: name.to_owned(), known: known.join(", "), near }
    })
}

/// A rubric by name, or from a file below `base`.
pub fn rubric(base: &Path, name: &str) -> Result<Rubric, DeskError> {
    match file_of(base, name) {
        Some(path) => Rubric::parse(&read(name, &path)?).map_err(|error| in_file(name, &error)),
        None => Rubric::shipped(name).map_err(|error| DeskError::Critique(error.to_string())),
    }
}

/// A gate profile by name, or from a file below `base`.
pub fn gate(base: &Path, name: &str) -> Result<Gate, DeskError> {
    match file_of(base, name) {
        Some(path) => Gate::parse(&read(name, &path)?).map_err(|error| in_file(name, &error)),
        None => Gate::shipped(name).map_err(|error| DeskError::Critique(error.to_string())),
    }
}

/// What the critiques of a job are written and judged by; `None` for jobs that make pictures.
pub(crate) fn commission(config: &Config, input: &JobInput) -> Result<Option<Commission>, DeskError> {
    let (base, section) = match (input.file.recipe, &input.file.critique) {
        (RecipeName::Critique, Some(section)) => (&input.base, section),
        (RecipeName::Critique, None) => return Err(nameless()),
        (_, None) => return Ok(None),
        (recipe, Some(_)) => {
            let message = format!(
                "[critique] is for the recipe critique, and the job's is {}; take one of them out",
                recipe.word()
            );
            return Err(DeskError::Critique(message));
        }
    };
    commission_of(config, base, section).map(Some)
}

/// What the critiques of a section are written and judged by; files are found from `base`.
pub fn commission_of(config: &Config, base: &Path, section: &CritiqueSection) -> Result<Commission, DeskError> {
    let own = own_collection(config, section)?.cloned().unwrap_or_default();
    let first = |names: [&Option<String>; 3]| names.into_iter().flatten().next().cloned();
    let rubric = rubric(base, &first([&section.rubric, &own.rubric, &section.collection]).ok_or_else(nameless)?)?;
    let gate_name = first([&section.gate, &own.gate, &None]).unwrap_or_else(|| STRICT.to_owned());
    let gate = gate(base, &gate_name)?;
    let collection = section.collection.clone().unwrap_or_else(|| rubric.name.clone());
    Ok(Commission { collection, rubric, gate_name, gate, look: section.look })
}

/// Fills in who writes, and how much at once, from the job's collection.
pub(crate) fn fill(config: &Config, input: &mut JobInput) -> Result<(), DeskError> {
    let Some(section) = input.file.critique.clone().filter(|_| input.file.recipe == RecipeName::Critique) else {
        return Ok(());
    };
    let Some(own) = own_collection(config, &section)? else { return Ok(()) };
    let file: &mut JobFile = &mut input.file;
    if file.profile.is_none() && file.profiles.is_none() {
        file.profile.clone_from(&own.profile);
        file.model = file.model.take().or_else(|| own.model.clone());
    }
    if file.prompt.is_none() && file.prompts.is_empty() {
        file.prompt = own.prompt.as_ref().map(|wish| wish.replace('{', "{{").replace('}', "}}"));
    }
    if file.limits.is_none() {
        input.concurrency.get_or_insert(own.parallel());
    }
    Ok(())
}

/// The collection that a section names. One that only names its rows, beside a rubric, need not be known.
fn own_collection<'a>(config: &'a Config, section: &CritiqueSection) -> Result<Option<&'a Collection>, DeskError> {
    match &section.collection {
        Some(name) if section.rubric.is_some() => Ok(config.collections.get(name)),
        Some(name) => collection(config, name).map(Some),
        None => Ok(None),
    }
}

fn nameless() -> DeskError {
    let message = "a job for critiques says what they are held against; add [critique] with collection = \"korean\" or \
                   rubric = \"rubric.toml\"";
    DeskError::Critique(message.to_owned())
}

/// A name that is meant as a file.
fn file_of(base: &Path, name: &str) -> Option<PathBuf> {
    let path = expand_home(name);
    let is_file = path.extension().is_some_and(|extension| extension == "toml") || path.components().count() > 1;
    is_file.then(|| base.join(path))
}

fn read(name: &str, path: &Path) -> Result<String, DeskError> {
    std::fs::read_to_string(path).map_err(|error| DeskError::Critique(format!("{name} cannot be read: {error}")))
}

fn in_file(file: &str, error: &dyn Display) -> DeskError {
    DeskError::Critique(format!("{file}: {error}"))
}
