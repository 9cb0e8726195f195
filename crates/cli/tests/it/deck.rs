//! `imagemill deck` on a folder as another pipeline leaves it.

use serde_json::{Value, json};

use crate::world::World;

fn page(number: u32, kind: &str) -> Value {
    let points = if kind == "content" { json!(["Tall", "Lit", "Kept"]) } else { json!([]) };
    json!({"page_no": number, "page_id": format!("page_{number:03}"), "page_type": kind, "title": format!("Light {number}"),
        "key_points": ["a", "b", "c"], "visual_hints": "a lighthouse", "on_page_text": {"headline": format!("Light {number}"), "body_points": points},
        "page_number_label": "x"})
}

fn world() -> World {
    let world = World::with_photos(2);
    let folder = &world.folder;
    folder.write(
        "deck/task_pack.json",
        json!({"deck_id": "light", "params": {"page_count": 2, "language": "en"}}).to_string(),
    );
    folder.write("deck/style_spec.md", "# Style");
    let outline = json!({"ppt_title": "Light", "language": "en", "total_pages": 2, "pages": [page(1, "content"), page(2, "content")]});
    folder.write("deck/outline.json", outline.to_string());
    folder.write("deck/pages/page_001.prompt.txt", "“Light 1” in #1a2b3c above Tall, Lit and Kept, 48px");
    folder.write("deck/pages/page_002.prompt.txt", "Light 2 with Tall and Lit");
    folder.write("deck/pages/page_001.png", imagemill_testkit::pictures::png(1, 64, 36));
    world
}

#[test]
fn a_folder_is_looked_at_mended_and_written() {
    let world = world();
    let before = world.run(&["deck", "status", "deck", "--json"]).code(1).last_json();
    assert_eq!(before["pages"][0]["action"], "skip");
    assert_eq!(
        (&before["pages"][1]["action"], &before["pages"][1]["why"]),
        (&"render_only".into(), &"there is no picture".into())
    );
    assert_eq!((&before["style_spec_done"], &before["pptx_done"]), (&true.into(), &false.into()));

    let outline = world.run(&["deck", "outline", "deck"]).code(0).out;
    assert!(outline.contains("The outline keeps to every rule: 2 pages."), "{outline}");
    let told = world.run(&["deck", "prompts", "deck", "--write", "--json"]).code(1).last_json();
    assert_eq!(told["pages"][0]["removed"][1]["text"], "48px");
    assert_eq!(told["pages"][1]["absent"], json!(["Kept"]));
    let prompt = std::fs::read_to_string(world.folder.path().join("deck/pages/page_001.prompt.txt")).unwrap();
    assert_eq!(prompt, "“Light 1” in above Tall, Lit and Kept,");

    let built = world.run(&["deck", "pptx", "deck", "--json"]).code(1).last_json();
    assert_eq!((&built["total_slides"], &built["missing_pages"]), (&2.into(), &json!([2])));
    world.folder.write("deck/pages/page_001.png", imagemill_testkit::pictures::png(1, 64, 36));
    world.folder.write("deck/pages/page_002.png", imagemill_testkit::pictures::png(2, 64, 36));
    let written = world.run(&["deck", "pptx", "deck"]).code(0).out;
    assert!(written.contains("light.pptx: 2 slides."), "{written}");
    world.run(&["deck", "status", "deck"]).code(0);
    let no_deck = world.run(&["deck", "status", "photos"]).code(2).err;
    assert!(no_deck.contains("there is no task_pack.json"), "{no_deck}");
}

#[test]
fn what_is_wrong_is_said_in_the_readers_language() {
    let world = world();
    let mut outline: Value =
        serde_json::from_str(&std::fs::read_to_string(world.folder.path().join("deck/outline.json")).unwrap()).unwrap();
    outline["pages"][1]["on_page_text"]["body_points"] = json!(["one", " "]);
    outline["pages"][1]["page_id"] = json!("?");
    world.folder.write("deck/outline.json", outline.to_string());
    let mended = world.run(&["deck", "outline", "deck", "--mend", "--json"]).code(1).last_json();
    assert_eq!(mended["faults"][0]["message"], "it has 1 entries; 3–5");
    assert_eq!(mended["mended"].as_array().unwrap().len(), 3, "{mended:#}");
    let chinese = world.run(&["deck", "outline", "deck", "--lang", "zh-CN"]).code(1).out;
    assert!(chinese.contains("有 1 项；应为 3–5"), "{chinese}");
}

/// From a topic to a pptx, offline; what is done is not done again, and one changed page is one page.
#[test]
fn a_topic_becomes_a_deck_and_only_what_changed_is_made_again() {
    let world = World::new();
    world.folder.write("notes/tea.md", "# Tea\n\nTea is picked in April. It is steamed for 90 seconds.\n\n| Year | Chests |\n|---|---|\n| 1700 | 5 |\n");
    let topic = "How green tea is made: pick the leaves, steam them, roll them, dry them";
    let made = world.run(&["deck", "new", topic, "--pages", "6", "--docs", "notes/tea.md", "-o", "tea"]).code(0);
    assert!(made.out.contains("deck run ./tea"), "{}", made.out);
    world.run(&["deck", "new", topic, "-o", "tea"]).code(2);
    let run = |more: &[&str]| {
        world.run(&[&["deck", "run", "tea", "--profile", "simulator", "--size", "256x144"], more].concat())
    };
    let plan = run(&["--plan"]).code(0);
    assert!(plan.out.contains("outline") && plan.out.contains("slides"), "{}\n{}", plan.out, plan.err);
    let ran = run(&[]).code(0);
    for line in [
        "[1] style_spec.md ✓",
        "[2] outline.json ✓ (6 pages)",
        "[prompt 3/6] ✓",
        "[page 6/6] page_006.png ✓",
        "[pptx] tea.pptx ✓ (6 slides, 0",
    ] {
        assert!(ran.out.contains(line), "{line} is not in\n{}\n{}", ran.out, ran.err);
    }
    let info: Value = serde_json::from_str(&read(&world, "tea/info_pack.json")).unwrap();
    assert_eq!(info["document_digest"]["data_highlights"][0]["value"], "90", "{info:#}");
    let status = world.run(&["deck", "status", "tea", "--json"]).code(0).last_json();
    assert_eq!(status["pages"][2]["words"], json!({"fidelity": 1.0, "misprints": []}));
    assert!(read(&world, "tea/pages/page_003.prompt.txt").contains("\"2 parts\""));

    // Nothing left: nothing is sent.
    assert!(!run(&[]).code(0).out.contains("[prompt"));
    let mut outline: Value = serde_json::from_str(&read(&world, "tea/outline.json")).unwrap();
    outline["pages"][1]["on_page_text"]["body_points"][0] = json!("Pick at dawn");
    world.folder.write("tea/outline.json", outline.to_string());
    let again = run(&[]).code(0);
    let made: Vec<&str> = again.out.lines().filter(|line| line.contains("png ✓") || line.contains("[prompt")).collect();
    assert_eq!(made, ["[prompt 2/6] ✓", "[page 2/6] page_002.png ✓"], "{}", again.out);
    assert!(read(&world, "tea/pages/page_002.prompt.txt").contains("Pick at dawn"));
}

fn read(world: &World, file: &str) -> String {
    std::fs::read_to_string(world.path().join(file)).unwrap()
}

/// A folder that another program left half-way: what stands is kept, and only the missing picture is made.
#[test]
fn a_folder_of_another_program_goes_on_here() {
    let world = world();
    let before = std::fs::read(world.path().join("deck/pages/page_001.png")).unwrap();
    let ran = world.run(&["deck", "run", "./deck", "--profile", "simulator", "--size", "256x144"]).code(0);
    assert!(ran.out.contains("[page 2/2] page_002.png ✓") && !ran.out.contains("[prompt"), "{}", ran.out);
    assert!(ran.out.contains("[pptx] light.pptx ✓ (2 slides, 0 without a picture)"), "{}", ran.out);
    assert_eq!(std::fs::read(world.path().join("deck/pages/page_001.png")).unwrap(), before);
    world.run(&["deck", "status", "deck/../deck"]).code(0);
    let job = world.run(&["status", "--json"]).code(0).json();
    assert_eq!(job["jobs"].as_array().map(Vec::len), Some(1), "{job:#}");
}

/// Pictures inside documents are described where somebody looks; where nobody does they are left out, which is told and not priced.
#[test]
fn pictures_of_documents_get_captions() {
    let world = World::new();
    let report = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../decks/tests/files/report.docx");
    world.folder.write("report.docx", std::fs::read(report).unwrap());
    world.folder.write("look.png", imagemill_testkit::pictures::png(1, 64, 36));
    world.run(&["deck", "new", "Tea", "--pages", "2", "--docs", "report.docx", "-o", "tea"]).code(0);
    let key = [("OPENAI_API_KEY", "sk-test")];
    let blind = |deck: &str| {
        let models = ["--model", "gpt-image-1.5", "--text-model", "gpt-5", "--vision-model", "gpt-image-1.5", "--plan"];
        let line = [&["deck", "run", deck, "--profile", "openai"][..], &models].concat();
        let ran = world.run_with(&key, &line);
        ran.out + &ran.err
    };
    let told = blind("tea");
    assert!(told.contains("those of the documents are not described") && !told.contains("2 × gpt-image-1.5"), "{told}");
    world.run(&["deck", "new", "Tea", "--pages", "2", "--reference", "look.png", "-o", "like"]).code(0);
    assert!(blind("like").contains("the deck has reference pictures"), "examples need eyes");

    world.run(&["deck", "run", "tea", "--profile", "simulator", "--size", "64x36", "--no-check"]).code(0);
    let documents: Value = serde_json::from_str(&read(&world, "tea/raw_documents.json")).unwrap();
    let captions: Vec<&str> = documents["documents"][0]["inherited_images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|picture| picture["vlm_caption"].as_str().unwrap())
        .collect();
    assert!(captions.len() == 3 && captions[0] == captions[2] && captions[0] != captions[1], "{captions:?}");
    let info: Value = serde_json::from_str(&read(&world, "tea/info_pack.json")).unwrap();
    let digest = &info["document_digest"];
    assert_eq!(digest["inherited_images"][1]["caption_hint"], captions[1], "{digest:#}");
    assert_eq!(digest["inherited_tables"], json!([{"doc_index": 0, "table_index": 0, "title_hint": ""}]));
    assert!(!digest.to_string().contains("5,012"), "no cell of a table reaches the digest");
}
