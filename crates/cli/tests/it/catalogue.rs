//! Layouts and styles as a person sees them, with entries of their own.

use serde_json::Value;

use crate::world::World;

fn names(document: &Value, kind: &str) -> Vec<String> {
    document[kind].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

/// `IMAGEMILL_UPDATE_SNAPSHOTS=1` writes it anew.
#[test]
fn the_sheet_of_the_docs_is_what_is_drawn() {
    let world = World::new();
    world.run(&["catalogue", "--sheet", "sheet.svg"]).code(0);
    let drawn = std::fs::read_to_string(world.path().join("sheet.svg")).unwrap();
    assert_eq!(drawn.matches("<g transform").count(), 87 + 66);
    assert!(drawn.len() < 120_000, "{}", drawn.len());
    let kept = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/catalogue.svg");
    if std::env::var_os("IMAGEMILL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&kept, &drawn).unwrap();
    }
    assert!(
        std::fs::read_to_string(kept).unwrap() == drawn,
        "run it with IMAGEMILL_UPDATE_SNAPSHOTS=1 and look at the picture"
    );
    world.run(&["--lang", "zh-CN", "catalogue", "--sheet", "zh.svg"]).code(0);
    assert!(std::fs::read_to_string(world.path().join("zh.svg")).unwrap().contains("便当格"));
}

#[test]
fn all_of_it_one_part_and_one_entry() {
    let world = World::new();
    let all = world.run(&["catalogue", "--json"]).code(0).json();
    assert_eq!((names(&all, "layouts").len(), names(&all, "styles").len()), (87, 66));
    let told = world.run(&["catalogue"]).code(0).out;
    assert!(told.contains("Layouts (87)") && told.contains("Styles (66)") && told.contains("Side by side"), "{told}");
    let styles = world.run(&["--lang", "zh-CN", "catalogue", "styles"]).code(0).out;
    assert!(styles.contains("风格 (66)") && styles.contains("国潮") && !styles.contains("bento-grid"), "{styles}");
    let part = world.run(&["catalogue", "styles", "--json"]).code(0).json();
    assert!(part.get("layouts").is_none() && part["styles"].as_array().unwrap().len() == 66);

    let one = world.run(&["catalogue", "layouts", "iceberg"]).code(0).out;
    for words in ["problem_solution 10, hierarchy 3", "9:21–4:3", "3–9", "not held against it  balance", "water line"]
    {
        assert!(one.contains(words), "{words} in\n{one}");
    }
    let one = world.run(&["catalogue", "styles", "op-art", "--json"]).code(0).json();
    assert_eq!((&one["cjk"], &one["fits"]["experimental"]), (&false.into(), &6.into()));
    let one = world.run(&["--lang", "zh-CN", "catalogue", "styles", "op-art"]).code(0).out;
    assert!(one.contains("不适合中文") && one.contains("避免"), "{one}");
    assert!(!world.path().join(".imagemill").exists(), "looking leaves nothing behind");

    let err = world.run(&["catalogue", "layouts", "bento-gird"]).code(2).err;
    assert!(err.contains("Did you mean `bento-grid`?"), "{err}");
    let err = world.run(&["--lang", "zh-CN", "catalogue", "styles", "iceberg"]).code(2).err;
    assert!(err.contains("没有风格 iceberg"), "{err}");
    world.run(&["catalogue", "pictures"]).code(2);
}

#[test]
fn what_suits_a_request_stands_with_its_weight_the_best_first() {
    let world = World::new();
    let suits = ["catalogue", "--for", "comparison", "--ratio", "9:21", "--points", "12"];
    let found = world.run(&[&suits[..], &["--json"]].concat()).code(0).json();
    assert_eq!((names(&found, "layouts"), names(&found, "styles")), (vec!["comparison-matrix".to_owned()], vec![]));
    assert_eq!(found["layouts"][0]["weight"], 6);
    let told = world.run(&["catalogue", "layouts", "--for", "comparison"]).code(0).out;
    let first = told.lines().nth(1).unwrap();
    assert!(first.contains(" 10  binary-comparison"), "{told}");
    let both = world.run(&["catalogue", "--for", "data", "--json"]).code(0).json();
    assert!(names(&both, "layouts").contains(&"dashboard".to_owned()), "{both}");
    assert!(names(&both, "styles").contains(&"data-visualization".to_owned()), "{both}");
    let err = world.run(&["catalogue", "--for", "surgery"]).code(2).err;
    assert!(err.contains("problem_solution") && err.contains("luxury_tech"), "{err}");
    assert!(world.run(&["catalogue", "--ratio", "wide"]).code(2).err.contains("no ratio"));
}

/// The page's own example is read, stands in front, and names every key.
#[test]
fn a_user_adds_and_replaces_entries() {
    let world = World::new();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/catalogue.md")).unwrap();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    world.folder.write("mine.toml", example);
    world.folder.write("imagemill.toml", "catalogue_file = \"mine.toml\"\n");
    let all = world.run(&["catalogue", "--json"]).code(0).json();
    assert_eq!((names(&all, "layouts").len(), names(&all, "styles").len()), (88, 67));
    for (kind, name) in [("layouts", "subway-car"), ("styles", "our-house")] {
        assert_eq!(all[kind][0]["name"], name);
        for key in all[kind][0].as_object().unwrap().keys() {
            assert!(
                page.contains(&format!("| `{key}`")) || page.contains(&format!(", `{key}`")),
                "{key} is not explained"
            );
        }
    }
    let of_business = world.run(&["catalogue", "styles", "--for", "business"]).code(0).out;
    assert!(of_business.contains("  8  our-house"), "{of_business}");

    world.folder.write(
        "mine.toml",
        example.replace("\"our-house\"\ntitle", "\"kawaii\"\ntitle").replace(", \"our-house\"", ""),
    );
    let all = world.run(&["catalogue", "--json"]).code(0).json();
    assert_eq!((all["styles"][0]["most_labels"].as_u64(), names(&all, "styles").len()), (Some(30), 66));

    world.folder.write("mine.toml", example.replace("deep green", "#00331A"));
    let err = world.run(&["catalogue"]).code(2).err;
    assert!(err.contains("mine.toml:23") && err.contains("colour as a number"), "{err}");
    let err = world.run(&["--lang", "zh-CN", "catalogue"]).code(2).err;
    assert!(err.contains("用数字表示颜色"), "{err}");
    world.folder.write("mine.toml", example.replace("\"subway-map\"", "\"subway-plan\""));
    let document = world.run(&["catalogue", "--json"]).code(2).json();
    assert_eq!((&document["error"]["kind"], &document["error"]["place"]["line"]), (&"usage".into(), &2.into()));
    std::fs::remove_file(world.path().join("mine.toml")).unwrap();
    assert!(world.run(&["catalogue"]).code(3).err.contains("cannot read the catalogue file"));
}

/// The words of the page are those that the program knows.
#[test]
fn the_page_lists_every_word() {
    use imagemill_domain::catalogue::{Content, Context, Rule};
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/catalogue.md")).unwrap();
    let under =
        |head: &str| page.split(&format!("## {head}\n")).nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let contents = quoted(&under("Kinds of content"));
    let contexts = quoted(&under("Contexts"));
    assert!(contents.iter().all(|word| Content::from_word(word).is_some()), "{contents:?}");
    assert!(contexts.iter().all(|word| Context::from_word(word).is_some()), "{contexts:?}");
    assert!(Content::ALL.iter().all(|content| contents.iter().any(|word| word == content.word())));
    assert!(Context::ALL.iter().all(|context| contexts.iter().any(|word| word == context.word())));
    let rules = quoted(&under("Rules of the critic"));
    assert_eq!(rules, Rule::ALL.iter().map(|rule| rule.word()).collect::<Vec<_>>());
}
