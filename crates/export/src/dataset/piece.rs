//! A file that a form wants in its folder. What is in it is settled here; how it gets there is `write`'s matter.

use super::item::Picture;
use super::table::Column;

/// One file to be written.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// A picture, byte for byte.
    Copy { picture: Picture, file: String },
    /// A picture as PNG, for a trainer that does not read its type.
    Png { picture: Picture, file: String },
    /// A text.
    Text { file: String, text: String },
    /// A Parquet file of these items.
    Parquet { file: String, columns: Vec<Column>, items: Vec<usize>, with_pictures: bool },
    /// A tar file of these items.
    Shard { file: String, items: Vec<usize> },
}

impl Piece {
    /// Its path below the folder, with `/`.
    pub(crate) fn file(&self) -> &str {
        match self {
            Self::Copy { file, .. }
            | Self::Png { file, .. }
            | Self::Text { file, .. }
            | Self::Parquet { file, .. }
            | Self::Shard { file, .. } => file,
        }
    }
}
