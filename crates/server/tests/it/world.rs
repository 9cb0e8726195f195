//! A server on a free port, over a workspace of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use imagemill_desk::{Desk, Lang, Workspace};
use imagemill_server::{ServeOptions, Server};
use imagemill_testkit::{TempWorkspace, pictures};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::document::check;

/// A server and its folder.
pub(crate) struct World {
    pub(crate) folder: TempWorkspace,
    pub(crate) server: Server,
    pub(crate) http: reqwest::Client,
}

/// An answer with its body read.
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Told {
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {:#}", self.status, self.body);
        self.body
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, kind: &str) -> Value {
        assert_eq!((self.status.as_u16(), self.body["kind"].as_str()), (status, Some(kind)), "{:#}", self.body);
        assert_eq!(self.body["status"], status);
        assert!(self.body["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{:#}", self.body);
        self.body
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With other options.
    pub(crate) async fn with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self::in_folder(TempWorkspace::new(), change).await
    }

    /// Another server in the same folder, after this one has ended.
    pub(crate) async fn again(self) -> Self {
        self.server.drain(|_| {}).await;
        Self::in_folder(self.folder, |_| {}).await
    }

    async fn in_folder(folder: TempWorkspace, change: impl FnOnce(&mut ServeOptions)) -> Self {
        let root = folder.path().to_path_buf();
        let load = move || Desk::load(Workspace { root: root.clone() }, root.clone(), &|_| None, None);
        let mut options = ServeOptions {
            address: "127.0.0.1:0".parse().unwrap(),
            token: None,
            allowed_origins: Vec::new(),
            raw_for_all: false,
            roots: Vec::new(),
            max_picture_bytes: 8 << 20,
            export_secrets: false,
            lang: Lang::En,
            load: Arc::new(load),
        };
        change(&mut options);
        let server = Server::start(options).await.unwrap();
        Self { folder, server, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/api/v1{path}", self.server.address().port())
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// Sends, reads, and holds the answer against the document.
    pub(crate) async fn send(&self, method: Method, path: &str, request: RequestBuilder) -> Told {
        let answer: Response = request.send().await.unwrap();
        let status = answer.status();
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let text = answer.text().await.unwrap();
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        if status.as_u16() >= 400 {
            assert_eq!(kind.as_deref(), Some("application/problem+json"), "{path}");
        }
        check(&method, path, status.as_u16(), &body);
        Told { status, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Told {
        self.send(Method::GET, path, self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Told {
        self.send(Method::POST, path, self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Told {
        self.send(Method::PUT, path, self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Told {
        self.send(Method::DELETE, path, self.request(Method::DELETE, path)).await
    }

    /// How a save, or other writing, stands once it is done.
    pub(crate) async fn saved(&self, save: &Value) -> Value {
        for _ in 0..800 {
            let status = self.get(&format!("/saves/{save}")).await.ok();
            if status["state"] != "running" {
                assert_eq!(status["state"], "done", "{status:#}");
                return status;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the save does not end");
    }

    /// Small pictures in `photos/`.
    pub(crate) fn photos(&self, count: u64) -> PathBuf {
        for number in 1..=count {
            self.folder.write(format!("photos/{number:03}_start.png"), pictures::png(number, 48, 32));
        }
        self.folder.path().join("photos")
    }

    /// A job that edits `photos/`, as it can be submitted.
    pub(crate) fn edit_job() -> Value {
        json!({"recipe": "edit", "prompt": "make it night", "profile": "simulator", "source": {"paths": ["photos"]}})
    }

    /// Submits a job of generated pictures and waits for its end.
    pub(crate) async fn generated(&self, name: &str, samples: u32) -> Value {
        let job = json!({"recipe": "generate", "prompt": "a barn", "samples": samples, "profile": "simulator"});
        self.post("/jobs", json!({"job": job, "name": name})).await.ok();
        self.ended(name).await
    }

    /// The job once every task of it ended, or was stopped.
    pub(crate) async fn ended(&self, job: &str) -> Value {
        for _ in 0..600 {
            let document = self.get(&format!("/jobs/{job}")).await.ok();
            let stopped = document["state"] == "stopped" && document["tasks"]["running"] == 0;
            if document["state"] == "finished" || stopped {
                return document;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{job} does not end");
    }
}
