//! The prediction form of hosted-media gateways (WaveSpeed and those built on it): sources are uploaded, a prediction is
//! created, its status asked, its `outputs` fetched. Answers may stand in an envelope `{code, message, data}`.

use imagemill_domain::endpoints::endpoint;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::profile::Protocol;
use imagemill_domain::request::ImageRequest;
use serde_json::{Value, json};

use crate::body;
use crate::error;
use crate::model_input;
use crate::provider::{
    CallFailure, CallFuture, Found, ImageProvider, Intake, PictureInput, PollFuture, Polled, ProviderFuture, Reply,
    Ticket, UploadFuture, Uploaded, WireCall,
};
use crate::queue::{self, Stage, Told};
use crate::spool::{Spool, Spooled};
use crate::uploads;
use crate::wire::Wire;

/// Sizes that are tiers.
const TIERS: [&str; 4] = ["0.5k", "1k", "2k", "4k"];

/// How long an upload is kept: a week by the gateway's pages, less a day.
const KEPT_MS: u64 = 6 * uploads::DAY_MS;

/// An account at a hosted-media gateway.
pub(crate) struct HostedMedia {
    wire: Wire,
}

impl HostedMedia {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn body(&self, request: &ImageRequest, pictures: Vec<String>) -> Value {
        let options = &request.options;
        // Waiting in the request would make it a synchronous call whose lost answer is lost money.
        let mut body = json!({
            "prompt": request.whole_prompt(), "enable_sync_mode": false, "enable_base64_output": false,
        });
        let size = options.size.as_ref().map(|size| size.to_ascii_lowercase().replace(' ', ""));
        let tier = size.clone().filter(|size| TIERS.contains(&size.as_str()));
        let size = size.filter(|_| tier.is_none()).map(|size| match model_input::edges(&size) {
            Some((width, height)) => format!("{width}*{height}"),
            None => size,
        });
        let members = [
            ("max_images", options.n.map(Value::from)),
            ("resolution", tier.map(Value::from)),
            ("size", size.map(Value::from)),
            ("aspect_ratio", options.aspect_ratio.clone().map(Value::from)),
            ("quality", options.quality.as_ref().map(|quality| quality.to_ascii_lowercase().into())),
            ("output_format", options.output_format.as_ref().map(|format| format.to_ascii_lowercase().into())),
            ("seed", request.sample_seed().map(Value::from)),
            ("negative_prompt", model_input::negative(request)),
        ];
        body::put(&mut body, members);
        if !pictures.is_empty() {
            body["images"] = pictures.into();
        }
        self.wire.add_extra(&mut body, request);
        body
    }

    async fn send(&self, call: WireCall<'_>) -> Result<Reply, Box<CallFailure>> {
        let mut addresses = Vec::new();
        for picture in call.pictures {
            addresses.push(match &picture.address {
                Some(address) => address.clone(),
                None => self.hand_over(picture, call.spool.clone()).await?,
            });
        }
        let body = body::json(&self.body(call.request, addresses), &[]);
        let told = self.wire.submit(self.wire.below(&format!("/{}", path(&call.request.model))), body, &call).await?;
        let told = unwrapped(told, self.wire.options.bills_5xx)?;
        let named = told.value.get("urls").and_then(|urls| urls.get("get"));
        let ticket = self.wire.ticket(&call.request.model, told.value.get("id"), [named, None, None]);
        read(told)?.reply(ticket)
    }

    /// Sources are taken as addresses only.
    async fn hand_over(&self, picture: &PictureInput, spool: Spool) -> Result<String, Box<CallFailure>> {
        let told = self.wire.upload(self.wire.below("/media/upload/binary"), "file", picture, spool).await?;
        let data = told.value.get("data").unwrap_or(&told.value);
        let address = ["download_url", "url"].iter().find_map(|name| data.get(*name)?.as_str());
        address.map(str::to_owned).ok_or_else(|| told.failed(uploads::no_address()))
    }

    async fn ask(&self, ticket: &Ticket, spool: Spool) -> Result<Polled, Box<CallFailure>> {
        let path = format!("/predictions/{}/result", ticket.id);
        let url = self.wire.ticket_url(ticket, ticket.status_url.as_deref(), &path)?;
        let told = self.wire.ask_about(url, spool).await?;
        let told = unwrapped(told, false).map_err(about_ticket)?;
        read(told).map(Stage::polled)
    }
}

/// Any name that is not a short one is a path itself.
fn path(model: &str) -> &str {
    endpoint(model).map_or(model.trim_matches('/'), |endpoint| endpoint.path)
}

/// A failure status inside an envelope whose own status is 200.
fn envelope_code(value: &Value) -> Option<u16> {
    let code = value.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok())?;
    (400..600).contains(&code).then_some(code)
}

/// What is in the envelope, if there is one.
fn unwrapped(mut told: Told, bills_5xx: bool) -> Result<Told, Box<CallFailure>> {
    if let Some(code) = envelope_code(&told.value) {
        return Err(told.failed(error::of_status(code, &told.headers, told.text(), bills_5xx)));
    }
    if told.value.get("status").is_none()
        && let Some(data @ Value::Object(_)) = told.value.get_mut("data")
    {
        told.value = data.take();
    }
    Ok(told)
}

/// A failure status in the answer to a question; one that is final may still have been run and charged.
fn about_ticket(mut failure: Box<CallFailure>) -> Box<CallFailure> {
    if queue::of_question(failure.failure.kind) {
        return failure.of_question();
    }
    failure.failure.kind = FailureKind::UnknownOutcome;
    failure.failure.billing = Billing::Unknown;
    failure
}

/// What a prediction says of itself; `outputs` count only when it is completed.
fn read(mut told: Told) -> Result<Stage, Box<CallFailure>> {
    let reason = ["error", "message"].iter().find_map(|name| told.value.get(*name)?.as_str()).unwrap_or_default();
    match told.word("status") {
        "completed" | "succeeded" | "success" => {}
        "failed" | "error" => return Err(told.run_failed(reason)),
        "expired" => return Err(told.run_failed(&format!("the prediction expired. {reason}"))),
        "canceled" | "cancelled" => return Err(told.cancelled(Billing::Unknown)),
        _ => return Ok(Stage::Pending(Box::new(told))),
    }
    let outputs = told.value.get("outputs").or_else(|| told.value.get("output")).cloned().unwrap_or_default();
    let outputs = if let Value::Array(outputs) = outputs { outputs } else { vec![outputs] };
    let flags = told.value.get("has_nsfw_contents").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut items: Vec<Found> = Vec::new();
    for (number, output) in outputs.iter().enumerate() {
        if flags.get(number) == Some(&Value::Bool(true)) {
            items.push(queue::flagged());
        } else {
            items.append(&mut told.found(output));
        }
    }
    Ok(Stage::Ended(Box::new(told.answer(items, "")?)))
}

impl ImageProvider for HostedMedia {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        Box::pin(self.send(call))
    }

    fn poll<'a>(&'a self, ticket: &'a Ticket, spool: Spool) -> PollFuture<'a> {
        Box::pin(self.ask(ticket, spool))
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        self.body(request, (0..pictures.len()).map(|number| body::content_name(pictures, number)).collect()).to_string()
    }

    fn intake(&self) -> Intake {
        Protocol::HostedMedia.intake(false)
    }

    fn upload<'a>(&'a self, picture: &'a PictureInput, spool: Spool) -> UploadFuture<'a> {
        Box::pin(async {
            let address = self.hand_over(picture, spool).await.map_err(|failed| failed.failure)?;
            Ok(Uploaded { address, kept_for_ms: KEPT_MS })
        })
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        let name = |model: &Value| Some(model.get("model_id").or(model.get("id"))?.as_str()?.to_owned());
        Box::pin(self.wire.list("/models", name))
    }
}

#[cfg(test)]
mod tests;
