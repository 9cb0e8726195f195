//! The picture side of a profile that only brings words: recipes without pictures run with it, and a picture call fails before
//! anything is sent.

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::request::ImageRequest;

use crate::provider::{CallFailure, CallFuture, ImageProvider, PictureInput, ProviderFuture, WireCall};
use crate::spool::{Spool, Spooled};
use crate::wire::Wire;

/// An account without pictures.
pub(crate) struct NoPictures {
    wire: Wire,
}

impl NoPictures {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn failure(&self) -> Failure {
        let profile = &self.wire.profile;
        let message = format!(
            "the profile {:?} speaks {}, which brings words and no pictures; nothing was sent. Name another profile for pictures",
            profile.name,
            profile.resolved_chat_protocol().word()
        );
        Failure::new(FailureKind::Invalid, message)
    }
}

impl ImageProvider for NoPictures {
    fn image<'a>(&'a self, _call: WireCall<'a>) -> CallFuture<'a> {
        let failure = CallFailure::without_answer(self.failure());
        Box::pin(async move { Err(failure) })
    }

    fn request_text(&self, request: &ImageRequest, _pictures: &[PictureInput]) -> String {
        serde_json::json!({"model": request.model, "prompt": request.prompt}).to_string()
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        Box::pin(self.wire.models())
    }
}
