//! The bill tells the truth, also when the client is gone.

use std::time::Duration;

use imagemill_simulator::{Bill, BillEntry, Outcome, Scenario, SimulatorOptions};
use imagemill_testkit::TempWorkspace;
use serde_json::json;

use crate::client::Rig;

#[tokio::test]
async fn what_is_made_is_billed_and_nothing_else() {
    let rig = Rig::start(Scenario::default()).await;
    let pictures = ["sim-image", "blank", "broken-picture", "bad-link", "cut", "sse-cut", "hang:0"];
    for model in pictures {
        rig.generate(model, "x").await;
    }
    for model in ["err:429", "err:500", "refuse", "html", "text", "deep-json", "huge:1", "flaky:1"] {
        rig.generate(model, "x").await;
    }
    let bill = rig.simulator.bill();
    assert_eq!((bill.calls, bill.billed, bill.refused_billed), (15, 7, 0));
    assert_eq!((bill.pictures, bill.micros), (7, 7 * 40_000));
    for entry in &bill.entries {
        assert_eq!(entry.billed, pictures.contains(&&*entry.model), "{}", entry.model);
    }
    let outcome = |model: &str| bill.entries.iter().find(|entry| &*entry.model == model).unwrap().outcome;
    assert_eq!(outcome("err:429"), Outcome::RateLimited);
    assert_eq!(outcome("refuse"), Outcome::Refused);
    assert_eq!(outcome("flaky:1"), Outcome::Failed);
    let told: Bill = serde_json::from_value(rig.get(&rig.url("simulator/bill")).await.json()).unwrap();
    assert_eq!(told, bill);
}

#[tokio::test]
async fn several_pictures_and_missing_ones_are_counted() {
    let rig = Rig::start(Scenario { price_micros: 10, ..Scenario::default() }).await;
    for model in ["sim-image", "n-1"] {
        rig.post("images/generations", &json!({"model": model, "prompt": "x", "size": "8x8", "n": 3})).await;
    }
    let bill = rig.simulator.bill();
    assert_eq!((bill.billed, bill.pictures, bill.micros), (2, 5, 50));
}

#[tokio::test]
async fn refusals_are_billed_when_the_scenario_says_so() {
    let rig = Rig::start(Scenario { bill_refusals: true, ..Scenario::default() }).await;
    rig.generate("refuse", "x").await;
    let bill = rig.simulator.bill();
    assert_eq!((bill.billed, bill.refused_billed, bill.pictures, bill.micros), (1, 1, 0, 40_000));
}

#[tokio::test]
async fn a_client_that_is_gone_still_pays() {
    let folder = TempWorkspace::new();
    let options = SimulatorOptions { log: Some(folder.join("calls.jsonl")), ..SimulatorOptions::default() };
    let rig = Rig::start_with(options).await;
    let body = json!({"model": "delay:400", "prompt": "x", "size": "8x8"});
    let request = rig.http.post(rig.url("images/generations")).header("X-Client-Request-Id", "task-7/1").json(&body);
    let gone = request.timeout(Duration::from_millis(100)).send().await;
    assert!(gone.is_err_and(|error| error.is_timeout()));
    assert_eq!(rig.simulator.bill().calls, 0, "the picture is not made yet");
    let patience = std::time::Instant::now();
    while rig.simulator.bill().billed == 0 {
        assert!(patience.elapsed() < Duration::from_secs(20), "the work stopped with the client");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(rig.simulator.bill().billed_by_request(), [("task-7/1", 1)].into());
    let log = std::fs::read_to_string(folder.join("calls.jsonl")).unwrap();
    let entry: BillEntry = serde_json::from_str(log.trim_end()).unwrap();
    assert_eq!((&*entry.request_id, entry.billed), ("task-7/1", true));
}

#[tokio::test]
async fn a_call_is_known_by_the_clients_id_else_by_ours() {
    let rig = Rig::start(Scenario::default()).await;
    let ours = rig.generate("sim-image", "x").await.header("x-request-id").to_owned();
    let body = json!({"model": "sim-image", "prompt": "x", "size": "8x8"});
    for _ in 0..2 {
        let named = rig.http.post(rig.url("images/generations")).header("X-Client-Request-Id", "mine").json(&body);
        assert_eq!(rig.send(named).await.status, 200);
    }
    let bill = rig.simulator.bill();
    assert_eq!(bill.billed_by_request(), [(ours.as_str(), 1), ("mine", 2)].into());
}

#[tokio::test]
async fn the_log_is_appended_to() {
    let folder = TempWorkspace::new();
    let path = folder.join("calls.jsonl");
    for _ in 0..2 {
        let rig = Rig::start_with(SimulatorOptions { log: Some(path.clone()), ..SimulatorOptions::default() }).await;
        rig.generate("sim-image", "x").await;
        assert_eq!(rig.simulator.bill().calls, 1, "the bill is that of this run");
        rig.simulator.stop().await;
    }
    assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 2);
}
