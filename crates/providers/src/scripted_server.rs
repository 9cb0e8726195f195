//! A tiny HTTP server on loopback that does exactly what a script says: writes, waits, cuts, hangs. Tests only.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does on one connection after the request was read.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Writes these bytes.
    Write(Vec<u8>),
    /// Waits so many milliseconds.
    Wait(u64),
    /// Reads only the head of the request; must come first.
    HeadOnly,
    /// Keeps the connection open until the client closes it.
    Hang,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Request line and headers.
    pub(crate) head: String,
    /// Body.
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

/// The server; ends with the runtime of its test.
pub(crate) struct ScriptedServer {
    /// `http://127.0.0.1:port`.
    pub(crate) origin: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    closed: Arc<Mutex<u32>>,
}

impl ScriptedServer {
    /// Connection number n plays script number n; the last script is played again.
    pub(crate) async fn start(scripts: Vec<Vec<Step>>) -> Self {
        Self::naming_itself(|_| scripts).await
    }

    /// The same with scripts that name the server's own origin.
    pub(crate) async fn naming_itself(scripts: impl FnOnce(&str) -> Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let origin = format!("http://{}", listener.local_addr().expect("bound"));
        let scripts = scripts(&origin);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(Mutex::new(0));
        let (all_seen, all_closed) = (seen.clone(), closed.clone());
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let script = scripts[number.min(scripts.len() - 1)].clone();
                tokio::spawn(play(stream, script, all_seen.clone(), all_closed.clone()));
            }
        });
        Self { origin, seen, closed }
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while held").clone()
    }

    /// How many hanging connections the client closed.
    pub(crate) fn closed(&self) -> u32 {
        *self.closed.lock().expect("no panic while held")
    }
}

async fn play(mut stream: TcpStream, script: Vec<Step>, seen: Arc<Mutex<Vec<Seen>>>, closed: Arc<Mutex<u32>>) {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut request = Seen { head, body: bytes.split_off(head_end) };
    let length: usize = request.header("content-length").map_or(0, |length| length.parse().expect("a number"));
    if !matches!(script.first(), Some(Step::HeadOnly)) {
        while request.body.len() < length {
            if stream.read_buf(&mut request.body).await.unwrap_or(0) == 0 {
                break;
            }
        }
    }
    seen.lock().expect("no panic while held").push(request);
    for step in script {
        match step {
            Step::Write(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Step::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Step::HeadOnly => {}
            Step::Hang => {
                let mut rest = [0; 1024];
                while stream.read(&mut rest).await.unwrap_or(0) > 0 {}
                *closed.lock().expect("no panic while held") += 1;
            }
        }
    }
    // A plain close; what the client still sends would make it a reset.
    let _ = stream.shutdown().await;
}

/// A whole answer.
pub(crate) fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<Step> {
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    vec![Step::Write([head.as_bytes(), body].concat())]
}

/// The head of an answer that ends with its connection, `announced` bytes long or of unknown length.
pub(crate) fn open_head(announced: Option<usize>) -> Step {
    let length = announced.map_or(String::new(), |length| format!("Content-Length: {length}\r\n"));
    Step::Write(
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{length}Connection: close\r\n\r\n").into(),
    )
}
