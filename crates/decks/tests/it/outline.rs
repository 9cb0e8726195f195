//! Every rule of an outline is said, and what needs no model is mended.

use imagemill_decks::Outline;
use serde_json::{Value, json};

/// A page that keeps to every rule.
pub(crate) fn page(page_no: u32, page_type: &str) -> Value {
    let (points, callouts) = match page_type {
        "title" | "closing" => (json!([]), json!([])),
        "data" => (json!(["one", "two", "three"]), json!(["40 %", "3 days"])),
        _ => (json!(["one", "two", "three"]), json!([])),
    };
    json!({
        "page_no": page_no, "page_id": format!("page_{page_no:03}"), "page_type": page_type, "title": format!("Title {page_no}"),
        "key_points": ["one", "two", "three"], "narrative": "What is told.", "visual_hints": "a lighthouse in fog",
        "on_page_text": {"headline": format!("Title {page_no}"), "body_points": points, "callouts": callouts},
        "page_number_label": format!("Page {page_no} of 5"),
    })
}

pub(crate) fn outline(types: &[&str]) -> Value {
    let pages: Vec<Value> = types.iter().zip(1..).map(|(kind, number)| page(number, kind)).collect();
    json!({"ppt_id": "light", "ppt_title": "Light", "language": "en", "total_pages": pages.len(), "pages": pages, "unresolved": []})
}

const WHOLE: [&str; 5] = ["title", "section", "content", "data", "closing"];

fn faults(value: &Value) -> Vec<(String, String)> {
    let outline = Outline::read(&value.to_string()).unwrap();
    outline.faults(5).into_iter().map(|fault| (fault.place, fault.message)).collect()
}

#[test]
fn a_good_outline_has_no_fault_and_nothing_to_mend() {
    assert_eq!(faults(&outline(&WHOLE)), []);
    let mut read = Outline::read(&outline(&WHOLE).to_string()).unwrap();
    assert_eq!(read.mend(), []);
    assert_eq!(serde_json::to_value(&read).unwrap(), outline(&WHOLE), "written as it was read");
}

#[test]
fn each_rule_is_said_with_its_place() {
    type Change = fn(&mut Value);
    let rows: [(&str, &str, Change); 14] = [
        ("pages", "there are 4 pages", |deck| drop(deck["pages"].as_array_mut().unwrap().remove(2))),
        ("pages[1].page_no", "has the number 7", |deck| deck["pages"][1]["page_no"] = json!(7)),
        ("ppt_title", "it is missing", |deck| deck["ppt_title"] = json!(" ")),
        ("language", "neither", |deck| deck["language"] = json!("fr")),
        ("pages[2].title", "25 characters", |deck| deck["pages"][2]["title"] = json!("👩‍🚀".repeat(25))),
        ("pages[2].on_page_text.body_points", "it has 2 entries; 3 to 5", |deck| {
            deck["pages"][2]["on_page_text"]["body_points"] = json!(["a", "b"]);
        }),
        ("pages[3].on_page_text.callouts", "it has 0 entries; 2 to 4", |deck| {
            deck["pages"][3]["on_page_text"]["callouts"] = json!([]);
        }),
        ("pages[3].on_page_text.callouts", "`many` on a data page has no number", |deck| {
            deck["pages"][3]["on_page_text"]["callouts"] = json!(["many", "3 days"]);
        }),
        ("pages[0].on_page_text.body_points", "it has 1 entries; 0", |deck| {
            deck["pages"][0]["on_page_text"]["body_points"] = json!(["a"]);
        }),
        ("pages[2].on_page_text", "`a #ffaa00 sky` has colour codes", |deck| {
            deck["pages"][2]["visual_hints"] = json!("a #ffaa00 sky");
        }),
        ("pages[2].key_points[0]", "41 characters", |deck| deck["pages"][2]["key_points"][0] = json!("长".repeat(41))),
        ("pages", "there are 2 section pages", |deck| deck["pages"][2]["page_type"] = json!("section")),
        ("pages", "there are 0 closing pages", |deck| deck["pages"][4] = page(5, "content")),
        ("pages", "the title page is not the first one", |deck| {
            deck["pages"][0] = page(1, "content");
            deck["pages"][1] = page(2, "title");
        }),
    ];
    for (place, words, change) in rows {
        let mut deck = outline(&WHOLE);
        change(&mut deck);
        let found = faults(&deck);
        assert!(found.iter().any(|(at, said)| at == place && said.contains(words)), "{place} {words}: {found:#?}");
    }
}

#[test]
fn small_faults_are_mended_and_told() {
    let mut deck = outline(&WHOLE);
    deck["total_pages"] = json!("9");
    deck["language"] = json!("zh-Hans");
    for page in deck["pages"].as_array_mut().unwrap() {
        let page = page.as_object_mut().unwrap();
        page.remove("page_no");
        page.remove("page_id");
        page["page_number_label"] = json!("");
        page["on_page_text"]["headline"] = json!("");
        page["title"] = json!(format!("  {} ", page["title"].as_str().unwrap()));
    }
    deck["pages"][0]["page_type"] = json!("cover");
    deck["pages"][2]["on_page_text"]["body_points"] = json!(["one", "", "two", "three "]);
    let text = format!("Here is the outline:\n```json\n{deck}\n```\nThat is all.");
    let mut read = Outline::read(&text).unwrap();
    let mended = read.mend();
    assert!(mended.iter().any(|fault| fault.place == "pages[2].on_page_text.body_points"), "{mended:#?}");
    assert_eq!(read.faults(5), []);
    assert_eq!((read.pages[2].page_no, &*read.pages[2].page_id), (3, "page_003"));
    assert_eq!(read.pages[2].page_number_label, "第 3 页，共 5 页");
    assert_eq!(read.pages[4].on_page_text.headline, "Title 5");
    assert!(Outline::read("I cannot do that.").is_err());
    assert!(Outline::read(r#"{"pages": [{"page_type": "unheard of"}]}"#).is_err());
}
