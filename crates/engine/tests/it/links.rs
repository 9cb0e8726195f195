//! Answers whose items end differently: what one link or item says must not have the call sent again, nor cost a sibling.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use imagemill_domain::money::Money;
use imagemill_domain::profile::Protocol;
use imagemill_domain::task::TaskState::{Failed, Partial};
use imagemill_simulator::Scenario;
use imagemill_testkit::pictures;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::Bed;

/// A gateway that answers every POST with `items` and every GET with `status`. `LINK` in the items is an address of its own.
async fn gateway(items: String, status: &'static str) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (paid, own) = (Arc::new(AtomicU32::new(0)), address.clone());
    let counted = paid.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 16 << 10];
            let read = socket.read(&mut head).await.unwrap_or(0);
            let answer = if head[..read].starts_with(b"POST") {
                counted.fetch_add(1, Ordering::Relaxed);
                let body = format!("{{\"created\":1,\"data\":[{}]}}", items.replace("LINK", &format!("{own}/picture")));
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                )
            } else {
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            };
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = socket.shutdown().await;
        }
    });
    (address, paid)
}

fn inline() -> String {
    format!("{{\"b64_json\":\"{}\"}}", base64(&pictures::png(3, 64, 48)))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = |piece: &[u8]| {
        let bits = piece.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - piece.len()));
        (0..4)
            .map(|at| if at > piece.len() { '=' } else { LETTERS[(bits >> (18 - 6 * at) & 63) as usize] as char })
            .collect::<String>()
    };
    bytes.chunks(3).map(letters).collect()
}

/// Runs one task of `n` pictures; gives the calls paid for, the task's state, its pictures and what was spent.
async fn run(items: String, status: &'static str, n: u32) -> (u32, imagemill_domain::task::TaskState, usize, Money) {
    let bed = Bed::new(Scenario::default()).await;
    let (address, paid) = gateway(items, status).await;
    let job = bed
        .submit("sim-image", 1, |file, profile| {
            file.options.n = Some(n);
            file.retry.attempts = 2;
            profile.protocol = Protocol::Images;
            profile.base_url = format!("{address}/v1");
        })
        .await;
    bed.run().await;
    let task = bed.tasks(job).await.remove(0);
    let pictures = bed.store.assets().for_task(task.id).await.unwrap().len();
    (paid.load(Ordering::Relaxed), task.state, pictures, bed.job(job).await.spent)
}

#[tokio::test]
async fn a_link_that_is_limited_is_fetched_again_and_never_paid_again() {
    let link = "{\"url\":\"LINK\"}".to_owned();
    let (paid, state, pictures, spent) = run(link, "429 Too Many Requests", 1).await;
    assert_eq!((paid, state, pictures, spent), (1, Failed, 0, Money::from_dollars(0.04)));
}

#[tokio::test]
async fn a_link_that_never_comes_costs_no_sibling() {
    let items = format!("{},{{\"url\":\"LINK\"}}", inline());
    let (paid, state, pictures, spent) = run(items, "500 Internal Server Error", 2).await;
    assert_eq!((paid, state, pictures, spent), (1, Partial, 1, Money::from_dollars(0.08)));
}

#[tokio::test]
async fn an_item_with_a_servers_error_costs_no_sibling() {
    let items = format!("{},{{\"error\":{{\"code\":\"rate_limit_exceeded\",\"message\":\"slow down\"}}}}", inline());
    let (paid, state, pictures, spent) = run(items, "200 OK", 2).await;
    assert_eq!((paid, state, pictures, spent), (1, Partial, 1, Money::from_dollars(0.04)));
}
