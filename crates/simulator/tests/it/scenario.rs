//! Misbehaviour by scenario, with a model that behaves.

use std::time::Duration;

use imagemill_simulator::{Act, Rates, Scenario, ScriptLine};
use serde_json::json;

use crate::client::{Rig, decode};

fn line(at: u64, act: Act) -> ScriptLine {
    ScriptLine { at, act, retry_after_s: None, slow_ms: None }
}

#[tokio::test]
async fn a_script_is_followed_call_by_call() {
    let limited = ScriptLine { retry_after_s: Some(3), ..line(2, Act::RateLimited) };
    let script = vec![limited, line(3, Act::Refuse), line(4, Act::ServerError), line(5, Act::Cut)];
    let rig = Rig::start(Scenario { script, ..Scenario::default() }).await;
    let mut statuses = Vec::new();
    for number in 1..=6 {
        let answer = rig.generate("sim-image", "the same").await;
        assert_eq!(answer.broken, number == 5);
        assert_eq!(answer.header("retry-after"), if number == 2 { "3" } else { "" });
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 429, 400, 500, 200, 200]);
    let bill = rig.simulator.bill();
    assert_eq!((bill.calls, bill.billed), (6, 3), "the one that broke off was made and is billed");
}

#[tokio::test]
async fn a_hanging_call_is_billed() {
    let rig = Rig::start(Scenario { script: vec![line(1, Act::Hang)], ..Scenario::default() }).await;
    let body = json!({"model": "sim-image", "prompt": "x", "size": "8x8"});
    let request = rig.http.post(rig.url("images/generations")).json(&body);
    assert!(request.timeout(Duration::from_millis(500)).send().await.is_err());
    assert_eq!(rig.simulator.bill().billed, 1);
}

#[tokio::test]
async fn shares_hold_and_a_second_try_may_succeed() {
    let rates = Rates { rate_limited: 0.5, ..Rates::default() };
    let rig = Rig::start(Scenario { rates, ..Scenario::default() }).await;
    let mut statuses = Vec::new();
    for number in 0..60 {
        statuses.push(rig.generate("sim-image", &format!("picture {number}")).await.status);
    }
    let limited = statuses.iter().filter(|status| **status == 429).count();
    assert!((15..45).contains(&limited), "{limited} of 60");
    let body = json!({"model": "sim-image", "prompt": "x", "size": "8x8"});
    let mut tries = 0;
    let ends = loop {
        tries += 1;
        let named = rig.http.post(rig.url("images/generations")).header("X-Client-Request-Id", "mine").json(&body);
        let status = rig.send(named).await.status;
        if status == 200 || tries == 40 {
            break status;
        }
    };
    assert_eq!(ends, 200, "the same call is decided anew each time");
}

#[tokio::test]
async fn grain_makes_files_as_large_as_photos() {
    let plain = Rig::start(Scenario::default()).await;
    let grainy = Rig::start(Scenario { grain_bits: 4, ..Scenario::default() }).await;
    let body = json!({"model": "sim-image", "prompt": "x", "size": "200x200"});
    let length = async |rig: &Rig| {
        decode(rig.post("images/generations", &body).await.json()["data"][0]["b64_json"].as_str().unwrap()).len()
    };
    let (plain, grainy) = (length(&plain).await, length(&grainy).await);
    assert!(grainy > 40_000 && grainy > 2 * plain, "{plain} {grainy}");
}

#[tokio::test]
async fn latency_is_waited_for() {
    let rig = Rig::start(Scenario { latency_ms: 150, jitter_ms: 50, ..Scenario::default() }).await;
    let started = std::time::Instant::now();
    assert_eq!(rig.generate("sim-image", "x").await.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(150));
}
