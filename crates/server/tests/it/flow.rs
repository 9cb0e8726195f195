//! From a folder to saved pairs, as a page does it.

use std::time::Duration;

use imagemill_testkit::pictures;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submit_watch_review_save() {
    let world = World::new().await;
    world.photos(4);
    let plan = world.post("/plans", json!({"job": World::edit_job(), "name": "night"})).await.ok();
    assert_eq!((&plan["tasks"], &plan["name"], &plan["needs_consent"]), (&4.into(), &"night".into(), &false.into()));
    assert_eq!(plan["task_list"].as_array().unwrap().len(), 4);
    let job = world.post("/jobs", json!({"job": World::edit_job(), "name": "night"})).await.ok();
    assert_eq!(job["total"], 4);
    let ended = world.ended("night").await;
    assert_eq!((&ended["tasks"]["succeeded"], &ended["pictures"]), (&4.into(), &4.into()));

    let ids = world.get("/results/ids?job=night").await.ok()["ids"].clone();
    let rows = world.post("/results/rows", json!({"ids": ids, "reviewer": "ann"})).await.ok();
    let rows = rows["rows"].as_array().unwrap();
    assert_eq!(
        (rows.len(), &rows[0]["title"], &rows[0]["prompt"]),
        (4, &"001_start.png".into(), &"make it night".into())
    );
    let picture = format!("/pictures/{}", rows[0]["hash"].as_str().unwrap());
    let answer = world.request(Method::GET, &picture).send().await.unwrap();
    let tag = answer.headers()["etag"].clone();
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(answer.content_length().unwrap(), rows[0]["bytes"].as_u64().unwrap());
    let again = world.request(Method::GET, &picture).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    for path in [format!("{picture}/thumbnail"), "/tasks/1/source".into(), "/tasks/1/source/thumbnail".into()] {
        let answer = world.request(Method::GET, &path).send().await.unwrap();
        assert!(
            answer.status().is_success() && answer.headers()["content-type"].to_str().unwrap().starts_with("image/"),
            "{path}"
        );
    }

    let review = json!({"reviewer": "ann", "verdict": "keep", "rating": 4, "note": "good hands"});
    let review = world.put(&format!("/results/{}/review", ids[0]), review).await.ok();
    assert_eq!((&review["verdict"], &review["rating"]), (&"keep".into(), &4.into()));
    let changes: Vec<_> =
        ids.as_array().unwrap()[1..].iter().map(|id| json!({"id": id, "verdict": "reject"})).collect();
    let changed = world.post("/reviews", json!({"reviewer": "ann", "changes": changes})).await.ok();
    assert_eq!((&changed["changed"], &changed["before"][0]["verdict"]), (&3.into(), &"none".into()));
    let kept = world.get("/results/ids?job=night&verdict=keep&reviewer=ann").await.ok();
    assert_eq!((&kept["ids"][0], &kept["total"]), (&ids[0], &1.into()));
    let one = world.get(&format!("/results/{}", ids[0])).await.ok();
    assert_eq!(one["all_reviews"][0]["note"], "good hands");

    let rule = json!({"only_kept": true, "copy_source": true});
    let preview = world.post("/jobs/night/save/preview", json!({"rule": rule, "folder": "pairs"})).await.ok();
    assert!(!preview["names"].as_array().unwrap().is_empty() && !world.folder.path().join("pairs").exists());
    let save = world.post("/jobs/night/save", json!({"rule": rule, "folder": "pairs"})).await.ok();
    let saved = world.saved(&save["save"]).await;
    assert_eq!((&saved["result"]["pictures"], &saved["result"]["sources"]), (&1.into(), &1.into()));
    assert!(world.folder.path().join("pairs/manifest.json").is_file());
    let zip = world.post("/jobs/night/zip", json!({"rule": {}})).await.ok();
    world.saved(&zip["save"]).await;
    let archive = world.request(Method::GET, &format!("/saves/{}/zip", zip["save"])).send().await.unwrap();
    let bytes = archive.bytes().await.unwrap();
    assert!(bytes.starts_with(b"PK\x03\x04") && bytes.len() > 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_with_a_save_section_is_saved_at_each_of_its_ends() {
    let world = World::new().await;
    let out = world.folder.path().join("out");
    let job = |samples: u32, save| json!({"recipe": "generate", "prompt": "a barn", "samples": samples, "profile": "simulator", "save": save});
    let inside = json!({"folder": ".imagemill/out"});
    world.post("/jobs", json!({"job": job(1, inside), "name": "in"})).await.refused(400, "usage");
    world.post("/jobs", json!({"job": job(2, json!({"folder": "out"})), "name": "barns"})).await.ok();
    let saved = saved_of(&world, "barns", 2).await;
    assert_eq!((&saved["folder"], &saved["error_count"]), (&out.to_str().into(), &0.into()));
    let pictures = || {
        let files = std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|suffix| suffix == "png")).count()
    };
    assert_eq!(pictures(), 2);
    // It is continued: only what is new is written.
    world.post("/jobs", json!({"job": job(5, json!({"folder": "out"})), "name": "barns"})).await.ok();
    assert_eq!((&saved_of(&world, "barns", 3).await["already_there"], pictures()), (&2.into(), 5));
    // A folder that cannot be made is told.
    world.folder.write("taken", b"a file");
    world.post("/jobs", json!({"job": job(1, json!({"folder": "taken"})), "name": "lost"})).await.ok();
    let told = wait_for(&world, "lost", |summary| summary["not_saved"].is_string()).await;
    assert!(told["not_saved"].as_str().unwrap().contains("taken"), "{told:#}");
    // Without the section nothing is saved.
    world.generated("plain", 1).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(world.get("/jobs/plain").await.ok()["saved"].is_null());
    assert!(!world.folder.path().join("imagemill-out").exists());
}

/// A server that ends between the end of a job and its save leaves the save to the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_that_a_server_owed_is_made_by_the_next_one() {
    let mut world = World::new().await;
    // It looks once a second: most jobs as small as this one end in between.
    for number in 0..20 {
        let (name, folder) = (format!("barn {number}"), format!("out{number}"));
        let job = json!({"recipe": "generate", "prompt": "a barn", "profile": "simulator", "save": {"folder": folder}});
        world.post("/jobs", json!({"job": job, "name": name})).await.ok();
        world.ended(&name).await;
        world = world.again().await;
        if !world.folder.path().join(&folder).exists() {
            saved_of(&world, &name, 1).await;
            assert!(world.folder.path().join(&folder).join("manifest.json").is_file());
            return;
        }
    }
    panic!("no server ended before it saved");
}

async fn saved_of(world: &World, job: &str, pictures: u64) -> serde_json::Value {
    wait_for(world, job, |summary| summary["saved"]["pictures"] == pictures).await["saved"].clone()
}

async fn wait_for(world: &World, job: &str, met: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    for _ in 0..400 {
        let summary = world.get(&format!("/jobs/{job}")).await.ok();
        if met(&summary) {
            return summary;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{job} is not saved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_steered_and_deleted() {
    let world = World::new().await;
    let job = json!({"recipe": "generate", "prompt": "a barn", "samples": 3, "profile": "simulator"});
    let paused = world.post("/jobs", json!({"job": job, "name": "slow", "paused": true})).await.ok();
    assert_eq!((&paused["state"], &paused["tasks"]["queued"]), (&"paused".into(), &3.into()));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(world.get("/jobs/slow").await.ok()["spent"], 0.0, "a job that is submitted paused starts nothing");
    assert_eq!(world.post("/jobs/slow/resume", json!({})).await.ok()["state"], "active");
    world.delete("/jobs/slow").await.refused(409, "conflict");
    world.ended("slow").await;
    world.post("/jobs/slow/pause", json!({})).await.refused(409, "conflict");
    assert_eq!(world.post("/jobs/slow/retry", json!({"states": ["succeeded"]})).await.ok()["tasks"], 3);
    world.ended("slow").await;
    let tasks = world.get("/tasks?job=slow&state=succeeded&limit=2").await.ok();
    let next = tasks["next"].as_str().unwrap();
    let rest = world.get(&format!("/tasks?job=slow&state=succeeded&limit=2&cursor={next}")).await.ok();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["items"][0]["pictures"]), (1, &2.into()));
    let story = world.get(&format!("/tasks/{}", tasks["items"][0]["id"])).await.ok();
    assert_eq!((story["calls"].as_array().unwrap().len(), &story["raw_allowed"]), (2, &true.into()));
    assert!(story["calls"][0]["request"].is_object(), "{:#}", story["calls"][0]);
    assert_eq!(world.get("/tasks?job=slow&q=sample%202").await.ok()["items"].as_array().unwrap().len(), 1);
    let file = world.get("/jobs/slow/file").await.ok();
    assert_eq!((&file["samples"], &file["name"]), (&3.into(), &"slow".into()));
    world.post("/plans", json!({"job": file})).await.ok();
    world.delete("/jobs/slow").await.ok();
    world.get("/jobs/slow").await.refused(404, "not_found");
    let audit = world.get("/audit?limit=2").await.ok();
    assert_eq!((&audit["items"][0]["method"], &audit["items"][0]["detail"]), (&"DELETE".into(), &"slow".into()));
    assert!(audit["next"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_become_a_job() {
    let world = World::new().await;
    let picture = |seed| Part::bytes(pictures::png(seed, 40, 30));
    let form = Form::new()
        .part("files", picture(1).file_name("trip/a.png"))
        .part("files", picture(2).file_name("../../../escape.png"))
        .part("files", picture(3).file_name("a.png"))
        .part("files", Part::bytes(b"no picture".to_vec()).file_name("b.png"));
    let sent = world.send(Method::POST, "/uploads", world.request(Method::POST, "/uploads").multipart(form)).await.ok();
    let oks: Vec<bool> = sent["files"].as_array().unwrap().iter().map(|file| file["ok"] == true).collect();
    assert_eq!(oks, [true, true, true, false]);
    assert!(!world.folder.path().parent().unwrap().join("escape.png").exists());
    let job = json!({"recipe": "edit", "prompt": "x", "profile": "simulator", "source": {"paths": [sent["folder"]]}});
    let plan = world.post("/plans", json!({"job": job})).await.ok();
    assert_eq!(plan["tasks"], 3, "{plan:#}");
    world.post("/jobs", json!({"job": job, "name": "up"})).await.ok();
    assert_eq!(world.ended("up").await["tasks"]["succeeded"], 3);
    let form = Form::new().part("files", Part::bytes(b"no".to_vec()).file_name("b.png"));
    let none = world.send(Method::POST, "/uploads", world.request(Method::POST, "/uploads").multipart(form)).await.ok();
    assert_eq!(none["folder"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_with_its_place() {
    let world = World::new().await;
    let problem =
        world.post("/plans", json!({"job": {"recipe": "generate", "promt": "x"}})).await.refused(400, "usage");
    assert!(
        problem["detail"].as_str().unwrap().contains("promt") && problem["help"].as_str().unwrap().contains("prompt"),
        "{problem:#}"
    );
    let problem = world
        .post("/plans", json!({"job": {"recipe": "generate", "prompt": "x", "samples": "many"}}))
        .await
        .refused(400, "usage");
    assert_eq!(problem["place"]["key"], "samples");
    world.post("/plans", json!({"jobb": {}})).await.refused(400, "usage");
    let zh = world.request(Method::GET, "/jobs/none").header("accept-language", "zh-CN,zh;q=0.9");
    let problem = world.send(Method::GET, "/jobs/none", zh).await.refused(404, "not_found");
    assert!(problem["detail"].as_str().unwrap().contains("此工作区没有作业"), "{problem:#}");
    let text = world.request(Method::POST, "/plans").body("{}").header("content-type", "text/plain");
    world.send(Method::POST, "/plans", text).await.refused(415, "usage");
    world.get("/no/such/thing").await.refused(404, "not_found");
    let job =
        json!({"recipe": "generate", "prompt": "a barn", "samples": 200, "model": "gpt-image-2", "profile": "dear"});
    let profile = json!({"provider": "openai", "base_url": "https://127.0.0.1:1/v1", "model": "gpt-image-2", "credential": {"kind": "key", "value": "sk-test"}});
    world.put("/profiles/dear", profile).await.ok();
    let problem = world.post("/jobs", json!({"job": job, "name": "dear"})).await.refused(409, "needs_consent");
    assert!(problem["most"].as_f64().unwrap() > 5.0, "{problem:#}");
    world.get("/jobs/dear").await.refused(404, "not_found");
    let agreed = json!({"job": job, "name": "dear", "agreed_up_to": problem["most"], "paused": true});
    assert_eq!(world.post("/jobs", agreed).await.ok()["state"], "paused");
}
