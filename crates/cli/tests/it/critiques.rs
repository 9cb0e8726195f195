//! Critiques at the gate, as a person or a script checks them.

use serde_json::{Value, json};

use crate::world::World;

const SCENES: [(&str, &str); 12] = [
    ("The distant hills are laid in with pale ink", "远山以淡墨轻染而出"),
    ("a fisherman rests under the bare willow", "渔人歇息在枯柳之下"),
    ("its title slip names a governor of the south", "题签记有南方一位太守"),
    ("the silk has darkened toward the lower edge", "绢色在下缘渐渐变深"),
    ("two cranes turn their heads to the same side", "双鹤同向一侧回首"),
    ("a red seal is set beside the last line of verse", "末句诗旁钤有朱印一方"),
    ("the roof tiles are ruled with a fine even line", "屋瓦以匀细界笔画成"),
    ("mist hides the middle of the waterfall", "云气遮断瀑布的中段"),
    ("a boy carries the zither behind his master", "童子抱琴随行在主人身后"),
    ("the rocks are built from long twisted strokes", "山石以长而盘曲之皴构成"),
    ("the lotus stands for a mind that is not stained", "荷花象征不染之心"),
    ("the bridge leads the eye into the deep valley", "小桥引人目入幽谷深处"),
];

/// A row without fault: both texts say the same twelve things in an order of their own, with the row's number in each.
fn row(number: usize) -> Value {
    let dimensions: Vec<String> = (1..=5).flat_map(|l| (1..=5).map(move |d| format!("CN_L{l}_D{d}"))).collect();
    let (mut en, mut zh) = (Vec::new(), Vec::new());
    for at in 0..SCENES.len() {
        let (english, chinese) = SCENES[(at * 5 + number) % SCENES.len()];
        let mark = number * 31 + at * 7;
        let letter = char::from_u32(0x5000 + (mark as u32 * 37) % 4000).unwrap();
        en.push(format!("{english} in part{mark} of the leaf{number}, x{mark} and y{mark}."));
        zh.push(format!("{chinese}，第{letter}处见{letter}{letter}之意，与{letter}相应。"));
    }
    json!({"filepath": format!("chinese/{number}.jpg"), "critique_zh": zh.concat(), "critique_en": en.join(" "),
        "covered_dimensions": dimensions, "quality_score": 70.0 + number as f64})
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect::<Vec<_>>().concat()
}

#[test]
fn good_rows_pass_and_bad_rows_are_named_with_their_rule() {
    let world = World::new();
    let good: Vec<Value> = (1..=6).map(row).collect();
    world.folder.write("good.jsonl", lines(&good));
    world.folder.write("good.json", json!(good[..3]).to_string());
    let check = ["critiques", "check", "--rubric", "chinese"];
    for (file, rows) in [("good.jsonl", 6), ("good.json", 3)] {
        let document = world.run(&[&check[..], &[file, "--json"]].concat()).code(0).json();
        assert_eq!(
            (&document["rows"], &document["passed"], &document["gate"]),
            (&rows.into(), &rows.into(), &"strict".into())
        );
    }

    let mut bad = good.clone();
    bad[1]["critique_zh"] = json!("太短。");
    bad[2]["covered_dimensions"] = json!("[\"CN_L1_D1\", \"KR_L1_D1\"]");
    bad[3]["quality_score"] = json!(0);
    bad[4]["critique_en"] = bad[0]["critique_en"].clone();
    bad[5]["filepath"] = json!("chinese/1.jpg");
    world.folder.write("bad.jsonl", lines(&bad) + "{\"filepath\": \n");
    let ran = world.run(&[&check[..], &["bad.jsonl", "--json"]].concat()).code(1);
    let document = ran.json();
    assert_eq!((&document["rows"], &document["failed"]), (&7.into(), &6.into()));
    let found: Vec<(u64, &str)> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["row"].as_u64().unwrap(), finding["rule"].as_str().unwrap()))
        .collect();
    for expected in [
        (2, "short_zh"),
        (2, "unbalanced"),
        (3, "unknown_dimension"),
        (3, "few_dimensions"),
        (3, "missing_layer"),
        (4, "bad_score"),
        (5, "same_text"),
        (6, "repeated_picture"),
        (7, "unreadable"),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
    assert_eq!(found.len(), 9, "{found:?}");
    let shown = world.run(&[&check[..], &["bad.jsonl"]].concat()).code(1).out;
    assert!(shown.contains("bad.jsonl:5  same_text  critique_en is the text of bad.jsonl:1"), "{shown}");
    assert!(shown.contains("6 of 7 rows fail under the gate strict with the rubric chinese 1.0."), "{shown}");
    let chinese = world.run(&[&["--lang", "zh-CN"], &check[..], &["bad.jsonl"]].concat()).code(1).out;
    assert!(chinese.contains("至少需要 200 字") && chinese.contains("7 行中有 6 行未通过"), "{chinese}");
    let lax = world.run(&[&check[..], &["bad.jsonl", "--gate", "reference-2025-12", "--json"]].concat()).code(1).json();
    assert_eq!(lax["failed"], 4, "{lax:#}");
    assert!(!world.path().join(".imagemill").exists(), "a check keeps nothing");
}

#[test]
fn a_report_is_written_in_three_forms() {
    let world = World::new();
    let mut bad = row(1);
    bad["filepath"] = json!("<script>|.jpg");
    bad["quality_score"] = Value::Null;
    world.folder.write("a.jsonl", lines(&[bad, row(2)]));
    world.folder.write(
        "batch.json",
        json!([{"filepath": "<script>|.jpg"}, {"filepath": "chinese/2.jpg"}, {"filepath": "chinese/3.jpg"}])
            .to_string(),
    );
    let arguments =
        ["critiques", "check", "a.jsonl", "--rubric", "chinese", "--pictures", "batch.json", "--report", "out/report"];
    let ran = world.run(&arguments).code(1);
    assert!(ran.out.contains("critiques.json are in out/report"), "{}", ran.out);
    let file = |name: &str| std::fs::read_to_string(world.path().join("out/report").join(name)).unwrap();
    let document: Value = serde_json::from_str(&file("critiques.json")).unwrap();
    assert_eq!(document["rules"], json!({"missing_score": 1, "no_answer": 1}));
    assert_eq!(document["findings"][1]["file"], "batch.json");
    let (markdown, html) = (file("critiques.md"), file("critiques.html"));
    assert!(
        markdown.contains("| a.jsonl:1 | &lt;script>\\|.jpg | missing_score | has no quality_score |"),
        "{markdown}"
    );
    assert!(html.contains("<td>&lt;script&gt;|.jpg</td>") && !html.contains("<script"), "{html}");
    world.run(&[&["--lang", "zh-CN"], &arguments[..]].concat()).code(1);
    assert!(file("critiques.html").contains("<html lang=\"zh-CN\">") && file("critiques.md").contains("# 评论检查"));
}

#[test]
fn rubrics_and_gates_can_be_ones_own() {
    let world = World::new();
    let mut own = row(1);
    own["covered_dimensions"].as_array_mut().unwrap().push(json!("CN_L5_D7"));
    world.folder.write("a.jsonl", lines(&[own]));
    let check = |more: &[&str]| world.run(&[&["critiques", "check", "a.jsonl", "--json"], more].concat());
    let refused = check(&["--rubric", "chinese"]).code(1).json();
    assert_eq!(refused["findings"][0]["message"], "chinese 1.0 has no CN_L5_D7");
    let pages = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/critiques.md")).unwrap();
    let examples: Vec<&str> = pages.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [.., rubric, gate] = examples[..] else { panic!("{examples:?}") };
    world.folder.write("house.toml", rubric);
    world.folder.write("gate.toml", gate);
    let passed = check(&["--rubric", "house.toml", "--gate", "gate.toml"]).code(0).json();
    assert_eq!((&passed["rubric"]["version"], &passed["rubric"]["dimensions"]), (&"1.0-house".into(), &30.into()));

    let said = |more: &[&str], words: &str| {
        let ran = check(more).code(2);
        assert!(ran.err.contains(words), "{words} in {}", ran.err);
    };
    said(&["--rubric", "greek"], "chinese, korean, indian");
    said(&["--rubric", "chinese", "--gate", "lax"], "reference-2025-12, strict, vulca-bench-paper");
    said(&["--rubric", "./none.toml"], "none.toml cannot be read");
    said(&["--lang", "zh-CN", "--rubric", "greek"], "没有量表 greek");
    world.folder.write("house.toml", rubric.replace("CN_L5_D7", "CN_L7_D7"));
    said(&["--rubric", "house.toml"], "CN_L7_D7");
}

/// The page tells every rule, every key and every profile.
#[test]
fn the_page_is_whole() {
    let page = |name: &str| {
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/").to_owned() + name).unwrap()
    };
    let pages = [page("critiques.md"), page("critiques.zh-CN.md")];
    let gate = serde_json::to_value(imagemill_domain::critique::Gate::default()).unwrap();
    let keys = gate.as_object().unwrap().keys().cloned();
    let rules = imagemill_domain::critique::RULES.map(str::to_owned);
    for word in keys.chain(rules).chain(imagemill_domain::critique::Rubric::names().map(str::to_owned)) {
        let named = pages.iter().all(|page| page.contains(&format!("`{word}`")));
        assert!(named, "{word} is not on both pages");
    }
}
