//! What a person looks at when something is in the way: the doctor, files without a row, the tables in force; and the language.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn the_doctor_tells_what_is_in_order() {
    let world = World::new().await;
    let told = world.get("/doctor?offline=true").await.ok();
    let finding = |check: &str| told["findings"].as_array().unwrap().iter().find(|one| one["check"] == check).cloned();
    assert_eq!(finding("database").unwrap()["level"], "good");
    assert_eq!(told["broken"], 0);
    world.get("/doctor?profile=nobody").await.refused(404, "not_found");
    let one = world.get("/doctor?offline=true&profile=simulator").await.ok();
    let profiles: Vec<&Value> = one["findings"].as_array().unwrap().iter().map(|one| &one["profile"]).collect();
    assert!(profiles.iter().all(|profile| profile.is_null() || **profile == "simulator"), "{one:#}");
    let request = world.request(Method::GET, "/doctor?offline=true").header("accept-language", "zh-CN");
    let chinese = world.send(Method::GET, "/doctor", request).await.ok();
    assert!(chinese.to_string().chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{chinese:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_without_a_row_are_removed_while_nothing_runs() {
    let world = World::new().await;
    world.generated("gone", 2).await;
    world.generated("kept", 1).await;
    assert_eq!(world.get("/loose-files").await.ok()["files"], 0);
    world.delete("/jobs/gone").await.ok();
    let loose = world.get("/loose-files").await.ok();
    assert_eq!((&loose["files"], &loose["removed"]), (&json!(4), &json!(false)), "two pictures with their thumbnails");
    let path = loose["paths"][0].as_str().unwrap().to_owned();
    assert!(world.folder.path().join(&path).exists(), "{path}");
    let slow =
        json!({"recipe": "generate", "prompt": "slow", "profile": "simulator", "model": "sim-image+delay:60000"});
    world.post("/jobs", json!({"job": slow, "name": "slow"})).await.ok();
    world.delete("/loose-files").await.refused(409, "conflict");
    world.post("/jobs/slow/stop", json!({})).await.ok();
    let removed = world.delete("/loose-files").await.ok();
    assert_eq!((&removed["files"], &removed["removed"]), (&json!(4), &json!(true)));
    assert!(!world.folder.path().join(&path).exists());
    let row = world.post("/results/rows", json!({"ids": [3]})).await.ok();
    let hash = row["rows"][0]["hash"].as_str().unwrap();
    world.get(&format!("/pictures/{hash}")).await.ok();
    // The server runs jobs as before.
    world.generated("after", 1).await;
    assert_eq!(world.get("/about").await.ok()["runs"], true);
}

#[tokio::test]
async fn the_catalogue_is_told_whole_or_by_what_suits() {
    let world = World::new().await;
    let all = world.get("/catalogue").await.ok();
    let count = |told: &Value, kind: &str| told[kind].as_array().unwrap().len();
    assert!(count(&all, "layouts") > 10 && count(&all, "styles") > 10);
    let some = world.get("/catalogue?for=timeline&ratio=16:9&points=5").await.ok();
    assert!((1..count(&all, "layouts")).contains(&count(&some, "layouts")) && count(&some, "styles") == 0);
    assert!(some["layouts"][0]["weight"].as_u64().unwrap() > 0);
    world.get("/catalogue?for=nothing").await.refused(400, "usage");
    world.get("/catalogue?ratio=wide").await.refused(400, "usage");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_wrong_is_said_in_the_readers_language() {
    let world = World::new().await;
    let job = json!({"recipe": "generate", "prompt": "x", "profile": "simulator", "model": "text"});
    world.post("/jobs", json!({"job": job, "name": "words", "accept_unknown_price": true})).await.ok();
    world.ended("words").await;
    let in_chinese = |path: &'static str| {
        world.send(Method::GET, path, world.request(Method::GET, path).header("accept-language", "zh-CN"))
    };
    let english = world.get("/tasks?job=words").await.ok();
    let chinese = in_chinese("/tasks?job=words").await.ok();
    let message = |told: &Value| told["items"][0]["failure"]["message"].as_str().unwrap().to_owned();
    assert_ne!(message(&english), message(&chinese), "{}", message(&english));
    assert_eq!(in_chinese("/tasks/1").await.ok()["task"]["failure"]["message"], message(&chinese));
    assert_eq!(in_chinese("/jobs/words").await.ok()["failures"][0]["message"], message(&chinese));
}
