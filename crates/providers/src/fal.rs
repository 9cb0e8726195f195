//! fal's queue: submit, ask, fetch. The body is the model's own input; a request that ends badly is `COMPLETED` like any
//! other, and its error is what the result's address answers (fal-js, fal.ai/docs).

use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::profile::Protocol;
use imagemill_domain::request::ImageRequest;
use reqwest::Method;
use serde_json::{Value, json};

use crate::body::{self, PictureText};
use crate::error;
use crate::model_input;
use crate::provider::{
    CallFailure, CallFuture, Found, ImageProvider, Intake, PictureInput, PollFuture, Polled, ProviderFuture, Reply,
    Ticket, UploadFuture, Uploaded, WireCall,
};
use crate::queue::{self, Told};
use crate::spool::{Spool, Spooled};
use crate::uploads;
use crate::webhook;
use crate::wire::Wire;

/// Where requests are queued.
const QUEUE_HOST: &str = "queue.fal.run";
/// Where pictures are handed over for them.
const STORAGE_HOST: &str = "rest.fal.ai";

/// First parts of a model's name that are not its owner.
const NAMESPACES: [&str; 2] = ["workflows", "comfy"];

/// An account at fal.
pub(crate) struct Fal {
    wire: Wire,
}

impl Fal {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn input(&self, request: &ImageRequest, pictures: &[PictureInput], picture: PictureText<'_>) -> Value {
        let options = &request.options;
        // A size is one of the model's words (`landscape_16_9`) or two edges.
        let size = options.size.as_ref().map(|size| match model_input::edges(size) {
            Some((width, height)) => json!({"width": width, "height": height}),
            None => size.clone().into(),
        });
        let own = [("num_images", options.n.map(Value::from)), ("image_size", size)];
        let mut body = model_input::model_input(request, own);
        let field = self.wire.options.picture_field.as_deref();
        model_input::put_pictures(&mut body, field.unwrap_or("image_urls[]"), pictures.len(), picture);
        self.wire.add_extra(&mut body, request);
        body
    }

    async fn send(&self, call: WireCall<'_>) -> Result<Reply, Box<CallFailure>> {
        let model = call.request.model.trim_matches('/');
        let input = self.input(call.request, call.pictures, &|number| body::data_url(call.pictures, number));
        let mut url = self.wire.below(&format!("/{model}"));
        if let Some(address) = webhook::address_of(&self.wire.profile) {
            url.query_pairs_mut().append_pair("fal_webhook", &address);
        }
        let told = self.wire.submit_inline(url, &input, &call).await;
        let told =
            told.map_err(|failure| Box::new(CallFailure { failure: submission(failure.failure), ..*failure }))?;
        let urls = ["status_url", "response_url", "cancel_url"].map(|name| told.value.get(name));
        let ticket = self.wire.ticket(model, told.value.get("request_id"), urls);
        ticket.map(Reply::Accepted).ok_or_else(|| queue::no_ticket(&told))
    }

    /// fal's storage: an address to put the picture to, and the one it has then.
    async fn hand_over(&self, picture: &PictureInput, spool: Spool) -> Result<Uploaded, Failure> {
        let mut url = self.wire.below("/storage/upload/initiate");
        if url.host_str() == Some(QUEUE_HOST) {
            url.set_host(Some(STORAGE_HOST)).expect("a host's name");
        }
        url.set_query(Some("storage_type=fal-cdn-v3"));
        let name = format!("imagemill-{}.{}", picture.blake3, picture.format.extension());
        let asked = body::json(&json!({"content_type": picture.format.media_type(), "file_name": name}), &[]);
        let told = self.wire.ask(Method::POST, url, Some(asked), spool.clone()).await;
        let told = told.map_err(|failure| uploads::not_uploaded(failure.failure))?;
        if !told.is_success() {
            let failure = account(error::of_status(told.status, &told.headers, told.text(), false));
            return Err(told.failed(uploads::not_uploaded(failure)).failure);
        }
        let (target, address) = (told.word("upload_url"), told.word("file_url"));
        if address.is_empty() {
            return Err(uploads::no_address());
        }
        self.wire.put_picture(target, picture, spool).await?;
        Ok(uploads::uploaded(address.to_owned(), None))
    }

    async fn ask(&self, ticket: &Ticket, spool: Spool) -> Result<Polled, Box<CallFailure>> {
        let own = address(ticket);
        let url = self.wire.ticket_url(ticket, ticket.status_url.as_deref(), &format!("{own}/status"))?;
        let status = self.wire.ask_about(url, spool.clone()).await?;
        if status.word("status") != "COMPLETED" {
            let position = status.value.get("queue_position").and_then(Value::as_u64);
            let queue_position = position.and_then(|position| u32::try_from(position).ok());
            return Ok(Polled::Pending { again_in_ms: status.again_in_ms(), queue_position });
        }
        let url = self.wire.ticket_url(ticket, ticket.result_url.as_deref(), &own)?;
        let told = self.wire.ask(Method::GET, url, None, spool).await?;
        if told.is_success() {
            return result(told).map(|answer| Polled::Answer(Box::new(answer)));
        }
        Err(self.ended_badly(told))
    }

    /// A status of the result's address is what the run ended with, where it has words of its own; a gateway's page is
    /// only a question that failed.
    fn ended_badly(&self, told: Told) -> Box<CallFailure> {
        let kind_word = told.headers.get("x-fal-error-type").and_then(|word| word.to_str().ok()).map(str::to_owned);
        let has_words = ["detail", "message", "error"].iter().any(|name| told.value.get(*name).is_some());
        let not_the_run = matches!(told.status, 300..=399 | 401 | 404 | 408 | 409 | 425 | 429);
        if not_the_run || (kind_word.is_none() && !has_words) {
            return match told.about_ticket() {
                Err(failure) => failure,
                Ok(told) => queue::no_ticket(&told),
            };
        }
        let mut failure =
            account(error::of_status(told.status, &told.headers, told.text(), self.wire.options.bills_5xx));
        if failure.kind == FailureKind::Invalid && failure.message.to_ascii_lowercase().contains("cancel") {
            return told.cancelled(Billing::Unknown);
        }
        if kind_word.as_deref().is_some_and(|word| word.contains("content_policy")) {
            failure.kind = FailureKind::Refused;
        }
        // The filter looked at what was made; whether that is charged nobody says.
        if failure.kind == FailureKind::Refused {
            failure.billing = Billing::Unknown;
        }
        let asked_for = told.headers.get("x-fal-request-timeout-type").is_some_and(|kind| kind == "user");
        if told.status == 504 && asked_for {
            failure.kind = FailureKind::Transient;
            failure.billing = Billing::NotBilled;
            failure.should_retry = Some(false);
        }
        failure.code = failure.code.or(kind_word);
        let of_account = queue::of_question(failure.kind) && failure.kind != FailureKind::Transient;
        let ended = told.failed(failure);
        if of_account { ended.of_question() } else { ended }
    }
}

/// The documented address of a request: only owner and app of the model's name are in it.
fn address(ticket: &Ticket) -> String {
    let parts: Vec<&str> = ticket.model.split('/').collect();
    let count = if NAMESPACES.contains(&parts[0]) { 3 } else { 2 };
    format!("/{}/requests/{}", parts[..parts.len().min(count)].join("/"), ticket.id)
}

/// A gateway that gave up may have queued the request: only what the queue itself says is certain.
fn submission(failure: Failure) -> Failure {
    if matches!(failure.http_status, Some(502 | 504)) {
        return Failure { kind: FailureKind::UnknownOutcome, billing: Billing::Unknown, ..failure };
    }
    account(failure)
}

/// "User is locked. Reason: Exhausted balance." comes with 403.
fn account(mut failure: Failure) -> Failure {
    let lower = failure.message.to_ascii_lowercase();
    if failure.kind == FailureKind::Auth && (lower.contains("balance") || lower.contains("billing")) {
        failure.kind = FailureKind::Quota;
    }
    failure
}

fn result(mut told: Told) -> Result<crate::provider::Answer, Box<CallFailure>> {
    let value = std::mem::take(&mut told.value);
    let flags = value.get("has_nsfw_concepts").and_then(Value::as_array).cloned().unwrap_or_default();
    let images = match (value.get("images"), value.get("image")) {
        (Some(Value::Array(images)), _) => images.clone(),
        (_, Some(image)) => vec![image.clone()],
        _ => Vec::new(),
    };
    let mut items: Vec<Found> = Vec::new();
    for (number, image) in images.iter().enumerate() {
        if flags.get(number) == Some(&Value::Bool(true)) {
            items.push(queue::flagged());
        } else {
            items.append(&mut told.found(image));
        }
    }
    let words = value.get("description").and_then(Value::as_str).unwrap_or_default();
    told.answer(items, words)
}

impl ImageProvider for Fal {
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
        Protocol::Fal.intake(false)
    }

    fn upload<'a>(&'a self, picture: &'a PictureInput, spool: Spool) -> UploadFuture<'a> {
        Box::pin(self.hand_over(picture, spool))
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        self.input(request, pictures, &|number| body::content_name(pictures, number)).to_string()
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    /// fal has no list of models; nothing free tells whether a key is good.
    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        let message =
            "fal has no address that checks a key without a request; run `imagemill plan` and a job of one picture";
        Box::pin(std::future::ready(Err(Failure::new(FailureKind::Invalid, message))))
    }
}

#[cfg(test)]
mod tests;
