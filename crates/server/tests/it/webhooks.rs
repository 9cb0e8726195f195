//! Notices of providers: heard when they are signed, by nobody else's word.

use std::time::Duration;

use imagemill_domain::profile::Protocol;
use imagemill_simulator::{Simulator, SimulatorOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

async fn published(url: &str) -> Value {
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

/// A job over a queue whose provider tells when a request ended, on a server that asks everybody else for a token.
async fn run(provider: &str, protocol: Protocol, webhook: impl AsyncFnOnce(&World, &Simulator) -> Value) -> World {
    let mut world = World::with(|options| options.token = Some("a-token-of-the-test".into())).await;
    let token = ("authorization".parse().unwrap(), "Bearer a-token-of-the-test".parse().unwrap());
    world.http = reqwest::Client::builder().no_proxy().default_headers([token].into_iter().collect()).build().unwrap();
    let simulator = Simulator::start(SimulatorOptions::default()).await.unwrap();
    let mut hook = webhook(&world, &simulator).await;
    hook["url"] = format!("http://127.0.0.1:{}", world.server.address().port()).into();
    let profile = json!({
        "provider": provider, "base_url": simulator.base_url_for(protocol), "model": "imagemill/sim-image",
        "network": {"allow_private_api": true, "allow_private_downloads": true}, "webhook": hook,
    });
    world.put("/profiles/hooked", profile).await.ok();
    let job = json!({"recipe": "generate", "prompt": "a barn", "samples": 3, "profile": "hooked", "accept_unknown_price": true});
    world.post("/jobs", json!({"job": job, "name": "told"})).await.ok();
    assert_eq!(world.ended("told").await["tasks"]["succeeded"], 3);
    let heard = tokio::time::timeout(Duration::from_secs(20), async {
        while simulator.notices() < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    heard.await.unwrap_or_else(|_| panic!("{} of 3 notices were taken", simulator.notices()));
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fal_signs_with_published_keys() {
    let world = run(
        "fal",
        Protocol::Fal,
        async |_, simulator| json!({"keys_url": format!("{}/.well-known/jwks.json", simulator.base_url_for(Protocol::Fal))}),
    );
    let world = world.await;
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = |path: &str| stranger.post(world.url(path)).json(&json!({"request_id": "sim-00000001", "status": "OK"}));
    let forged = ask("/webhooks/hooked")
        .header("x-fal-webhook-request-id", "sim-00000001")
        .header("x-fal-webhook-user-id", "simulator")
        .header("x-fal-webhook-timestamp", (imagemill_desk::now_us() / 1_000_000).to_string())
        .header("x-fal-webhook-signature", "00".repeat(64));
    // A stranger learns neither what is wrong nor which profiles there are.
    let mut told = Vec::new();
    for asked in [forged, ask("/webhooks/hooked"), ask("/webhooks/simulator"), ask("/webhooks/nobody")] {
        let answer = asked.send().await.unwrap();
        told.push((answer.status().as_u16(), answer.text().await.unwrap()));
    }
    assert_eq!(told[0].0, 401);
    assert!(told[0].1.contains("unsigned") && told.iter().all(|one| *one == told[0]), "{told:#?}");
    let audit = world.get("/audit?limit=50").await.ok();
    assert!(!audit.to_string().contains("/webhooks/"), "{audit:#}");
    let plain = stranger.get(world.url("/webhooks/hooked")).send().await.unwrap();
    assert_eq!(plain.status(), 401, "only notices come in without a token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicate_signs_with_a_secret() {
    let world = run("replicate", Protocol::Replicate, async |world, simulator| {
        let url = format!("{}/webhooks/default/secret", simulator.base_url_for(Protocol::Replicate));
        let secret = published(&url).await["key"].as_str().unwrap().to_owned();
        world.folder.write("whsec", &secret);
        let file = world.folder.path().join("whsec");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        json!({"secret": {"file": file}})
    });
    let world = world.await;
    let calls = world.get("/tasks?job=told").await.ok();
    let story = world.get(&format!("/tasks/{}", calls["items"][0]["id"])).await.ok();
    assert_eq!(story["calls"][0]["request"]["webhook_events_filter"], json!(["completed"]), "{story:#}");
}

#[tokio::test]
async fn a_webhook_that_cannot_work_is_said() {
    let world = World::new().await;
    for (provider, url, words) in [("openai", "https://mill.example", "no notices"), ("fal", "mill", "is no address")] {
        let profile =
            json!({"provider": provider, "base_url": "https://127.0.0.1:9/v1", "model": "m", "webhook": {"url": url}});
        world.put("/profiles/odd", profile).await.ok();
        let test = world.send(Method::POST, "/profiles/odd/test", world.request(Method::POST, "/profiles/odd/test"));
        let test = test.await.ok();
        assert!(test.to_string().contains(words), "{test:#}");
    }
}
