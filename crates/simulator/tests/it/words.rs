//! Answers in words: every protocol, every misbehaviour, and what they cost.

use imagemill_simulator::{Outcome, Scenario};
use imagemill_testkit::pictures;
use serde_json::{Value, json};

use crate::client::Rig;

fn schema() -> Value {
    json!({"type": "object", "properties": {"result": {"enum": ["PASS", "FAIL"]}, "why": {"type": "string"}}, "required": ["result", "why"]})
}

fn chat(model: &str, prompt: &str) -> Value {
    json!({"model": model, "max_tokens": 50, "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": prompt}]})
}

fn said(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"].as_str().unwrap()
}

fn message(model: &str, content: &Value) -> Value {
    json!({"model": model, "max_tokens": 50, "system": "be brief", "messages": [{"role": "user", "content": content}]})
}

async fn anthropic(rig: &Rig, body: &Value) -> crate::client::Answer {
    rig.send(rig.http.post(rig.url("messages")).header("anthropic-version", "2023-06-01").json(body)).await
}

#[tokio::test]
async fn chat_completions_echo_and_keep_to_a_schema() {
    let rig = Rig::start(Scenario::default()).await;
    let mut request = chat("sim-text", "a red house");
    let plain = rig.post("chat/completions", &request).await.json();
    assert_eq!((said(&plain), &plain["choices"][0]["finish_reason"]), ("I read: a red house", &json!("stop")));
    assert_eq!(plain["usage"], json!({"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}));

    request["stream"] = true.into();
    let stream = rig.post("chat/completions", &request).await;
    assert_eq!(stream.streamed_content(), "I read: a red house");
    assert!(stream.text().ends_with("data: [DONE]\n\n"));

    request["stream"] = false.into();
    request["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema()}});
    let answer = rig.post("chat/completions", &request).await.json();
    assert_eq!(serde_json::from_str::<Value>(said(&answer)).unwrap(), json!({"result": "PASS", "why": "simulated"}));

    let asked = format!("judge it\nJSON schema:\n{}\nno other words", schema());
    let answer = rig.post("chat/completions", &chat("sim-text", &asked)).await.json();
    assert!(said(&answer).starts_with("Here it is:\n```json\n{"), "{answer}");
    let bill = rig.simulator.bill();
    assert!(bill.entries.iter().all(|entry| entry.billed && entry.outcome == Outcome::Said && entry.pictures == 0));
    assert_eq!(
        (bill.calls, bill.billed, bill.entries[0].micros),
        (4, 4, 13),
        "5 tokens in and out: 2.5 and 10 millionths"
    );
}

#[tokio::test]
async fn responses_and_messages_answer_in_their_own_forms() {
    let rig = Rig::start(Scenario::default()).await;
    let mut request = json!({"model": "sim-text", "input": "a fox", "instructions": "be brief"});
    let answer = rig.post("responses", &request).await.json();
    assert_eq!(answer["output"][0]["content"][0]["text"], "I read: a fox");
    request["text"] = json!({"format": {"type": "json_schema", "name": "answer", "schema": schema()}});
    request["stream"] = true.into();
    let events = rig.post("responses", &request).await.events();
    let last = &events.last().unwrap().1;
    assert_eq!(last["type"], "response.completed");
    assert!(last["response"]["output"][0]["content"][0]["text"].as_str().unwrap().contains("PASS"));

    let data = base64_simd::STANDARD.encode_to_string(pictures::png(1, 8, 8));
    let source = json!({"type": "base64", "media_type": "image/png", "data": data});
    let content = json!([{"type": "text", "text": "look"}, {"type": "image", "source": source}]);
    let answer = anthropic(&rig, &message("sim-text", &content)).await.json();
    assert!(answer["content"][0]["text"].as_str().unwrap().starts_with("I read: look I see a png of "), "{answer}");
    assert_eq!(answer["stop_reason"], "end_turn");
    assert!(answer["usage"]["input_tokens"].as_u64().unwrap() > 256);

    let mut request = message("sim-text", &json!("judge"));
    request["tools"] = json!([{"name": "answer", "input_schema": schema()}]);
    request["tool_choice"] = json!({"type": "tool", "name": "answer"});
    let answer = anthropic(&rig, &request).await.json();
    assert_eq!(
        (&answer["content"][0]["input"]["result"], &answer["stop_reason"]),
        (&json!("PASS"), &json!("tool_use"))
    );
    request["stream"] = true.into();
    let events = anthropic(&rig, &request).await.events();
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn anthropics_errors_have_its_shape() {
    let rig = Rig::start(Scenario::default()).await;
    let request = message("sim-text", &json!("hello"));
    let without_version = rig.post("messages", &request).await;
    assert_eq!(
        (without_version.status, &without_version.json()["error"]["type"]),
        (400, &json!("invalid_request_error"))
    );
    for (model, status, kind) in
        [("err:429", 429, "rate_limit_error"), ("err:503", 503, "overloaded_error"), ("nobody", 404, "not_found_error")]
    {
        let answer = anthropic(&rig, &message(model, &json!("hello"))).await;
        assert_eq!((answer.status, &answer.json()["error"]["type"]), (status, &json!(kind)), "{model}");
    }
    let refused = anthropic(&rig, &message("sim-text+refuse", &json!("hello"))).await;
    assert_eq!((refused.status, &refused.json()["stop_reason"]), (200, &json!("refusal")));
    assert_eq!(rig.simulator.bill().billed, 0);
}

#[tokio::test]
async fn words_misbehave_by_the_models_name() {
    let rig = Rig::start(Scenario::default()).await;
    let ask = async |model: &str| rig.post("chat/completions", &chat(model, "a long enough prompt")).await.json();
    let ended = |answer: &Value| answer["choices"][0]["finish_reason"].as_str().unwrap().to_owned();
    let truncated = ask("sim-text+truncated").await;
    assert_eq!((ended(&truncated), &truncated["usage"]["completion_tokens"]), ("length".into(), &json!(50)));
    assert_eq!(ended(&ask("filtered").await), "content_filter");
    assert_eq!(said(&ask("empty").await), "");
    assert!(said(&ask("think").await).starts_with("<think>"));
    let mut request = chat("bad-json:1", "judge this");
    request["response_format"] = json!({"type": "json_schema", "json_schema": {"schema": schema()}});
    let first = rig.post("chat/completions", &request).await.json();
    assert_eq!(said(&first), "Sure!\n{\"why\":\"simulated\"}");
    request["messages"][1]["content"] = "judge this\nit broke its schema".into();
    let second = rig.post("chat/completions", &request).await.json();
    assert!(serde_json::from_str::<Value>(said(&second)).unwrap()["result"].is_string(), "{second}");
    let bill = rig.simulator.bill();
    assert_eq!((bill.calls, bill.billed, bill.refused_billed), (6, 6, 1));
}

#[tokio::test]
async fn words_are_billed_when_the_answer_is_cut_or_late() {
    let rig = Rig::start(Scenario::default()).await;
    assert!(rig.post("chat/completions", &chat("sim-text+cut", "a red house")).await.broken);
    let late = rig.http.post(rig.url("chat/completions")).json(&chat("sim-text+delay:200", "a red house"));
    let patience = std::time::Duration::from_millis(50);
    assert!(late.timeout(patience).send().await.is_err());
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(rig.simulator.bill().billed, 2, "a client that goes away does not stop it");
}
