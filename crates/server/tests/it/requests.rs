//! Requests of creative assets over the API: the gate, one run for one request, and what lies in the asset's folder.

use serde_json::{Value, json};

use crate::world::World;

fn request() -> Value {
    json!({
        "assetId": "persona-maya-v1", "runId": "image-run-001", "personaId": "maya", "assetPurpose": "persona_candidate",
        "sourceBasis": ["research/benchmarks.md"], "localAssetDir": "assets/persona-maya-v1", "model": "sim-image",
        "prompt": "A woman at {her} desk", "mustKeep": ["short hair"], "size": "64*48",
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_becomes_a_run_in_its_assets_folder() {
    let world = World::new().await;
    world.folder.write("research/benchmarks.md", "what works");
    let order = json!({"request": request(), "verb": "generate", "profile": "simulator"});
    let ordered = world.post("/requests", order.clone()).await.ok();
    assert_eq!((&ordered["run"], &ordered["known"]), (&json!("image-run-001"), &json!(false)));
    let job = ordered["id"].to_string();
    assert_eq!(world.ended(&job).await["tasks"]["succeeded"], 1);
    let told = world.post("/requests/poll", json!({"request": request()})).await.ok();
    assert_eq!((&told["state"], &told["ended"]), (&json!("succeeded"), &json!(true)));
    let picture = told["pictures"][0].as_str().unwrap();
    assert!(world.folder.path().join("assets/persona-maya-v1").join(picture).exists(), "{picture}");
    let again = world.post("/requests", order).await.ok();
    assert_eq!((&again["known"], &again["id"]), (&json!(true), &ordered["id"]));
    assert_eq!(world.get("/jobs").await.ok()["items"].as_array().unwrap().len(), 1);
    let mut other = request();
    other["prompt"] = "Another woman".into();
    let order = json!({"request": other, "verb": "generate", "profile": "simulator"});
    let refused = world.post("/requests", order).await.refused(400, "usage");
    assert!(refused["detail"].as_str().unwrap().contains("runId"), "{refused:#}");
    let order = json!({"request": {"assetId": "x"}, "verb": "generate"});
    let refused = world.post("/requests", order).await.refused(400, "usage");
    assert!(refused["detail"].as_str().unwrap().contains("personaId"), "every fault at once: {refused:#}");
    assert!(!world.folder.path().join("assets/x").exists());
}

#[tokio::test]
async fn a_request_names_no_folder_outside() {
    let root = imagemill_testkit::TempWorkspace::new();
    let allowed = root.path().to_path_buf();
    let world = World::with(|options| options.roots = vec![allowed]).await;
    for (member, value) in [("localAssetDir", json!("../elsewhere")), ("sourceBasis", json!(["/etc/hostname"]))] {
        let mut request = request();
        request[member] = value;
        let order = json!({"request": request, "verb": "generate", "profile": "simulator"});
        world.post("/requests", order).await.refused(403, "outside");
    }
    let mut request = request();
    request["localAssetDir"] = "/etc".into();
    world.post("/requests/poll", json!({"request": request})).await.refused(403, "outside");
}
