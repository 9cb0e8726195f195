//! What a model is told of the documents, and what of its digest stands in them.

use std::fmt::Write as _;

use imagemill_decks::RawDocuments;
use imagemill_domain::infographic::{Foreign, foreign_to};
use serde_json::Value;

/// The documents as the model sees them.
pub(super) fn told(documents: &RawDocuments) -> String {
    let mut out = String::from("The documents:");
    for document in &documents.documents {
        let (tables, pictures) = (document.tables.len(), document.inherited_images.len());
        let (index, words) = (document.doc_index, document.without_tables());
        let _ = write!(out, "\n\n## doc{index} ({tables} tables, {pictures} pictures)\n{words}");
        for picture in &document.inherited_images {
            let said = [picture.alt.as_str(), picture.vlm_caption.as_deref().unwrap_or_default()];
            let said: Vec<&str> = said.into_iter().filter(|words| !words.trim().is_empty()).collect();
            let _ = write!(out, "\n[picture {}] {}", picture.image_index, said.join(" · "));
        }
    }
    out
}

/// Takes out of a digest what no document has: numbers that stand nowhere, places of tables and pictures that are not there. Says
/// what that was.
pub(super) fn prune(digest: &mut Value, documents: &RawDocuments) -> Vec<String> {
    let source = told(documents);
    let mut removed = Vec::new();
    if let Some(highlights) = digest["data_highlights"].as_array_mut() {
        highlights.retain(|highlight| {
            let value = highlight["value"].as_str().unwrap_or_default();
            let foreign = foreign_to(value, &source).iter().any(|one| matches!(one, Foreign::Number(_)));
            if foreign {
                removed.push(format!("taken out of the digest, because no document says it: {value}"));
            }
            !foreign
        });
    }
    let count = |place: &Value, of: fn(&imagemill_decks::RawDocument) -> usize| {
        let index = place["doc_index"].as_u64();
        documents.documents.iter().find(|document| Some(document.doc_index as u64) == index).map_or(0, of)
    };
    for (list, key, of) in [
        (
            "inherited_tables",
            "table_index",
            (|document| document.tables.len()) as fn(&imagemill_decks::RawDocument) -> usize,
        ),
        ("inherited_images", "image_index", |document| document.inherited_images.len()),
    ] {
        if let Some(places) = digest[list].as_array_mut() {
            places.retain(|place| place[key].as_u64().is_some_and(|index| (index as usize) < count(place, of)));
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use imagemill_decks::{InheritedImage, RawDocument};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_digest_says_what_the_documents_say() {
        let picture = InheritedImage {
            path: "/a.png".into(),
            alt: "A field".into(),
            doc_index: 0,
            image_index: 0,
            vlm_caption: Some("Rows of tea, 3 people".into()),
            more: std::collections::BTreeMap::new(),
        };
        let document = RawDocument {
            kind: "md".into(),
            text: "Steamed for 90 seconds.\n\n| Year | Chests |\n|---|---|\n| 1700 | 5,012 |\n".into(),
            tables: vec![vec![vec!["Year".into()]]],
            inherited_images: vec![picture],
            ..RawDocument::default()
        };
        let documents = RawDocuments { documents: vec![document], ..RawDocuments::default() };
        let words = told(&documents);
        assert!(words.contains("[table 0]") && !words.contains("5,012"), "{words}");
        assert!(words.ends_with("[picture 0] A field · Rows of tea, 3 people"), "{words}");
        let highlight = |value: &str| json!({"metric": "m", "value": value, "context": "c", "source": "doc0"});
        let mut digest = json!({
            "data_highlights": [highlight("90 s"), highlight("91 s"), highlight("5,012 chests"), highlight("3 people")],
            "inherited_tables": [{"doc_index": 0, "table_index": 0}, {"doc_index": 0, "table_index": 1}],
            "inherited_images": [{"doc_index": 0, "image_index": 0}, {"doc_index": 1, "image_index": 0}],
        });
        let removed = prune(&mut digest, &documents);
        assert_eq!(digest["data_highlights"], json!([highlight("90 s"), highlight("3 people")]));
        assert_eq!(
            (
                digest["inherited_tables"].as_array().unwrap().len(),
                digest["inherited_images"].as_array().unwrap().len()
            ),
            (1, 1)
        );
        assert!(removed.len() == 2 && removed[0].ends_with("91 s"), "{removed:?}");
    }
}
