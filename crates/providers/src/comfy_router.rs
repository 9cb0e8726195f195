//! Comfy Router's queue: one address form for the models of many providers, whose own input is the body and whose own output
//! is the result. Collecting tells everything: 202 while it runs, the output when it is done, the failure's own status when
//! it failed (docs.comfy.org, Comfy Router reference).
//!
//! Source pictures go as bare base64, which is how its picture models take them; models that take only addresses cannot be
//! given any.

use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::profile::Protocol;
use imagemill_domain::request::ImageRequest;
use reqwest::Method;
use reqwest::header::HeaderName;
use serde_json::Value;

use crate::body::{self, PictureText};
use crate::error;
use crate::model_input::{model_input, put_pictures, size_members};
use crate::provider::{
    CallFailure, CallFuture, ImageProvider, Intake, PictureInput, PollFuture, Polled, ProviderFuture, Reply, Ticket,
    WireCall,
};
use crate::queue::{self, Told};
use crate::spool::{Spool, Spooled};
use crate::wire::Wire;

/// Where the key goes.
pub(crate) const KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
/// Most pages of the list of models that are read; a page has 100.
const MOST_PAGES: usize = 20;

/// An account at Comfy Router.
pub(crate) struct ComfyRouter {
    wire: Wire,
}

impl ComfyRouter {
    /// Over `wire`, whose key goes in [`KEY_HEADER`].
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn input(&self, request: &ImageRequest, pictures: &[PictureInput], picture: PictureText<'_>) -> Value {
        let mut input = model_input(request, size_members(request));
        let field = self.wire.options.picture_field.as_deref();
        put_pictures(&mut input, field.unwrap_or("input_image#"), pictures.len(), picture);
        self.wire.add_extra(&mut input, request);
        input
    }

    async fn send(&self, call: WireCall<'_>) -> Result<Reply, Box<CallFailure>> {
        let model = call.request.model.trim_matches('/');
        let input = self.input(call.request, call.pictures, &body::base64);
        let told =
            self.wire.submit_inline(self.wire.below(&format!("/models/{model}/requests")), &input, &call).await?;
        let urls = ["status_url", "response_url", "cancel_url"].map(|name| told.value.get(name));
        let ticket = self.wire.ticket(model, told.value.get("request_id"), urls);
        ticket.map(Reply::Accepted).ok_or_else(|| queue::no_ticket(&told))
    }

    async fn ask(&self, ticket: &Ticket, spool: Spool) -> Result<Polled, Box<CallFailure>> {
        let url = self.wire.ticket_url(ticket, ticket.result_url.as_deref(), &address(ticket))?;
        let mut told = self.wire.ask(Method::GET, url, None, spool).await?;
        if told.status == 202 {
            let position = told.value.get("queue_position").and_then(Value::as_u64);
            let queue_position = position.and_then(|position| u32::try_from(position).ok());
            return Ok(Polled::Pending { again_in_ms: told.again_in_ms(), queue_position });
        }
        if !told.is_success() {
            return Err(ended_badly(told));
        }
        let output = std::mem::take(&mut told.value);
        let items = told.found(&output);
        told.answer(items, "").map(|answer| Polled::Answer(Box::new(answer)))
    }
}

fn address(ticket: &Ticket) -> String {
    format!("/models/{}/requests/{}", ticket.model, ticket.id)
}

/// The status of a collection is what the run ended with, where the router says so in one word; any other is a question that
/// failed.
fn ended_badly(told: Told) -> Box<CallFailure> {
    let said = error::of_status(told.status, &told.headers, told.text(), false);
    // A partner may charge for a run that it ended; an input that was rejected never reached it.
    let (kind, billing) = match said.code.as_deref() {
        Some("client_disconnected") => return told.cancelled(Billing::Unknown),
        Some("provider_error" | "provider_timeout") => (FailureKind::Protocol, Billing::Unknown),
        Some("content_policy_violation") => (FailureKind::Refused, Billing::Unknown),
        Some("invalid_input") => (FailureKind::Invalid, Billing::NotBilled),
        _ => return told.about_ticket().map_or_else(|failure| failure, |told| queue::no_ticket(&told)),
    };
    told.failed(Failure { kind, billing, ..said })
}

impl ImageProvider for ComfyRouter {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        Box::pin(self.send(call))
    }

    fn poll<'a>(&'a self, ticket: &'a Ticket, spool: Spool) -> PollFuture<'a> {
        Box::pin(self.ask(ticket, spool))
    }

    fn cancel<'a>(&'a self, ticket: &'a Ticket) -> ProviderFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let path = format!("{}/cancel", address(ticket));
            let url = self.wire.ticket_url(ticket, ticket.cancel_url.as_deref(), &path);
            self.wire.tell_to_cancel(Method::PUT, url.map_err(|failure| failure.failure)?, None).await
        })
    }

    fn intake(&self) -> Intake {
        Protocol::ComfyRouter.intake(false)
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        self.input(request, pictures, &|number| body::content_name(pictures, number)).to_string()
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    /// The list of models, page by page.
    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let (mut names, mut cursor) = (Vec::new(), None);
            for _ in 0..MOST_PAGES {
                let mut url = self.wire.below("/models");
                url.query_pairs_mut().append_pair("limit", "100").extend_pairs(cursor.map(|at: String| ("cursor", at)));
                let page = self.wire.list_at(url).await?;
                let id = |model: &Value| Some(model.get("id")?.as_str()?.to_owned());
                names.extend(page.get("data").and_then(Value::as_array).into_iter().flatten().filter_map(id));
                cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
                if cursor.is_none() || page.get("has_more") != Some(&Value::Bool(true)) {
                    break;
                }
            }
            Ok(names)
        })
    }
}

#[cfg(test)]
mod tests;
