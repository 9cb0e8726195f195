//! Links: kept, named by content, and asked for in each way.

use imagemill_simulator::Scenario;
use serde_json::json;

use crate::client::{Rig, link_in};

#[tokio::test]
async fn a_link_has_a_name_that_never_changes() {
    let rig = Rig::start(Scenario::default()).await;
    let url = link_in(rig.generate("link+size:30x20", "x").await.text());
    let whole = rig.get(&url).await;
    assert_eq!(crate::client::size_of(&whole.bytes), (30, 20));
    assert!(whole.header("content-type") == "image/png" && whole.header("cache-control").contains("immutable"));
    let head = rig.send(rig.http.head(&url)).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert_eq!(head.header("content-length"), whole.bytes.len().to_string());
    assert_eq!(head.header("etag"), whole.header("etag"));
    let known = rig.http.get(&url).header("if-none-match", whole.header("etag"));
    assert_eq!(rig.send(known).await.status, 304);
    // a link of ours can be edited
    let edit = json!({"model": "sim-image-edit", "prompt": "night", "images": [{"image_url": url}]});
    assert_eq!(rig.post("images/edits", &edit).await.json()["size"], "30x20");
}

#[tokio::test]
async fn a_stopped_simulator_frees_its_port_and_ends_waiting_calls() {
    let rig = Rig::start(Scenario::default()).await;
    let (address, http, url) = (rig.simulator.address(), rig.http.clone(), rig.url("images/generations"));
    let body = json!({"model": "hang:600", "prompt": "x", "size": "8x8"});
    let waiting = tokio::spawn(async move { http.post(url).json(&body).send().await });
    while rig.simulator.bill().calls == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    rig.simulator.stop().await;
    // the call ends, with its answer or without
    let _ = tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.expect("it must not hang on");
    assert!(tokio::net::TcpListener::bind(address).await.is_ok());
}
