//! The way of one text or vision call, the same for every protocol: verdict, latency, words, bill. The work goes on when the
//! client is gone, and is billed, as real providers do. It must not know how an answer is written.

mod critique;
mod deck;
mod infographic;
mod look;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::response::Response;
use imagemill_domain::picture::PictureFormat;
use serde_json::Value;

use crate::answer::{self, Refused};
use crate::bill::{BillEntry, Outcome};
use crate::call::{Asked, admit, hang_of};
use crate::faults::Behaviour;
use crate::instance;
use crate::scenario::Act;
use crate::state::Shared;

/// Letters of the prompt that are given back.
const ECHOED: usize = 300;
/// Tokens that a picture counts.
const PICTURE_TOKENS: u64 = 256;
/// Stands before a schema among the words of a prompt, where the request has no place for it.
const SCHEMA_MARK: &str = "JSON schema:";

/// How an answer in words ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// By itself.
    Stop,
    /// At the token limit.
    Length,
    /// By the content filter.
    Filter,
}

/// What was said.
pub(crate) struct Said {
    pub(crate) model: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) text: String,
    pub(crate) finish: Finish,
    /// Seconds since 1970.
    pub(crate) created: u64,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    cut: bool,
}

/// Answers in words, or says why not. `letters` counts all words that came in; `most_tokens` is the request's limit.
pub(crate) async fn say(
    shared: &Arc<Shared>,
    asked: Asked,
    schema: Option<Value>,
    letters: usize,
    most_tokens: Option<u64>,
) -> Result<Said, Refused> {
    let admitted = admit(shared, &asked)?;
    let behaviour = asked.behaviour.clone();
    let scenario = shared.scenario();
    let wait = Duration::from_millis(scenario.latency_ms(admitted.content) + behaviour.delay_ms);
    let spoils = behaviour.bad_json_times > shared.times_seen(asked.conversation());
    let (text, finish) = words(shared, &asked, schema.as_ref(), spoils);
    let mut said = Said {
        created: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        input_tokens: letters as u64 / 4 + 1 + PICTURE_TOKENS * asked.sources.len() as u64,
        output_tokens: text.len() as u64 / 4 + 1,
        model: asked.model.clone(),
        cut: admitted.act == Some(Act::Cut) || behaviour.cut,
        behaviour,
        text,
        finish,
    };
    if said.finish == Finish::Length {
        said.output_tokens = most_tokens.unwrap_or(said.output_tokens);
    }
    let entry = BillEntry {
        request_id: asked.request_id.clone(),
        model: asked.model.as_str().into(),
        billed: true,
        outcome: if said.finish == Finish::Filter { Outcome::Refused } else { Outcome::Said },
        pictures: 0,
        micros: shared.price(&asked.request_id, scenario.words_micros(said.input_tokens, said.output_tokens)),
    };
    // Detached: a client that goes away does not stop it.
    let billing = Arc::clone(shared);
    let work = tokio::spawn(async move {
        billing.pause(wait).await;
        billing.record(entry);
    });
    work.await.map_err(|error| {
        answer::error(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "server_error", "bug", &error.to_string())
    })?;
    shared.pause(hang_of(admitted.act, &said.behaviour)).await;
    Ok(said)
}

fn words(shared: &Shared, asked: &Asked, schema: Option<&Value>, spoils: bool) -> (String, Finish) {
    let behaviour = &asked.behaviour;
    let echo: String = asked.prompt.chars().take(ECHOED).collect();
    let named = schema.cloned().or_else(|| schema_among_words(&asked.prompt));
    let mut text = match &named {
        Some(schema) if spoils => format!("Sure!\n{}", instance::spoiled(schema, "simulated")),
        Some(found) => {
            let value = match asked.sources.first() {
                Some(picture) if look::is_asked(found) => {
                    let scenario = shared.scenario();
                    look::of(picture, &asked.prompt, scenario.seed, scenario.critiques)
                }
                Some(picture) if critique::is_asked(found) => {
                    let scenario = shared.scenario();
                    critique::of(found, picture, &asked.prompt, scenario.seed, scenario.critiques)
                }
                _ => infographic::answer(shared, asked, found)
                    .or_else(|| deck::answer(shared, asked, found))
                    .unwrap_or_else(|| instance::of(found, "simulated")),
            };
            if schema.is_some() { value.to_string() } else { format!("Here it is:\n```json\n{value:#}\n```") }
        }
        None => infographic::prompt(asked).or_else(|| deck::words(shared, asked)).unwrap_or_else(|| {
            let seen = asked.sources.iter().map(|source| {
                let format = PictureFormat::sniff(source).map_or("picture", PictureFormat::word);
                format!(" I see a {format} of {} bytes ({}).", source.len(), &blake3::hash(source).to_hex()[..8])
            });
            format!("I read: {echo}{}", seen.collect::<String>())
        }),
    };
    if behaviour.thinks {
        text = format!("<think>Should I say {{\"draft\": true}}?</think>\n{text}");
    }
    if behaviour.filtered {
        return (String::new(), Finish::Filter);
    }
    if behaviour.truncated {
        let half = text.chars().count() / 2;
        return (text.chars().take(half).collect(), Finish::Length);
    }
    if behaviour.says_nothing {
        text.clear();
    }
    (text, Finish::Stop)
}

/// Whether a prompt asks for JSON, and so for words, where the request has no place for a schema.
pub(crate) fn names_a_schema(prompt: &str) -> bool {
    schema_among_words(prompt).is_some()
}

/// The schema behind the last mark in the prompt.
fn schema_among_words(prompt: &str) -> Option<Value> {
    let (_, behind) = prompt.rsplit_once(SCHEMA_MARK)?;
    serde_json::Deserializer::from_str(behind).into_iter().next()?.ok().filter(Value::is_object)
}

impl Said {
    /// The text in two pieces, as a stream brings it.
    pub(crate) fn halves(&self) -> [&str; 2] {
        let middle = (0..=self.text.len() / 2).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        self.text.split_at(middle).into()
    }

    /// Usage as Responses and Anthropic tell it.
    pub(crate) fn usage(&self) -> Value {
        serde_json::json!({"input_tokens": self.input_tokens, "output_tokens": self.output_tokens})
    }

    /// Usage as chat completions tell it.
    pub(crate) fn chat_usage(&self) -> Value {
        let (input, output) = (self.input_tokens, self.output_tokens);
        serde_json::json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
    }

    /// The answer as it goes out: dripping or broken off where that was asked for.
    pub(crate) fn send(&self, shared: &Arc<Shared>, mut answer: answer::Answer) -> Response {
        if self.behaviour.drip_s > 0 {
            answer = answer.after_comments(self.behaviour.drip_s);
        }
        if self.cut {
            answer = answer.cut();
        }
        answer.into_response(shared)
    }
}
