//! A corpus with each known defect in known numbers: the gate finds all of them and nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

const NOUNS: [&str; 24] = [
    "mountain", "river", "crane", "robe", "hand", "ink", "border", "lamp", "horse", "garden", "pine", "wall", "boat",
    "sleeve", "mist", "gate", "scroll", "throne", "petal", "wave", "shadow", "face", "stone", "roof",
];
const ADJECTIVES: [&str; 16] = [
    "pale", "dark", "restless", "slow", "broken", "even", "golden", "worn", "narrow", "deep", "bright", "heavy",
    "soft", "dry", "wet", "open",
];

fn english(dice: &mut Dice, sentences: usize) -> String {
    let sentence = |dice: &mut Dice| {
        let mut noun = || NOUNS[dice.below(NOUNS.len())];
        let nouns = [noun(), noun(), noun(), noun()];
        let mut adjective = || ADJECTIVES[dice.below(ADJECTIVES.len())];
        let kinds = [adjective(), adjective(), adjective()];
        format!(
            "The {} {} of the {} is set against a {} {}, and the {} {} answers it.",
            kinds[0], nouns[0], nouns[1], kinds[1], nouns[2], kinds[2], nouns[3]
        )
    };
    (0..sentences).map(|_| sentence(dice)).collect::<Vec<_>>().join(" ")
}

fn chinese(dice: &mut Dice, letters: usize) -> String {
    const LETTERS: &str = "山水云烟松竹梅兰石桥舟人物衣纹笔墨浓淡干湿远近高低虚实光影色彩金银青绿朱赭线条布局空白题跋印章神韵气骨意境古今南北师承流派";
    let all: Vec<char> = LETTERS.chars().collect();
    let mut text = String::new();
    for at in 1..=letters {
        text.push(if at % 18 == 0 { '。' } else { all[dice.below(all.len())] });
    }
    text
}

/// `count` rows without fault.
fn clean(rubric: &Rubric, count: usize) -> Vec<Value> {
    let mut dice = Dice(7);
    let rows = (0..count).map(|at| {
        json!({
            "filepath": format!("{}/{at:05}.jpg", rubric.name),
            "critique_zh": chinese(&mut dice, 300),
            "critique_en": english(&mut dice, 10),
            "covered_dimensions": rubric.dimensions.iter().map(|d| d.id.clone()).collect::<Vec<_>>(),
            "quality_score": 60.0 + dice.below(350) as f64 / 10.0,
        })
    });
    rows.collect()
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect::<Vec<_>>().concat()
}

fn checked(rows: &[Value], rubric: &Rubric, gate: &str) -> Outcome {
    check(&read("a.jsonl", &lines(rows)), rubric, &Gate::shipped(gate).unwrap(), None)
}

/// Rows by rule, as numbers from 1.
fn by_rule(outcome: &Outcome) -> BTreeMap<String, Vec<usize>> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for finding in &outcome.findings {
        let rule = serde_json::to_value(&finding.fault).unwrap()["rule"].as_str().unwrap().to_owned();
        assert!(RULES.contains(&rule.as_str()), "{rule}");
        found.entry(rule).or_default().push(finding.place.row);
    }
    found
}

#[test]
fn clean_rows_pass_every_profile_under_every_rubric() {
    for name in Rubric::names() {
        let rubric = Rubric::shipped(name).unwrap();
        for gate in ["reference-2025-12", "vulca-bench-paper", "strict"] {
            let outcome = checked(&clean(&rubric, 60), &rubric, gate);
            assert_eq!((outcome.rows, outcome.failed, outcome.findings.as_slice()), (60, 0, [].as_slice()), "{name}");
            assert!(outcome.remarks.is_empty());
        }
    }
}

/// One defect, made in the row of an index; `all` are the rows before it was changed.
type Spoil = fn(&mut Value, &[Value], &mut Dice);

/// Rule, how many rows get it, and how.
const DEFECTS: [(&str, usize, Spoil); 19] = [
    ("no_picture", 2, |row, _, _| row["filepath"] = json!(" ")),
    ("repeated_picture", 3, |row, all, _| {
        row["filepath"] = json!(format!("./{}", all[0]["filepath"].as_str().unwrap()));
    }),
    ("wrong_place", 2, |row, _, dice| {
        row["filepath"] = json!(format!("data\\chinese\\images\\{}.jpg", dice.below(1_000_000)));
    }),
    ("missing_text", 2, |row, _, _| row["critique_en"] = Value::Null),
    ("short_zh", 5, |row, _, dice| {
        row["critique_zh"] = json!(chinese(dice, 199));
        row["critique_en"] = json!(english(dice, 7));
    }),
    ("short_en", 4, |row, _, dice| {
        row["critique_en"] = json!(english(dice, 5));
        row["critique_zh"] = json!(chinese(dice, 201));
    }),
    ("unbalanced", 6, |row, _, dice| row["critique_zh"] = json!(chinese(dice, 720))),
    ("not_chinese", 2, |row, _, dice| row["critique_zh"] = json!(format!("{}这是英文。", english(dice, 16)))),
    ("not_english", 2, |row, _, dice| {
        row["critique_en"] = json!("colline pin rivière soie ".repeat(dice.below(5) + 40));
    }),
    ("unknown_dimension", 4, |row, _, _| row["covered_dimensions"].as_array_mut().unwrap().push(json!("MU_L5_D9"))),
    ("repeated_dimension", 2, |row, _, _| row["covered_dimensions"].as_array_mut().unwrap().push(json!("MU_L1_D1"))),
    ("few_dimensions", 19, |row, _, _| {
        let few: Vec<String> = (1..=5).flat_map(|l| (1..=4).map(move |d| format!("MU_L{l}_D{d}"))).collect();
        row["covered_dimensions"] = json!(few);
    }),
    ("missing_layer", 6, |row, _, _| {
        row["covered_dimensions"].as_array_mut().unwrap().retain(|id| !id.as_str().unwrap().starts_with("MU_L4"));
    }),
    ("missing_score", 3, |row, _, _| row["quality_score"] = Value::Null),
    ("bad_score", 49, |row, _, _| row["quality_score"] = json!(0.0)),
    ("same_text", 11, |row, all, _| row["critique_zh"] = all[1]["critique_zh"].clone()),
    ("near_text", 8, |row, all, _| {
        // Each is near to another text, or their sentences would be stock sentences.
        let number: usize = row["filepath"].as_str().unwrap()[6..11].parse().unwrap();
        let text = all[number % 8]["critique_en"].as_str().unwrap();
        row["critique_en"] = json!(text.replacen(" is set", " is put", 2));
    }),
    ("stock_sentence", 37, |row, _, _| {
        let stock = "。总体而言，此作堪称同类题材中的代表之作。";
        row["critique_zh"] = json!(format!("{}{stock}", row["critique_zh"].as_str().unwrap()));
    }),
    ("taboo", 3, |row, _, _| {
        row["critique_en"] = json!(format!("As an AI, I look. {}", row["critique_en"].as_str().unwrap()));
    }),
];

#[test]
fn every_defect_is_found_in_its_number_and_no_other() {
    let rubric = Rubric::shipped("mural").unwrap();
    let mut rows = clean(&rubric, 400);
    let before = rows.clone();
    let (mut at, mut expected, mut dice) = (10, BTreeMap::new(), Dice(99));
    for (rule, count, spoil) in DEFECTS {
        let those: Vec<usize> = (at..at + count).collect();
        for row in &those {
            spoil(&mut rows[*row], &before, &mut dice);
        }
        // Rows are counted from 1.
        expected.insert(rule.to_owned(), those.iter().map(|row| row + 1).collect::<Vec<_>>());
        at += count;
    }
    let outcome = checked(&rows, &rubric, "strict");
    assert_eq!(by_rule(&outcome), expected);
    assert_eq!((outcome.rows, outcome.failed), (400, at - 10));
}

/// What a hostile or a careless hand puts into rows: it is found; and what only looks odd passes.
#[test]
fn odd_rows_pass_and_tricks_do_not() {
    let rubric = Rubric::shipped("korean").unwrap();
    let mut rows = clean(&rubric, 40);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let set = |row: &mut Value, key: &str, value: &str| row[key] = json!(value);
    for (row, change) in rows.iter_mut().zip(0..) {
        let (zh, en) = (text(row, "critique_zh"), text(row, "critique_en"));
        match change {
            0 => set(row, "critique_zh", &zh.replacen('。', "，约作于１６５０年。", 2)),
            1 => set(row, "critique_zh", &format!("🎨{zh}{}", "😀".repeat(30))),
            2 => set(row, "critique_zh", &format!("{zh}作者为 Jeong Seon (1676–1759)，画法近 Ni Zan。")),
            3 => set(row, "critique_en", &format!("{en} The inscription reads 金剛全圖; rasa is रस.")),
            4 => set(row, "critique_en", &en.to_uppercase()),
            5 => set(row, "critique_zh", &zh.replace('。', ".")),
            6 => row["scores"] = json!({"L1": 0, "L2": 100, "L3": 50.5}),
            7 => row["scores"] = json!("{\"L1\": 40}"),
            8 => {
                row["image_path"] = row["filepath"].clone();
                set(row, "filepath", "");
            }
            _ => break,
        }
    }
    let mut expected: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut spoil = |at: usize, rules: &[&str], change: &dyn Fn(&mut Value)| {
        change(&mut rows[at]);
        for rule in rules {
            expected.entry((*rule).to_owned()).or_default().push(at + 1);
        }
    };
    spoil(20, &["short_zh"], &|row| set(row, "critique_zh", &"😀".repeat(300)));
    spoil(21, &["not_chinese"], &|row| set(row, "critique_zh", &"。".repeat(300)));
    spoil(22, &["short_en"], &|row| set(row, "critique_en", &"😀 ".repeat(300)));
    spoil(23, &["not_english"], &|row| {
        let look_alike = text(row, "critique_en").replace('a', "а").replace('e', "е").replace('o', "о");
        set(row, "critique_en", &look_alike);
    });
    spoil(24, &["unreadable"], &|row| set(row, "quality_score", "85"));
    spoil(25, &["bad_score"], &|row| row["scores"] = json!({"L1": 50, "L2": 400}));
    spoil(26, &["unreadable"], &|row| row["scores"] = json!({"L1": "high"}));
    spoil(27, &["unknown_dimension"], &|row| {
        row["covered_dimensions"].as_array_mut().unwrap().push(json!("KR_L1_D1 "));
    });
    spoil(28, &["unbalanced"], &|row| {
        let long = text(row, "critique_zh").repeat(3_000);
        set(row, "critique_zh", &long);
    });
    assert_eq!(by_rule(&checked(&rows, &rubric, "strict")), expected);
}

#[test]
fn the_profiles_ask_for_what_their_names_say() {
    let rubric = Rubric::shipped("western").unwrap();
    let mut rows = clean(&rubric, 5);
    let mut dice = Dice(5);
    let ids: Vec<String> = rubric.dimensions.iter().map(|d| d.id.clone()).collect();
    rows[0]["critique_zh"] = json!(chinese(&mut dice, 160));
    rows[1]["critique_en"] = json!("");
    rows[2]["covered_dimensions"] = json!(ids[..18]);
    rows[3]["covered_dimensions"] = json!(ids[..17]);
    rows[4]["quality_score"] = json!(0);
    let rules = |gate| by_rule(&checked(&rows, &rubric, gate));
    let expected = |pairs: &[(&str, usize)]| {
        pairs.iter().map(|(rule, row)| ((*rule).to_owned(), vec![*row])).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(rules("reference-2025-12"), expected(&[("short_zh", 1), ("few_dimensions", 4)]));
    assert_eq!(rules("vulca-bench-paper"), expected(&[("missing_text", 2), ("few_dimensions", 4)]));
    let mut strict = expected(&[("short_zh", 1), ("missing_text", 2), ("few_dimensions", 4), ("bad_score", 5)]);
    strict.insert("missing_layer".to_owned(), vec![3, 4]);
    assert_eq!(rules("strict"), strict);
    // 70 % are rounded up, once and for all.
    let least = |size| Gate::shipped("vulca-bench-paper").unwrap().dimensions_of(size);
    assert_eq!([25, 26, 27, 28, 30, 32, 33].map(least), [18, 19, 19, 20, 21, 23, 24]);
    assert_eq!(Gate::shipped("strict").unwrap().dimensions_of(10), 10, "not more than there are");
}

#[test]
fn files_read_in_every_published_form() {
    let row =
        json!({"image_path": "korean/1.jpg", "critique_zh": "画", "covered_dimensions": "[\"KR_L1_D1\"]", "score": 7});
    for text in [format!("[{row}]"), format!("\u{feff}\n{row}\n\n"), serde_json::to_string_pretty(&row).unwrap()] {
        let [answer] = &read("f", &text)[..] else { panic!("{text}") };
        assert_eq!((answer.picture.as_deref(), answer.score), (Some("korean/1.jpg"), Some(7.0)));
        assert_eq!(
            (answer.dimensions.as_slice(), answer.faults.as_slice()),
            (["KR_L1_D1".to_owned()].as_slice(), [].as_slice())
        );
    }
    let broken = "{\"filepath\": \"a\"}\n{\"filepath\": \n7\n{\"filepath\": \"b\", \"covered_dimensions\": 3}\n";
    let rows = read("f", broken);
    let bad: Vec<(usize, bool)> = rows.iter().map(|row| (row.place.row, !row.faults.is_empty())).collect();
    assert_eq!(bad, [(1, false), (2, true), (3, true), (4, true)]);
    for text in ["", "[]", "[{\"filepath\": \"a\"}", "nonsense"] {
        let rows = read("f", text);
        assert!(matches!(rows[0].faults[..], [Fault::Unreadable { .. }]) && rows.len() == 1, "{text}");
    }
}

#[test]
fn one_answer_for_each_picture_that_was_asked_for() {
    let rubric = Rubric::shipped("korean").unwrap();
    let rows = clean(&rubric, 4);
    let asked =
        json!({"images": (1..6).map(|at| json!({"filepath": format!("korean/{at:05}.jpg")})).collect::<Vec<_>>()});
    let asked = pictures("batch.json", &asked.to_string());
    let gate = Gate::shipped("strict").unwrap();
    let outcome = check(&read("a.jsonl", &lines(&rows)), &rubric, &gate, Some(&asked));
    assert_eq!(
        by_rule(&outcome),
        BTreeMap::from([("not_asked".to_owned(), vec![1]), ("no_answer".to_owned(), vec![4, 5])])
    );
    assert_eq!(outcome.findings[1].place.to_string(), "batch.json:4");
}

#[test]
fn a_score_that_looks_like_a_default_is_remarked_and_fails_nobody() {
    let rubric = Rubric::shipped("hermitage").unwrap();
    let mut rows = clean(&rubric, 40);
    for row in &mut rows[..30] {
        row["quality_score"] = json!(85.0);
    }
    let outcome = checked(&rows, &rubric, "strict");
    assert_eq!((outcome.failed, outcome.remarks), (0, vec![Remark::SameScore { score: 85.0, rows: 30, of: 40 }]));
}

/// Near copies are found among many texts, whatever their distance in the file, and texts that merely share a subject are none.
#[test]
fn near_copies_are_those_with_most_of_the_text() {
    let rubric = Rubric::shipped("chinese").unwrap();
    let mut rows = clean(&rubric, 300);
    let changed = |text: &str, every: usize| -> String {
        text.chars().enumerate().map(|(at, c)| if at % every == every - 1 && c != '。' { '异' } else { c }).collect()
    };
    let text = rows[3]["critique_zh"].as_str().unwrap().to_owned();
    rows[290]["critique_zh"] = json!(changed(&text, 40));
    rows[291]["critique_zh"] = json!(changed(&text, 6));
    let found = checked(&rows, &rubric, "strict");
    let [finding] = &found.findings[..] else { panic!("{:#?}", found.findings) };
    let Fault::NearText { key: "critique_zh", first, percent } = &finding.fault else { panic!("{finding:?}") };
    assert_eq!((finding.place.row, first.row), (291, 4));
    assert!((70..100).contains(percent), "{percent}");
}

#[test]
fn a_profile_of_ones_own_has_the_same_keys() {
    let gate = Gate::parse("least_zh = 10\ntaboos = true").unwrap();
    assert_eq!(gate, Gate { least_zh: 10, taboos: true, ..Gate::default() });
    for (text, said) in [
        ("least_share = 70", "least_share"),
        ("near_copies = 0.1", "near_copies"),
        ("stock_rows = 1", "2 or more"),
        ("zh_per_en = [3, 1]", "zh_per_en"),
        ("colour = 1", "colour"),
    ] {
        assert!(Gate::parse(text).unwrap_err().to_string().contains(said), "{said}");
    }
    assert!(Gate::shipped("lax").unwrap_err().to_string().contains("reference-2025-12, strict, vulca-bench-paper"));
}
