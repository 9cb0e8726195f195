//! Rows of critiques as a data set: one picture each, with the columns of the published sets and those that tell who wrote what, how
//! and under which rights. The rows are the caller's; what is missing in them (hashes, sizes, ids) is found here.

use std::collections::HashSet;
use std::path::PathBuf;

use imagemill_domain::hash::ContentHash;
use serde_json::{Map, Value, json};

use super::card::CardWords;
use super::item::{Dataset, DatasetError, Item, Picture, Rights, Split};
use super::likeness::{self, Likeness};
use super::table::{Kind, columns, widen};
use super::write::{sha256_of, side_by_side};
use crate::clean;
use crate::save::blocking;

/// Version of these columns.
const SCHEMA: u32 = 1;

/// The columns that every set of critiques has. The first fourteen are those of the published sets.
pub(crate) const COLUMNS: [(&str, Kind); 36] = [
    ("pair_id", Kind::Text),
    ("ulid", Kind::Text),
    ("culture", Kind::Text),
    ("image_path", Kind::Text),
    ("artist", Kind::Text),
    ("title", Kind::Text),
    ("critique_zh", Kind::Text),
    ("critique_en", Kind::Text),
    ("covered_dimensions", Kind::Texts),
    ("quality_score", Kind::Real),
    ("art_form", Kind::Text),
    ("art_style", Kind::Text),
    ("art_genre", Kind::Text),
    ("medium", Kind::Text),
    ("scores", Kind::Text),
    ("authorship", Kind::Text),
    ("model", Kind::Text),
    ("prompt_hash", Kind::Text),
    ("rubric", Kind::Text),
    ("rubric_version", Kind::Text),
    ("gate", Kind::Text),
    ("attempts", Kind::Whole),
    ("batch_id", Kind::Whole),
    ("run_id", Kind::Text),
    ("task", Kind::Whole),
    ("merge", Kind::Whole),
    ("image_blake3", Kind::Text),
    ("image_sha256", Kind::Text),
    ("image_phash", Kind::Text),
    ("image_width", Kind::Whole),
    ("image_height", Kind::Whole),
    ("license", Kind::Text),
    ("text_license", Kind::Text),
    ("attribution", Kind::Text),
    ("split", Kind::Text),
    ("schema_version", Kind::Whole),
];

/// An accepted critique with its picture.
#[derive(Clone, Debug, PartialEq)]
pub struct CritiqueRow {
    /// The collection.
    pub collection: String,
    /// The picture's bytes.
    pub picture: ContentHash,
    /// Where they can be opened.
    pub path: PathBuf,
    /// As the collection's files name it.
    pub name: String,
    /// Number of the picture in the workspace, which it keeps.
    pub number: i64,
    /// When its row was merged first, milliseconds since 1970.
    pub minted_ms: i64,
    /// Its row.
    pub row: Map<String, Value>,
}

/// Rows of collections as a set.
///
/// # Errors
/// No row at all, or a picture that cannot be read.
pub async fn critiques(
    name: String,
    rows: Vec<CritiqueRow>,
    likeness: Likeness,
    rights: Rights,
) -> Result<Dataset, DatasetError> {
    blocking(move || gather(name, &rows, likeness, rights)).await
}

fn gather(name: String, rows: &[CritiqueRow], likeness: Likeness, rights: Rights) -> Result<Dataset, DatasetError> {
    let mut items = side_by_side(rows, |row| item(row, &rights))?;
    let mut stems = HashSet::new();
    for item in &mut items {
        let base = item.stem.clone();
        let mut number = 2;
        while !stems.insert(item.stem.to_lowercase()) {
            item.stem = format!("{base}_{number}");
            number += 1;
        }
    }
    let removed = likeness.bits.map_or(0, |bits| likeness::thin(&mut items, bits));
    if items.is_empty() {
        return Err(DatasetError::Empty);
    }
    likeness::part(&mut items, &likeness);
    for item in &mut items {
        item.fields.insert("split".to_owned(), item.split.word().into());
    }
    let mut columns = columns(&COLUMNS);
    widen(&mut columns, items.iter().map(|item| &item.fields));
    let bits = (likeness.bits.is_some() || likeness.validation > 0.0).then(|| likeness.apart());
    Ok(Dataset {
        name,
        of_critiques: true,
        columns,
        items,
        rights,
        trigger: None,
        removed,
        bits,
        words: CardWords::default(),
    })
}

fn item(row: &CritiqueRow, rights: &Rights) -> Result<Item, DatasetError> {
    let wrong = |message: String| DatasetError::Picture { name: row.name.clone(), message };
    let probe = imagemill_imaging::probe(imagemill_imaging::Bytes::File(&row.path))
        .map_err(|error| wrong(error.to_string()))?;
    let look = imagemill_imaging::look_of(&row.path).map_err(|error| wrong(error.to_string()))?;
    let (bytes, sha256) = sha256_of(&row.path).map_err(|error| wrong(error.to_string()))?;
    let mut fields = row.row.clone();
    let name = row.name.replace('\\', "/").trim_start_matches(['/', '.']).to_owned();
    let own =
        |column: &str, given: &Option<String>| row.row.get(column).cloned().or_else(|| given.clone().map(Value::from));
    let (license, attribution) = (own("license", &rights.license), own("attribution", &rights.attribution));
    let known = json!({
        "pair_id": format!("PAIR_{:05}", row.number), "ulid": ulid(row), "culture": row.collection, "image_path": name,
        "image_blake3": row.picture, "image_sha256": sha256, "image_phash": format!("{:016x}", look.phash),
        "image_width": probe.width, "image_height": probe.height, "license": license, "text_license": rights.text_license,
        "attribution": attribution, "schema_version": SCHEMA,
    });
    if let Value::Object(known) = known {
        fields.extend(known);
    }
    // The path under which a row was written says the same as `image_path`, perhaps with a person's drive in it.
    fields.remove("filepath");
    let file = name.rsplit_once('/').map_or(name.as_str(), |(_, file)| file);
    let stem = clean::part(file.rsplit_once('.').map_or(file, |(stem, _)| stem)).replace('.', "_");
    let picture = Picture {
        path: row.path.clone(),
        blake3: row.picture,
        sha256: sha256.parse().ok(),
        format: probe.format,
        bytes,
        phash: Some(look.phash),
    };
    let stem = if stem.is_empty() { format!("picture_{}", row.number) } else { stem };
    Ok(Item {
        stem,
        title: row.name.clone(),
        picture,
        controls: Vec::new(),
        mask: None,
        caption: String::new(),
        worth: 0,
        split: Split::Train,
        fields,
    })
}

/// A ULID (github.com/ulid/spec) that is the same wherever the row is written again: the time of its first merge, and eighty bits of
/// collection and picture.
fn ulid(row: &CritiqueRow) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut hasher = blake3::Hasher::new_derive_key("imagemill ulid of a critique 1");
    hasher.update(row.collection.as_bytes()).update(&[0]).update(row.picture.as_bytes());
    let mut random = [0; 16];
    random[6..].copy_from_slice(&hasher.finalize().as_bytes()[..10]);
    let value = (u128::from(row.minted_ms.max(0).cast_unsigned()) << 80) | u128::from_be_bytes(random);
    (0..26).rev().map(|at| char::from(LETTERS[(value >> (at * 5)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_minted_once() {
        let row = |collection: &str, minted_ms| CritiqueRow {
            collection: collection.to_owned(),
            picture: ContentHash::of(b"a"),
            path: PathBuf::new(),
            name: "a.png".to_owned(),
            number: 7,
            minted_ms,
            row: Map::new(),
        };
        let one = ulid(&row("korean", 1_469_918_176_385));
        assert_eq!((one.len(), &one[..10]), (26, "01ARYZ6S41"), "the example of the specification");
        assert_eq!(one, ulid(&row("korean", 1_469_918_176_385)));
        assert_ne!(one, ulid(&row("indian", 1_469_918_176_385)));
    }
}
