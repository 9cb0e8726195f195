//! What protocols share whose request is one JSON body and whose answer holds the pictures: such a protocol says where its
//! request goes and what is in it, and nothing else. Must not know any protocol's members.

use std::borrow::Cow;

use imagemill_domain::failure::Failure;
use imagemill_domain::request::ImageRequest;
use serde_json::{Value, json};

use crate::batch::BatchAsk;
use crate::body::{self, PictureText};
use crate::provider::{
    CallFuture, ImageProvider, Intake, PictureInput, ProviderFuture, UploadFuture, WireCall, no_uploads,
};
use crate::spool::{Spool, Spooled};
use crate::wire::Wire;

/// A protocol of one request and one answer.
pub(crate) trait JsonCall: Send + Sync {
    /// Where the request goes, below the base address.
    fn endpoint(&self, request: &ImageRequest, has_pictures: bool) -> Cow<'static, str>;

    /// The body but for `extra_body`, which is merged in later; `picture` writes source picture number `n`. A failure says
    /// that nothing was sent.
    fn body(
        &self,
        wire: &Wire,
        request: &ImageRequest,
        pictures: &[PictureInput],
        picture: PictureText<'_>,
    ) -> Result<Value, Failure>;

    /// How a source picture is written into the body: a data URL, unless the protocol says otherwise.
    fn written(&self, pictures: &[PictureInput], number: usize) -> String {
        body::data_url(pictures, number)
    }

    /// How source pictures get there.
    fn intake(&self, _wire: &Wire) -> Intake {
        Intake::default()
    }

    /// Hands a source picture over; only asked where [`Self::intake`] says so.
    fn upload<'a>(&'a self, _wire: &'a Wire, _picture: &'a PictureInput, _spool: Spool) -> UploadFuture<'a> {
        Box::pin(std::future::ready(Err(no_uploads())))
    }

    /// The endpoint that a batch's line names, for protocols whose requests can go in one; empty where a batch names none.
    fn batch_endpoint(&self) -> Option<&'static str> {
        None
    }

    /// The ids of the models the account may use.
    fn models<'a>(&self, wire: &'a Wire) -> ProviderFuture<'a, Result<Vec<String>, Failure>> {
        Box::pin(wire.models())
    }
}

/// An account that speaks such a protocol.
pub(crate) struct JsonProvider<P> {
    wire: Wire,
    protocol: P,
}

impl<P: JsonCall> JsonProvider<P> {
    /// `protocol` over `wire`.
    pub(crate) fn new(wire: Wire, protocol: P) -> Self {
        Self { wire, protocol }
    }

    fn body(
        &self,
        request: &ImageRequest,
        pictures: &[PictureInput],
        picture: PictureText<'_>,
    ) -> Result<Value, Failure> {
        let mut body = self.protocol.body(&self.wire, request, pictures, picture)?;
        self.wire.add_extra(&mut body, request);
        Ok(body)
    }
}

impl<P: JsonCall> ImageProvider for JsonProvider<P> {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        Box::pin(async move {
            let written = |number| self.protocol.written(call.pictures, number);
            let value = self.body(call.request, call.pictures, &written);
            let value = value.map_err(|failure| self.wire.unanswered(failure))?;
            let endpoint = self.protocol.endpoint(call.request, !call.pictures.is_empty());
            self.wire.call(&endpoint, body::json(&value, call.pictures), call).await
        })
    }

    fn intake(&self) -> Intake {
        self.protocol.intake(&self.wire)
    }

    fn upload<'a>(&'a self, picture: &'a PictureInput, spool: Spool) -> UploadFuture<'a> {
        self.protocol.upload(&self.wire, picture, spool)
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        let body = self.body(request, pictures, &|number| body::content_name(pictures, number));
        let mut body = body.unwrap_or_else(|failure| json!({"not_sent": failure.message}));
        // Where it stands in the address the ledger shows it all the same.
        if body.get("model").is_none() {
            body["model"] = request.model.as_str().into();
        }
        body.to_string()
    }

    fn batch_ask(&self, request: &ImageRequest, pictures: &[PictureInput]) -> Option<BatchAsk> {
        let endpoint = self.protocol.batch_endpoint()?;
        let value = self.body(request, pictures, &|number| self.protocol.written(pictures, number)).ok()?;
        Some(BatchAsk::new(endpoint, value, pictures))
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        self.protocol.models(&self.wire)
    }
}
