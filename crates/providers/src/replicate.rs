//! Replicate's predictions: create, ask, fetch. A model is `owner/name`, `owner/name:version`, a bare version, or
//! `deployments/owner/name` (replicate-python, replicate.com/docs).

use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::profile::Protocol;
use imagemill_domain::request::ImageRequest;
use reqwest::Method;
use serde_json::{Value, json};

use crate::body::{self, PictureText};
use crate::error;
use crate::model_input;
use crate::provider::{
    CallFailure, CallFuture, ImageProvider, Intake, PictureInput, PollFuture, Polled, ProviderFuture, Reply, Ticket,
    UploadFuture, Uploaded, WireCall,
};
use crate::queue::{Stage, Told};
use crate::spool::{Spool, Spooled};
use crate::uploads;
use crate::webhook;
use crate::wire::Wire;

/// An account at Replicate.
pub(crate) struct Replicate {
    wire: Wire,
}

impl Replicate {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn body(&self, request: &ImageRequest, pictures: &[PictureInput], picture: PictureText<'_>) -> Value {
        let [width, height, size] = model_input::size_members(request);
        let own = [("num_outputs", request.options.n.map(Value::from)), width, height, size];
        let mut input = model_input::model_input(request, own);
        let field = self.wire.options.picture_field.as_deref();
        model_input::put_pictures(&mut input, field.unwrap_or("image"), pictures.len(), picture);
        let mut body = json!({"input": input});
        if let (_, Some(version)) = place(&request.model) {
            body["version"] = version.into();
        }
        if let Some(address) = webhook::address_of(&self.wire.profile) {
            body["webhook"] = address.into();
            body["webhook_events_filter"] = json!(["completed"]);
        }
        self.wire.add_extra(&mut body, request);
        body
    }

    async fn send(&self, call: WireCall<'_>) -> Result<Reply, Box<CallFailure>> {
        let (path, _) = place(&call.request.model);
        let body = self.body(call.request, call.pictures, &|number| body::data_url(call.pictures, number));
        let told = self.wire.submit_inline(self.wire.below(&path), &body, &call).await?;
        let named = |name: &str| told.value.get("urls").and_then(|urls| urls.get(name));
        let ticket = self.wire.ticket(&call.request.model, told.value.get("id"), [named("get"), None, named("cancel")]);
        read(told)?.reply(ticket)
    }

    /// Replicate's files are kept for a day, as their `expires_at` says.
    async fn hand_over(&self, picture: &PictureInput, spool: Spool) -> Result<Uploaded, Box<CallFailure>> {
        let told = self.wire.upload(self.wire.below("/files"), "content", picture, spool).await?;
        let address = told.value.pointer("/urls/get").and_then(Value::as_str);
        let address = address.ok_or_else(|| told.failed(uploads::no_address()))?;
        Ok(uploads::uploaded(address.to_owned(), told.value.get("expires_at")))
    }

    async fn ask(&self, ticket: &Ticket, spool: Spool) -> Result<Polled, Box<CallFailure>> {
        let path = format!("/predictions/{}", ticket.id);
        let url = self.wire.ticket_url(ticket, ticket.status_url.as_deref(), &path)?;
        read(self.wire.ask_about(url, spool).await?).map(Stage::polled)
    }
}

/// Where a prediction of this model is created, and the version that goes into the body.
fn place(model: &str) -> (String, Option<&str>) {
    let model = model.trim_matches('/');
    match model.split_once(':') {
        Some((_, version)) => ("/predictions".to_owned(), Some(version)),
        None if !model.contains('/') => ("/predictions".to_owned(), Some(model)),
        None if model.starts_with("deployments/") => (format!("/{model}/predictions"), None),
        None => (format!("/models/{model}/predictions"), None),
    }
}

/// What a prediction says of itself.
fn read(mut told: Told) -> Result<Stage, Box<CallFailure>> {
    match told.word("status") {
        "succeeded" | "successful" => {}
        "failed" => return Err(told.run_failed(&reason(&told.value))),
        // "Canceled public runs are billed", aborted ones never began.
        "canceled" | "cancelled" => return Err(told.cancelled(Billing::Unknown)),
        "aborted" => {
            let failure = Failure::new(FailureKind::Transient, "the provider dropped the request before it began");
            return Err(told.failed(failure));
        }
        _ => return Ok(Stage::Pending(Box::new(told))),
    }
    let output = told.value.get("output").cloned().unwrap_or_default();
    let items = told.found(&output);
    if items.is_empty() && told.value.get("data_removed") == Some(&Value::Bool(true)) {
        let message = "the prediction succeeded and its output was removed (Replicate keeps it for an hour)";
        return Err(told.failed(Failure::new(FailureKind::FetchExpired, message).billing(Billing::Billed)));
    }
    Ok(Stage::Ended(Box::new(told.answer(items, "")?)))
}

fn reason(value: &Value) -> String {
    match value.get("error") {
        Some(Value::String(text)) => text.clone(),
        Some(other @ (Value::Object(_) | Value::Array(_))) => {
            error::Report::of(other).map_or_else(|| other.to_string(), |report| report.message)
        }
        _ => String::new(),
    }
}

impl ImageProvider for Replicate {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        Box::pin(self.send(call))
    }

    fn poll<'a>(&'a self, ticket: &'a Ticket, spool: Spool) -> PollFuture<'a> {
        Box::pin(self.ask(ticket, spool))
    }

    fn cancel<'a>(&'a self, ticket: &'a Ticket) -> ProviderFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let path = format!("/predictions/{}/cancel", ticket.id);
            let url = self.wire.ticket_url(ticket, ticket.cancel_url.as_deref(), &path);
            self.wire.tell_to_cancel(Method::POST, url.map_err(|failure| failure.failure)?, None).await
        })
    }

    fn intake(&self) -> Intake {
        Protocol::Replicate.intake(false)
    }

    fn upload<'a>(&'a self, picture: &'a PictureInput, spool: Spool) -> UploadFuture<'a> {
        Box::pin(async { self.hand_over(picture, spool).await.map_err(|failed| failed.failure) })
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        self.body(request, pictures, &|number| body::content_name(pictures, number)).to_string()
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    /// The list of public models is endless; the account's own address says whether the key is good.
    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let spool = Spool::new("", "check");
            let told = self.wire.ask(Method::GET, self.wire.below("/account"), None, spool).await;
            let told = told.map_err(|failure| failure.failure)?;
            if told.is_success() {
                return Ok(Vec::new());
            }
            Err(error::of_status(told.status, &told.headers, told.text(), false))
        })
    }
}

#[cfg(test)]
mod tests;
