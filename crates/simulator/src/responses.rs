//! `/responses`: the image generation tool, or pictures as markdown in the text, as one answer or as a stream. It must not
//! draw.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::answer::{Answer, EVENT_STREAM, Refused, bad_request, event, mark};
use crate::call::{Asked, Made, make};
use crate::chat::{Conversation, WORDS, is_text_model};
use crate::request::{self, Incoming};
use crate::state::Shared;
use crate::words::{Finish, Said, say};
use crate::{faults, shapes};

/// `POST /responses`.
pub(crate) async fn create(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    respond(&shared, request).await.unwrap_or_else(Refused::into_response)
}

async fn respond(shared: &Arc<Shared>, request: Request) -> Result<Response, Refused> {
    let incoming = request::read(shared, request, false).await?;
    let model = incoming.model.as_str();
    if model.starts_with("gpt-image-") || matches!(model, "chatgpt-image-latest" | "grok-imagine-image-edit") {
        let message =
            format!("The model '{model}' is not supported with the Responses API; name it in the tool instead.");
        return Err(bad_request("model_not_supported", &message, Some("model")));
    }
    let conversation = match incoming.fields.get("input") {
        Some(Value::String(prompt)) => {
            Conversation { prompt: prompt.clone(), letters: prompt.len(), ..Conversation::default() }
        }
        Some(Value::Array(messages)) => Conversation::read(shared, messages)?,
        _ => {
            return Err(bad_request(
                "missing_required_parameter",
                "Missing required parameter: 'input'.",
                Some("input"),
            ));
        }
    };
    let tool = incoming
        .fields
        .get("tools")
        .and_then(Value::as_array)
        .and_then(|tools| tools.iter().find(|tool| tool["type"] == "image_generation"))
        .cloned();
    let stream = incoming.flag("stream")?;
    let partial_images = tool.as_ref().and_then(|tool| tool["partial_images"].as_u64()).unwrap_or(0).min(3);
    let schema = incoming.fields.get("text").and_then(|text| text.pointer("/format/schema")).cloned();
    let for_words = schema.is_some() || is_text_model(&incoming.model) || incoming.behaviour.is_about_words();
    let most_tokens = incoming.fields.get("max_output_tokens").and_then(Value::as_u64);
    let instructions = incoming.text("instructions").map_or(0, str::len);
    let letters = conversation.letters + instructions + schema.as_ref().map_or(0, |schema| schema.to_string().len());
    let asked = ask(incoming, conversation, tool.as_ref(), stream && partial_images > 0)?;
    if for_words && tool.is_none() {
        let said = say(shared, asked, schema, letters, most_tokens).await?;
        let answer = if stream { streamed_words(&said) } else { Answer::json(&spoken(&said), &[]) };
        return Ok(said.send(shared, answer));
    }
    let made = make(shared, asked).await?;
    let answer = match shapes::forced(shared, &made) {
        Some(answer) => answer,
        None => match (tool.is_some() && made.results > 0, stream) {
            (true, false) => with_calls(&made),
            (true, true) => stream_calls(&made, partial_images),
            (false, false) => with_text(&made, &words(shared, &made)),
            (false, true) => stream_text(&made, &words(shared, &made)),
        },
    };
    Ok(made.send(shared, answer))
}

fn ask(incoming: Incoming, conversation: Conversation, tool: Option<&Value>, draft: bool) -> Result<Asked, Refused> {
    // the tool's own settings are read as if they stood in the request
    let settings = Incoming { fields: tool.and_then(Value::as_object).cloned().unwrap_or_default(), ..incoming };
    let (size, format) = (settings.size()?, settings.format()?);
    Ok(Asked {
        request_id: settings.request_id,
        model: settings.model,
        behaviour: settings.behaviour,
        prompt: conversation.prompt,
        sources: conversation.sources,
        count: 1,
        size: size.or_else(|| tool.and_then(|tool| tool["size"].as_str()).and_then(faults::size)),
        format,
        seed: None,
        draft,
    })
}

fn words(shared: &Shared, made: &Made) -> String {
    let address = |index| if made.as_link(false) { made.link(shared, index, false) } else { made.data_url(index) };
    let pictures: Vec<_> = made.indexes().map(|index| format!("![image]({})", address(index))).collect();
    if pictures.is_empty() { WORDS.to_owned() } else { pictures.join("\n\n") }
}

/// The response object around words.
fn spoken(said: &Said) -> Value {
    let (status, reason) = match said.finish {
        Finish::Stop => ("completed", Value::Null),
        Finish::Length => ("incomplete", json!({"reason": "max_output_tokens"})),
        Finish::Filter => ("incomplete", json!({"reason": "content_filter"})),
    };
    json!({
        "id": format!("resp_sim{}", said.created),
        "object": "response",
        "created_at": said.created,
        "status": status,
        "model": said.model,
        "output": [text_item(&said.text, true)],
        "error": null,
        "incomplete_details": reason,
        "usage": said.usage(),
    })
}

fn streamed_words(said: &Said) -> Answer {
    let whole = spoken(said);
    let mut begun = whole.clone();
    begun["status"] = "in_progress".into();
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    let mut events = Events { text: String::new(), sequence: 0 };
    events.push("response.created", json!({"response": begun}));
    for half in said.halves() {
        let delta = json!({"output_index": 0, "content_index": 0, "item_id": "msg_sim0", "delta": half});
        events.push("response.output_text.delta", delta);
    }
    let last = if said.finish == Finish::Stop { "response.completed" } else { "response.incomplete" };
    events.push(last, json!({"response": whole}));
    Answer::text(EVENT_STREAM, events.text, &[])
}

/// The response object around output items.
fn object(made: &Made, status: &str, output: &Value) -> Value {
    let usage = if status == "completed" { made.usage() } else { Value::Null };
    json!({
        "id": format!("resp_sim{}", made.created),
        "object": "response",
        "created_at": made.created,
        "status": status,
        "model": made.model,
        "output": output,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "metadata": {},
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "usage": usage,
    })
}

fn call_item(made: &Made, index: usize, done: bool) -> Value {
    json!({
        "id": format!("ig_sim{index}"),
        "type": "image_generation_call",
        "status": if done { "completed" } else { "in_progress" },
        "result": if done { Value::from(mark(index)) } else { Value::Null },
        "output_format": made.drawn[index].format.word(),
    })
}

fn text_item(text: &str, done: bool) -> Value {
    let part = json!({"type": "output_text", "text": text, "annotations": []});
    json!({
        "id": "msg_sim0",
        "type": "message",
        "role": "assistant",
        "status": if done { "completed" } else { "in_progress" },
        "content": if done { json!([part]) } else { json!([]) },
    })
}

/// One answer with an image generation call per picture.
pub(crate) fn with_calls(made: &Made) -> Answer {
    let items: Vec<Value> = made.indexes().map(|index| call_item(made, index, true)).collect();
    Answer::json(&object(made, "completed", &items.into()), &made.drawn)
}

/// One answer with text.
pub(crate) fn with_text(made: &Made, text: &str) -> Answer {
    Answer::json(&object(made, "completed", &json!([text_item(text, true)])), &made.drawn)
}

/// Events with the numbers and names that the Responses API gives them.
struct Events {
    text: String,
    sequence: u64,
}

impl Events {
    fn open(made: &Made) -> Self {
        let mut events = Self { text: String::new(), sequence: 0 };
        let response = object(made, "in_progress", &json!([]));
        events.push("response.created", json!({"response": response}));
        events.push("response.in_progress", json!({"response": response}));
        events
    }

    fn push(&mut self, kind: &str, mut value: Value) {
        value["type"] = kind.into();
        value["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        self.text += &event(Some(kind), &value);
    }

    fn close(mut self, made: &Made, output: &Value) -> Answer {
        self.push("response.completed", json!({"response": object(made, "completed", output)}));
        Answer::text(EVENT_STREAM, self.text, &made.drawn)
    }
}

/// A stream of image generation calls.
pub(crate) fn stream_calls(made: &Made, partial_images: u64) -> Answer {
    let mut events = Events::open(made);
    for index in made.indexes() {
        let place = json!({"output_index": index, "item_id": format!("ig_sim{index}")});
        events
            .push("response.output_item.added", json!({"output_index": index, "item": call_item(made, index, false)}));
        events.push("response.image_generation_call.in_progress", place.clone());
        events.push("response.image_generation_call.generating", place.clone());
        if let Some(draft) = made.draft() {
            for partial in 0..partial_images {
                let mut value = place.clone();
                value["partial_image_index"] = partial.into();
                value["partial_image_b64"] = mark(draft).into();
                events.push("response.image_generation_call.partial_image", value);
            }
        }
        events.push("response.image_generation_call.completed", place);
        events.push("response.output_item.done", json!({"output_index": index, "item": call_item(made, index, true)}));
    }
    let items: Vec<Value> = made.indexes().map(|index| call_item(made, index, true)).collect();
    events.close(made, &items.into())
}

/// A stream of text.
pub(crate) fn stream_text(made: &Made, text: &str) -> Answer {
    let mut events = Events::open(made);
    let place = json!({"output_index": 0, "content_index": 0, "item_id": "msg_sim0"});
    let with = |name: &str, value: Value| {
        let mut place = place.clone();
        place[name] = value;
        place
    };
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    events.push("response.output_item.added", json!({"output_index": 0, "item": text_item("", false)}));
    events.push("response.content_part.added", with("part", part("")));
    events.push("response.output_text.delta", with("delta", text.into()));
    events.push("response.output_text.done", with("text", text.into()));
    events.push("response.content_part.done", with("part", part(text)));
    events.push("response.output_item.done", json!({"output_index": 0, "item": text_item(text, true)}));
    events.close(made, &json!([text_item(text, true)]))
}
