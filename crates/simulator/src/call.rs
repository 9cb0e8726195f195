//! The way of one call, the same for every protocol: verdict, latency, drawing, bill. The work goes on when the client is
//! gone, and is billed, as real providers do. It must not know how an answer is written.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use imagemill_domain::picture::PictureFormat;
use serde_json::{Value, json};

use crate::answer::{self, MARK, Refused, bad_request, mark};
use crate::bill::{BillEntry, Outcome};
use crate::faults::{Behaviour, Nonsense, Shape};
use crate::picture::{Drawn, Kind, Order};
use crate::scenario::{Act, Verdict};
use crate::state::Shared;

/// A scripted or drawn hang: longer than any client waits.
const HANG: Duration = Duration::from_secs(3600);

/// What a request asks for, whatever the protocol.
pub(crate) struct Asked {
    pub(crate) request_id: Box<str>,
    pub(crate) model: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) prompt: String,
    /// The first is edited, the others only change what comes out.
    pub(crate) sources: Vec<Bytes>,
    pub(crate) count: u32,
    pub(crate) size: Option<(u32, u32)>,
    pub(crate) format: PictureFormat,
    pub(crate) seed: Option<u64>,
    /// Whether an unfinished picture is wanted too.
    pub(crate) draft: bool,
}

/// What was made.
pub(crate) struct Made {
    pub(crate) model: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) is_edit: bool,
    /// Pictures that were asked for, then the draft if there is one.
    pub(crate) drawn: Vec<Arc<Drawn>>,
    /// How many of them are results.
    pub(crate) results: usize,
    /// Seconds since 1970.
    pub(crate) created: u64,
    pub(crate) input_text_tokens: u64,
    pub(crate) input_image_tokens: u64,
    pub(crate) output_tokens: u64,
    base_url: String,
    cut: bool,
}

/// Makes the pictures, or says why not.
pub(crate) async fn make(shared: &Arc<Shared>, asked: Asked) -> Result<Made, Refused> {
    make_within(shared, asked, None).await
}

/// The same, after `latency` where it is given and not after the scenario's.
async fn make_within(shared: &Arc<Shared>, mut asked: Asked, latency: Option<Duration>) -> Result<Made, Refused> {
    asked.prompt.retain(|letter| letter != MARK);
    if matches!(asked.behaviour.shape, Some(Shape::SseTwoAdjacent | Shape::SseTwoNewline)) {
        asked.count = asked.count.max(2);
    }
    match &asked.behaviour.shape {
        Some(Shape::SseB64Mime(media_type)) => {
            let known = PictureFormat::ALL.into_iter().find(|format| format.media_type() == media_type.as_str());
            asked.format = known.unwrap_or(asked.format);
        }
        Some(Shape::SseThink | Shape::JsonThink | Shape::ImgSse) => asked.draft = true,
        _ => {}
    }
    if asked.behaviour.wrong_mime {
        asked.format = PictureFormat::Jpeg;
    }

    let Admitted { content, times, act, slow_ms } = admit(shared, &asked)?;
    asked.behaviour.delay_ms += slow_ms;
    if act == Some(Act::WrongMime) {
        asked.behaviour.wrong_mime = true;
        asked.format = PictureFormat::Jpeg;
    }
    let scenario = shared.scenario();
    if asked.behaviour.text_only {
        asked.record(shared, Outcome::Failed, false, 0);
        return Ok(asked.made(shared, Vec::new(), 0, false));
    }

    let behaviour = asked.behaviour.clone();
    let latency = latency.unwrap_or_else(|| Duration::from_millis(scenario.latency_ms(content)));
    let wait = latency + Duration::from_millis(behaviour.delay_ms);
    let (asked, drawn) = if wait.is_zero() && !asked.order(times, 0, scenario.grain_bits).is_large() {
        // Nothing to wait for: no task of its own, and no point at which a client that goes away could stop it.
        let drawn = asked.draw_and_bill(shared, times);
        (asked, drawn)
    } else {
        let shared = Arc::clone(shared);
        // Detached: a client that goes away does not stop it.
        let work = tokio::spawn(async move {
            shared.pause(wait).await;
            let place = shared.place_to_draw().await;
            let work = tokio::task::spawn_blocking(move || {
                let drawn = asked.draw_and_bill(&shared, times);
                drop(place);
                (asked, drawn)
            });
            work.await
        });
        let finished = work.await.and_then(std::convert::identity);
        finished.map_err(|error| {
            answer::error(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "bug", &error.to_string())
        })?
    };
    let drawn =
        drawn.map_err(|fault| bad_request("invalid_image", &format!("Invalid image file: {fault}"), Some("image")))?;
    let results = drawn.len() - usize::from(asked.draft);
    let made = asked.made(shared, drawn, results, act == Some(Act::Cut) || behaviour.cut);
    shared.pause(hang_of(act, &behaviour)).await;
    Ok(made)
}

/// A call that is let in.
pub(crate) struct Admitted {
    /// What is asked for, as a number.
    pub(crate) content: u64,
    /// How often the same was asked for before.
    times: u32,
    /// What is to happen to it all the same.
    pub(crate) act: Option<Act>,
    /// How much longer it takes.
    slow_ms: u64,
}

/// Counts a call and lets it in, or says why not; a call that is not let in is on the bill.
pub(crate) fn admit(shared: &Shared, asked: &Asked) -> Result<Admitted, Refused> {
    let number = shared.next_call();
    let content = asked.content();
    let scenario = shared.scenario();
    let times = shared.times_seen(content);
    let verdict = if scenario.has_rates() || !scenario.script.is_empty() {
        let caller = u64_of(&blake3::hash(asked.request_id.as_bytes()));
        scenario.decide(number, content, caller, shared.times_seen(caller ^ content.rotate_left(17)))
    } else {
        None
    };
    // Nobody listens to a request of a batch while it is run.
    let batched = shared.batches().is_item(&asked.request_id);
    let verdict = verdict.filter(|verdict| !batched || matches!(verdict.act, Act::Refuse | Act::ServerError));
    if let Some((outcome, response)) = asked.turned_away(verdict, times) {
        let billed = outcome == Outcome::Refused && scenario.bill_refusals;
        asked.record(shared, outcome, billed, 0);
        return Err(response.into());
    }
    let slow_ms = verdict.filter(|verdict| verdict.act == Act::Slow).map_or(0, |verdict| verdict.slow_ms);
    Ok(Admitted { content, times, act: verdict.map(|verdict| verdict.act), slow_ms })
}

/// How long a finished answer is held back.
pub(crate) fn hang_of(act: Option<Act>, behaviour: &Behaviour) -> Duration {
    if act == Some(Act::Hang) { HANG } else { Duration::from_secs(behaviour.hang_s) }
}

/// Takes a request into a queue: the pictures are made and billed now, and ready after this time. `None`: it will fail, and
/// costs nothing.
pub(crate) async fn take(shared: &Arc<Shared>, mut asked: Asked) -> Result<(Option<Made>, Duration), Refused> {
    let latency = Duration::from_millis(shared.scenario().latency_ms(asked.content()));
    if asked.behaviour.job_fails {
        asked.record(shared, Outcome::Failed, false, 0);
        return Ok((None, latency));
    }
    asked.behaviour.delay_ms = 0;
    make_within(shared, asked, Some(Duration::ZERO)).await.map(|made| (Some(made), latency))
}

impl Asked {
    /// What is asked for, as a number: the same for the same request.
    fn content(&self) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.model.as_bytes());
        hasher.update(self.order(0, 0, 0).digest().as_bytes());
        for source in self.sources.iter().skip(1) {
            hasher.update(source);
        }
        hasher.update(&self.count.to_le_bytes());
        u64_of(&hasher.finalize())
    }

    /// The conversation that the call belongs to, as a number: the model and the first line that was said.
    pub(crate) fn conversation(&self) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.model.as_bytes());
        hasher.update(self.prompt.lines().next().unwrap_or_default().as_bytes());
        u64_of(&hasher.finalize()).rotate_left(29)
    }

    /// One of the pictures asked for.
    fn order(&self, times: u32, index: u32, grain_bits: u8) -> Order {
        let base = self.seed.unwrap_or_else(|| u64::from(times));
        Order {
            prompt: self.prompt.clone(),
            source: self.sources.first().cloned(),
            size: self.size,
            format: self.format,
            variation: (base << 8) | u64::from(index),
            grain_bits,
            kind: self.behaviour.kind,
        }
    }

    /// Whether the call ends without a picture, and how.
    fn turned_away(&self, verdict: Option<Verdict>, times: u32) -> Option<(Outcome, Response)> {
        let behaviour = &self.behaviour;
        if let Some(status) = behaviour.status {
            return Some((if status == 429 { Outcome::RateLimited } else { Outcome::Failed }, failure(status, 2)));
        }
        if behaviour.refuse {
            return Some((Outcome::Refused, refusal()));
        }
        if times < behaviour.flaky_times {
            return Some((Outcome::Failed, failure(500, 0)));
        }
        match behaviour.nonsense {
            Some(Nonsense::Html) => return Some((Outcome::Failed, html())),
            Some(Nonsense::DeepJson) => {
                let text = "{\"a\":".repeat(1000) + "1" + &"}".repeat(1000);
                return Some((Outcome::Failed, ([(header::CONTENT_TYPE, answer::JSON)], text).into_response()));
            }
            Some(Nonsense::EndlessLine) => {
                let endless = answer::padded("data: ".to_owned(), 1 << 20, String::new(), answer::EVENT_STREAM);
                return Some((Outcome::Failed, endless));
            }
            None => {}
        }
        if behaviour.huge_megabytes > 0 {
            let start = r#"{"created":0,"data":[{"b64_json":""#.to_owned();
            let huge = answer::padded(start, behaviour.huge_megabytes, r#""}]}"#.to_owned(), answer::JSON);
            return Some((Outcome::Failed, huge));
        }
        let Verdict { act, retry_after_s, .. } = verdict?;
        match act {
            Act::RateLimited => Some((Outcome::RateLimited, failure(429, retry_after_s))),
            Act::Refuse => Some((Outcome::Refused, refusal())),
            Act::ServerError => Some((Outcome::Failed, failure(500, 0))),
            Act::Html => Some((Outcome::Failed, html())),
            Act::Cut | Act::Hang | Act::Slow | Act::WrongMime => None,
        }
    }

    fn draw_and_bill(&self, shared: &Shared, times: u32) -> Result<Vec<Arc<Drawn>>, String> {
        let scenario = shared.scenario();
        let count = self.count - u32::from(self.behaviour.one_missing);
        let times = times % scenario.variations.max(1);
        let orders = (0..count).map(|index| self.order(times, index, scenario.grain_bits));
        let drawn: Result<Vec<_>, _> = orders.map(|order| draw(shared, &order)).collect();
        let mut drawn = match drawn {
            Ok(drawn) => drawn,
            Err(fault) => {
                self.record(shared, Outcome::Invalid, false, 0);
                return Err(fault);
            }
        };
        self.record(shared, Outcome::Made, true, count);
        if self.draft {
            let draft = Order {
                prompt: format!("{} (draft)", self.prompt),
                source: None,
                size: Some((32, 32)),
                kind: Kind::Sound,
                ..self.order(times, 0, 0)
            };
            drawn.push(draw(shared, &draft)?);
        }
        Ok(drawn)
    }

    fn record(&self, shared: &Shared, outcome: Outcome, billed: bool, pictures: u32) {
        let units = if outcome == Outcome::Made { pictures } else { 1 };
        let price = shared.price(&self.request_id, shared.scenario().price_micros);
        let micros = if billed { price.saturating_mul(i64::from(units)) } else { 0 };
        let (request_id, model) = (self.request_id.clone(), self.model.as_str().into());
        shared.record(BillEntry { request_id, model, billed, outcome, pictures, micros });
    }

    fn made(self, shared: &Shared, drawn: Vec<Arc<Drawn>>, results: usize, cut: bool) -> Made {
        let tokens =
            |picture: &Arc<Drawn>| u64::from(picture.width.div_ceil(32)) * u64::from(picture.height.div_ceil(32));
        let output_tokens = drawn.iter().take(results).map(tokens).sum();
        let each = drawn.first().map_or(0, tokens);
        Made {
            is_edit: !self.sources.is_empty(),
            input_text_tokens: self.prompt.len() as u64 / 4 + 1,
            input_image_tokens: each * self.sources.len() as u64,
            output_tokens,
            created: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            base_url: shared.base_url(),
            model: self.model,
            behaviour: self.behaviour,
            drawn,
            results,
            cut,
        }
    }
}

impl Made {
    /// Indexes of the results.
    pub(crate) fn indexes(&self) -> std::ops::Range<usize> {
        0..self.results
    }

    /// Index of the unfinished picture, if one was wanted.
    pub(crate) fn draft(&self) -> Option<usize> {
        (self.drawn.len() > self.results).then_some(self.results)
    }

    /// What the picture is said to be.
    pub(crate) fn media_type(&self, index: usize) -> &str {
        match &self.behaviour.shape {
            Some(Shape::SseB64Mime(media_type)) => media_type,
            _ if self.behaviour.wrong_mime => PictureFormat::Png.media_type(),
            _ => self.drawn[index].format.media_type(),
        }
    }

    pub(crate) fn data_url(&self, index: usize) -> String {
        format!("data:{};base64,{}", self.media_type(index), mark(index))
    }

    /// A link to the picture; `plain` gives one that does not look like a picture's. The picture is kept to be fetched.
    pub(crate) fn link(&self, shared: &Shared, index: usize, plain: bool) -> String {
        let picture = &self.drawn[index];
        shared.put_on_shelf(picture.name.clone(), Arc::clone(picture));
        let fault = self.behaviour.link;
        let folder = if plain { "blobs" } else { "media/images" };
        let name = if fault.missing { "00000000000000000000000000000000" } else { &picture.name };
        let query = match fault {
            fault if fault.expired => "?expired=1".to_owned(),
            fault if fault.hops > 0 => format!("?hops={}", fault.hops),
            fault if fault.slow_s > 0 => format!("?slow={}", fault.slow_s),
            _ => String::new(),
        };
        format!("{}/{folder}/{name}{query}", self.base_url)
    }

    /// Whether links are given, by the model's name or because the request wants it.
    pub(crate) fn as_link(&self, wanted: bool) -> bool {
        wanted || self.behaviour.as_link || self.behaviour.link.is_set()
    }

    /// Whether the answer is to break off.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Usage as the images and Responses endpoints tell it.
    pub(crate) fn usage(&self) -> Value {
        let input = self.input_text_tokens + self.input_image_tokens;
        json!({
            "input_tokens": input,
            "input_tokens_details": {
                "text_tokens": self.input_text_tokens, "image_tokens": self.input_image_tokens, "cached_tokens": 0
            },
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"image_tokens": self.output_tokens, "text_tokens": 0, "reasoning_tokens": 0},
            "total_tokens": input + self.output_tokens,
        })
    }

    /// Usage as chat completions tell it.
    pub(crate) fn chat_usage(&self) -> Value {
        let input = self.input_text_tokens + self.input_image_tokens;
        let output = self.output_tokens.max(12);
        json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
    }

    /// The answer as it goes out: dripping or broken off where that was asked for.
    pub(crate) fn send(&self, shared: &Arc<Shared>, mut answer: answer::Answer) -> Response {
        if self.behaviour.drip_s > 0 {
            answer = answer.after_comments(self.behaviour.drip_s);
        }
        if self.cut || self.behaviour.shape == Some(Shape::SseCut) {
            answer = answer.cut();
        }
        answer.into_response(shared)
    }
}

fn draw(shared: &Shared, order: &Order) -> Result<Arc<Drawn>, String> {
    let key = order.digest().to_hex().to_string();
    if let Some(known) = shared.on_shelf(&key) {
        return Ok(known);
    }
    let drawn = Arc::new(order.draw()?);
    shared.note_drawn(drawn.name.clone(), &order.prompt);
    shared.put_on_shelf(key, Arc::clone(&drawn));
    Ok(drawn)
}

fn u64_of(hash: &blake3::Hash) -> u64 {
    let bytes: [u8; 8] = std::array::from_fn(|k| hash.as_bytes()[k]);
    u64::from_le_bytes(bytes)
}

fn refusal() -> Response {
    let message = "Your request was rejected by the safety system (the simulator refuses it on purpose).";
    answer::error(StatusCode::BAD_REQUEST, "image_generation_user_error", "moderation_blocked", message)
}

fn html() -> Response {
    let page = "<!DOCTYPE html>\n<html><head><title>502</title></head><body><h1>Bad gateway</h1></body></html>\n";
    ([(header::CONTENT_TYPE, "text/html")], page).into_response()
}

fn failure(status: u16, retry_after_s: u64) -> Response {
    let (kind, code, message) = match status {
        401 => ("authentication_error", "invalid_api_key", "Incorrect API key provided."),
        403 => ("invalid_request_error", "model_not_allowed", "This key may not use this model."),
        404 => ("invalid_request_error", "model_not_found", "The model does not exist."),
        413 => ("invalid_request_error", "request_too_large", "The request is too large."),
        429 => ("rate_limit_error", "rate_limit_exceeded", "Rate limit reached for requests. Please try again later."),
        503 => ("server_error", "server_overloaded", "The server is overloaded or not ready yet."),
        500.. => ("server_error", "internal_error", "The server had an error while processing your request."),
        _ => ("invalid_request_error", "invalid_request", "The request is wrong."),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer::error(status, kind, code, message);
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
        response.headers_mut().insert("x-ratelimit-remaining-requests", HeaderValue::from_static("0"));
    }
    response
}
