//! A ComfyUI of one's own: the user's workflow (API format) with its places filled in goes to `/prompt`, sources to
//! `/upload/image`, the result is asked at `/history` and its files lie at `/view` (ComfyUI's server.py).

use std::path::Path;

use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::profile::Protocol;
use imagemill_domain::request::ImageRequest;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::body;
use crate::error;
use crate::model_input;
use crate::provider::{
    CallFailure, CallFuture, Found, ImageProvider, Intake, PictureInput, PollFuture, Polled, ProviderFuture, Reply,
    Ticket, UploadFuture, Uploaded, WireCall,
};
use crate::queue::{self, Told};
use crate::spool::{Spool, Spooled};
use crate::uploads;
use crate::wire::Wire;

/// Largest workflow file.
const MAX_WORKFLOW_BYTES: u64 = 4 << 20;
/// Members of `extra_body` that are not ComfyUI's own.
const OURS: [&str; 2] = ["workflow", "workflow_file"];

/// One ComfyUI server.
pub(crate) struct Comfyui {
    wire: Wire,
    /// The profile's workflow.
    workflow: Value,
}

/// What goes into a workflow's places.
struct Places {
    words: Vec<(String, Value)>,
    used: Vec<String>,
    /// Places that nothing was given for.
    empty: Vec<String>,
}

impl Comfyui {
    /// Over `wire`; reads the profile's workflow.
    pub(crate) fn new(wire: Wire) -> Result<Self, Failure> {
        let mut workflow = Value::Null;
        add_workflow(&mut workflow, &wire.profile.extra_body)?;
        Ok(Self { wire, workflow })
    }

    /// The body of `/prompt`; `pictures` are the names of the uploaded sources.
    fn body(&self, request: &ImageRequest, pictures: &[String]) -> Result<Value, Failure> {
        let mut workflow = self.workflow.clone();
        add_workflow(&mut workflow, &request.options.extra_body)?;
        if workflow.is_null() {
            let message =
                "the profile has no workflow; set extra_body = { workflow_file = \"/path/workflow_api.json\" }";
            return Err(Failure::new(FailureKind::Invalid, message));
        }
        let mut places = Places::of(request, pictures)?;
        places.fill(&mut workflow);
        places.check(request, pictures.len())?;
        let mut body = Map::new();
        for extra in [&self.wire.profile.extra_body, &request.options.extra_body] {
            for (name, value) in extra.iter().filter(|(name, _)| !OURS.contains(&name.as_str())) {
                body::merge(body.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        body.insert("prompt".into(), workflow);
        Ok(body.into())
    }

    async fn send(&self, call: WireCall<'_>) -> Result<Reply, Box<CallFailure>> {
        // What does not fit is said before anything is uploaded.
        let names: Vec<String> =
            (0..call.pictures.len()).map(|number| body::content_name(call.pictures, number)).collect();
        self.body(call.request, &names).map_err(|failure| self.wire.unanswered(failure))?;
        let mut names = Vec::new();
        for picture in call.pictures {
            names.push(match &picture.address {
                Some(name) => name.clone(),
                None => self.hand_over(picture, call.spool.clone()).await?,
            });
        }
        let body = self.body(call.request, &names).map_err(|failure| self.wire.unanswered(failure))?;
        let told =
            self.wire.submit(self.wire.below("/prompt"), body::json(&body, &[]), &call).await.map_err(explained)?;
        let ticket = self.wire.ticket(&call.request.model, told.value.get("prompt_id"), [None; 3]);
        ticket.map(Reply::Accepted).ok_or_else(|| queue::no_ticket(&told))
    }

    async fn hand_over(&self, picture: &PictureInput, spool: Spool) -> Result<String, Box<CallFailure>> {
        let told = self.wire.upload(self.wire.below("/upload/image"), "image", picture, spool).await?;
        let name = told.word("name");
        if name.is_empty() {
            let message = "a source picture was uploaded and the answer does not name it; nothing was queued";
            return Err(told.failed(Failure::new(FailureKind::Protocol, message)));
        }
        let folder = told.word("subfolder");
        Ok(if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") })
    }

    async fn ask(&self, ticket: &Ticket, spool: Spool) -> Result<Polled, Box<CallFailure>> {
        let url = self.wire.ticket_url(ticket, None, &format!("/history/{}", ticket.id))?;
        let told = self.wire.ask_about(url.clone(), spool.clone()).await?;
        if told.value.get(&ticket.id).is_some() {
            return self.read(told, ticket);
        }
        // Not in the history: it waits, or runs, or the server was restarted and forgot it.
        let queue = self.wire.ask_about(self.wire.below("/queue"), spool.clone()).await?;
        match Place::of(&queue.value, &ticket.id) {
            Place::Running => return Ok(Polled::Pending { again_in_ms: None, queue_position: None }),
            Place::Behind(others) => return Ok(Polled::Pending { again_in_ms: None, queue_position: Some(others) }),
            Place::Nowhere => {}
        }
        // It may have moved from one to the other between the two questions.
        let told = self.wire.ask_about(url, spool).await?;
        if told.value.get(&ticket.id).is_some() {
            return self.read(told, ticket);
        }
        let message = "ComfyUI knows this request neither in its queue nor in its history (was it restarted?)";
        Err(told.failed(Failure::new(FailureKind::UnknownOutcome, message).billing(Billing::Unknown)))
    }

    fn read(&self, told: Told, ticket: &Ticket) -> Result<Polled, Box<CallFailure>> {
        let entry = told.value.get(&ticket.id).cloned().unwrap_or_default();
        if entry.pointer("/status/status_str").and_then(Value::as_str) == Some("error") {
            return Err(ended_badly(&told, &entry));
        }
        let nodes = entry.get("outputs").and_then(Value::as_object).cloned().unwrap_or_default();
        let pictures = nodes.values().filter_map(|node| node.get("images")?.as_array()).flatten();
        let (saved, previews): (Vec<&Value>, Vec<&Value>) =
            pictures.partition(|picture| picture.get("type").and_then(Value::as_str) != Some("temp"));
        // A workflow that saves nothing has only previews.
        let chosen = if saved.is_empty() { previews } else { saved };
        let items: Vec<Found> =
            chosen.into_iter().filter_map(|picture| self.address(picture)).map(Found::Link).collect();
        told.answer(items, "").map(|answer| Polled::Answer(Box::new(answer)))
    }

    /// Where a file of a result lies.
    fn address(&self, picture: &Value) -> Option<String> {
        let word = |name: &str| picture.get(name).and_then(Value::as_str).unwrap_or_default();
        if word("filename").is_empty() {
            return None;
        }
        let mut url = self.wire.below("/view");
        for name in ["filename", "subfolder", "type"] {
            url.query_pairs_mut().append_pair(name, word(name));
        }
        Some(url.into())
    }

    async fn drop_request(&self, ticket: &Ticket) -> Result<(), Failure> {
        let post = |path: &str, value: Value| {
            self.wire.tell_to_cancel(Method::POST, self.wire.below(path), Some(body::json(&value, &[])))
        };
        post("/queue", json!({"delete": [ticket.id]})).await?;
        let nowhere = Spool::new("", "cancel");
        let queue = self.wire.ask_about(self.wire.below("/queue"), nowhere).await.map_err(|failure| failure.failure)?;
        // Older servers interrupt whatever runs, so this is only said when it is ours.
        if Place::of(&queue.value, &ticket.id) == Place::Running {
            post("/interrupt", json!({"prompt_id": ticket.id})).await?;
        }
        Ok(())
    }
}

/// "Prompt outputs failed validation" says little; what is wrong stands beside it, node by node.
fn explained(mut failed: Box<CallFailure>) -> Box<CallFailure> {
    let said: Value = serde_json::from_str(&failed.raw).unwrap_or_default();
    let nodes = said.get("node_errors").and_then(Value::as_object).into_iter().flat_map(|nodes| nodes.values());
    let errors = nodes.filter_map(|node| node.get("errors")?.as_array()).flatten();
    let details: Vec<&str> = errors.filter_map(|error| error.get("details")?.as_str()).take(3).collect();
    if !details.is_empty() {
        let message = format!("{}: {}", failed.failure.message, error::quote(&details.join("; ")));
        failed.failure.message = message;
    }
    failed
}

/// Takes a workflow out of an `extra_body`: a file replaces what is there, members are merged into it.
fn add_workflow(workflow: &mut Value, extra: &std::collections::BTreeMap<String, Value>) -> Result<(), Failure> {
    let invalid = |message: String| Failure::new(FailureKind::Invalid, message);
    if let Some(file) = extra.get("workflow_file") {
        let path = Path::new(file.as_str().unwrap_or_default());
        let shown = path.display();
        if !path.is_absolute() {
            return Err(invalid(format!("workflow_file {shown} must be a whole path, from the root")));
        }
        let bytes = std::fs::metadata(path).map(|metadata| metadata.len());
        let bytes = bytes.map_err(|error| invalid(format!("the workflow {shown} cannot be read: {error}")))?;
        if bytes > MAX_WORKFLOW_BYTES {
            return Err(invalid(format!("the workflow {shown} is over 4 MiB")));
        }
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| invalid(format!("the workflow {shown} cannot be read: {error}")))?;
        *workflow = serde_json::from_str(&text)
            .map_err(|error| invalid(format!("the workflow {shown} is no JSON: {error}")))?;
    }
    if let Some(members) = extra.get("workflow") {
        body::merge(workflow, members);
    }
    if workflow.get("nodes").is_some_and(Value::is_array) {
        let message =
            "the workflow is in the form of the editor; export it with \"Save (API format)\" or \"Export (API)\"";
        return Err(invalid(message.into()));
    }
    Ok(())
}

impl Places {
    fn of(request: &ImageRequest, pictures: &[String]) -> Result<Self, Failure> {
        // Without a seed of its own each request gets one, or ComfyUI answers from its cache.
        let drawn = i64::from_le_bytes(request.hash().as_bytes()[..8].try_into().expect("eight of sixteen bytes"));
        let seed = request.sample_seed();
        let mut words = vec![
            ("prompt".to_owned(), request.whole_prompt().into()),
            ("model".to_owned(), request.model.clone().into()),
            ("seed".to_owned(), seed.unwrap_or(drawn & i64::from(u32::MAX)).into()),
            ("negative_prompt".to_owned(), request.negative_prompt.clone().into()),
            ("n".to_owned(), request.options.n.unwrap_or(1).into()),
        ];
        if let Some(size) = &request.options.size {
            let (width, height) = model_input::edges(size).ok_or_else(|| {
                Failure::new(FailureKind::Invalid, format!("size = {size:?}: a workflow takes WIDTHxHEIGHT"))
            })?;
            words.extend([("width".to_owned(), width.into()), ("height".to_owned(), height.into())]);
        }
        for (number, name) in pictures.iter().enumerate() {
            let place = if number == 0 { "picture".to_owned() } else { format!("picture_{}", number + 1) };
            words.push((place, name.clone().into()));
        }
        Ok(Self { words, used: Vec::new(), empty: Vec::new() })
    }

    /// A text that is a place takes its value with its type; a place inside a text becomes text.
    fn fill(&mut self, value: &mut Value) {
        match value {
            Value::Object(map) => map.values_mut().for_each(|value| self.fill(value)),
            Value::Array(list) => list.iter_mut().for_each(|value| self.fill(value)),
            Value::String(text) => {
                let found: Vec<&(String, Value)> =
                    self.words.iter().filter(|(name, _)| text.contains(&format!("{{{name}}}"))).collect();
                if let [(name, word)] = found[..]
                    && *text == format!("{{{name}}}")
                {
                    self.used.push(name.clone());
                    *value = word.clone();
                    return;
                }
                let mut filled = String::new();
                let mut rest = text.as_str();
                // One pass, so that nothing in a prompt is taken for a place.
                while let Some((at, name, word)) = found
                    .iter()
                    .filter_map(|(name, word)| Some((rest.find(&format!("{{{name}}}"))?, name, word)))
                    .min_by_key(|(at, ..)| *at)
                {
                    filled.push_str(&rest[..at]);
                    filled.push_str(&word.as_str().map_or_else(|| word.to_string(), str::to_owned));
                    rest = &rest[at + name.len() + 2..];
                    self.used.push(name.clone());
                }
                if found.is_empty() && is_place(text) {
                    self.empty.push(text.clone());
                }
                filled.push_str(rest);
                *text = filled;
            }
            _ => {}
        }
    }

    /// Whatever was given must have found its place: what is dropped in silence makes the wrong picture.
    fn check(&self, request: &ImageRequest, pictures: usize) -> Result<(), Failure> {
        let mut wanted = vec!["prompt".to_owned()];
        wanted.extend(request.options.seed.map(|_| "seed".to_owned()));
        wanted.extend(request.options.n.filter(|n| *n > 1).map(|_| "n".to_owned()));
        wanted.extend((!request.negative_prompt.is_empty()).then(|| "negative_prompt".to_owned()));
        if request.options.size.is_some() {
            wanted.extend(["width".to_owned(), "height".to_owned()]);
        }
        wanted.extend((1..=pictures).map(|n| if n == 1 { "picture".to_owned() } else { format!("picture_{n}") }));
        let lost = wanted.iter().find(|name| !self.used.contains(name));
        let message = match (lost, self.empty.first()) {
            (Some(name), _) => {
                format!("the workflow has no place {{{name}}}, so it would be left out; nothing was sent")
            }
            (_, Some(place)) => {
                format!("the workflow's place {place} stays empty: the job gives nothing for it; nothing was sent")
            }
            _ => return Ok(()),
        };
        Err(Failure::new(FailureKind::Invalid, message))
    }
}

/// `{width}`, `{picture_3}` and the like.
fn is_place(text: &str) -> bool {
    text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).is_some_and(|name| {
        matches!(name, "width" | "height" | "picture")
            || name.strip_prefix("picture_").is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

/// Where a request is in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Running,
    /// So many are before it.
    Behind(u32),
    Nowhere,
}

impl Place {
    fn of(queue: &Value, id: &str) -> Self {
        let entries = |name: &str| queue.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let is_ours = |entry: &Value| entry.get(1).and_then(Value::as_str) == Some(id);
        if entries("queue_running").iter().any(is_ours) {
            return Self::Running;
        }
        let mut pending = entries("queue_pending");
        pending.sort_by(|a, b| number_of(a).total_cmp(&number_of(b)));
        let position = pending.iter().position(is_ours);
        position.map_or(Self::Nowhere, |position| Self::Behind(u32::try_from(position).unwrap_or(u32::MAX)))
    }
}

fn number_of(entry: &Value) -> f64 {
    entry.get(0).and_then(Value::as_f64).unwrap_or(f64::MAX)
}

/// Its own machine ran it, so nothing is charged; its words say which node failed.
fn ended_badly(told: &Told, entry: &Value) -> Box<CallFailure> {
    let messages = entry.pointer("/status/messages").and_then(Value::as_array).cloned().unwrap_or_default();
    let of = |kind: &str| messages.iter().find(|message| message.get(0).and_then(Value::as_str) == Some(kind));
    if of("execution_interrupted").is_some() {
        return told.cancelled(Billing::NotBilled);
    }
    let word = |name: &str| {
        let details = of("execution_error").and_then(|message| message.get(1));
        details.and_then(|details| details.get(name)).and_then(Value::as_str).unwrap_or_default()
    };
    let message = format!(
        "ComfyUI could not run the workflow: {} {}",
        word("node_type"),
        error::quote(word("exception_message"))
    );
    told.failed(Failure::new(FailureKind::Protocol, message.trim().to_owned()))
}

impl ImageProvider for Comfyui {
    fn image<'a>(&'a self, call: WireCall<'a>) -> CallFuture<'a> {
        Box::pin(self.send(call))
    }

    fn poll<'a>(&'a self, ticket: &'a Ticket, spool: Spool) -> PollFuture<'a> {
        Box::pin(self.ask(ticket, spool))
    }

    fn cancel<'a>(&'a self, ticket: &'a Ticket) -> ProviderFuture<'a, Result<(), Failure>> {
        Box::pin(self.drop_request(ticket))
    }

    fn request_text(&self, request: &ImageRequest, pictures: &[PictureInput]) -> String {
        let names: Vec<String> = (0..pictures.len()).map(|number| body::content_name(pictures, number)).collect();
        // What cannot be made is said by the call itself, before anything is sent.
        self.body(request, &names)
            .map_or_else(|failure| json!({"not_sent": failure.message}).to_string(), |body| body.to_string())
    }

    fn intake(&self) -> Intake {
        Protocol::Comfyui.intake(false)
    }

    /// They lie in the server's input folder under their content's name until somebody clears it.
    fn upload<'a>(&'a self, picture: &'a PictureInput, spool: Spool) -> UploadFuture<'a> {
        Box::pin(async {
            let address = self.hand_over(picture, spool).await.map_err(|failed| failed.failure)?;
            Ok(Uploaded { address, kept_for_ms: uploads::DAY_MS })
        })
    }

    fn download<'a>(&'a self, url: &'a str, spool: Spool) -> ProviderFuture<'a, Result<Spooled, Failure>> {
        Box::pin(self.wire.downloads().fetch(url, spool))
    }

    /// The checkpoints it has.
    fn check(&self) -> ProviderFuture<'_, Result<Vec<String>, Failure>> {
        Box::pin(self.wire.list("/models/checkpoints", |name| name.as_str().map(str::to_owned)))
    }
}

#[cfg(test)]
mod tests;
