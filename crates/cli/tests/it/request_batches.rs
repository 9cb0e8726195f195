//! Batches of request files, and edits proposed from verdicts.

use serde_json::{Value, json};

use crate::world::World;

fn world() -> World {
    let world = World::new();
    world.folder.write("research/benchmarks.md", "what works");
    world
}

fn matrix(changes: &Value) -> String {
    let mut file = json!({
        "defaults": {
            "assetPurpose": "persona_candidate", "sourceBasis": ["research/benchmarks.md"], "model": "sim-image", "size": "64*48",
            "prompt": "{persona} {concept}", "qualityProfile": "draft", "qualityReason": "a first look",
        },
        "personas": [{"id": "maya", "text": "a woman", "mustKeep": ["short hair"]}, {"id": "tom", "text": "a man"}],
        "concepts": [{"id": "desk", "text": "at a desk"}, {"id": "door", "text": "at a door"}],
        "samples": 2,
    });
    for (name, change) in changes.as_object().unwrap() {
        file[name] = change.clone();
    }
    file.to_string()
}

fn submit(world: &World, file: &str, more: &[&str], code: i32) -> Value {
    let mut arguments = vec!["request", "batch", "--request", file, "--profile", "simulator", "--json"];
    arguments.extend(more);
    world.run(&arguments).code(code).last_json()
}

#[test]
fn a_matrix_fills_the_folder_of_each_asset_and_again_costs_nothing() {
    let world = world();
    world.folder.write("batch.json", matrix(&json!({})));
    let plan = submit(&world, "batch.json", &["--plan"], 0);
    assert_eq!(plan["requests"].as_array().unwrap().len(), 8, "{plan:#}");
    assert_eq!(plan["requests"][0]["qualityReason"], "a first look");
    assert!(!world.path().join("assets").exists());
    let done = submit(&world, "batch.json", &["--budget", "5"], 0);
    assert_eq!((&done["requests"], &done["succeeded"]), (&json!(8), &json!(8)), "{done:#}");
    let folder = world.path().join("assets/maya-desk-v1");
    for run in ["image-run-001", "image-run-002"] {
        assert!(folder.join(format!("images/candidates/{run}-img-001.png")).exists());
        let stored = std::fs::read_to_string(folder.join(format!("runs/image/{run}/request.json"))).unwrap();
        let stored: Value = serde_json::from_str(&stored).unwrap();
        assert_eq!(stored["sentPrompt"], "a woman at a desk\n\nKeep exactly as described: short hair");
        assert_eq!(
            (&stored["input"]["personaId"], &stored["input"]["qualityProfile"]),
            (&json!("maya"), &json!("draft"))
        );
    }
    let checked = world.run(&["assets", "check", "assets", "--json"]).code(0).json();
    assert_eq!(checked["assets"].as_array().unwrap().len(), 4);
    let cost = || world.run(&["costs", "--json"]).code(0).out;
    let paid = cost();
    submit(&world, "batch.json", &[], 0);
    assert_eq!(cost(), paid, "a batch that is submitted again pays for nothing");
}

#[test]
fn a_budget_holds_for_the_whole_file_before_anything_is_sent() {
    let world = world();
    let refused = |model: &str, budget: &str| {
        world.folder.write("batch.json", matrix(&json!({"defaults": {
            "assetPurpose": "persona_candidate", "sourceBasis": ["research/benchmarks.md"], "model": model, "prompt": "{persona} {concept}",
        }})));
        world.run_with(
            &[("WAVESPEED_API_KEY", "k")],
            &["request", "batch", "--request", "batch.json", "--plan", "--budget", budget],
        )
    };
    // Eight pictures at 3.5 cents each.
    let told = refused("image-seedream-v5-lite-text", "0.27").code(2).err;
    assert!(told.contains("may cost $0.28") && told.contains("the budget is $0.27"), "{told}");
    refused("image-seedream-v5-lite-text", "0.28").code(0);
    let told = refused("image-gpt-image-2-text", "5").code(2).err;
    assert!(told.contains("Nobody knows"), "{told}");
}

#[test]
fn a_refused_picture_stops_its_request_only_and_the_gate_names_every_row() {
    let world = world();
    let row = |asset: &str, model: &str| {
        json!({
            "assetId": asset, "runId": "image-run-001", "personaId": "maya", "assetPurpose": "cover_frame", "model": model,
            "sourceBasis": ["research/benchmarks.md"], "prompt": asset, "size": "64*48",
        })
    };
    let rows: Vec<String> = (1..=10)
        .map(|at| row(&format!("cover-{at}"), if at == 4 { "refuse" } else { "sim-image" }).to_string())
        .collect();
    world.folder.write("batch.jsonl", rows.join("\n"));
    let done = submit(&world, "batch.jsonl", &[], 1);
    assert_eq!((&done["requests"], &done["succeeded"]), (&json!(10), &json!(9)), "{done:#}");
    let csv = "assetId,runId,personaId,assetPurpose,sourceBasis,prompt\n\
               a-v1,r-1,maya,poster,research/benchmarks.md,x\n\
               b-v1,r-1,maya,cover_frame,research/gone.md,x\n";
    world.folder.write("batch.csv", csv);
    let refused = submit(&world, "batch.csv", &[], 2);
    assert_eq!(refused["error"]["problems"][0]["field"], "a-v1 r-1: assetPurpose", "{refused:#}");
    world.folder.write("batch.csv", csv.replace("poster", "cover_frame"));
    let said = world
        .run(&["request", "batch", "--request", "batch.csv", "--profile", "simulator", "--lang", "zh-CN"])
        .code(2)
        .err;
    assert!(
        said.contains("b-v1 r-1: ") && said.contains("research/gone.md") && said.contains("请求无法使用"),
        "{said}"
    );
    assert!(!world.path().join("assets/a-v1").exists(), "nothing of a batch is begun when one of its rows is wrong");
}

#[test]
fn feedback_on_an_approved_picture_becomes_an_edit_of_it() {
    let world = world();
    world.folder.write("batch.json", matrix(&json!({"personas": ["maya"], "concepts": ["desk"], "samples": 1})));
    submit(&world, "batch.json", &[], 0);
    let folder = "assets/maya-desk-v1";
    world.run(&["request", "propose", folder, "--feedback", "warmer light"]).code(2);
    let answers = "realism=pass,fit=pass,repeatability=pass,copied_creator=pass,ad_drift=pass";
    let picture = "image-run-001-img-001.png";
    let review = ["review", folder, "--picture", picture, "--reviewer", "ada", "--verdict"];
    world.run(&[&review[..], &["approve", "--answers", answers]].concat()).code(0);
    world.run(&["request", "propose", folder]).code(2);
    let told = world.run(&["request", "propose", folder, "--feedback", "warmer light", "--json"]).code(0).json();
    let request = &told["proposal"]["request"];
    assert_eq!(request["inputUrls"], json!([format!("{folder}/images/approved/{picture}")]), "{told:#}");
    assert_eq!((&request["personaId"], &request["assetPurpose"]), (&json!("maya"), &json!("edit_fix")));
    let file = format!("{folder}/inputs/requests/edit-run-001.json");
    let edited =
        world.run(&["request", "edit", "--request", &file, "--profile", "simulator", "--json"]).code(0).last_json();
    assert_eq!(edited["pictures"], json!(["images/candidates/edit-run-001-img-001.png"]), "{edited:#}");
    let stored =
        std::fs::read_to_string(world.path().join(folder).join("runs/image/edit-run-001/request.json")).unwrap();
    assert!(stored.contains("Change as the review asks: warmer light"), "{stored}");
    // What a verdict says is enough; a face that is wrong asks for a new picture.
    world
        .run(&[&review[..], &["revise", "--reason", "another person", "--category", "persona_drift"]].concat())
        .code(0);
    let told = world.run(&["request", "propose", folder, "--picture", picture, "--json"]).code(0).json();
    assert_eq!((&told["proposal"]["regenerate"], &told["proposal"]["run"]), (&json!(true), &json!("edit-run-002")));
    assert_eq!(told["proposal"]["feedback"], json!(["another person"]));
}
