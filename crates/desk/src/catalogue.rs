//! The catalogue in force: the layouts and styles that come with the program, and a user's file in front of them. What an
//! entry means and which ones suit a request is the domain's matter.

use std::path::Path;

use imagemill_domain::catalogue::{Catalogue, CatalogueError, Content, Context, Fits, Layout, Needs, Style};
use imagemill_domain::job_file::{Format, JobFileError, nearest, parse_text};
use serde_json::{Value, json};

use crate::config::Config;
use crate::desk::Desk;
use crate::error::{DeskError, FileFault};

#[cfg(test)]
mod tests;

/// Each file of data/layouts and data/styles; a test holds the list against the folders.
const FILES: [(&str, &str); 10] = [
    ("layouts/sequences.toml", include_str!("../../../data/layouts/sequences.toml")),
    ("layouts/relations.toml", include_str!("../../../data/layouts/relations.toml")),
    ("layouts/grids.toml", include_str!("../../../data/layouts/grids.toml")),
    ("layouts/pages.toml", include_str!("../../../data/layouts/pages.toml")),
    ("layouts/pictures.toml", include_str!("../../../data/layouts/pictures.toml")),
    ("layouts/expressive.toml", include_str!("../../../data/layouts/expressive.toml")),
    ("styles/design.toml", include_str!("../../../data/styles/design.toml")),
    ("styles/drawing.toml", include_str!("../../../data/styles/drawing.toml")),
    ("styles/crafts.toml", include_str!("../../../data/styles/crafts.toml")),
    ("styles/screens.toml", include_str!("../../../data/styles/screens.toml")),
];

impl Desk {
    /// Layouts and styles, checked: the user's file in front of those that come with the program.
    pub fn catalogue(&self) -> Result<Catalogue, DeskError> {
        in_force(&self.config)
    }
}

/// The same from the settings alone.
pub(crate) fn in_force(config: &Config) -> Result<Catalogue, DeskError> {
    let ours = built_in();
    let Some(path) = &config.catalogue_file else { return Ok(ours) };
    let text = std::fs::read_to_string(path).map_err(|source| DeskError::File {
        what: "cannot read the catalogue file",
        path: path.clone(),
        source,
    })?;
    Ok(with_users(ours, path, &text)?)
}

/// What comes with the program, in the order of [`FILES`].
fn built_in() -> Catalogue {
    let mut all = Catalogue::default();
    for (_, text) in FILES {
        let part = Catalogue::parse(text).expect("a test reads data/layouts and data/styles");
        all.layouts.extend(part.layouts);
        all.styles.extend(part.styles);
    }
    all
}

fn with_users(ours: Catalogue, path: &Path, text: &str) -> Result<Catalogue, Box<FileFault>> {
    let fault = |error| FileFault::new(&path.display().to_string(), text, error);
    let user: Catalogue = parse_text(text, Format::Toml).map_err(fault)?;
    let all = ours.overlaid_by(user);
    // Ours are checked by a test, so what does not go together is in the user's file.
    all.check().map_err(|error| fault(placed(text, &error)))?;
    Ok(all)
}

/// The error at the name of the entry that it is about; at the second one where the name stands twice.
fn placed(text: &str, error: &CatalogueError) -> JobFileError {
    let named = format!("name = \"{}\"", error.entry());
    let mut places = text.match_indices(&named).map(|(at, _)| at..at + named.len());
    let span = match error {
        CatalogueError::Twice(_) => places.last(),
        _ => places.next(),
    };
    JobFileError { message: error.to_string(), span, help: None }
}

/// The layout of a name, or who was probably meant.
pub fn layout<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Layout, DeskError> {
    catalogue.layout(name).ok_or_else(|| DeskError::UnknownLayout {
        name: name.to_owned(),
        near: nearest(name, catalogue.layouts.iter().map(|layout| layout.name.as_str())).map(str::to_owned),
    })
}

/// The style of a name, or who was probably meant.
pub fn style<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Style, DeskError> {
    catalogue.style(name).ok_or_else(|| DeskError::UnknownStyle {
        name: name.to_owned(),
        near: nearest(name, catalogue.styles.iter().map(|style| style.name.as_str())).map(str::to_owned),
    })
}

/// Entries of the catalogue that suit, in its order; with their weights where a word was asked for.
#[derive(Debug)]
pub struct Suiting<'a> {
    /// Where things stand.
    pub layouts: Vec<(&'a Layout, Option<u32>)>,
    /// How they look.
    pub styles: Vec<(&'a Style, Option<u32>)>,
}

/// What is drawn for a content or context (all when no word is given) and can do what is needed. `None` when nobody knows the word.
pub fn suiting<'a>(all: &'a Catalogue, word: Option<&str>, needs: &Needs) -> Option<Suiting<'a>> {
    let (content, context) = (word.and_then(Content::from_word), word.and_then(Context::from_word));
    if word.is_some() && content.is_none() && context.is_none() {
        return None;
    }
    let layouts = all.layouts.iter().filter(|layout| layout.suits(needs));
    let styles = all.styles.iter().filter(|style| style.suits(needs));
    Some(Suiting {
        layouts: layouts.filter_map(|layout| weighed(layout, &layout.fits, word, content)).collect(),
        styles: styles.filter_map(|style| weighed(style, &style.fits, word, context)).collect(),
    })
}

/// An entry with its weight for what was asked; `None` where it is not for that.
fn weighed<'a, E, T: Ord>(
    entry: &'a E,
    fits: &Fits<T>,
    asked: Option<&str>,
    word: Option<T>,
) -> Option<(&'a E, Option<u32>)> {
    match (asked, word) {
        (None, _) => Some((entry, None)),
        (Some(_), word) => Some((entry, Some(u32::from(*fits.get(&word?)?)))),
    }
}

impl Suiting<'_> {
    /// Layouts as documents show them.
    pub fn layout_documents(&self) -> Vec<Value> {
        self.layouts.iter().map(|(layout, weight)| with_weight(json!(layout), *weight)).collect()
    }

    /// Styles as documents show them.
    pub fn style_documents(&self) -> Vec<Value> {
        self.styles.iter().map(|(style, weight)| with_weight(json!(style), *weight)).collect()
    }
}

fn with_weight(mut entry: Value, weight: Option<u32>) -> Value {
    if let (Some(weight), Some(members)) = (weight, entry.as_object_mut()) {
        members.insert("weight".into(), weight.into());
    }
    entry
}
