//! Request files as a user types them, against the simulator's hosted-media form.

use serde_json::{Value, json};

use crate::world::World;

const PROFILE: &str = r#"
[profiles.hosted-media]
provider = "simulator"
protocol = "hosted_media"
model = "sim-image"
network = { allow_private_api = true, allow_private_downloads = true }
"#;

fn world() -> World {
    let world = World::with_photos(1);
    world.folder.write("imagemill.toml", PROFILE);
    world.folder.write("research/benchmarks.md", "what works");
    world
}

fn request(changes: &Value) -> Value {
    let mut request = json!({
        "assetId": "persona-maya-v1", "runId": "image-run-001", "personaId": "maya", "assetPurpose": "persona_candidate",
        "sourceBasis": ["research/benchmarks.md"], "localAssetDir": "assets/persona-maya-v1", "model": "sim-image",
        "prompt": "A woman at {her} desk", "mustKeep": ["short hair"], "mustAvoid": ["studio light"], "size": "64*48",
    });
    for (name, change) in changes.as_object().unwrap() {
        request[name] = change.clone();
    }
    request
}

fn write(world: &World, changes: &Value) {
    world.folder.write("request.json", request(changes).to_string());
}

fn submit(world: &World, verb: &str, code: i32) -> Value {
    world.run(&["request", verb, "--request", "request.json", "--json"]).code(code).last_json()
}

fn record(world: &World, file: &str) -> Value {
    let text = std::fs::read_to_string(world.path().join("assets/persona-maya-v1").join(file));
    serde_json::from_str(&text.unwrap_or_else(|error| panic!("{file}: {error}"))).unwrap()
}

fn calls(world: &World, task: u64) -> usize {
    world.run(&["explain", &task.to_string(), "--json"]).code(0).json()["calls"].as_array().unwrap().len()
}

#[test]
fn a_request_leaves_a_whole_asset_folder() {
    let world = world();
    write(&world, &json!({}));
    let done = submit(&world, "generate", 0);
    assert_eq!(done["state"], "succeeded", "{done:#}");
    assert_eq!(done["pictures"], json!(["images/candidates/image-run-001-img-001.png"]));
    let manifest = record(&world, "runs/image/image-run-001/manifest.json");
    let picture = &manifest["assets"][0];
    let bytes =
        std::fs::read(world.path().join("assets/persona-maya-v1/images/candidates/image-run-001-img-001.png")).unwrap();
    assert_eq!(picture["sha256"], imagemill_briefs::sha256(&bytes));
    assert_eq!((&picture["mimeType"], &picture["width"]), (&json!("image/png"), &json!(64)));
    assert_eq!(picture["promptHash"], imagemill_briefs::prompt_hash("A woman at {her} desk"));
    assert!(picture["createdAt"].as_str().unwrap().ends_with('Z'));
    let stored = record(&world, "runs/image/image-run-001/request.json");
    assert_eq!(stored["sentPrompt"], "A woman at {her} desk\n\nKeep exactly as described: short hair");
    assert_eq!(stored["sourceBasis"][0]["sha256"], imagemill_briefs::sha256(b"what works"));
    let attempt = record(&world, "runs/image/image-run-001/attempts/attempt-001/attempt.json");
    assert_eq!((&attempt["state"], &attempt["nextAction"]), (&json!("materialized"), &json!("done")));
    assert!(attempt["generationHandle"].is_string(), "{attempt:#}");
    let response = record(&world, "runs/image/image-run-001/response.json");
    assert!(response["response"].to_string().contains("completed"), "{response:#}");
    let card = record(&world, "asset.json");
    assert_eq!((&card["status"], &card["heroImagePath"]), (&json!("review_pending"), &Value::Null));
    let index = record(&world, "index.json");
    assert_eq!(
        (&index["images"][0]["kind"], &index["images"][0]["originRunId"]),
        (&json!("candidate"), &json!("image-run-001"))
    );
    for file in
        ["asset.json", "index.json", "runs/image/image-run-001/request.json", "runs/image/image-run-001/manifest.json"]
    {
        let text = record(&world, file).to_string();
        assert!(!text.contains(world.path().to_str().unwrap()), "{file} has an absolute path: {text}");
    }
    let sent = world.run(&["explain", "1"]).code(0).out;
    assert!(sent.contains("short hair") && sent.contains("studio light"), "{sent}");
}

#[test]
fn the_gate_names_everything_at_once_and_nothing_is_sent() {
    let world = world();
    world.folder.write("request.json", r#"{"assetId": "persona-maya-v1", "aspect_ratio": "9:16"}"#);
    let refused = submit(&world, "generate", 2);
    let problems = refused["error"]["problems"].as_array().unwrap();
    let fields: Vec<&str> = problems.iter().map(|problem| problem["field"].as_str().unwrap()).collect();
    let expected = ["aspect_ratio", "runId", "localAssetDir", "personaId", "assetPurpose", "sourceBasis", "prompt"];
    assert_eq!(fields, expected);
    let said = world.run(&["request", "generate", "--request", "request.json", "--lang", "zh-CN"]).code(2).err;
    assert!(said.contains("请求不完整") && said.contains("缺少 personaId") && !said.contains("is missing"), "{said}");
    write(&world, &json!({"sourceBasis": ["research/gone.md", "/etc/hostname"]}));
    let refused = submit(&world, "generate", 2);
    assert_eq!(refused["error"]["problems"].as_array().unwrap().len(), 2, "{refused:#}");
    assert!(!world.path().join("assets").exists());
    write(&world, &json!({"sourceBasis": [], "variantTest": true, "variantTestReason": "a beard"}));
    submit(&world, "generate", 0);
    assert_eq!(record(&world, "runs/image/image-run-001/manifest.json")["variantTestReason"], "a beard");
}

#[test]
fn a_second_run_lies_beside_the_first_and_the_same_run_pays_once() {
    let world = world();
    write(&world, &json!({}));
    submit(&world, "generate", 0);
    let first = world.path().join("assets/persona-maya-v1/images/candidates/image-run-001-img-001.png");
    let bytes = std::fs::read(&first).unwrap();
    write(&world, &json!({"runId": "image-run-002", "prompt": "Another"}));
    let second = submit(&world, "generate", 0);
    assert_eq!(second["pictures"], json!(["images/candidates/image-run-002-img-001.png"]));
    assert_eq!(std::fs::read(&first).unwrap(), bytes);
    assert_eq!(record(&world, "index.json")["images"].as_array().unwrap().len(), 2);
    // The same run again, and its picture gone from the folder: it comes back, and nobody is paid.
    std::fs::remove_file(&first).unwrap();
    write(&world, &json!({"campaignId": "spring"}));
    let again = submit(&world, "generate", 0);
    assert_eq!((calls(&world, 1), &again["attempts"]), (1, &json!(1)));
    assert_eq!(std::fs::read(&first).unwrap(), bytes);
    write(&world, &json!({"prompt": "Something else"}));
    let refused = submit(&world, "generate", 2);
    assert_eq!(refused["error"]["problems"][0]["field"], "runId");
}

#[test]
fn polling_starts_from_the_stored_record() {
    let world = world();
    write(&world, &json!({}));
    submit(&world, "generate", 0);
    let folder = world.path().join("assets/persona-maya-v1");
    let moved = folder.join("images/approved/chosen.png");
    std::fs::create_dir_all(moved.parent().unwrap()).unwrap();
    std::fs::rename(folder.join("images/candidates/image-run-001-img-001.png"), &moved).unwrap();
    std::fs::remove_file(folder.join("index.json")).unwrap();
    // The file was edited since, into something that could not be submitted.
    let rest =
        json!({"assetId": "persona-maya-v1", "runId": "image-run-001", "localAssetDir": "assets/persona-maya-v1"});
    world.folder.write("request.json", rest.to_string());
    let polled = submit(&world, "poll", 0);
    assert_eq!(polled["pictures"], json!(["images/approved/chosen.png"]));
    assert_eq!(record(&world, "index.json")["images"][0]["kind"], "approved");
    assert!(!folder.join("images/candidates/image-run-001-img-001.png").exists());
    assert_eq!(calls(&world, 1), 1);
    world.folder.write("request.json", rest.to_string().replace("run-001", "run-009"));
    assert_eq!(submit(&world, "poll", 2)["error"]["problems"][0]["field"], "runId");
}

#[test]
fn an_upload_is_made_once_and_an_edit_can_name_it() {
    let world = world();
    let mut simulator = world.start(&["simulate", "--port", "0", "--json"]);
    let told: Value = serde_json::from_str(&simulator.first_line()).unwrap();
    let base = told["url"].as_str().unwrap().replace("/v1", "/hosted");
    let network = "[profiles.hosted-media.network]\nallow_private_api = true\nallow_private_downloads = true\n";
    let profile = PROFILE.lines().filter(|line| !line.starts_with("network")).collect::<Vec<_>>().join("\n");
    world.folder.write("imagemill.toml", format!("{profile}\nbase_url = \"{base}\"\n{network}"));
    let upload = |run: &str| {
        let file = json!({"assetId": "persona-maya-v1", "runId": run, "localAssetDir": "assets/persona-maya-v1", "localFilePath": "photos/001_start.png"});
        world.folder.write("request.json", file.to_string());
        submit(&world, "upload", 0)
    };
    let first = upload("upload-run-001");
    let second = upload("upload-run-002");
    assert_eq!((&first["reused"], &second["reused"]), (&json!(false), &json!(true)));
    assert_eq!(first["url"], second["url"]);
    write(
        &world,
        &json!({"assetPurpose": "edit_fix", "inputUrls": [first["url"], "photos/001_start.png"], "feedback": ["warmer"]}),
    );
    let edited = submit(&world, "edit", 0);
    assert_eq!(edited["state"], "succeeded", "{edited:#}");
    let manifest = record(&world, "runs/image/image-run-001/manifest.json");
    assert_eq!(manifest["derivedFrom"], json!([first["sha256"], first["sha256"]]));
    assert_eq!(record(&world, "index.json")["uploads"][0]["uploadedUrl"], first["url"]);
    simulator.signal("INT");
    simulator.end();
}

#[test]
fn a_refusal_is_recorded_and_a_plan_leaves_nothing() {
    let world = world();
    write(&world, &json!({}));
    let plan = world.run(&["request", "generate", "--request", "request.json", "--plan"]).code(0);
    assert!(
        plan.err.contains("Keep exactly as described: short hair") && plan.err.contains("studio light"),
        "{}",
        plan.err
    );
    assert!(!world.path().join("assets").exists());
    write(&world, &json!({"model": "nsfw"}));
    let refused = submit(&world, "generate", 1);
    assert_eq!((&refused["state"], &refused["pictures"]), (&json!("refused"), &json!([])), "{refused:#}");
    let attempts = record(&world, "runs/image/image-run-001/attempts/index.json");
    assert_eq!(attempts["attempts"][0]["state"], "provider_failed");
    assert_eq!(record(&world, "asset.json")["status"], "in_progress");
}

#[test]
fn asset_folders_are_checked_mended_and_imported() {
    let world = world();
    write(&world, &json!({}));
    submit(&world, "generate", 0);
    let check = |code: i32| world.run(&["assets", "check", "assets", "--json"]).code(code).json()["assets"][0].clone();
    assert_eq!(check(0)["differences"], json!([]));
    let folder = world.path().join("assets/persona-maya-v1");
    std::fs::write(folder.join("index.json"), "{}").unwrap();
    assert_eq!(check(1)["differences"][0]["kind"], "stale_index");
    world.run(&["assets", "rebuild-index", "assets"]).code(0);
    assert_eq!(check(0)["differences"], json!([]));
    std::fs::remove_file(folder.join("images/candidates/image-run-001-img-001.png")).unwrap();
    let told = world.run(&["assets", "check", "assets/persona-maya-v1"]).code(1).out;
    assert!(told.contains("missing: images/candidates/image-run-001-img-001.png of image-run-001"), "{told}");
    submit(&world, "poll", 0);
    assert_eq!(check(0)["differences"], json!([]));
    world.run(&["assets", "import", "assets/persona-maya-v1", "--to", "copy"]).code(0);
    assert_eq!(world.run(&["assets", "check", "copy", "--json"]).code(0).json()["assets"][0]["differences"], json!([]));
    world.run(&["assets", "check", "research"]).code(2);
}
