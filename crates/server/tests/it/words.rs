//! Jobs that end in words: infographics with their drafts, critiques with their rows; and what they are held against.

use serde_json::{Value, json};

use crate::world::World;

/// The lines of a file that a save wrote.
async fn saved_lines(world: &World, job: &str, file: &str) -> Vec<Value> {
    let body = json!({"rule": {}, "folder": format!("out/{job}")});
    let save = world.post(&format!("/jobs/{job}/save"), body).await.ok()["save"].clone();
    let path = world.folder.path().join("out").join(job).join(file);
    world.saved(&save).await;
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Submits a job of the simulator and waits for its end.
async fn done(world: &World, name: &str, job: Value) {
    world
        .post("/jobs", json!({"job": job, "name": name, "agreed_up_to": 100, "accept_unknown_price": true}))
        .await
        .ok();
    assert_eq!(world.ended(name).await["tasks"]["succeeded"], 1, "{name}");
}

fn draft<'a>(told: &'a Value, name: &str) -> &'a Value {
    told["drafts"].as_array().unwrap().iter().find(|draft| draft["name"] == name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_changes_a_draft_and_it_stands() {
    let world = World::new().await;
    let job = json!({"recipe": "infographic", "profile": "simulator", "prompt": "How green tea is made: pick, steam, roll, dry",
        "infographic": {"expand": "force", "rounds": 2}});
    let plan = world.post("/plans", json!({"job": job})).await.ok();
    assert!(plan["steps"].as_array().unwrap().len() > 2, "calls in words are in the plan: {plan:#}");
    done(&world, "tea", job).await;
    let told = world.get("/tasks/1/drafts").await.ok();
    let names: Vec<&str> =
        told["drafts"].as_array().unwrap().iter().map(|draft| draft["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"structured-content.md") && names.contains(&"expanded-prompt.txt"), "{names:?}");
    assert!(!names.contains(&"record.json"), "what came of it is no draft");
    assert!(!told["made"]["record"]["rounds"].as_array().unwrap().is_empty());
    let text = draft(&told, "expanded-prompt.txt")["text"].as_str().unwrap();
    assert_eq!(draft(&told, "expanded-prompt.txt")["edited"], false);
    let changed = format!("{text} Everything by hand.");
    world.put("/tasks/1/drafts/expanded-prompt.txt", json!({"text": changed})).await.ok();
    world.post("/jobs/tea/retry", json!({"tasks": [1]})).await.ok();
    world.ended("tea").await;
    let again = world.get("/tasks/1/drafts").await.ok();
    assert_eq!(draft(&again, "expanded-prompt.txt")["text"], changed);
    assert_eq!(draft(&again, "expanded-prompt.txt")["edited"], true);
    assert_eq!(again["made"]["record"]["prompt"], changed);
    world.delete("/tasks/1/drafts/expanded-prompt.txt").await.ok();
    world.delete("/tasks/1/drafts/expanded-prompt.txt").await.refused(404, "not_found");
    for name in ["record.json", ".made.json", "..%2Fx"] {
        world.put(&format!("/tasks/1/drafts/{name}"), json!({"text": "x"})).await.refused(400, "usage");
    }
    let long = json!({"text": "x".repeat((1 << 20) + 1)});
    world.put("/tasks/1/drafts/content.md", long).await.refused(413, "too_large");
    let documents = world.get("/jobs/tea/documents").await.ok();
    assert_eq!((&documents["items"][0]["status"], &documents["next"]), (&json!("ok"), &Value::Null));
    assert_eq!(saved_lines(&world, "tea", "infographics.jsonl").await, *documents["items"].as_array().unwrap());
    let story = world.get("/tasks/1").await.ok();
    assert_eq!(story["recipe"], "infographic");
    world.generated("barn", 1).await;
    world.get("/tasks/2/drafts").await.refused(409, "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn critiques_are_rows_of_their_job() {
    let world = World::new().await;
    world.photos(1);
    let job = json!({"recipe": "critique", "profile": "simulator", "model": "sim-text", "source": {"paths": ["photos"]},
        "critique": {"rubric": "korean"}});
    done(&world, "words", job).await;
    let page = world.get("/jobs/words/documents").await.ok();
    let row = &page["items"][0];
    assert!(
        row["critique_zh"].as_str().unwrap().chars().count() > 100 && row["covered_dimensions"].is_array(),
        "{row:#}"
    );
    assert_eq!(world.get("/tasks/1").await.ok()["document"], *row);
    assert_eq!(saved_lines(&world, "words", "critiques.jsonl").await, std::slice::from_ref(row));
    let rows = json!({"files": [{"name": "one.jsonl", "text": row.to_string()}], "rubric": "korean"});
    let found = world.post("/critiques/check", rows.clone()).await.ok();
    assert_eq!(
        (&found["rows"], &found["failed"], &found["gate"]),
        (&json!(1), &json!(0), &json!("strict")),
        "{found:#}"
    );
    let mut copied = rows;
    copied["files"][0]["text"] = json!([row, row]).to_string().into();
    let found = world.post("/critiques/check", copied).await.ok();
    assert!(found["failed"].as_u64().unwrap() > 0 && !found["findings"].as_array().unwrap().is_empty(), "{found:#}");
    let unknown = json!({"files": [], "rubric": "nobody"});
    world.post("/critiques/check", unknown).await.refused(400, "usage");
    let known = world.get("/rubrics").await.ok();
    assert!(known["gates"].as_array().unwrap().contains(&json!("strict")));
    assert!(known["collections"].as_array().unwrap().contains(&json!("korean")));
    assert_eq!(known["rubrics"][1]["name"], "korean");
}
