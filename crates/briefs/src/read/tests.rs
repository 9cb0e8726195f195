use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::digest::{prompt_hash, request_hash};
use crate::problem::ProblemKind;
use crate::wording::{forbidden, sent_prompt};

/// A request that lacks nothing, as the reference's own pages write one.
fn whole() -> Value {
    json!({
        "assetId": "persona-maya-desk-v1", "runId": "image-run-001", "campaignId": "spring", "personaId": "maya",
        "conceptId": null, "assetPurpose": "persona_candidate", "provider": "hosted-media",
        "model": "image-nano-banana-2-text", "prompt": " A woman at her desk. ", "aspectRatio": "9:16",
        "negativePrompt": "text", "mustAvoid": ["studio light."], "mustKeep": ["short hair"], "canVary": ["the mug"],
        "sourceBasis": ["research/benchmarks.md"], "localAssetDir": "assets/persona-maya-desk-v1",
        "enableSyncMode": true, "outputFormat": "png",
    })
}

fn with(changes: &Value) -> Value {
    let mut value = whole();
    for (name, change) in changes.as_object().unwrap() {
        if change == "-" {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = change.clone();
        }
    }
    value
}

fn generate(value: &Value) -> Result<Brief, Problems> {
    read(&value.to_string(), Verb::Generate)
}

fn fields(problems: &Problems) -> Vec<&str> {
    problems.0.iter().map(|problem| problem.field.as_str()).collect()
}

#[test]
fn bare_and_enveloped_forms_are_one_request() {
    let bare = generate(&whole()).unwrap();
    let enveloped = json!({"schemaVersion": 1, "input": whole(), "hostedOperationId": "op-1"});
    assert_eq!(generate(&enveloped).unwrap(), bare);
    assert_eq!(bare.prompt, " A woman at her desk. ");
    assert_eq!((bare.resolution.as_deref(), bare.creative_format.as_str()), (Some("4k"), "short_form_vertical"));
    let wrong = generate(&json!({"schemaVersion": 2, "input": whole()})).unwrap_err();
    assert_eq!(fields(&wrong), ["schemaVersion"]);
}

#[test]
fn the_oldest_form_names_vendor_paths_and_one_folder() {
    let oldest = with(&json!({
        "provider": "wavespeed", "model": "google/nano-banana-2/text-to-image", "runId": "-", "jobId": "image-run-007",
        "localAssetDir": "-", "localOutputDir": "out/maya",
    }));
    let brief = generate(&oldest).unwrap();
    assert_eq!((brief.model.as_str(), brief.run_id.as_str()), ("image-nano-banana-2-text", "image-run-007"));
    assert_eq!(brief.local_asset_dir, "out/maya");
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let problems = generate(&json!({})).unwrap_err();
    assert!(problems.is_under_specified());
    let expected = ["assetId", "runId", "localAssetDir", "personaId", "assetPurpose", "sourceBasis", "prompt"];
    assert_eq!(fields(&problems), expected);
    assert!(problems.0.iter().all(|problem| problem.kind == ProblemKind::Missing));
    let said = problems.to_string();
    assert!(said.starts_with("the request is under-specified") && said.lines().count() == 8, "{said}");
    let edit = read(&whole().to_string(), Verb::Edit).unwrap_err();
    assert_eq!(fields(&edit), ["inputUrls", "model"]);
    assert!(edit.to_string().contains("take image-nano-banana-2-edit"), "{edit}");
}

#[test]
fn each_strategic_hole_alone_stops_the_request_and_only_a_reasoned_test_passes() {
    for hole in ["personaId", "assetPurpose", "sourceBasis"] {
        let lacking = with(&json!({hole: "-"}));
        assert_eq!(fields(&generate(&lacking).unwrap_err()), [hole]);
        let mut test = lacking;
        test["variantTest"] = true.into();
        assert_eq!(fields(&generate(&test).unwrap_err()), ["variantTestReason"]);
        test["variantTestReason"] = "does a beard help".into();
        assert_eq!(generate(&test).unwrap().variant_test_reason.as_deref(), Some("does a beard help"));
    }
    let no_folder = with(&json!({"localAssetDir": "-", "variantTest": true, "variantTestReason": "x"}));
    assert_eq!(fields(&generate(&no_folder).unwrap_err()), ["localAssetDir"]);
    let direction = with(&json!({"personaId": "-", "visualDirection": "grainy phone video"}));
    assert!(generate(&direction).is_ok());
}

#[test]
fn snake_case_and_bad_values_die_here() {
    for (change, field, words) in [
        (json!({"aspect_ratio": "1:1"}), "aspect_ratio", "called aspectRatio"),
        (json!({"enable_sync_mode": true}), "enable_sync_mode", "called enableSyncMode"),
        (json!({"assetPurpose": "talking_head"}), "assetPurpose", "persona_candidate"),
        (json!({"assetId": "0b9f2c1e-8a55-4c9f-9f0e-1f2d3c4b5a69"}), "assetId", "people can read"),
        (json!({"assetId": "20260429-101500"}), "assetId", "people can read"),
        (json!({"runId": "../x"}), "runId", "folder"),
        (json!({"creativeFormat": "reels", "aspectRatio": "1:1"}), "creativeFormat", "leave one"),
        (json!({"creativeFormat": "poster"}), "creativeFormat", "instagram_meta_ads"),
        (json!({"maxImages": 2.5}), "maxImages", "whole number"),
        (json!({"maxImages": 3}), "maxImages", "-sequential"),
        (json!({"quality": "high"}), "quality", "takes no quality"),
        (json!({"outputFormat": "tiff"}), "outputFormat", "png or jpeg"),
        (json!({"qualityProfile": "draft"}), "qualityReason", "why less"),
        (json!({"prompt": 7}), "prompt", "text in quotes"),
        (json!({"sourceBasis": [1]}), "sourceBasis", "list of texts"),
        (json!({"model": "image-seedream-v5-lite-sequential"}), "maxImages", "how many"),
    ] {
        let problems = generate(&with(&change)).unwrap_err();
        let found = problems.0.iter().find(|problem| problem.field == field);
        assert!(found.is_some_and(|problem| problem.message.contains(words)), "{change}: {problems}");
    }
}

#[test]
fn each_family_gets_what_it_takes() {
    for (change, resolution, quality, size) in [
        (json!({"resolution": "2 K"}), Some("2k"), None, None),
        (json!({"qualityProfile": "draft", "qualityReason": "an idea"}), Some("1k"), None, None),
        (json!({"model": "image-gpt-image-2-text"}), Some("4k"), Some("high"), None),
        (
            json!({"model": "image-gpt-image-2-text", "quality": "Low", "resolution": "1K"}),
            Some("1k"),
            Some("low"),
            None,
        ),
        (json!({"model": "image-nano-banana-pro-text-2k"}), Some("2k"), None, None),
        (json!({"model": "image-seedream-v5-lite-text"}), None, None, Some("1440x2560")),
        (
            json!({"model": "image-seedream-v5-lite-text", "creativeFormat": "instagram_3_4", "aspectRatio": "-"}),
            None,
            None,
            Some("1728x2304"),
        ),
        (json!({"model": "image-seedream-v5-lite-text", "size": "1024*1024"}), None, None, Some("1024x1024")),
        (json!({"model": "image-seedream-v5-lite-text", "resolution": "1080x1920"}), None, None, Some("1080x1920")),
        (json!({"model": "image-higgsfield-soul-text", "styleId": "s"}), None, None, None),
    ] {
        let brief = generate(&with(&change)).unwrap_or_else(|problems| panic!("{change}: {problems}"));
        let found = (brief.resolution.as_deref(), brief.quality.as_deref(), brief.size.as_deref());
        assert_eq!(found, (resolution, quality, size), "{change}");
    }
}

#[test]
fn traits_reach_the_prompt_by_one_template() {
    let brief = generate(&with(&json!({"feedback": ["warmer light"]}))).unwrap();
    let expected = " A woman at her desk. \n\nKeep exactly as described: short hair\n\n\
                    Change as the review asks: warmer light\n\nMay vary: the mug";
    assert_eq!(sent_prompt(&brief), expected);
    assert_eq!(forbidden(&brief), "studio light, text");
    let chinese = generate(&with(&json!({"prompt": "一位女士"}))).unwrap();
    assert!(sent_prompt(&chinese).contains("保持不变：short hair"));
    let braces = generate(&with(&json!({"prompt": "a {sign}"}))).unwrap();
    assert!(crate::job::job_file(&braces, &[]).prompt.unwrap().starts_with("a {{sign}}"));
}

/// Computed with `printf ' A woman at her desk. ' | sha256sum` and the like.
#[test]
fn prompt_hashes_are_the_references_own() {
    assert_eq!(prompt_hash(""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(prompt_hash(" A woman at her desk. "), GOLDEN_PROMPT);
    assert_eq!(prompt_hash("一位女士\n"), GOLDEN_CHINESE);
}

const GOLDEN_PROMPT: &str = "sha256:56aa0dd770b508342457a4a2edb2a841d5f0b12a2b389503b5826ef7efb9576b";
const GOLDEN_CHINESE: &str = "sha256:eecf31c6d141bb55730a7977fc47a9df7c72600931408e20bde178f8b8205d0f";

#[test]
fn the_request_hash_follows_what_changes_the_picture_and_nothing_else() {
    let hash = |value: &Value, inputs: &[String]| request_hash(&generate(value).unwrap(), inputs);
    let base = hash(&whole(), &[]);
    assert_eq!(base, "sha256:f54c970deef7a7b3ea47a34d1984e6770834daadb4112da7f4ce4636b8c19a60");
    for same in [
        json!({"runId": "image-run-002", "campaignId": "autumn"}),
        json!({"localAssetDir": "elsewhere", "sourceBasis": ["other.md"]}),
        json!({"resolution": "4K", "creativeFormat": "reels"}),
    ] {
        assert_eq!(hash(&with(&same), &[]), base, "{same}");
    }
    for other in [
        json!({"prompt": "A woman at her desk."}),
        json!({"mustAvoid": []}),
        json!({"negativePrompt": "-"}),
        json!({"canVary": []}),
        json!({"resolution": "2k"}),
        json!({"aspectRatio": "1:1"}),
        json!({"seed": 1}),
        json!({"outputFormat": "jpeg"}),
        json!({"enableWebSearch": true}),
        json!({"model": "image-gpt-image-2-text"}),
    ] {
        assert_ne!(hash(&with(&other), &[]), base, "{other}");
    }
    assert_ne!(hash(&whole(), &["sha256:00".into()]), base);
}

proptest! {
    /// Whatever stands in a request file, reading ends with a brief or with sentences.
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}", name in "[a-zA-Z_]{1,20}", value in ".{0,40}") {
        let _ = read(&text, Verb::Edit);
        let mut request = whole();
        request[name.as_str()] = value.into();
        if let Err(problems) = generate(&request) {
            prop_assert!(!problems.0.is_empty());
            prop_assert!(problems.0.iter().all(|problem| !problem.message.is_empty()));
        }
    }

    /// The order of members and white space in the file change nothing; a brief survives its stored form.
    #[test]
    fn a_brief_is_the_same_from_any_layout(prompt in "\\PC{1,80}", keep in proptest::collection::vec("[a-z]{1,8}", 0..4)) {
        prop_assume!(!prompt.trim().is_empty());
        let request = with(&json!({"prompt": prompt, "mustKeep": keep}));
        let brief = generate(&request).unwrap();
        let reversed: Vec<String> = request.as_object().unwrap().iter().rev().map(|(name, value)| format!("{name:?} :\n {value}")).collect();
        let other = read(&format!("{{{}}}", reversed.join(" , ")), Verb::Generate).unwrap();
        prop_assert_eq!(&brief, &other);
        prop_assert_eq!(prompt_hash(&brief.prompt), prompt_hash(&prompt));
        let stored = serde_json::to_value(&brief).unwrap();
        let mut back: Brief = serde_json::from_value(stored).unwrap();
        back.local_asset_dir.clone_from(&brief.local_asset_dir);
        prop_assert_eq!(request_hash(&back, &[]), request_hash(&brief, &[]));
        prop_assert_eq!(back, brief);
    }
}
