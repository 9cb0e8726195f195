//! Asset folders over the API: a request becomes a folder, a verdict moves its picture, a proposal becomes the next request.

use std::time::Duration;

use imagemill_testkit::pictures;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

fn request() -> Value {
    json!({
        "assetId": "maya-desk-v1", "runId": "image-run-001", "personaId": "maya", "assetPurpose": "persona_candidate",
        "sourceBasis": ["research.md"], "localAssetDir": "assets/maya-desk-v1", "prompt": "A woman at her desk",
        "qualityProfile": "draft", "qualityReason": "a test", "provider": "simulator",
    })
}

async fn collected(world: &World, folder: &str, pictures: usize) -> Value {
    for _ in 0..200 {
        let told = world.get(&format!("/asset-folders/asset?folder={folder}")).await;
        if told.status.is_success() && told.body["pictures"].as_array().is_some_and(|all| all.len() == pictures) {
            return told.body;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{folder} has no {pictures} pictures");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_becomes_a_folder_that_is_judged_and_edited() {
    let world = World::new().await;
    world.folder.write("research.md", "what people like");
    let mut open = request();
    open["personaId"] = Value::Null;
    let told = world.post("/requests/plans", json!({"verb": "generate", "request": open})).await.refused(400, "usage");
    assert!(told["detail"].as_str().unwrap().contains("personaId"), "{told:#}");
    let plan = world.post("/requests/plans", json!({"verb": "generate", "request": request()})).await.ok();
    assert_eq!((&plan["needs_consent"], &plan["requests"][0]["new_folder"]), (&json!(false), &json!(true)), "{plan:#}");
    assert!(!world.folder.path().join("assets").exists());
    let submitted = world.post("/requests", json!({"verb": "generate", "request": request()})).await.ok();
    assert!(submitted["requests"][0]["job"].is_i64(), "{submitted:#}");
    let asset = collected(&world, "assets/maya-desk-v1", 1).await;
    assert_eq!(asset["runs"]["image-run-001"]["input"]["personaId"], "maya", "{asset:#}");
    let list = world.get("/asset-folders").await.ok();
    let card = &list["assets"][0];
    assert_eq!(
        (&card["asset"], &card["candidates"], &card["status"]),
        (&json!("maya-desk-v1"), &json!(1), &json!("review_pending"))
    );

    let picture = &asset["pictures"][0];
    let path = picture["path"].as_str().unwrap();
    for thumbnail in [false, true] {
        let url = format!("/asset-folders/picture?folder=assets/maya-desk-v1&path={path}&thumbnail={thumbnail}");
        let answer = world.request(Method::GET, &url).send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!((answer.status().as_u16(), kind.starts_with("image/")), (200, true), "{url}");
        let tag = answer.headers()["etag"].clone();
        let again = world.request(Method::GET, &url).header("if-none-match", tag).send().await.unwrap();
        assert_eq!(again.status().as_u16(), 304);
    }
    world
        .get("/asset-folders/picture?folder=assets/maya-desk-v1&path=images/../asset.json")
        .await
        .refused(404, "not_found");
    world.get("/asset-folders/asset?folder=assets").await.refused(404, "not_found");

    let mut verdict = json!({"folder": "assets/maya-desk-v1", "object": picture["object"], "verdict": "approve", "reviewer": "ada",
        "answers": {"realism": "pass"}});
    let told = world.post("/asset-folders/verdicts", verdict.clone()).await.refused(400, "usage");
    assert!(told["detail"].as_str().unwrap().contains("ad_drift"), "{told:#}");
    for question in list["words"]["questions"].as_array().unwrap() {
        verdict["answers"][question.as_str().unwrap()] = "pass".into();
    }
    let given = world.post("/asset-folders/verdicts", verdict.clone()).await.ok();
    assert!(given["hero"].as_str().unwrap().starts_with("images/approved/"), "{given:#}");
    assert_eq!(world.post("/asset-folders/verdicts", verdict).await.ok()["known"], true);

    let asked = json!({"folder": "assets/maya-desk-v1", "feedback": ["warmer light"]});
    let proposal = world.post("/asset-folders/proposals", asked).await.ok()["proposal"].clone();
    let edit = json!({"verb": "edit", "request": proposal["request"], "profile": "simulator"});
    world.post("/requests", edit).await.ok();
    let asset = collected(&world, "assets/maya-desk-v1", 2).await;
    assert_eq!(
        asset["pictures"].as_array().unwrap().iter().filter(|picture| picture["waits"] == true).count(),
        1,
        "{asset:#}"
    );
    for query in ["folder=assets/maya-desk-v1", "folder=assets&persona=maya"] {
        let drift = world.get(&format!("/asset-folders/drift?{query}")).await.ok();
        assert_eq!(drift["reference"]["folder"], "assets/maya-desk-v1", "{drift:#}");
        assert!(drift["pictures"][0]["perceptual_bits"].is_u64(), "{drift:#}");
    }
    let differences = world.get("/asset-folders/differences?folder=assets/maya-desk-v1").await.ok();
    assert_eq!(differences["differences"], json!([]));
    assert_eq!(
        world.post("/asset-folders/index", json!({"folder": "assets/maya-desk-v1"})).await.ok()["changed"],
        false
    );
    let polled = world.post("/requests/polls", json!({"request": request()})).await.ok();
    assert_eq!((&polled["state"], polled["attempts"].as_u64()), (&json!("succeeded"), Some(1)), "{polled:#}");
    let imported = json!({"from": "assets/maya-desk-v1", "folder": "assets/maya-desk-v2"});
    assert_eq!(world.post("/asset-folders/imports", imported).await.ok()["imported"]["runs"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_priced_as_a_whole_and_a_run_that_a_dead_server_owed_is_collected() {
    let world = World::new().await;
    world.folder.write("research.md", "what people like");
    let rows: Vec<Value> = (1..=3)
        .map(|at| {
            let mut row = request();
            row["assetId"] = format!("maya-{at}").into();
            row["localAssetDir"] = format!("assets/maya-{at}").into();
            row
        })
        .collect();
    let mut wrong = rows.clone();
    wrong[1]["prompt"] = "".into();
    wrong[2]["personaId"] = Value::Null;
    let told = world.post("/requests", json!({"batch": wrong})).await.refused(400, "usage");
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("prompt") && detail.contains("maya-3 image-run-001: personaId"), "{detail}");
    assert!(!world.folder.path().join("assets").exists());
    let submitted = world.post("/requests", json!({"batch": rows})).await.ok();
    assert_eq!(submitted["requests"].as_array().unwrap().len(), 3);
    for at in 1..=3 {
        collected(&world, &format!("assets/maya-{at}"), 1).await;
    }
    // As if the server had died between the end of the job and the records.
    let run = world.folder.path().join("assets/maya-2/runs/image/image-run-001");
    std::fs::remove_file(run.join("manifest.json")).unwrap();
    std::fs::remove_dir_all(world.folder.path().join("assets/maya-2/images")).unwrap();
    let world = world.again().await;
    collected(&world, "assets/maya-2", 1).await;
    assert!(run.join("manifest.json").is_file());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_outside_the_roots_are_not_for_requests() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(outside.path().join("asset/runs")).unwrap();
    std::fs::write(outside.path().join("x.png"), pictures::png(1, 8, 8)).unwrap();
    let world = World::new().await;
    world.folder.write("research.md", "what people like");
    // Roots hold as soon as some are named.
    let root = world.folder.path().to_path_buf();
    let world = World::with(|options| options.roots = vec![root]).await;
    let place = outside.path().join("asset").display().to_string();
    world.get(&format!("/asset-folders/asset?folder={place}")).await.refused(403, "outside");
    world.get(&format!("/asset-folders?path={place}")).await.refused(403, "outside");
    world.get(&format!("/asset-folders/drift?folder={place}&persona=x")).await.refused(403, "outside");
    world.post("/asset-folders/index", json!({"folder": place})).await.refused(403, "outside");
    let mut far = request();
    far["localAssetDir"] = format!("{place}-new").into();
    world.post("/requests/plans", json!({"verb": "generate", "request": far})).await.refused(403, "outside");
    let mut peeking = request();
    peeking["inputUrls"] = json!([outside.path().join("x.png")]);
    let told = world.post("/requests/plans", json!({"verb": "edit", "request": peeking})).await;
    told.refused(403, "outside");
}
