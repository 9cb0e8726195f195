//! A provider over the scripted server, and calls on it: submit, ask, cancel. Tests only.

use std::sync::Arc;

use bytes::Bytes;
use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::{Profile, Protocol, Timeouts};
use imagemill_domain::request::{ImageRequest, RequestOptions};
use serde_json::Value;

use crate::provider::{
    Answer, CallFailure, Found, ImageProvider, PictureBytes, PictureInput, Polled, Reply, Ticket, WireCall,
};
use crate::registry::{Registry, WireOptions};
use crate::scripted_server::{ScriptedServer, Seen, Step, answer};
use crate::spool::Spool;

pub(crate) const KEY: &str = "very-secret-key";

pub(crate) struct Rig {
    pub(crate) server: ScriptedServer,
    pub(crate) provider: Arc<dyn ImageProvider>,
    folder: tempfile::TempDir,
}

/// A profile for a server on loopback.
pub(crate) fn profile(origin: &str, protocol: Protocol) -> Profile {
    let mut profile = Profile { base_url: origin.into(), protocol, ..Profile::default() };
    profile.network.allow_private_api = true;
    profile.network.allow_private_downloads = true;
    profile.timeouts = Timeouts { connect_ms: 2000, first_byte_ms: 5000, idle_ms: 5000, total_ms: 10_000 };
    profile
}

/// As the capability table says of fal: a failed run is not billed.
pub(crate) fn options(picture_field: Option<&str>) -> WireOptions {
    WireOptions { bills_5xx: false, picture_field: picture_field.map(str::to_owned), files: false }
}

pub(crate) fn json(status: u16, body: &Value) -> Vec<Step> {
    answer(status, "Content-Type: application/json\r\n", body.to_string().as_bytes())
}

pub(crate) fn request(model: &str) -> ImageRequest {
    ImageRequest {
        model: model.into(),
        system_prompt: String::new(),
        prompt: "a \"red\" barn".into(),
        negative_prompt: String::new(),
        pictures: Vec::new(),
        options: RequestOptions::default(),
        sample: 0,
    }
}

pub(crate) fn input(bytes: &[u8]) -> PictureInput {
    PictureInput {
        address: None,
        len: bytes.len() as u64,
        blake3: ContentHash::of(bytes),
        bytes: PictureBytes::Memory(Bytes::copy_from_slice(bytes)),
        format: PictureFormat::Png,
        file_name: "a.png".into(),
    }
}

impl Rig {
    /// Connection number n plays script number n.
    pub(crate) async fn new(
        protocol: Protocol,
        options: WireOptions,
        change: impl FnOnce(&mut Profile),
        scripts: impl FnOnce(&str) -> Vec<Vec<Step>>,
    ) -> Self {
        let server = ScriptedServer::naming_itself(scripts).await;
        let mut profile = profile(&server.origin, protocol);
        change(&mut profile);
        let provider = Registry::new().provider_with(&profile, true, Some(KEY.to_owned().into()), options).unwrap();
        Self { server, provider, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn spool(&self) -> Spool {
        Spool::new(self.folder.path(), "call-7")
    }

    pub(crate) async fn submit(
        &self,
        request: &ImageRequest,
        pictures: &[PictureInput],
    ) -> Result<Reply, Box<CallFailure>> {
        let (spool, key, progress) = (self.spool(), "call-7", |_| ());
        let call = WireCall { request, pictures, key, idempotency_key: None, spool, progress: &progress };
        self.provider.image(call).await.map_err(|failure| self.checked(failure))
    }

    /// The ticket of a request that must be taken.
    pub(crate) async fn ticket(&self, request: &ImageRequest, pictures: &[PictureInput]) -> Ticket {
        match self.submit(request, pictures).await.unwrap() {
            Reply::Accepted(ticket) => {
                // It survives the process as JSON.
                serde_json::from_str(&serde_json::to_string(&ticket).unwrap()).unwrap()
            }
            Reply::Answer(answer) => panic!("answered at once: {answer:?}"),
        }
    }

    pub(crate) async fn poll(&self, ticket: &Ticket) -> Result<Polled, Box<CallFailure>> {
        self.provider.poll(ticket, self.spool()).await.map_err(|failure| self.checked(failure))
    }

    /// The result, which must be there.
    pub(crate) async fn result(&self, ticket: &Ticket) -> Answer {
        match self.poll(ticket).await.unwrap() {
            Polled::Answer(answer) => *answer,
            pending @ Polled::Pending { .. } => panic!("still pending: {pending:?}"),
        }
    }

    fn checked(&self, failure: Box<CallFailure>) -> Box<CallFailure> {
        assert!(!format!("{failure:?}").contains(KEY), "the credential shows: {failure:?}");
        let left = std::fs::read_dir(self.folder.path()).unwrap().count();
        assert_eq!(left, 0, "temporary files are left");
        failure
    }

    /// Request lines so far, `METHOD /path`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |seen: &Seen| {
            let mut parts = seen.head.split(' ');
            format!("{} {}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
        };
        self.server.seen().iter().map(line).collect()
    }
}

pub(crate) fn links(answer: &Answer) -> Vec<String> {
    let link = |found: &Found| match found {
        Found::Link(link) => link.clone(),
        other => panic!("no link: {other:?}"),
    };
    answer.items.iter().map(link).collect()
}
