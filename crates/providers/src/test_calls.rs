//! What tests of real calls over loopback have in common: a profile, a request, a caller. Tests only.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::{Profile, Protocol, Timeouts};
use imagemill_domain::request::{ImageRequest, RequestOptions};

use crate::provider::{
    Answer, CallFailure, Found, ImageProvider, PictureBytes, PictureInput, Progress, Reply, WireCall,
};
use crate::registry::Registry;
use crate::spool::{Spool, Spooled};

/// The credential of every call.
pub(crate) const KEY: &str = "sk-very-secret-key";

/// A profile of `protocol` for a server on loopback.
pub(crate) fn profile(origin: &str, protocol: Protocol) -> Profile {
    let mut profile = Profile { base_url: format!("{origin}/v1"), protocol, ..Profile::default() };
    profile.network.allow_private_api = true;
    profile.network.allow_private_downloads = true;
    profile.timeouts = Timeouts { connect_ms: 2000, first_byte_ms: 5000, idle_ms: 5000, total_ms: 10_000 };
    profile
}

/// Its provider, with [`KEY`].
pub(crate) fn provider(profile: &Profile) -> Arc<dyn ImageProvider> {
    Registry::new().provider(profile, false, Some(KEY.to_owned().into())).unwrap()
}

/// A request with `options`.
pub(crate) fn request(options: RequestOptions) -> ImageRequest {
    ImageRequest {
        model: "m".into(),
        system_prompt: String::new(),
        prompt: "make it \"night\" \u{1f303}".into(),
        negative_prompt: String::new(),
        pictures: Vec::new(),
        options,
        sample: 2,
    }
}

/// A source picture.
pub(crate) fn input(bytes: Vec<u8>, format: PictureFormat, name: &str) -> PictureInput {
    PictureInput {
        address: None,
        len: bytes.len() as u64,
        blake3: ContentHash::of(&bytes),
        bytes: PictureBytes::Memory(Bytes::from(bytes)),
        format,
        file_name: name.into(),
    }
}

/// Makes calls and keeps what they leave behind.
pub(crate) struct Caller {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) progress: Mutex<Vec<Progress>>,
}

impl Caller {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), progress: Mutex::default() }
    }

    pub(crate) fn spool(&self) -> Spool {
        Spool::new(self.folder.path(), "call-7")
    }

    pub(crate) async fn call(
        &self,
        provider: &dyn ImageProvider,
        request: &ImageRequest,
        pictures: &[PictureInput],
    ) -> Result<Answer, Box<CallFailure>> {
        let progress = |step| self.progress.lock().unwrap().push(step);
        let key = "call-7/a";
        let spool = self.spool();
        let call = WireCall { request, pictures, key, idempotency_key: Some("once"), spool, progress: &progress };
        match provider.image(call).await? {
            Reply::Answer(answer) => Ok(answer),
            Reply::Accepted(ticket) => panic!("these protocols have no queue: {ticket:?}"),
        }
    }

    pub(crate) async fn fails(&self, profile: &Profile) -> CallFailure {
        let result = self.call(&*provider(profile), &request(RequestOptions::default()), &[]).await;
        let failure = *result.expect_err("this call cannot succeed");
        assert!(!format!("{failure:?}").contains(KEY), "the credential shows: {failure:?}");
        assert_eq!(std::fs::read_dir(self.folder.path()).unwrap().count(), 0, "temporary files are left");
        failure
    }
}

/// The bytes of a picture that was found.
pub(crate) fn bytes_of(found: &Found) -> Vec<u8> {
    let Found::Picture(spooled) = found else { panic!("no picture: {found:?}") };
    whole(spooled)
}

/// The bytes of a spooled picture.
pub(crate) fn whole(spooled: &Spooled) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut spooled.open().unwrap(), &mut bytes).unwrap();
    assert_eq!(spooled.blake3, ContentHash::of(&bytes));
    bytes
}
