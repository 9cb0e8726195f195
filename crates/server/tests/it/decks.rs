//! A slide deck as a page makes it: from a topic to a file, one page again, another picture.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

const TOPIC: &str = "How green tea is made: pick the leaves, steam them, roll them, dry them";

/// The deck when its pages are done and nothing runs any more.
async fn settled(world: &World, id: &str) -> Value {
    for _ in 0..600 {
        let deck = world.get(&format!("/decks/{id}")).await.ok();
        let pages = deck["pages"].as_array().unwrap();
        let open = deck["jobs"].as_array().unwrap().iter().any(|job| job["open"] != 0);
        if deck["outline_done"] == true
            && !open
            && pages.iter().all(|page| page["action"] == "skip")
            && deck["pptx_done"] == true
        {
            return deck;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the deck is not made: {:#}", world.get(&format!("/decks/{id}")).await.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_makes_a_deck_and_changes_it() {
    let world = World::new().await;
    world.post("/decks", json!({"topic": " "})).await.refused(400, "usage");
    world.post("/decks", json!({"topic": TOPIC, "docs": ["none.md"]})).await.refused(400, "usage");
    let made = world.post("/decks", json!({"topic": TOPIC, "pages": 3})).await.ok();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!((&made["page_count"], &made["outline_done"]), (&3.into(), &false.into()));
    assert_eq!(world.get("/decks").await.ok()["items"][0]["topic"], TOPIC);
    let at = format!("/decks/{id}");
    world.post(&format!("{at}/run"), json!({"profile": "simulator", "from": "soup"})).await.refused(400, "usage");
    world.post(&format!("{at}/run"), json!({"profile": "simulator", "pages": [9]})).await.refused(400, "usage");
    let started = world.post(&format!("{at}/run"), json!({"profile": "simulator"})).await.ok();
    assert!(started["job"].is_i64(), "{started}");
    let deck = settled(&world, &id).await;
    assert_eq!(deck["pages"][1]["words"]["fidelity"], 1.0);
    let first = deck["pages"][1]["picture"].as_str().unwrap().to_owned();
    assert_eq!(deck["pages"][1]["takes"], json!([first]));

    // A prompt of one's own makes this page again and no other.
    let prompt = format!("{} Seen from above.", deck["pages"][1]["prompt"].as_str().unwrap().trim());
    let changed = world.put(&format!("{at}/pages/2/prompt"), json!({"prompt": prompt})).await.ok();
    let actions: Vec<&Value> = changed["pages"].as_array().unwrap().iter().map(|page| &page["action"]).collect();
    assert_eq!(actions, ["skip", "render_only", "skip"]);
    world.post(&format!("{at}/run"), json!({"profile": "simulator"})).await.ok();
    let deck = settled(&world, &id).await;
    let second = deck["pages"][1]["picture"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(deck["pages"][1]["takes"].as_array().unwrap().len(), 2);

    // The first one after all.
    let back = world.put(&format!("{at}/pages/2/picture"), json!({"picture": first})).await.ok();
    assert_eq!(back["pages"][1]["picture"], first.as_str());
    world.put(&format!("{at}/pages/4/picture"), json!({"picture": first})).await.refused(400, "usage");
    let path = format!("{at}/pages/2/picture");
    let picture = world.request(Method::GET, &path).send().await.unwrap();
    assert!(picture.headers()["content-type"].to_str().unwrap().starts_with("image/"));
    for (form, begins) in [("pptx", &b"PK"[..]), ("pdf", b"%PDF")] {
        let answer = world.request(Method::GET, &format!("{at}/file/{form}")).send().await.unwrap();
        assert!(answer.headers()["content-disposition"].to_str().unwrap().ends_with(&format!(".{form}")));
        assert!(answer.bytes().await.unwrap().starts_with(begins));
    }
    world.get("/decks/nothing").await.refused(404, "not_found");
}

/// A server that ends between a deck's two jobs is followed by one that goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_server_makes_the_pages() {
    let world = World::new().await;
    let made = world.post("/decks", json!({"topic": TOPIC, "pages": 3})).await.ok();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["goes_on"], false);
    world.post(&format!("/decks/{id}/run"), json!({"profile": "simulator"})).await.ok();
    let world = world.again().await;
    assert_eq!(world.get(&format!("/decks/{id}")).await.ok()["goes_on"], true);
    settled(&world, &id).await;
    for _ in 0..100 {
        if world.get(&format!("/decks/{id}")).await.ok()["goes_on"] == false {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a deck that is made is still on its way");
}
