//! Answers in words as the four protocols and their gateways give them, in any pieces, and what must come of each.

use imagemill_domain::failure::FailureKind::{self, Protocol, RateLimited, Refused, UnknownOutcome};
use serde_json::json;
use url::Url;

use super::*;
use crate::answer::{Limits, MAX_RAW, RateHints, Spool};

/// Words with tokens in and out, or a failure with its billing and some of its words.
enum Expected {
    Said(&'static str, Option<u64>, Option<u64>),
    Failed(FailureKind, Billing, &'static str),
}
use Expected::{Failed, Said};

struct Fixture {
    name: &'static str,
    body: String,
    expected: Expected,
}

fn sse(events: &[Value]) -> String {
    events.iter().fold(String::new(), |text, event| text + &format!("data: {event}\n\n"))
}

fn named(events: &[Value]) -> String {
    let kind = |event: &Value| event["type"].as_str().unwrap_or_default().to_owned();
    events.iter().fold(String::new(), |text, event| text + &format!("event: {}\ndata: {event}\n\n", kind(event)))
}

fn chat(content: &Value, finish: &str) -> String {
    json!({
        "id": "c", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    })
    .to_string()
}

fn delta(content: &str) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": null}]})
}

fn end(finish: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
}

fn chat_answers() -> Vec<Fixture> {
    let fixture = |name, body, expected| Fixture { name, body, expected };
    let thinking = json!({"choices": [{"index": 0, "delta": {"reasoning_content": "hm, {\"no\": 1}"}}]});
    let other = json!({"choices": [{"index": 1, "delta": {"content": "another"}}]});
    let two = json!({"choices": [
        {"index": 1, "message": {"content": "second"}, "finish_reason": "stop"},
        {"index": 0, "message": {"content": "first"}, "finish_reason": "stop"},
    ]});
    let refusal =
        json!({"choices": [{"message": {"content": null, "refusal": "I cannot help"}, "finish_reason": "stop"}]});
    let parts =
        json!([{"type": "text", "text": "two "}, {"type": "text", "text": "parts"}, {"type": "tool_use", "text": "x"}]);
    let done = "data: [DONE]\n\n";
    vec![
        fixture(
            "json",
            chat(&json!("Grüße, 世界 ![i](x.png)"), "stop"),
            Said("Grüße, 世界 ![i](x.png)", Some(7), Some(3)),
        ),
        fixture("json-parts", chat(&parts, "stop"), Said("two parts", Some(7), Some(3))),
        fixture(
            "json-think",
            chat(&json!("<think>draft {\"a\":0}</think>\n{\"a\":1}"), "stop"),
            Said("{\"a\":1}", Some(7), Some(3)),
        ),
        fixture("json-two-choices", two.to_string(), Said("first", None, None)),
        fixture(
            "json-escapes",
            chat(&json!("a\"b\\c\nd\u{1f303}"), "stop"),
            Said("a\"b\\c\nd\u{1f303}", Some(7), Some(3)),
        ),
        fixture(
            "sse",
            sse(&[thinking.clone(), delta("Good "), other.clone(), delta("day"), end("stop")]) + done,
            Said("Good day", Some(7), Some(3)),
        ),
        fixture(
            "sse-without-done",
            sse(&[delta("{\"ok\":"), delta("true}"), end("stop")]),
            Said("{\"ok\":true}", Some(7), Some(3)),
        ),
        fixture("ndjson", format!("{}\n{}\n[DONE]\n", delta("a"), delta("b")), Said("ab", None, None)),
        fixture("sse-cut", sse(&[delta("half of it")]), Failed(UnknownOutcome, Billing::Unknown, "closed too early")),
        fixture(
            "sse-cut-in-event",
            sse(&[delta("half")]) + "data: {\"choices\":[{\"de",
            Failed(UnknownOutcome, Billing::Unknown, "too early"),
        ),
        fixture(
            "json-cut",
            chat(&json!("whole?"), "stop")[..90].to_owned(),
            Failed(UnknownOutcome, Billing::Unknown, "too early"),
        ),
        fixture(
            "truncated",
            chat(&json!("It begins"), "length"),
            Failed(Protocol, Billing::Billed, "token limit (length); ask for more tokens; it said: It begins"),
        ),
        fixture(
            "sse-truncated",
            sse(&[delta("It"), end("length")]) + done,
            Failed(Protocol, Billing::Billed, "token limit"),
        ),
        fixture("filtered", chat(&json!("I"), "content_filter"), Failed(Refused, Billing::Billed, "content filter")),
        fixture("refusal", refusal.to_string(), Failed(Refused, Billing::Billed, "I cannot help")),
        fixture("empty", chat(&json!(""), "stop"), Failed(Protocol, Billing::Billed, "said nothing (stop)")),
        fixture(
            "only-thoughts",
            chat(&json!("<think>hm</think>"), "stop"),
            Failed(Protocol, Billing::Billed, "said nothing"),
        ),
        fixture("tool-calls", chat(&json!(null), "tool_calls"), Failed(Protocol, Billing::Billed, "tool_calls")),
        fixture(
            "html",
            "<html><title>Bad gateway</title></html>".into(),
            Failed(Protocol, Billing::Unknown, "Bad gateway"),
        ),
        fixture("nothing", String::new(), Failed(Protocol, Billing::Unknown, "the answer is empty")),
        fixture(
            "sse-error",
            sse(&[delta("Well, "), json!({"error": {"message": "slow down", "code": "rate_limit_exceeded"}})]) + done,
            Failed(RateLimited, Billing::NotBilled, "slow down"),
        ),
        fixture(
            "too-long",
            chat(&json!("x".repeat((1 << 20) + 1)), "stop"),
            Failed(Protocol, Billing::Billed, "longer than 1 MiB"),
        ),
    ]
}

fn responses_answers() -> Vec<Fixture> {
    let fixture = |name, body, expected| Fixture { name, body, expected };
    let item =
        |text: &str| json!({"type": "message", "content": [{"type": "output_text", "text": text, "annotations": []}]});
    let whole = |status: &str, reason: Value, text: &str| {
        json!({
            "object": "response", "status": status, "incomplete_details": reason,
            "output": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}, item(text)],
            "usage": {"input_tokens": 9, "output_tokens": 4},
        })
    };
    let cut = whole("incomplete", json!({"reason": "max_output_tokens"}), "It beg");
    let refused = json!({"object": "response", "status": "completed", "output": [
        {"type": "message", "content": [{"type": "refusal", "refusal": "not that"}]}]});
    let stream = |last: Value| {
        named(&[
            json!({"type": "response.created", "response": {"status": "in_progress", "output": []}}),
            json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "hm"}),
            json!({"type": "response.output_text.delta", "output_index": 1, "delta": "Good "}),
            json!({"type": "response.output_text.delta", "output_index": 1, "delta": "day"}),
            last,
        ])
    };
    let completed = json!({"type": "response.completed", "response": whole("completed", Value::Null, "Good day")});
    let bare = json!({"type": "response.completed", "response": {"status": "completed", "usage": {"input_tokens": 9, "output_tokens": 4}}});
    let incomplete = json!({"type": "response.incomplete", "response": cut});
    let failed =
        json!({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "busy"}}});
    vec![
        fixture(
            "responses-json",
            whole("completed", Value::Null, "Good day").to_string(),
            Said("Good day", Some(9), Some(4)),
        ),
        fixture("responses-sse", stream(completed), Said("Good day", Some(9), Some(4))),
        fixture("responses-sse-bare-end", stream(bare), Said("Good day", Some(9), Some(4))),
        fixture("responses-truncated", cut.to_string(), Failed(Protocol, Billing::Billed, "max_output_tokens")),
        fixture("responses-sse-truncated", stream(incomplete), Failed(Protocol, Billing::Billed, "max_output_tokens")),
        fixture("responses-refused", refused.to_string(), Failed(Refused, Billing::Billed, "not that")),
        fixture("responses-failed", stream(failed), Failed(RateLimited, Billing::NotBilled, "busy")),
        fixture(
            "responses-cut",
            stream(json!({"type": "response.output_text.delta", "output_index": 1, "delta": "!"})),
            Failed(UnknownOutcome, Billing::Unknown, "too early"),
        ),
    ]
}

fn anthropic_answers() -> Vec<Fixture> {
    let fixture = |name, body, expected| Fixture { name, body, expected };
    let message = |content: Value, stop: &str| {
        json!({
            "type": "message", "role": "assistant", "model": "m", "content": content, "stop_reason": stop,
            "usage": {"input_tokens": 5, "output_tokens": 2},
        })
        .to_string()
    };
    let text = |text: &str| json!({"type": "text", "text": text});
    let start = json!({"type": "message_start", "message": {"type": "message", "content": [], "stop_reason": null,
        "usage": {"input_tokens": 5, "output_tokens": 1}}});
    let piece = |index: u32, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let last =
        |stop: &str| json!({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 2}});
    let over = json!({"type": "message_stop"});
    let thought = piece(0, json!({"type": "thinking_delta", "thinking": "hm"}));
    let words = |text: &str| piece(1, json!({"type": "text_delta", "text": text}));
    let tool = |json: &str| piece(1, json!({"type": "input_json_delta", "partial_json": json}));
    let block = json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}});
    vec![
        fixture(
            "anthropic-blocks",
            message(json!([{"type": "thinking", "thinking": "hm"}, text("Good "), text("day")]), "end_turn"),
            Said("Good day", Some(5), Some(2)),
        ),
        fixture(
            "anthropic-tool",
            message(json!([text("Here:"), {"type": "tool_use", "name": "answer", "input": {"a": 1}}]), "tool_use"),
            Said("{\"a\":1}", Some(5), Some(2)),
        ),
        fixture(
            "anthropic-truncated",
            message(json!([text("It beg")]), "max_tokens"),
            Failed(Protocol, Billing::Billed, "max_tokens"),
        ),
        fixture("anthropic-refusal", message(json!([]), "refusal"), Failed(Refused, Billing::Billed, "content filter")),
        fixture(
            "anthropic-empty",
            message(json!([]), "end_turn"),
            Failed(Protocol, Billing::Billed, "said nothing (end_turn)"),
        ),
        fixture(
            "anthropic-sse",
            named(&[
                start.clone(),
                json!({"type": "ping"}),
                thought,
                block,
                words("Good "),
                words("day"),
                last("end_turn"),
                over.clone(),
            ]),
            Said("Good day", Some(5), Some(2)),
        ),
        fixture(
            "anthropic-sse-tool",
            named(&[start.clone(), tool(""), tool("{\"a\":"), tool("1}"), last("tool_use"), over]),
            Said("{\"a\":1}", Some(5), Some(2)),
        ),
        fixture(
            "anthropic-sse-cut",
            named(&[start.clone(), words("Go")]),
            Failed(UnknownOutcome, Billing::Unknown, "too early"),
        ),
        fixture(
            "anthropic-sse-error",
            named(&[start, json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})]),
            Failed(RateLimited, Billing::NotBilled, "Overloaded"),
        ),
    ]
}

fn gemini_answers() -> Vec<Fixture> {
    let fixture = |name, body, expected| Fixture { name, body, expected };
    let answer = |parts: Value, finish: &str| {
        json!({
            "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}],
            "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 6, "totalTokenCount": 17},
        })
    };
    let part = |text: &str| json!([{"text": text}]);
    let thinking = json!([{"text": "hm", "thought": true}, {"text": "Good "}, {"text": "day"}]);
    let blocked =
        json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 11}});
    vec![
        fixture("gemini", answer(thinking, "STOP").to_string(), Said("Good day", Some(11), Some(6))),
        fixture(
            "gemini-sse",
            sse(&[answer(part("Good "), "STOP"), answer(part("day"), "STOP")]),
            Said("Good day", Some(11), Some(6)),
        ),
        fixture(
            "gemini-truncated",
            answer(part("It"), "MAX_TOKENS").to_string(),
            Failed(Protocol, Billing::Billed, "max_tokens"),
        ),
        fixture(
            "gemini-safety",
            answer(json!([]), "SAFETY").to_string(),
            Failed(Refused, Billing::Billed, "content filter"),
        ),
        fixture("gemini-blocked", blocked.to_string(), Failed(Refused, Billing::Billed, "content filter")),
    ]
}

fn read(body: &[u8], piece: usize) -> Result<ChatAnswer, Box<CallFailure>> {
    let folder = tempfile::tempdir().unwrap();
    let base = Url::parse("https://api.example.org/v1").unwrap();
    let reading = Reading {
        base: &base,
        spool: Spool::new(folder.path(), "call-1"),
        limits: Limits { picture_bytes: 1 << 20 },
        bills_5xx: true,
        expected: 1,
        secret: None,
        progress: &|_| (),
    };
    let head = Head { status: 200, request_id: None, rate: RateHints::default() };
    let mut content = Content::new(&reading, Some(Words::default()));
    for piece in body.chunks(piece) {
        content.feed(piece).unwrap();
        if content.is_over() {
            break;
        }
    }
    let result = content.conclude_words(None, head, &reading);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    result
}

#[test]
fn every_answer_gives_its_words_or_says_why_not_in_any_pieces() {
    let fixtures = [chat_answers(), responses_answers(), anthropic_answers(), gemini_answers()].into_iter().flatten();
    for Fixture { name, body, expected } in fixtures {
        for piece in [usize::MAX, 4096, 7, 1] {
            if body.len() / piece > 100_000 {
                continue;
            }
            let result = read(body.as_bytes(), piece);
            match (&expected, result) {
                (Said(text, input, output), Ok(answer)) => {
                    assert_eq!(answer.text, *text, "{name} in pieces of {piece}");
                    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (*input, *output), "{name}");
                    assert!(answer.raw.len() <= MAX_RAW && !answer.raw.is_empty(), "{name}");
                }
                (Failed(kind, billing, words), Err(failure)) => {
                    let CallFailure { failure, usage, .. } = *failure;
                    assert_eq!((failure.kind, failure.billing), (*kind, *billing), "{name}: {failure:?}");
                    assert!(failure.message.contains(words), "{name}: {}", failure.message);
                    if *billing == Billing::Billed && body.contains("usage\"") {
                        assert!(usage.input_tokens.is_some(), "{name} tells what was counted");
                    }
                }
                (_, result) => panic!("{name} in pieces of {piece}: {result:?}"),
            }
        }
    }
}

#[test]
fn a_picture_among_the_words_is_taken_out_and_removed() {
    let picture = crate::fixtures::data_url("image/png", &crate::fixtures::png(1, 5_000));
    let answer = read(chat(&json!(format!("see ![i]({picture}) there")), "stop").as_bytes(), 100).unwrap();
    assert_eq!(answer.text, "see ![i](<spool:0>) there");
}
