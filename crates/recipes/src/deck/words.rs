//! The instructions to the models, which are texts in data/prompts/deck, and the forms of their answers.

use serde_json::{Value, json};

pub(super) const DIGEST: &str = include_str!("../../../../data/prompts/deck/digest.md");
pub(super) const CAPTION: &str = include_str!("../../../../data/prompts/deck/caption.md");
pub(super) const FIGURE: &str = include_str!("../../../../data/prompts/deck/figure.md");
pub(super) const STYLE: &str = include_str!("../../../../data/prompts/deck/style.md");
pub(super) const OUTLINE: &str = include_str!("../../../../data/prompts/deck/outline.md");
pub(super) const PAGE: &str = include_str!("../../../../data/prompts/deck/page.md");

fn closed(members: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let properties: serde_json::Map<String, Value> =
        members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "additionalProperties": false, "required": names, "properties": properties})
}

fn list(item: &Value) -> Value {
    json!({"type": "array", "items": item})
}

fn titled(title: &str, mut schema: Value) -> Value {
    schema["title"] = title.into();
    schema
}

/// What a digest must look like.
pub(super) fn digest_schema() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    let of = |members: &[&str]| -> Vec<(String, Value)> {
        members.iter().map(|name| ((*name).to_owned(), text.clone())).collect()
    };
    let texts = |members: &[&str]| {
        let members = of(members);
        let members: Vec<(&str, Value)> =
            members.iter().map(|(name, schema)| (name.as_str(), schema.clone())).collect();
        list(&closed(&members))
    };
    let place = |kind: &str, hint: &str| {
        list(&closed(&[("doc_index", number.clone()), (kind, number.clone()), (hint, text.clone())]))
    };
    titled(
        "deck_digest",
        closed(&[
            ("topic_summary", text.clone()),
            ("key_sections", texts(&["title", "summary"])),
            ("key_points", list(&text)),
            ("data_highlights", texts(&["metric", "value", "context", "source"])),
            ("inherited_tables", place("table_index", "title_hint")),
            ("inherited_images", place("image_index", "caption_hint")),
        ]),
    )
}

/// What an outline must look like; its lengths and counts are the rules of the crate `decks`.
pub(super) fn outline_schema() -> Value {
    let text = json!({"type": "string"});
    let perhaps = json!({"type": ["string", "null"]});
    let shown = closed(&[
        ("headline", text.clone()),
        ("subheadline", perhaps.clone()),
        ("body_points", list(&text)),
        ("callouts", list(&text)),
    ]);
    let page = closed(&[
        ("page_no", json!({"type": "integer"})),
        ("page_id", text.clone()),
        ("page_type", json!({"enum": ["title", "section", "content", "data", "closing"]})),
        ("title", text.clone()),
        ("subtitle", perhaps.clone()),
        ("key_points", list(&text)),
        ("narrative", perhaps),
        ("visual_hints", text.clone()),
        ("on_page_text", shown),
        ("page_number_label", text.clone()),
    ]);
    titled(
        "deck_outline",
        closed(&[
            ("ppt_id", text.clone()),
            ("ppt_title", text.clone()),
            ("language", text.clone()),
            ("total_pages", json!({"type": "integer"})),
            ("pages", list(&page)),
            ("unresolved", list(&text)),
        ]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::places;

    #[test]
    fn every_place_of_every_text_is_known() {
        for (text, names) in [
            (DIGEST, &["LANGUAGE"][..]),
            (CAPTION, &["LANGUAGE"]),
            (FIGURE, &["LANGUAGE"]),
            (STYLE, &["LANGUAGE"]),
            (OUTLINE, &["LANGUAGE", "PAGES", "PAGES"]),
            (PAGE, &["LANGUAGE", "PAGE_TYPE"]),
        ] {
            assert_eq!(places(text), names);
        }
    }
}
