//! The catalogue of infographics: layouts (where things stand) and styles (how they look), as data (data/layouts, data/styles,
//! and a user's file on top). Says which of them suit a request; does not choose and does not draw lots.

use serde::{Deserialize, Serialize};

mod words;

#[cfg(test)]
mod tests;

use crate::job_file::{Format, JobFileError, parse_text};

pub(crate) use words::has_hex_colour;
pub use words::{Bilingual, Content, Context, EntryName, Fits, Phrase, Ratio, Rule, Span, Weight};

/// One way in which an entry can be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name.
    pub name: Phrase,
    /// What is different about it.
    pub focus: Phrase,
}

/// Where things stand in an infographic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Its name in requests and files.
    pub name: EntryName,
    /// Its name for people.
    pub title: Bilingual,
    /// What it is, in one line.
    pub gist: Bilingual,
    /// Kinds of content that it is drawn for, and with which weight.
    pub fits: Fits<Content>,
    /// Narrowest and widest ratio that it works in.
    pub ratios: Span<Ratio>,
    /// How many points it shows, fewest and most.
    pub points: Span<u32>,
    /// How many pieces of text it carries, the title included.
    pub labels: Span<u32>,
    /// Whether it keeps the dense strokes of Chinese, Japanese and Korean readable.
    #[serde(default = "yes")]
    pub cjk: bool,
    /// How the area is divided.
    pub structure: Vec<Phrase>,
    /// What is drawn.
    pub visual: Vec<Phrase>,
    /// Where which words stand.
    pub text: Vec<Phrase>,
    /// Subjects that it serves well.
    pub best_for: Vec<Phrase>,
    /// Styles that go well with it.
    pub pairings: Vec<EntryName>,
    /// Rules of the critic that it breaks on purpose.
    #[serde(default)]
    pub exempt: Vec<Rule>,
    /// Ways to carry it out.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

/// Names of colours; never numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Palette {
    /// What most things are coloured with.
    pub main: Vec<Phrase>,
    /// What everything stands on.
    pub ground: Phrase,
    /// What is set off.
    pub accents: Vec<Phrase>,
}

/// How an infographic looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Style {
    /// Its name in requests and files.
    pub name: EntryName,
    /// Its name for people.
    pub title: Bilingual,
    /// What it is, in one line.
    pub gist: Bilingual,
    /// Tones and domains that it is drawn for, and with which weight.
    pub fits: Fits<Context>,
    /// Colours.
    pub palette: Palette,
    /// The most pieces of text that it keeps readable.
    pub most_labels: u32,
    /// Whether it keeps the dense strokes of Chinese, Japanese and Korean readable.
    #[serde(default = "yes")]
    pub cjk: bool,
    /// What it is made of.
    pub visual: Vec<Phrase>,
    /// How words are written.
    pub lettering: Vec<Phrase>,
    /// Subjects that it serves well.
    pub best_for: Vec<Phrase>,
    /// What would spoil it.
    #[serde(default)]
    pub avoid: Vec<Phrase>,
    /// Rules of the critic that it breaks on purpose.
    #[serde(default)]
    pub exempt: Vec<Rule>,
    /// Ways to carry it out.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

fn yes() -> bool {
    true
}

/// What a request asks of a layout or style; what is left out rules nothing out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Width to height.
    pub ratio: Option<Ratio>,
    /// Points to show.
    pub points: Option<u32>,
    /// Pieces of text to draw.
    pub labels: Option<u32>,
    /// The text is Chinese, Japanese or Korean.
    pub cjk: bool,
}

impl Layout {
    /// Whether it can do what is needed.
    pub fn suits(&self, needs: &Needs) -> bool {
        needs.ratio.as_ref().is_none_or(|ratio| self.ratios.holds(ratio))
            && needs.points.is_none_or(|points| self.points.holds(&points))
            && needs.labels.is_none_or(|labels| self.labels.holds(&labels))
            && (self.cjk || !needs.cjk)
    }
}

impl Style {
    /// Whether it can do what is needed. Ratio and points are matters of the layout.
    pub fn suits(&self, needs: &Needs) -> bool {
        needs.labels.is_none_or(|labels| labels <= self.most_labels) && (self.cjk || !needs.cjk)
    }
}

/// All layouts and styles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Layouts; a name stands once.
    #[serde(default, rename = "layout")]
    pub layouts: Vec<Layout>,
    /// Styles; a name stands once.
    #[serde(default, rename = "style")]
    pub styles: Vec<Style>,
}

/// Why a catalogue as a whole cannot be used, though each of its entries can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// Two entries have one name.
    #[error("the catalogue has two entries named {0}; give one of them another name")]
    Twice(EntryName),
    /// Nothing could ever choose it.
    #[error("{0} in the catalogue has no word in `fits`, so no request would ever get it; add one")]
    Unreachable(EntryName),
    /// A list that must say something is empty.
    #[error("{name} in the catalogue says nothing in `{key}`; add at least one line")]
    Empty {
        /// Whose.
        name: EntryName,
        /// Which.
        key: &'static str,
    },
    /// A layout names a style that is not there.
    #[error("{name} in the catalogue is paired with {style}, which is not a style; correct its `pairings`")]
    NoSuchStyle {
        /// Which layout.
        name: EntryName,
        /// What it names.
        style: EntryName,
    },
    /// Unreadable text is never meant.
    #[error("{0} in the catalogue is exempt from `legibility`, which nothing can be; take it out of `exempt`")]
    Illegible(EntryName),
}

impl CatalogueError {
    /// The entry that it is about.
    pub fn entry(&self) -> &EntryName {
        match self {
            Self::Twice(name)
            | Self::Unreachable(name)
            | Self::Illegible(name)
            | Self::Empty { name, .. }
            | Self::NoSuchStyle { name, .. } => name,
        }
    }
}

impl Catalogue {
    /// Reads TOML of the form of data/layouts and data/styles. The error names the place.
    pub fn parse(text: &str) -> Result<Self, JobFileError> {
        parse_text(text, Format::Toml)
    }

    /// Puts a user's entries in front; one with the name of ours takes its place.
    #[must_use]
    pub fn overlaid_by(mut self, mut user: Self) -> Self {
        self.layouts.retain(|ours| user.layouts.iter().all(|theirs| theirs.name != ours.name));
        self.styles.retain(|ours| user.styles.iter().all(|theirs| theirs.name != ours.name));
        user.layouts.append(&mut self.layouts);
        user.styles.append(&mut self.styles);
        user
    }

    /// The layout of a name.
    pub fn layout(&self, name: &str) -> Option<&Layout> {
        self.layouts.iter().find(|layout| layout.name.as_str() == name)
    }

    /// The style of a name.
    pub fn style(&self, name: &str) -> Option<&Style> {
        self.styles.iter().find(|style| style.name.as_str() == name)
    }

    /// Layouts that a draw for this content takes in, with their weights.
    pub fn layouts_for(&self, content: Content, needs: &Needs) -> Vec<(&Layout, Weight)> {
        let suiting = self.layouts.iter().filter(|layout| layout.suits(needs));
        suiting.filter_map(|layout| Some((layout, *layout.fits.get(&content)?))).collect()
    }

    /// Styles that a draw for this context takes in, with their weights.
    pub fn styles_for(&self, context: Context, needs: &Needs) -> Vec<(&Style, Weight)> {
        let suiting = self.styles.iter().filter(|style| style.suits(needs));
        suiting.filter_map(|style| Some((style, *style.fits.get(&context)?))).collect()
    }

    /// What must hold among the entries: names stand once, each entry says something and can be drawn, pairings resolve.
    pub fn check(&self) -> Result<(), CatalogueError> {
        for (at, layout) in self.layouts.iter().enumerate() {
            let name = &layout.name;
            once(name, self.layouts[..at].iter().map(|earlier| &earlier.name))?;
            let lists = [
                ("structure", layout.structure.is_empty()),
                ("visual", layout.visual.is_empty()),
                ("text", layout.text.is_empty()),
                ("best_for", layout.best_for.is_empty()),
            ];
            sound(name, layout.fits.is_empty(), &lists, &layout.exempt)?;
            if let Some(style) = layout.pairings.iter().find(|style| self.style(style.as_str()).is_none()) {
                return Err(CatalogueError::NoSuchStyle { name: name.clone(), style: style.clone() });
            }
        }
        for (at, style) in self.styles.iter().enumerate() {
            once(&style.name, self.styles[..at].iter().map(|earlier| &earlier.name))?;
            let lists = [
                ("palette.main", style.palette.main.is_empty()),
                ("visual", style.visual.is_empty()),
                ("lettering", style.lettering.is_empty()),
                ("best_for", style.best_for.is_empty()),
            ];
            sound(&style.name, style.fits.is_empty(), &lists, &style.exempt)?;
        }
        Ok(())
    }
}

fn once<'a>(name: &EntryName, mut earlier: impl Iterator<Item = &'a EntryName>) -> Result<(), CatalogueError> {
    if earlier.any(|other| other == name) { Err(CatalogueError::Twice(name.clone())) } else { Ok(()) }
}

fn sound(
    name: &EntryName,
    unreachable: bool,
    lists: &[(&'static str, bool)],
    exempt: &[Rule],
) -> Result<(), CatalogueError> {
    if unreachable {
        return Err(CatalogueError::Unreachable(name.clone()));
    }
    if let Some((key, _)) = lists.iter().find(|(_, empty)| *empty) {
        return Err(CatalogueError::Empty { name: name.clone(), key });
    }
    if exempt.contains(&Rule::Legibility) {
        return Err(CatalogueError::Illegible(name.clone()));
    }
    Ok(())
}
