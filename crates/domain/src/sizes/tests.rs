use std::fmt::Write as _;

use super::*;
use crate::capability::CapabilityTable;

const RATIOS: [&str; 11] = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "9:21", "21:9"];
const SIZES: [&str; 3] = ["1K", "2K", "4K"];

fn table() -> CapabilityTable {
    CapabilityTable::parse(include_str!("../../../../data/models.toml")).unwrap()
}

fn wish<'a>(aspect_ratio: &'a str, size: &'a str) -> SizeWish<'a> {
    let given = |text: &'a str| (!text.is_empty()).then_some(text);
    SizeWish { aspect_ratio: given(aspect_ratio), size: given(size) }
}

/// As it is sent: `16:9 2K`, `2048x2048`; with a mark when it was refused and this is the nearest.
fn sent(rule: &SizeRule, ratio: &str, size: &str) -> String {
    let show = |choice: &SizeChoice| {
        let parts = [choice.aspect_ratio.as_deref(), choice.size.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    match rule.resolve(wish(ratio, size)) {
        Ok(choice) => show(&choice),
        Err(refusal) => format!("no: {}", show(&refusal.nearest)),
    }
}

#[test]
fn every_model_ratio_and_size() {
    let mut text = String::new();
    for entry in &table().models {
        let Some(rule) = &entry.size else { continue };
        writeln!(text, "{} {}", entry.provider, entry.model).unwrap();
        for ratio in RATIOS {
            let cells: Vec<String> = SIZES.map(|size| format!("{size}: {:<18}", sent(rule, ratio, size))).to_vec();
            writeln!(text, "  {ratio:<5} {}", cells.join(" ").trim_end()).unwrap();
        }
    }
    insta::assert_snapshot!("sizes", text);
}

/// Models that are named in the table and take sizes by rules that nobody has written down, and why.
const WITHOUT_A_RULE: [(&str, &str); 4] = [
    ("grok2api", "the gateway maps pixels, ratios and names to what its accounts take"),
    ("fal-ai/flux/", "takes words of its own (`landscape_16_9`) besides pixels"),
    ("fal-ai/bytedance/seedream/v4/", "the same"),
    ("openai gpt-", "models for words, which draw with a tool"),
];

/// A ratio or size that a model cannot make is an error of the plan for every model that is known by name.
#[test]
fn only_patterns_and_named_exceptions_have_no_rule() {
    let whole = |entry: &crate::capability::Capabilities| format!("{} {}", entry.provider, entry.model);
    let mut used: std::collections::BTreeSet<&str> = std::collections::BTreeSet::new();
    for entry in table().models.iter().filter(|entry| entry.size.is_none()) {
        let name = whole(entry);
        let draws = entry.knows_images() || entry.chat || entry.responses;
        let pattern = entry.model == "*" || entry.model.ends_with("/*") || !entry.knows_images();
        let reason = WITHOUT_A_RULE.iter().find(|(start, _)| name.contains(start));
        used.extend(reason.map(|(start, _)| *start));
        assert!(draws && (pattern || reason.is_some()), "{name} has no size rule");
    }
    assert_eq!(used.len(), WITHOUT_A_RULE.len(), "only {used:?} are needed");
}

#[test]
fn what_is_sent_obeys_the_rule_and_the_nearest_can_be_had() {
    for entry in &table().models {
        let Some(rule) = &entry.size else { continue };
        rule.check().unwrap();
        let pixels = ["7x7", "1024x1024", "3840x2160", "20000x20000", "100x5000"];
        for ratio in RATIOS.into_iter().chain(["", "1:40", "7:5"]) {
            for size in SIZES.into_iter().chain(["", "9K", "huge"]).chain(pixels) {
                let named = format!("{} {ratio} {size}", entry.model);
                let refusal = match rule.resolve(wish(ratio, size)) {
                    Ok(choice) => {
                        if let (SizeRule::Pixels(bounds), Some((width, height))) =
                            (rule, choice.size.as_deref().and_then(pixels_of))
                        {
                            let area = u64::from(width) * u64::from(height);
                            assert_eq!(choice.pixels, Some(area), "{named}");
                            assert!(
                                (bounds.min_pixels..=bounds.max_pixels).contains(&area),
                                "{named} {width}x{height}"
                            );
                            assert!(bounds.max_edge.is_none_or(|most| width.max(height) <= most), "{named}");
                            let got = f64::from(width) / f64::from(height);
                            assert!(ratio_of(ratio).is_none_or(|wanted| same_ratio(got, wanted)), "{named}: {got}");
                        }
                        continue;
                    }
                    Err(refusal) => refusal,
                };
                let nearest = &refusal.nearest;
                let again = SizeWish { aspect_ratio: nearest.aspect_ratio.as_deref(), size: nearest.size.as_deref() };
                assert!(again != SizeWish::default(), "{named}: nothing is named");
                let again = rule.resolve(again).unwrap_or_else(|again| panic!("{named}: {refusal:?}: {again:?}"));
                assert_eq!((&again.size, &again.aspect_ratio), (&nearest.size, &nearest.aspect_ratio), "{named}");
            }
        }
    }
}

#[test]
fn one_wish_alone_takes_the_default_for_the_other() {
    let table = table();
    let rule = |provider: &str, model: &str| table.find(provider, model).unwrap().size.clone().unwrap();
    for (provider, model, ratio, size, expected) in [
        ("openai", "gpt-image-2", "", "2K", "2048x2048"),
        ("openai", "gpt-image-2", "16:9", "", "1360x768"),
        ("openai", "gpt-image-2", "", "auto", "auto"),
        ("openai", "gpt-image-2", "16:9", "auto", "1360x768"),
        ("openai", "gpt-image-2", "", "1000x1000", "no: 1008x1008"),
        ("openai", "gpt-image-1", "3:2", "", "1536x1024"),
        ("openai", "gpt-image-1", "1:1", "1536x1024", "no: 1024x1024"),
        ("openai", "gpt-image-1", "", "1024X1536", "1024x1536"),
        ("seedream", "seedream-4-0-250828", "", "2k", "2K"),
        ("seedream", "seedream-4-0-250828", "3:4", "", "1776x2368"),
        ("seedream", "doubao-seedream-4-5-251128", "9:16", "1440x2560", "1440x2560"),
        ("seedream", "doubao-seedream-4-5-251128", "3:4", "1536x2048", "no: 1664x2224"),
        ("sensenova", "sensenova-u1-fast", "16:9", "", "2752x1536"),
        ("sensenova", "sensenova-u1-fast", "", "1792x992", "1792x992"),
        ("sensenova", "sensenova-u1-fast", "", "1K", "1344x1344"),
        ("gemini", "gemini-2.5-flash-image", "16:9", "1k", "16:9"),
        ("gemini", "gemini-2.5-flash-image", "16:9", "2K", "no: 16:9"),
        ("gemini", "gemini-3-pro-image-preview", "", "4k", "4K"),
        ("gemini", "gemini-3-pro-image-preview", "", "2048x2048", "no: 1:1 2K"),
        ("xai", "grok-imagine-image", "auto", "2K", "auto 2k"),
        ("xai", "grok-imagine-image", "sixteen", "", "no: 1:1"),
    ] {
        assert_eq!(sent(&rule(provider, model), ratio, size), expected, "{model} {ratio} {size}");
    }
    let nothing = rule("openai", "gpt-image-1").resolve(SizeWish::default()).unwrap();
    assert_eq!(nothing, SizeChoice::default());
}

#[test]
fn a_rule_that_cannot_be_used_says_why() {
    for (text, words) in [
        ("kind = \"list\"\nsizes = []", "no sizes"),
        ("kind = \"names\"\nratios = []\nsizes = [\"1K\"]", "ratios and sizes"),
        ("kind = \"pixels\"\nnames = { 1K = 1048576 }\ndefault = \"2K\"", "\"2K\" is not among"),
        ("kind = \"buckets\"\ndefault = \"1K\"\n[sizes.1K]\n\"1:1\" = \"big\"", "no ratio with a size"),
        ("kind = \"pixels\"\nnames = { 1K = 1048576 }\ndefault = \"1K\"\nmultiple_of = 0", "multiple_of"),
    ] {
        let rule: SizeRule = toml::from_str(text).unwrap();
        assert!(rule.check().unwrap_err().contains(words), "{text}");
    }
    assert!(
        toml::from_str::<SizeRule>("kind = \"list\"\nsizes = [\"a\"]\nmost = 3").is_err(),
        "unknown keys are errors"
    );
}
