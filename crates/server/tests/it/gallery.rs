//! Galleries, look-alikes and what several people say.

use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_stacks_and_agreement() {
    let world = World::new().await;
    world.generated("a", 6).await;
    world.generated("b", 2).await;
    let ids = |query: &'static str| {
        let world = &world;
        async move { world.get(&format!("/results/ids?{query}")).await.ok()["ids"].as_array().unwrap().clone() }
    };
    let all = ids("job=a").await;
    assert_eq!((all.len(), ids("").await.len(), ids("job=a&state=failed").await.len()), (6, 8, 0));
    let review = |reviewer: &'static str, verdicts: [&'static str; 4]| {
        let changes: Vec<_> =
            all.iter().zip(verdicts).map(|(id, verdict)| json!({"id": id, "verdict": verdict})).collect();
        world.post("/reviews", json!({"reviewer": reviewer, "changes": changes}))
    };
    review("ann", ["keep", "keep", "reject", "reject"]).await.ok();
    let before = review("bo", ["keep", "reject", "reject", "none"]).await.ok();
    let agreement = world.get("/agreement?job=a").await.ok();
    assert_eq!((&agreement["pairs"][0]["both"], &agreement["disputed"]), (&3.into(), &1.into()));
    assert!((agreement["pairs"][0]["agree"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(ids("job=a&verdict=disputed").await, all[1..2]);
    assert_eq!(ids("job=a&verdict=none").await, all[4..]);
    assert_eq!(ids("job=a&verdict=none&reviewer=bo").await, all[3..]);
    let undo: Vec<_> = before["before"]
        .as_array()
        .unwrap()
        .iter()
        .map(|was| json!({"id": was["id"], "verdict": was["verdict"], "rating": was["rating"], "note": was["note"]}))
        .collect();
    world.post("/reviews", json!({"reviewer": "bo", "changes": undo})).await.ok();
    assert_eq!(world.get("/agreement?job=a").await.ok()["reviewers"].as_array().unwrap().len(), 1);
    world.get("/results/ids?verdict=maybe").await.refused(400, "usage");
    world.get("/results/ids?sort=size").await.refused(400, "usage");
    world.put("/results/1/review", json!({"reviewer": "ann", "rating": 6})).await.refused(400, "usage");
    world.put("/results/99/review", json!({"reviewer": "ann", "rating": 5})).await.refused(404, "not_found");
    world.post("/results/rows", json!({"ids": vec![1; 501]})).await.refused(400, "usage");

    let stacks = world.get("/results/stacks?job=a").await.ok();
    let rows = world.post("/results/rows", json!({"ids": all})).await.ok();
    for stack in stacks["stacks"].as_array().unwrap() {
        for row in rows["rows"].as_array().unwrap() {
            let member = stack.as_array().unwrap().contains(&row["id"]);
            assert!(!member || row["stack"] == stack[0], "{row:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_pages_that_review_one_job_agree() {
    let world = World::new().await;
    world.generated("a", 4).await;
    let one = |reviewer: &'static str, verdict: &'static str| {
        let world = &world;
        async move {
            for round in 0..10 {
                for id in 1..=4 {
                    let body = json!({"reviewer": reviewer, "verdict": verdict, "rating": round % 6});
                    world.put(&format!("/results/{id}/review"), body).await.ok();
                }
            }
        }
    };
    tokio::join!(one("ann", "keep"), one("bo", "reject"));
    let rows = world.post("/results/rows", json!({"ids": [1, 2, 3, 4], "reviewer": "bo"})).await.ok();
    for row in rows["rows"].as_array().unwrap() {
        assert_eq!(row["reviews"], json!({"keep": 1, "reject": 1, "disputed": true}));
        assert_eq!((&row["review"]["verdict"], &row["review"]["rating"]), (&"reject".into(), &3.into()));
    }
}
