//! Answers whose items end differently: what one link or item says must not have the call sent again, nor cost a sibling.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use imagemill_domain::call::CallState;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobId;
use imagemill_domain::money::Money;
use imagemill_domain::profile::Protocol;
use imagemill_domain::task::TaskState::{self, Failed, Partial, Succeeded};
use imagemill_simulator::Scenario;
use imagemill_testkit::pictures;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::Bed;

/// How a gateway answers: every POST with `body`, whose `LINK` is an address of its own, and the GETs of it with `fetches` in turn, the
/// last one for all that follow. "200 OK" brings a picture.
struct Gateway {
    address: String,
    paid: Arc<AtomicU32>,
    fetched: Arc<AtomicU32>,
}

impl Gateway {
    async fn start(body: String, fetches: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let body = body.replace("LINK", &format!("{address}/picture"));
        let (paid, fetched) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let gateway = Self { address, paid: paid.clone(), fetched: fetched.clone() };
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = vec![0; 16 << 10];
                let read = socket.read(&mut head).await.unwrap_or(0);
                let (status, kind, body) = if head[..read].starts_with(b"POST") {
                    paid.fetch_add(1, Ordering::Relaxed);
                    ("200 OK", "application/json", body.clone().into_bytes())
                } else {
                    let turn = fetched.fetch_add(1, Ordering::Relaxed) as usize;
                    let status = fetches[turn.min(fetches.len() - 1)];
                    let picture = if status == "200 OK" { pictures::png(4, 64, 48) } else { Vec::new() };
                    (status, "image/png", picture)
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = socket.write_all(&[head.as_bytes(), &body].concat()).await;
                let _ = socket.shutdown().await;
            }
        });
        gateway
    }

    fn paid(&self) -> u32 {
        self.paid.load(Ordering::Relaxed)
    }

    fn fetched(&self) -> u32 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// A job of one task of `n` pictures.
    async fn submit(&self, bed: &Bed, n: u32) -> JobId {
        bed.submit("sim-image", 1, |file, profile| {
            file.options.n = Some(n);
            file.retry.attempts = 2;
            profile.protocol = Protocol::Images;
            profile.base_url = format!("{}/v1", self.address);
        })
        .await
    }
}

fn items(items: &str) -> String {
    format!("{{\"created\":1,\"data\":[{items}]}}")
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
async fn run(body: String, fetches: &'static [&'static str], n: u32) -> (u32, TaskState, usize, Money) {
    let bed = Bed::new(Scenario::default()).await;
    let gateway = Gateway::start(body, fetches).await;
    let job = gateway.submit(&bed, n).await;
    bed.run().await;
    let task = bed.tasks(job).await.remove(0);
    let pictures = bed.store.assets().for_task(task.id).await.unwrap().len();
    (gateway.paid(), task.state, pictures, bed.job(job).await.spent)
}

const LINK: &str = "{\"url\":\"LINK\"}";

#[tokio::test]
async fn a_link_that_is_limited_is_fetched_again_and_never_paid_again() {
    let (paid, state, pictures, spent) = run(items(LINK), &["429 Too Many Requests"], 1).await;
    assert_eq!((paid, state, pictures, spent), (1, Failed, 0, Money::from_dollars(0.04)));
}

#[tokio::test]
async fn a_link_that_is_not_there_yet_is_asked_for_again() {
    for not_yet in [&["404 Not Found", "200 OK"], &["403 Forbidden", "200 OK"]] {
        let (paid, state, pictures, spent) = run(items(LINK), not_yet, 1).await;
        assert_eq!((paid, state, pictures, spent), (1, Succeeded, 1, Money::from_dollars(0.04)), "{not_yet:?}");
    }
}

#[tokio::test]
async fn a_link_that_is_gone_ends_the_call_at_once_and_is_paid() {
    let bed = Bed::new(Scenario::default()).await;
    let gateway = Gateway::start(items(LINK), &["410 Gone"]).await;
    let job = gateway.submit(&bed, 1).await;
    bed.run().await;
    let task = bed.tasks(job).await.remove(0);
    assert_eq!((gateway.paid(), gateway.fetched(), task.state), (1, 1, Failed));
    assert_eq!(task.failure.unwrap().kind, FailureKind::FetchExpired);
    assert_eq!(bed.job(job).await.spent, Money::from_dollars(0.04));
}

#[tokio::test]
async fn a_link_that_never_comes_costs_no_sibling() {
    let body = items(&format!("{},{LINK}", inline()));
    let (paid, state, pictures, spent) = run(body, &["500 Internal Server Error"], 2).await;
    assert_eq!((paid, state, pictures, spent), (1, Partial, 1, Money::from_dollars(0.08)));
}

#[tokio::test]
async fn an_item_with_a_servers_error_costs_no_sibling() {
    let failed = "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow down\"}}";
    let (paid, state, pictures, spent) = run(items(&format!("{},{failed}", inline())), &["200 OK"], 2).await;
    assert_eq!((paid, state, pictures, spent), (1, Partial, 1, Money::from_dollars(0.04)));
}

#[tokio::test]
async fn an_answer_without_a_picture_costs_what_the_provider_counted() {
    let body =
        "{\"created\":1,\"data\":[],\"usage\":{\"input_tokens\":9,\"output_tokens\":3,\"cost\":0.013}}".to_owned();
    let (paid, state, pictures, spent) = run(body, &["200 OK"], 1).await;
    assert_eq!((paid, state, pictures, spent), (1, Failed, 0, Money::from_dollars(0.013)));
}

#[tokio::test]
async fn a_job_that_is_stopped_or_submitted_without_the_task_still_gets_the_picture_it_paid_for() {
    for stops in [true, false] {
        let bed = Bed::new(Scenario::default()).await;
        let gateway =
            Gateway::start(items(LINK), &["503 Service Unavailable", "503 Service Unavailable", "200 OK"]).await;
        let job = gateway.submit(&bed, 1).await;
        let engine = bed.start().await;
        while gateway.fetched() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if stops {
            bed.store.jobs().stop(job, 2).await.unwrap();
        } else {
            bed.submit("another-prompt", 1, |file, profile| {
                file.prompt = Some("a green barn".into());
                profile.name = "elsewhere".into();
            })
            .await;
        }
        let got = async {
            while bed.store.assets().for_task(bed.tasks(job).await[0].id).await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), got).await.expect("the picture is fetched");
        engine.drain().await;
        let task = bed.tasks(job).await.into_iter().find(|task| task.state == Succeeded).expect("its task has it");
        assert_eq!(bed.store.calls().for_task(task.id).await.unwrap()[0].state, CallState::Fetched);
        assert_eq!((gateway.paid(), bed.job(job).await.reserved), (1, Money::ZERO), "stops: {stops}");
    }
}
