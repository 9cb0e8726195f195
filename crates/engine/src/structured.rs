//! Answers as JSON that keeps to a schema: asked for in the provider's own way where there is one, read tolerantly, checked, and
//! repaired once by the model itself.

use boon::{Compiler, SchemaIndex, Schemas, SchemeUrlLoader, ValidationError};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use serde_json::Value;

use crate::context::TaskContext;
use crate::recipe::{AskPart, ChatAsk};

/// How much of a wrong answer goes back to its model, in characters.
const QUOTED: usize = 12_000;
/// Mistakes that are told.
const MISTAKES: usize = 6;
/// Longest mistake, in characters.
const MISTAKE: usize = 300;
/// Places in an answer at which JSON is looked for.
const PLACES: usize = 200;

impl TaskContext {
    /// Like [`Self::chat`], for an answer that is JSON and keeps to `schema`.
    ///
    /// An answer that does not is sent back once, with what is wrong with it, as the step `<step>/repair`. When that does not
    /// help, it fails with `protocol` and the validator's words.
    pub async fn structured(&self, step: &str, ask: ChatAsk, schema: &Value) -> Result<Value, Failure> {
        let checker = Checker::new(schema).map_err(|error| {
            let message = format!("the schema of the step {step} is no JSON schema: {error}; nothing was sent");
            Failure::new(FailureKind::Invalid, message)
        })?;
        let mut ask = ask;
        if self.speaking(&ask).capabilities.as_ref().is_some_and(|known| known.json_schema) {
            ask.schema = Some(schema.clone());
        } else {
            ask.parts.push(AskPart::Text(format!(
                "Answer with one JSON value and nothing else. It must keep to this JSON schema:\n{schema}"
            )));
        }
        let reply = self.chat(step, ask.clone()).await?;
        let mistake = match read(&reply.text, &checker) {
            Ok(value) => return Ok(value),
            Err(mistake) => mistake,
        };
        tracing::info!(task = self.claimed.lease.task.0, step, %mistake, "an answer breaks its schema and is repaired");
        let quoted: String = reply.text.chars().take(QUOTED).collect();
        ask.parts.push(AskPart::Text(format!(
            "You were asked this before and answered:\n{quoted}\n\nThat cannot be used: {mistake}.\nGive the whole answer again, \
             corrected, as one JSON value and nothing else."
        )));
        let repaired = self.chat(&format!("{step}/repair"), ask).await?;
        read(&repaired.text, &checker).map_err(|mistake| {
            let message =
                format!("the model's answer does not keep to its schema, and one repair did not help: {mistake}");
            Failure::new(FailureKind::Protocol, message).billing(Billing::Billed)
        })
    }
}

/// A schema that answers are held against.
struct Checker {
    schemas: Schemas,
    schema: SchemaIndex,
}

impl Checker {
    fn new(schema: &Value) -> Result<Self, String> {
        const PLACE: &str = "answer:/schema.json";
        let mut compiler = Compiler::new();
        // Nothing is fetched: a schema is whole.
        compiler.use_loader(Box::new(SchemeUrlLoader::new()));
        let mut schemas = Schemas::new();
        compiler.add_resource(PLACE, schema.clone()).map_err(|error| format!("{error:#}"))?;
        let schema = compiler.compile(PLACE, &mut schemas).map_err(|error| format!("{error:#}"))?;
        Ok(Self { schemas, schema })
    }

    fn is_valid(&self, value: &Value) -> bool {
        self.schemas.validate(value, self.schema).is_ok()
    }

    /// What is wrong with a value, at most [`MISTAKES`].
    fn mistakes(&self, value: &Value) -> Vec<String> {
        let mut mistakes = Vec::new();
        if let Err(error) = self.schemas.validate(value, self.schema) {
            innermost(&error, &mut mistakes);
        }
        mistakes
    }
}

/// The validator nests its errors; those without causes say what is wrong.
fn innermost(error: &ValidationError<'_, '_>, mistakes: &mut Vec<String>) {
    if mistakes.len() == MISTAKES {
        return;
    }
    if error.causes.is_empty() {
        let place = error.instance_location.to_string();
        let what: String = error.kind.to_string().chars().take(MISTAKE).collect();
        mistakes.push(if place.is_empty() { what } else { format!("{place}: {what}") });
    }
    for cause in &error.causes {
        innermost(cause, mistakes);
    }
}

/// The JSON value in `text`: the last one that keeps to the schema. Else what is wrong with the likeliest one.
fn read(text: &str, checker: &Checker) -> Result<Value, String> {
    let found = candidates(text);
    if let Some(value) = found.iter().rfind(|value| checker.is_valid(value)) {
        return Ok(value.clone());
    }
    let likeliest = found.iter().rfind(|value| value.is_object()).or(found.last());
    let Some(value) = likeliest else { return Err("there is no JSON in it".to_owned()) };
    Err(checker.mistakes(value).join("; "))
}

/// Every JSON value that may be the answer, in order: the whole text, else each object or list in it that is complete. What
/// stands inside one of them is none of its own. Words, code fences and half values around them do not matter.
fn candidates(text: &str) -> Vec<Value> {
    if let Ok(value) = serde_json::from_str(text.trim()) {
        return vec![value];
    }
    let mut found = Vec::new();
    let mut rest = text;
    for _ in 0..PLACES {
        let Some(at) = rest.find(['{', '[']) else { break };
        rest = &rest[at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                rest = &rest[values.byte_offset()..];
                found.push(value);
            }
            _ => rest = &rest[1..],
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checker() -> Checker {
        let schema = json!({"type": "object", "required": ["result"], "additionalProperties": false,
            "properties": {"result": {"enum": ["PASS", "FAIL"]}, "notes": {"type": "array", "items": {"type": "string"}}}});
        Checker::new(&schema).unwrap()
    }

    #[test]
    fn json_is_found_among_words_fences_and_drafts() {
        for text in [
            r#"{"result": "FAIL"}"#,
            "  {\"result\": \"FAIL\"}\n",
            "Here it is:\n```json\n{\"result\": \"FAIL\"}\n```\nAnything else?",
            "See rule [5] and {curly}: {\"result\": \"FAIL\"}",
            r#"A draft {"result": "PASS"}, and now {"result": "FAIL"}"#,
            r#"{"result": "FAIL"} {"note": "not the answer"}"#,
            r#"{"broken": {"result": "FAIL"}"#,
            r#"{"result": "FAIL"} {"result": "PA"#,
        ] {
            assert_eq!(read(text, &checker()), Ok(json!({"result": "FAIL"})), "{text}");
        }
        let inner = r#"{"result": "FAIL", "notes": ["{\"result\": \"PASS\"}"]}"#;
        assert_eq!(read(inner, &checker()).unwrap()["result"], "FAIL", "what stands in a text is no answer");
    }

    #[test]
    fn what_is_wrong_is_said_in_the_validators_words() {
        for (text, words) in [
            ("I cannot say.", "there is no JSON in it"),
            ("null", "want object, but got null"),
            ("NaN", "there is no JSON"),
            (r#"{"result": NaN}"#, "there is no JSON"),
            (r#"[5] {"notes": [1]}"#, "missing properties 'result'"),
            (r#"{"result": "PASS", "notes": [1]}"#, "/notes/0: want string, but got number"),
            (r#"{"result": "MAYBE", "more": 1}"#, "additionalProperties 'more' not allowed"),
        ] {
            let mistake = read(text, &checker()).unwrap_err();
            assert!(mistake.contains(words), "{text}: {mistake}");
        }
    }

    #[test]
    fn hostile_answers_end_in_good_time() {
        let many = "{\"a\":[".repeat(100_000);
        assert!(read(&many, &checker()).is_err());
        assert!(read(&"[1,".repeat(300_000), &checker()).is_err());
    }
}
