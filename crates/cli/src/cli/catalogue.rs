//! What can be typed after `imagemill catalogue`.

use clap::{Args, ValueEnum};
use imagemill_domain::catalogue::Ratio;

/// `catalogue`.
#[derive(Debug, Args)]
pub(crate) struct CatalogueArgs {
    /// Which part; both when left out
    #[arg(value_enum)]
    pub(crate) kind: Option<CatalogueKind>,
    /// Show this one in full
    #[arg(conflicts_with_all = ["suits", "ratio", "points"])]
    pub(crate) name: Option<String>,
    /// Only what is drawn for this content or context, with its weight
    #[arg(long = "for", value_name = "WORD")]
    pub(crate) suits: Option<String>,
    /// Only layouts that work in this ratio of width to height
    #[arg(long, value_name = "W:H")]
    pub(crate) ratio: Option<Ratio>,
    /// Draw all of it on one picture, an SVG, and write that to this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kind", "name", "suits", "ratio", "points"])]
    pub(crate) sheet: Option<std::path::PathBuf>,
    /// Only layouts that show this many points
    #[arg(long, value_name = "N")]
    pub(crate) points: Option<u32>,
}

/// A part of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CatalogueKind {
    /// Where things stand.
    Layouts,
    /// How they look.
    Styles,
}
