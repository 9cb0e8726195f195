//! A new deck's folder: what is wanted and what it is made from, written down before any model is asked.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::documents::{RawDocuments, read_documents};
use crate::folder::{DeckError, DeckFolder, DeckParams, TaskPack};
use crate::info::{Excerpts, InfoPack, UserAssets, write_json};

/// Longest part of a topic that becomes a folder's name, in characters.
const NAME_CHARS: usize = 40;

/// A deck that is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewDeck {
    /// Its folder, which is not there yet.
    pub root: PathBuf,
    /// What the user asked for.
    pub topic: String,
    /// Pages.
    pub pages: u32,
    /// Who speaks; empty = a guess of the model.
    pub role: String,
    /// Who listens.
    pub audience: String,
    /// On what occasion.
    pub scene: String,
    /// `zh-Hans`, `zh-Hant` or `en`; empty = that of the topic.
    pub language: String,
    /// Documents that say what it should say.
    pub documents: Vec<PathBuf>,
    /// Pictures that show how it should look.
    pub references: Vec<PathBuf>,
    /// Now, ISO 8601 with offset.
    pub created_at: String,
}

/// Makes the folder with its packs. Documents that cannot be read are told in what is returned, and in the pack.
pub fn create(new: &NewDeck) -> Result<(DeckFolder, RawDocuments), DeckError> {
    let pack_path = new.root.join("task_pack.json");
    if pack_path.exists() {
        return Err(DeckError::Exists(new.root.clone()));
    }
    let unwritable = |error: std::io::Error| DeckError::Unwritable { path: new.root.clone(), why: error.to_string() };
    std::fs::create_dir_all(new.root.join("pages")).map_err(unwritable)?;
    let root = std::fs::canonicalize(&new.root).map_err(unwritable)?;
    let language = if new.language.trim().is_empty() { language_of(&new.topic) } else { new.language.trim() };
    let mut pack = TaskPack {
        deck_id: String::new(),
        ppt_mode: "creative".to_owned(),
        params: DeckParams {
            role: new.role.clone(),
            audience: new.audience.clone(),
            scene: new.scene.clone(),
            page_count: new.pages.into(),
            language: language.to_owned(),
            more: [("image_source", "ai-gen"), ("infographic_source", "ai-gen"), ("output_format", "pptx")]
                .map(|(key, value)| (key.to_owned(), Value::from(value)))
                .into(),
        },
        created_at: new.created_at.clone(),
        more: [
            ("deck_dir".to_owned(), Value::from(root.display().to_string())),
            ("skill_version".to_owned(), Value::from("0.1.0")),
        ]
        .into(),
    };
    let folder = DeckFolder { root: root.clone(), pack: pack.clone() };
    pack.deck_id = folder.deck_id();
    let folder = DeckFolder { pack, ..folder };
    let documents = read_documents(&absolute(&new.documents), &root.join("inherited"));
    if !new.documents.is_empty() {
        folder.write_documents(&documents)?;
    }
    let failed = documents.errors.iter().map(|fault| json!({"path": fault.path, "error": fault.error}));
    let info = InfoPack {
        user_query: new.topic.clone(),
        user_assets: UserAssets {
            reference_images: shown(&new.references),
            reference_docs: shown(&new.documents),
            reference_docs_failed: failed.collect(),
            ..UserAssets::default()
        },
        raw_document_excerpts: Excerpts {
            enabled: !documents.documents.is_empty(),
            path: folder.documents_path().display().to_string(),
        },
        ..InfoPack::default()
    };
    folder.write_info(&info)?;
    // Last: a folder with this file is a deck.
    write_json(&pack_path, &folder.pack)?;
    Ok((folder, documents))
}

fn absolute(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().map(|path| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone())).collect()
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    absolute(paths).iter().map(|path| path.display().to_string()).collect()
}

/// A folder's name from a topic: letters and digits, with `_` between them.
pub fn slug(topic: &str) -> String {
    let mut name = String::new();
    for letter in topic.chars() {
        if letter.is_alphanumeric() {
            name.push(letter);
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let name: String = name.chars().take(NAME_CHARS).collect();
    let name = name.trim_matches('_');
    if name.is_empty() { "deck".to_owned() } else { name.to_owned() }
}

/// The language of a topic, as packs have it.
fn language_of(topic: &str) -> &'static str {
    if imagemill_domain::infographic::is_cjk(topic) { "zh-Hans" } else { "en" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_becomes_a_name() {
        for (topic, name) in [
            ("The tea trade, 1600–1800", "The_tea_trade_1600_1800"),
            ("水循环：概览", "水循环_概览"),
            ("../..", "deck"),
        ] {
            assert_eq!(slug(topic), name);
        }
        assert_eq!(slug(&"long ".repeat(40)).chars().count(), 39);
    }
}
