//! The shapes of answers that were met in the wild, each under a model's name, whatever the endpoint. It must not draw.

use serde_json::{Value, json};

use crate::answer::{Answer, EVENT_STREAM, event, mark, mark_slice};
use crate::call::Made;
use crate::chat::{chunk, chunk_value, completion, last_chunk};
use crate::faults::Shape;
use crate::state::Shared;
use crate::{images, responses};

const DONE: &str = "data: [DONE]\n\n";

/// The answer in the shape that the model's name wants; `None` when it wants the endpoint's own, or there is no picture.
pub(crate) fn forced(shared: &Shared, made: &Made) -> Option<Answer> {
    let shape = made.behaviour.shape.as_ref()?;
    if made.results == 0 {
        return None;
    }
    let markdown = |index: usize| format!("![image]({})", made.data_url(index));
    let link = |index: usize| format!("![image]({})", made.link(shared, index, false));
    let think = || {
        let draft = made.draft().map(|draft| made.data_url(draft)).unwrap_or_default();
        format!("<think>A first try: ![draft]({draft}) is not good enough.</think>\n{}", markdown(0))
    };
    let message = |content: String| {
        let message = json!({"role": "assistant", "content": content});
        Answer::json(&completion(made, &message), &made.drawn)
    };
    Some(match shape {
        Shape::SseB64 | Shape::SseB64Mime(_) | Shape::SseCut => stream(made, [json!({"content": markdown(0)})]),
        Shape::SseB64Split(length) => split(made, *length),
        Shape::SseTwoAdjacent => stream(made, [json!({"content": markdown(0)}), json!({"content": markdown(1)})]),
        Shape::SseTwoNewline => stream(made, [json!({"content": format!("{}\n\n{}", markdown(0), markdown(1))})]),
        Shape::SseUrl => stream(made, [json!({"content": link(0)})]),
        Shape::SseUrlNoext => stream(made, [json!({"content": format!("Here it is: {}", made.link(shared, 0, true))})]),
        Shape::SseNelNocharset => torn_by_latin_1(made, &markdown(0)),
        Shape::SseReasoning => stream(
            made,
            [
                json!({"reasoning_content": "Drawing: 10 %\n"}),
                json!({"reasoning_content": "Drawing: 90 %\n"}),
                json!({"content": markdown(0)}),
            ],
        ),
        Shape::SseNoblank => lines(made, "data: ", EVENT_STREAM, &markdown(0)),
        Shape::NdjsonDone => lines(made, "", "application/x-ndjson", &markdown(0)),
        Shape::SseErrorEvent => failed_midway(made),
        Shape::SseDeltaImages => {
            let part = json!({"type": "image_url", "index": 0, "image_url": {"url": made.data_url(0)}});
            stream(made, [json!({"content": "", "images": [part]})])
        }
        Shape::SseThink => stream(made, [json!({"content": think()})]),
        Shape::JsonThink => message(think()),
        Shape::ImgSse => images::streamed(made, 1),
        Shape::JsonB64 => message(markdown(0)),
        Shape::JsonRawB64Content => message(mark(0)),
        Shape::JsonUrl => message(link(0)),
        Shape::ImagesB64 => images::plain(shared, made, false),
        Shape::ImagesUrl => images::plain(shared, made, true),
        Shape::RespJson => responses::with_text(made, &markdown(0)),
        Shape::RespIgc => responses::with_calls(made),
        Shape::RespSse => responses::stream_text(made, &markdown(0)),
    })
}

fn stream<const COUNT: usize>(made: &Made, deltas: [Value; COUNT]) -> Answer {
    let mut text = chunk(made, &json!({"role": "assistant", "content": ""}));
    for delta in deltas {
        text += &chunk(made, &delta);
    }
    text += &last_chunk(made);
    text += DONE;
    Answer::text(EVENT_STREAM, text, &made.drawn)
}

/// U+5145 has the byte 0x85 in UTF-8, which is a line end to those who read Latin-1; and nothing says that it is UTF-8.
fn torn_by_latin_1(made: &Made, picture: &str) -> Answer {
    let text = chunk(made, &json!({"role": "assistant"}))
        + &chunk(made, &json!({"content": "\u{5145}\u{5206} "}))
        + &chunk(made, &json!({"content": picture}))
        + &last_chunk(made)
        + DONE;
    Answer::text("text/event-stream", text, &made.drawn)
}

/// One chunk a line, and no empty lines.
fn lines(made: &Made, prefix: &str, content_type: &'static str, picture: &str) -> Answer {
    let role = chunk_value(made, &json!({"role": "assistant"}));
    let content = chunk_value(made, &json!({"content": picture}));
    let text = format!("{prefix}{role}\n{prefix}{content}\n{prefix}[DONE]\n");
    Answer::text(content_type, text, &made.drawn)
}

fn failed_midway(made: &Made) -> Answer {
    let fault = json!({"error": {
        "message": "The upstream account was cooling down.", "type": "server_error", "code": "upstream_cooling"
    }});
    let text = chunk(made, &json!({"role": "assistant", "content": ""})) + &event(Some("error"), &fault) + DONE;
    Answer::text(EVENT_STREAM, text, &[])
}

/// The data URL in many small pieces.
fn split(made: &Made, length: usize) -> Answer {
    let base64_length = made.drawn[0].base64().len();
    let mut text = chunk(made, &json!({"role": "assistant", "content": ""}));
    text += &chunk(made, &json!({"content": format!("![image](data:{};base64,", made.media_type(0))}));
    for from in (0..base64_length).step_by(length) {
        let to = (from + length).min(base64_length);
        text += &chunk(made, &json!({"content": mark_slice(0, from, to)}));
    }
    text += &chunk(made, &json!({"content": ")"}));
    text += &last_chunk(made);
    text += DONE;
    Answer::text(EVENT_STREAM, text, &made.drawn)
}
