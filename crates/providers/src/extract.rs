//! From the events of an answer to what counts: pictures, links, failed items, words, usage, errors. One reader for the
//! answer shapes of all protocols, because gateways mix them.
//!
//! Must not know which protocol was asked, nor do IO.

use std::collections::HashSet;

use imagemill_domain::call::Usage;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use serde_json::{Map, Value};
use url::Url;

use crate::error::Report;
use crate::lift::{Kept, Shelf, Slot};
use crate::links::{self, Hit};
use crate::sse::Event;

/// Longest text handed on, in bytes.
const MAX_TEXT: usize = 4 << 10;
/// Items of one answer, repeats counted; also texts.
const MAX_ITEMS: usize = 1024;
/// Links of one answer that are fetched: more than any provider makes pictures in a call.
const MAX_LINKS: usize = 128;

/// Members that never hold a result: echoes of the request, sources that were read, book-keeping.
const NOT_RESULTS: &[&str] = &[
    "annotations",
    "citations",
    "encrypted_content",
    "error",
    "finish_reason",
    "id",
    "info",
    "input",
    "instructions",
    "logprobs",
    "metadata",
    "model",
    "object",
    "parameters",
    "previous_response_id",
    "prompt",
    "provider",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "refusal",
    "request",
    "revised_prompt",
    "role",
    "search_results",
    "search_sources",
    "system_fingerprint",
    "thinking",
    "tool_choice",
    "tools",
    "type",
    "usage",
    "user",
];
/// Members whose text is an address.
const ADDRESSES: &[&str] = &["url", "image_url", "uri", "file_uri", "fileuri", "image", "src", "download_url"];
/// Members below which an address is a picture's whatever it looks like.
const PICTURE_PLACES: &[&str] = &["data", "images", "image", "image_url", "inlinedata", "filedata", "artifacts"];
/// Members whose text is base64.
const BASE64: &[&str] = &["b64_json", "image_base64", "base64", "image_b64", "b64"];
/// Members whose text is the model's words.
const WORDS: &[&str] = &["content", "text", "output_text"];

/// Something found, before pictures are taken from the shelf.
#[derive(Debug)]
enum Item {
    Slot(usize),
    Link(String),
    Failed(Failure),
}

/// Something found.
#[derive(Debug)]
pub(crate) enum Piece {
    /// A whole picture.
    Picture(Kept),
    /// An absolute address.
    Link(String),
    /// An item that failed.
    Failed(Failure),
}

/// Collects from one answer.
#[derive(Debug)]
pub(crate) struct Collector {
    base: Url,
    bills_5xx: bool,
    items: Vec<(u64, Item)>,
    events: u64,
    words: Vec<String>,
    /// What `words` holds: gateways repeat themselves.
    known_words: HashSet<String>,
    /// The gateway's own error.
    pub(crate) error: Option<Failure>,
    /// Why the model ended.
    pub(crate) finish: Option<String>,
    /// The provider's own words about that.
    pub(crate) finish_words: String,
    /// The prompt itself was blocked, so no model ran.
    pub(crate) blocked: bool,
    /// The model's refusal in its own member.
    pub(crate) refusal: String,
    /// The model said that it ended.
    pub(crate) terminal: bool,
    /// The event after which nothing more comes was seen.
    pub(crate) over: bool,
    /// The dialect has a last event, so a stream without one was cut.
    pub(crate) strict: bool,
    /// Images events that completed a picture.
    pub(crate) completed_images: u32,
    /// What was counted.
    pub(crate) usage: Usage,
    /// The rewritten prompt.
    pub(crate) revised_prompt: Option<String>,
    /// A bare `message` or `detail` of a body without results.
    pub(crate) remark: Option<Failure>,
}

impl Collector {
    /// Relative addresses are resolved against `base`.
    pub(crate) fn new(base: Url, bills_5xx: bool) -> Self {
        Self {
            base,
            bills_5xx,
            items: Vec::new(),
            events: 0,
            words: Vec::new(),
            known_words: HashSet::new(),
            error: None,
            finish: None,
            finish_words: String::new(),
            blocked: false,
            refusal: String::new(),
            terminal: false,
            over: false,
            strict: false,
            completed_images: 0,
            usage: Usage::default(),
            revised_prompt: None,
            remark: None,
        }
    }

    /// Whether something was found.
    pub(crate) fn found_any(&self) -> bool {
        !self.items.is_empty()
    }

    /// Takes the next event.
    pub(crate) fn event(&mut self, event: &Event) {
        self.events += 1;
        let root = &event.value;
        let kind = root.get("type").and_then(Value::as_str).unwrap_or(&event.name).to_owned();
        if kind.ends_with("partial_image") {
            self.strict = true;
            return;
        }
        self.read_error(root, &kind);
        // Responses and Anthropic begin a stream with an event around the whole.
        let inner = ["response", "message"].map(|name| root.get(name).filter(|inner| inner.is_object()));
        for holder in [Some(root)].into_iter().chain(inner).flatten() {
            self.read_end(holder);
            for name in ["usage", "usageMetadata"] {
                if let Some(usage) = holder.get(name) {
                    read_usage(&mut self.usage, usage);
                }
            }
        }
        let is_image_event = kind.starts_with("image_") && kind.contains('.');
        self.strict |= is_image_event || kind.starts_with("response.") || kind == "message_start";
        let completed = is_image_event && kind.ends_with(".completed");
        self.completed_images += u32::from(completed);
        let last = ["response.completed", "response.failed", "response.incomplete", "message_stop"];
        self.over |= last.contains(&kind.as_str());
        // Ark ends a set with an event of this name that has no picture of its own.
        self.over |= completed && ["b64_json", "url"].iter().all(|name| root.get(*name).is_none());
        if kind.ends_with("partial_failed") {
            return;
        }
        self.walk(root, "", is_image_event, 0);
        if root.get("error").is_none() && self.remark.is_none() && root.get("choices").is_none() {
            self.remark = Report::of(root).map(|report| report.in_answer(self.bills_5xx));
        }
    }

    fn read_error(&mut self, root: &Value, kind: &str) {
        let holder = if kind == "response.failed" { root.get("response").unwrap_or(root) } else { root };
        let error = match holder.get("error") {
            Some(Value::Null) | None if kind == "error" => Report::of(root),
            Some(error @ (Value::Object(_) | Value::String(_))) => Report::of(error),
            None if kind == "response.failed" => Some(Report::saying("the response failed without a reason")),
            _ => None,
        };
        let Some(failure) = error.map(|report| report.in_answer(self.bills_5xx)) else { return };
        if kind.ends_with("partial_failed") {
            self.push(Item::Failed(failure));
        } else if self.error.is_none() {
            self.error = Some(failure);
        }
    }

    /// Reads why the answer ended, from the whole or from its choices.
    fn read_end(&mut self, holder: &Value) {
        let reason = holder.pointer("/incomplete_details/reason").and_then(Value::as_str);
        if let Some(reason) = reason {
            self.finish = Some(reason.to_owned());
        }
        if let Some(reason) = holder.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
            self.finish = Some(reason.to_owned());
            self.blocked = true;
            self.note_words(holder.pointer("/promptFeedback/blockReasonMessage"));
        }
        // Anthropic.
        let reason = holder.get("stop_reason").or_else(|| holder.pointer("/delta/stop_reason"));
        if let Some(reason) = reason.and_then(Value::as_str) {
            self.finish = Some(reason.to_owned());
            self.terminal = true;
        }
        for list in ["choices", "candidates"] {
            let choices = holder.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for choice in choices {
                let reason = choice.get("finish_reason").or_else(|| choice.get("finishReason"));
                if let Some(reason) = reason.and_then(Value::as_str) {
                    self.finish = Some(reason.to_owned());
                    self.terminal = true;
                    self.note_words(choice.get("finishMessage"));
                    if choices.len() > 1 && is_refusal(reason) {
                        let message = format!("the provider's content filter withheld this picture ({reason})");
                        let failure = Failure::new(FailureKind::Refused, message).billing(Billing::Billed);
                        self.push(Item::Failed(failure));
                    }
                }
                for place in ["/message/refusal", "/delta/refusal"] {
                    if let Some(words) = choice.pointer(place).and_then(Value::as_str) {
                        self.refusal.push_str(words);
                    }
                }
            }
        }
    }

    fn note_words(&mut self, words: Option<&Value>) {
        if let Some(words) = words.and_then(Value::as_str).filter(|_| self.finish_words.is_empty()) {
            words.clone_into(&mut self.finish_words);
        }
    }

    fn push(&mut self, item: Item) {
        if self.items.len() < MAX_ITEMS {
            self.items.push((self.events, item));
        }
    }

    fn walk(&mut self, value: &Value, key: &str, picture_place: bool, depth: usize) {
        match value {
            Value::Object(map) => self.walk_object(map, picture_place, depth),
            Value::Array(list) => {
                for entry in list {
                    if key == "data" && entry.as_str() == Some("error") {
                        // grok2api 1.x writes this word where a picture of the set failed.
                        self.push(Item::Failed(failed_item("the provider could not make this picture")));
                    } else {
                        self.walk(entry, key, picture_place, depth + 1);
                    }
                }
            }
            Value::String(text) => self.walk_text(text, key, picture_place),
            _ => {}
        }
    }

    fn walk_object(&mut self, map: &Map<String, Value>, picture_place: bool, depth: usize) {
        let text_of = |name: &str| map.get(name).and_then(Value::as_str);
        let kind = text_of("type").unwrap_or_default();
        let is_thought = map.get("thought") == Some(&Value::Bool(true));
        if is_thought || matches!(kind, "reasoning" | "thinking" | "redacted_thinking" | "input_image" | "input_text") {
            return;
        }
        if map.get("respect_moderation") == Some(&Value::Bool(false)) {
            let message = "the provider's moderation withheld this picture";
            self.push(Item::Failed(Failure::new(FailureKind::Refused, message).billing(Billing::Billed)));
            return;
        }
        if kind == "refusal"
            && let Some(words) = text_of("refusal")
        {
            self.refusal.push_str(words);
        }
        if let Some(prompt) = text_of("revised_prompt").filter(|prompt| !prompt.is_empty()) {
            self.revised_prompt.get_or_insert_with(|| prompt.to_owned());
        }
        // An error of one item. The whole answer's own error is read elsewhere.
        if depth > 0 && (picture_place || kind == "image_generation_call") {
            let report = map.get("error").filter(|error| !error.is_null()).and_then(Report::of);
            if let Some(report) = report {
                self.push(Item::Failed(report.in_answer(self.bills_5xx)));
                return;
            }
            if kind == "image_generation_call" && text_of("status") == Some("failed") {
                self.push(Item::Failed(failed_item("the image generation tool failed")));
                return;
            }
        }
        let inline = map.iter().any(|(name, value)| {
            BASE64.contains(&name.as_str()) && value.as_str().is_some_and(|text| text.contains("<spool:"))
        });
        for (name, value) in map {
            let lower = name.to_ascii_lowercase();
            // The same picture by address beside its bytes is one picture.
            if NOT_RESULTS.contains(&lower.as_str()) || (inline && ADDRESSES.contains(&lower.as_str())) {
                continue;
            }
            let place = picture_place || PICTURE_PLACES.contains(&lower.as_str());
            // `text` of an event with a type is its own; arrays below keep the key of their member.
            self.walk(value, &lower, place, depth + 1);
        }
    }

    fn walk_text(&mut self, text: &str, key: &str, picture_place: bool) {
        if text.is_empty() {
            return;
        }
        let plain_address = !text.contains("<spool:") && !text.trim().contains(char::is_whitespace);
        if plain_address && (ADDRESSES.contains(&key) || BASE64.contains(&key)) {
            let is_address = text.starts_with("http") || (text.contains('/') && !BASE64.contains(&key));
            if is_address && (picture_place || links::looks_like_picture(text)) {
                let link = links::resolve(text, &self.base);
                if let Some(link) = link {
                    self.push(Item::Link(link));
                }
            }
            return;
        }
        let spoken = links::without_thoughts(text);
        if WORDS.contains(&key) {
            let words = links::words(&spoken);
            if !words.is_empty() && self.words.len() < MAX_ITEMS && self.known_words.insert(words.clone()) {
                self.words.push(words);
            }
        }
        for hit in links::find(&spoken, &self.base) {
            self.push(hit.into());
        }
    }

    /// Adds what streamed texts say. To be called when they have ended.
    pub(crate) fn streams(&mut self, shelf: &Shelf) {
        let mut spoken_words = Vec::new();
        for stream in shelf.streams().iter().filter(|stream| !stream.is_thought()) {
            let text = String::from_utf8_lossy(&stream.text);
            let spoken = links::without_thoughts(&text);
            let words = links::words(&spoken);
            if !words.is_empty() {
                if self.known_words.remove(&words) {
                    self.words.retain(|known| *known != words);
                }
                spoken_words.push(words);
            }
            let room = MAX_ITEMS.saturating_sub(self.items.len());
            // The first event has number 1; a text that began while event 1 was read began at 0.
            let hits = links::find(&spoken, &self.base).into_iter().take(room);
            self.items.extend(hits.map(|hit| (stream.began + 1, hit.into())));
        }
        spoken_words.append(&mut self.words);
        self.words = spoken_words;
        self.items.sort_by_key(|(event, _)| *event);
    }

    /// The model's words.
    pub(crate) fn text(&self) -> String {
        shortened(&self.words.join("\n"), MAX_TEXT)
    }

    /// Takes what was found, in order; the same bytes and the same link once.
    pub(crate) fn pieces(&mut self, shelf: &mut Shelf) -> Vec<Piece> {
        let mut hashes = HashSet::new();
        let mut links = HashSet::new();
        let mut pieces = Vec::new();
        let mut too_large = HashSet::new();
        for (_, item) in std::mem::take(&mut self.items) {
            match item {
                Item::Slot(slot) => {
                    if matches!(shelf.slot(slot), Some(Slot::TooLarge)) && too_large.insert(slot) {
                        pieces.push(Piece::Failed(picture_too_large()));
                    }
                    pieces.extend(shelf.take(slot).filter(|kept| hashes.insert(kept.get().blake3)).map(Piece::Picture));
                }
                Item::Link(link) => {
                    if links.len() < MAX_LINKS && links.insert(link.clone()) {
                        pieces.push(Piece::Link(link));
                    }
                }
                Item::Failed(failure) => pieces.push(Piece::Failed(failure)),
            }
        }
        pieces
    }
}

impl From<Hit> for Item {
    fn from(hit: Hit) -> Self {
        match hit {
            Hit::Slot(slot) => Self::Slot(slot),
            Hit::Link(link) => Self::Link(link),
        }
    }
}

/// Whether a reason for the end is a content filter's (OpenAI's and Anthropic's words, and Gemini's list of finish and block reasons).
pub(crate) fn is_refusal(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    let words = ["content_filter", "safety", "prohibited", "blocklist", "spii", "recitation", "refusal"];
    words.iter().any(|word| reason.contains(word))
}

fn failed_item(message: &str) -> Failure {
    Failure::new(FailureKind::Protocol, message).billing(Billing::Unknown)
}

/// The picture grew over `max_picture_bytes`.
pub(crate) fn picture_too_large() -> Failure {
    Failure::new(FailureKind::BadPicture, "the picture is larger than the profile's max_picture_bytes")
        .billing(Billing::Billed)
}

/// At most `limit` bytes, cut at a character.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub('…'.len_utf8());
    let end = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[..end].to_owned() + "…"
}

/// Reads what three dialects count: Images and Responses, chat completions, Gemini; and money of OpenRouter and xAI.
fn read_usage(usage: &mut Usage, value: &Value) {
    let number = |places: &[&str]| places.iter().find_map(|place| value.pointer(place).and_then(Value::as_u64));
    let mut set = |field: fn(&mut Usage) -> &mut Option<u64>, found: Option<u64>| {
        if found.is_some() {
            *field(usage) = found;
        }
    };
    set(|u| &mut u.input_tokens, number(&["/input_tokens", "/prompt_tokens", "/promptTokenCount"]));
    set(|u| &mut u.output_tokens, number(&["/output_tokens", "/completion_tokens", "/candidatesTokenCount"]));
    set(
        |u| &mut u.input_image_tokens,
        number(&["/input_tokens_details/image_tokens", "/prompt_tokens_details/image_tokens"]),
    );
    set(
        |u| &mut u.output_image_tokens,
        number(&["/output_tokens_details/image_tokens", "/completion_tokens_details/image_tokens"]),
    );
    if let Some(thoughts) = number(&["/thoughtsTokenCount"]) {
        usage.output_tokens = Some(usage.output_tokens.unwrap_or(0) + thoughts);
    }
    let of_pictures = |place: &str| {
        let details = value.get(place)?.as_array()?;
        let pictures = details.iter().filter(|detail| detail["modality"] == "IMAGE");
        Some(pictures.filter_map(|detail| detail["tokenCount"].as_u64()).sum())
    };
    if let Some(tokens) = of_pictures("candidatesTokensDetails") {
        usage.output_image_tokens = Some(tokens);
    }
    if let Some(tokens) = of_pictures("promptTokensDetails") {
        usage.input_image_tokens = Some(tokens);
    }
    let mut set = |field: fn(&mut Usage) -> &mut Option<u64>, found: Option<u64>| {
        if found.is_some() {
            *field(usage) = found;
        }
    };
    set(|u| &mut u.images, number(&["/generated_images", "/images", "/num_images"]));
    let dollars = value.get("cost").and_then(Value::as_f64).map(|dollars| dollars * 1e6);
    // xAI: 10^10 ticks are one dollar.
    let ticks = value.get("cost_in_usd_ticks").and_then(Value::as_f64).map(|ticks| ticks / 1e4);
    if let Some(micros) = dollars.or(ticks).filter(|micros| micros.is_finite() && *micros >= 0.0) {
        usage.cost_micros = Some(micros.round() as i64);
    }
}
