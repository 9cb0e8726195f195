//! The event stream: no gap and nothing twice, whenever a client comes.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::world::World;

/// Reads events until `enough`; ids and documents in order.
async fn read(world: &World, last: Option<i64>, enough: impl Fn(&[(i64, Value)]) -> bool) -> Vec<(i64, Value)> {
    let mut request = world.request(Method::GET, "/events");
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    let mut answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let (mut text, mut events) = (String::new(), Vec::new());
    while !enough(&events) {
        let piece = tokio::time::timeout(Duration::from_secs(20), answer.chunk()).await.expect("an event").unwrap();
        text.push_str(&String::from_utf8_lossy(&piece.expect("the stream goes on")));
        while let Some((message, rest)) = text.split_once("\n\n") {
            let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if field("event:") == Some("event") {
                let id = field("id:").unwrap().parse().unwrap();
                events.push((id, serde_json::from_str(field("data:").unwrap()).unwrap()));
            }
            text = rest.to_owned();
        }
    }
    events
}

fn ended(events: &[(i64, Value)]) -> bool {
    events.iter().any(|(_, event)| event["event"] == "job_state" && event["state"] == "finished")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resuming_anywhere_brings_the_rest_once() {
    let world = World::new().await;
    let live = read(&world, Some(0), ended);
    let (live, _) = tokio::join!(live, world.generated("first", 30));
    let whole = read(&world, Some(0), ended).await;
    assert_eq!(live, whole, "live and read later are the same");
    assert!(whole.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(whole.iter().all(|(id, event)| event["seq"] == *id && event["type"] == "event"));
    let tasks = whole.iter().filter(|(_, event)| event["event"] == "task_state" && event["state"] == "succeeded");
    assert_eq!(tasks.count(), 30);
    for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
        let seen = whole[cut].0;
        // Something new ends the reading where nothing is left.
        let (rest, ()) = tokio::join!(
            read(&world, Some(seen), |events| events.iter().any(|(_, event)| event["event"] == "review")),
            async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let body = serde_json::json!({"reviewer": format!("r{cut}"), "verdict": "keep"});
                world.put("/results/1/review", body).await.ok();
            }
        );
        assert_eq!(rest[..whole.len() - cut - 1], whole[cut + 1..], "after {seen}");
        world.delete("/results/1").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_a_number_hears_of_what_comes() {
    let world = World::new().await;
    world.generated("first", 2).await;
    let (events, _) = tokio::join!(read(&world, None, ended), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.generated("second", 2).await
    });
    assert!(events.iter().all(|(_, event)| event["job"] == 2), "{events:#?}");
    // A number of another workspace is no reason to wait for ever.
    let (late, _) = tokio::join!(read(&world, Some(1 << 40), ended), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.generated("third", 1).await
    });
    assert!(!late.is_empty());
}

/// A page that shows a job learns that it was saved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_at_the_end_is_told() {
    let world = World::new().await;
    let job = serde_json::json!({"recipe": "generate", "prompt": "a barn", "profile": "simulator", "save": {"folder": "out"}});
    world.post("/jobs", serde_json::json!({"job": job, "name": "barn"})).await.ok();
    let told = |events: &[(i64, Value)]| events.iter().any(|(_, event)| event["event"] == "job_saved");
    let events = read(&world, Some(0), told).await;
    let (_, event) = events.last().unwrap();
    assert_eq!((&event["job"], &event["error"]), (&1.into(), &Value::Null), "{event:#}");
    assert_eq!(world.get("/jobs/barn").await.ok()["saved"]["pictures"], 1);
}
