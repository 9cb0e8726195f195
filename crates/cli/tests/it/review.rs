//! Verdicts, contact sheets and drift of asset folders, without a terminal.

use serde_json::{Value, json};

use crate::world::World;

const ANSWERS: &str = "realism=pass,fit=pass,repeatability=concern,copied_creator=pass,ad_drift=pass";
const FOLDER: &str = "assets/persona-maya-v1";

/// A workspace with assets of the persona maya; each with as many runs as said, one picture a run.
fn world(assets: &[(&str, &str, u32)]) -> World {
    let world = World::new();
    world.folder.write("research/benchmarks.md", "what works");
    for (asset, purpose, runs) in assets {
        for run in 1..=*runs {
            let request = json!({
                "assetId": asset, "runId": format!("image-run-{run:03}"), "personaId": "maya", "assetPurpose": purpose,
                "sourceBasis": ["research/benchmarks.md"], "localAssetDir": format!("assets/{asset}"),
                "model": "sim-image", "prompt": format!("{asset}, take {run}"), "size": "64*48",
            });
            world.folder.write("request.json", request.to_string());
            world.run(&["request", "generate", "--request", "request.json", "--profile", "simulator"]).code(0);
        }
    }
    world
}

fn review(world: &World, more: &[&str], code: i32) -> Value {
    let mut arguments = vec!["review", FOLDER, "--json", "--reviewer", "ada"];
    arguments.extend(more);
    world.run(&arguments).code(code).json()
}

#[test]
fn pictures_are_listed_judged_and_judged_again() {
    let world = world(&[("persona-maya-v1", "persona_candidate", 2)]);
    let listed = review(&world, &[], 0);
    assert_eq!(listed["assets"][0]["waiting"], 2, "{listed:#}");
    assert_eq!(listed["words"]["questions"].as_array().unwrap().len(), 5);
    let told = world.run(&["review", "assets", "--lang", "zh-CN"]).code(0);
    assert!(told.out.contains("待评审") && told.err.contains("是否真实"), "{}{}", told.out, told.err);

    let picture = "image-run-001-img-001.png";
    let given = review(&world, &["--picture", picture, "--verdict", "approve", "--answers", ANSWERS], 0);
    let approved = "images/approved/image-run-001-img-001.png";
    assert_eq!(given["verdicts"][0]["picture"]["hero"], approved, "{given:#}");
    let record = &given["verdicts"][0]["picture"]["record"];
    assert_eq!((&record["reviewer"], &record["verdict"]), (&json!("ada"), &json!("approved")));
    assert_eq!(record["answers"]["repeatability"], "concern");
    assert_eq!(record["targetObjectId"], "persona-maya-v1/image-run-001/img-001");
    world.run(&["assets", "check", "assets"]).code(0);
    // A new submission of the run knows where its picture went.
    let second = format!("{FOLDER}/images/candidates/image-run-002-img-001.png");
    let reject =
        ["--picture", &second, "--verdict", "reject", "--reason", "six fingers", "--category", "visual_realism"];
    assert_eq!(review(&world, &reject, 0)["verdicts"][0]["picture"]["hero"], approved);
    let polled = world.run(&["request", "poll", "--request", "request.json", "--json"]).code(0).last_json();
    assert_eq!(polled["pictures"], json!(["images/rejected/image-run-002-img-001.png"]));
    // Undone by another verdict.
    let revise = ["--picture", picture, "--verdict", "revise", "--reason", "too clean", "--category", "ad_like"];
    let undone = review(&world, &revise, 0);
    assert_eq!(undone["verdicts"][0]["picture"]["hero"], Value::Null);
    assert_eq!(undone["verdicts"][0]["picture"]["path"], "images/candidates/image-run-001-img-001.png");
    world.run(&["assets", "check", "assets"]).code(0);
}

#[test]
fn a_verdict_that_says_too_little_changes_nothing() {
    let world = world(&[("persona-maya-v1", "persona_candidate", 1)]);
    let picture = "image-run-001-img-001.png";
    let refused = review(&world, &["--picture", picture, "--verdict", "reject", "--blame", "weather"], 2);
    let fields: Vec<&str> =
        refused["error"]["problems"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["blame", "reason", "category"]);
    let told = world.run(&["review", FOLDER, "--picture", picture, "--verdict", "approve", "--lang", "zh-CN"]).code(2);
    assert!(told.err.contains("结论未记录") && told.err.contains("缺少对 realism 的回答"), "{}", told.err);
    review(&world, &["--picture", "gone.png", "--verdict", "approve", "--answers", ANSWERS], 2);
    world.run(&["review", FOLDER, "--picture", picture]).code(2);
    assert!(!world.path().join(FOLDER).join("qa").exists());
    assert_eq!(review(&world, &[], 0)["assets"][0]["waiting"], 1);
}

#[test]
fn sheets_and_drift_hold_pictures_against_the_approved_one() {
    let world = world(&[("persona-maya-v1", "persona_candidate", 2), ("maya-desk-v1", "shot_support", 1)]);
    let unmeasured = world.run(&["assets", "drift", FOLDER, "--json"]).code(1).json();
    assert_eq!(unmeasured["sets"][0]["reference"], Value::Null);
    review(&world, &["--picture", "image-run-001-img-001.png", "--verdict", "approve", "--answers", ANSWERS], 0);
    let drift =
        world.run(&["assets", "drift", "assets", "--persona", "maya", "--report", "report", "--json"]).code(0).json();
    let set = &drift["sets"][0];
    assert_eq!(set["reference"], "image-run-001-img-001.png", "{drift:#}");
    let measured: Vec<_> = set["pictures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["asset"].clone(), one["perceptual_bits"].clone()))
        .collect();
    assert_eq!(measured.len(), 2);
    assert!(measured.iter().all(|(_, bits)| (0..=64).contains(&bits.as_u64().unwrap())), "{measured:?}");
    assert_eq!(drift["units"]["perceptual_bits"]["range"], json!([0, 64]));
    for (file, part) in [("drift.md", "of 64 bits"), ("drift.html", "../assets/maya-desk-v1/images/candidates/")] {
        let text = std::fs::read_to_string(world.path().join("report").join(file)).unwrap();
        assert!(text.contains(part) && !text.contains(world.path().to_str().unwrap()), "{file}: {text}");
    }
    // Against itself nothing drifts.
    let own = format!("{FOLDER}/images/candidates/image-run-002-img-001.png");
    world.folder.write("copy.png", std::fs::read(world.path().join(&own)).unwrap());
    let own = world.run(&["assets", "drift", FOLDER, "--against", "copy.png", "--json"]).code(0).json();
    assert_eq!(own["sets"][0]["perceptual_bits"]["least"], 0.0);
    assert_eq!(own["sets"][0]["colour_delta_e"]["least"], 0.0);

    let drawn = world.run(&["assets", "sheet", "assets", "--json"]).code(0).json();
    assert_eq!(drawn["sheets"].as_array().unwrap().len(), 2);
    let sheet = std::fs::read(world.path().join(FOLDER).join("qa/contact-sheet.png")).unwrap();
    assert!(sheet.starts_with(b"\x89PNG"));
    let page = std::fs::read_to_string(world.path().join(FOLDER).join("qa/contact-sheet.html")).unwrap();
    assert!(page.contains("src=\"../images/approved/image-run-001-img-001.png\""), "{page}");
    world.run(&["assets", "sheet", "assets", "--persona", "maya"]).code(0);
    assert!(world.path().join("assets/maya-contact-sheet.png").exists());
    world.run(&["assets", "sheet", "assets", "--persona", "nobody"]).code(2);
    world.run(&["assets", "check", "assets"]).code(0);
}
