//! The language of whoever asks. Answers say in it what the libraries say in English; what people, providers and models wrote stays
//! as it is.

use std::convert::Infallible;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use imagemill_desk::{Lang, translated};
use serde_json::Value;

/// Members that hold sentences of ours, alone or in a list.
const SENTENCES: [&str; 9] =
    ["message", "fix", "help", "reason", "warnings", "notes", "error", "not_saved", "jobs_hint"];
/// Members with the words of others, into which nobody looks.
const WORDS_OF_OTHERS: [&str; 6] = ["request", "answer", "document", "prompt", "task_list", "prepared"];

/// The language that a request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader(Lang);

impl Reader {
    /// By `Accept-Language`; English where nothing that we know is asked for.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self(asked.split([',', ';']).find_map(|word| Lang::from_word(word.trim())).unwrap_or(Lang::En))
    }

    /// The language.
    pub(crate) fn lang(self) -> Lang {
        self.0
    }

    /// A document, with our sentences in this language.
    pub(crate) fn told(self, mut document: Value) -> Json<Value> {
        if self.0 != Lang::En {
            look_into(&mut document, self.0);
        }
        Json(document)
    }
}

fn look_into(value: &mut Value, lang: Lang) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|entry| look_into(entry, lang)),
        Value::Object(members) => {
            for (key, member) in members {
                if SENTENCES.contains(&key.as_str()) {
                    say(member, lang);
                }
                if !WORDS_OF_OTHERS.contains(&key.as_str()) {
                    look_into(member, lang);
                }
            }
        }
        _ => {}
    }
}

fn say(member: &mut Value, lang: Lang) {
    match member {
        Value::String(sentence) => *sentence = translated(lang, sentence),
        Value::Array(list) => list.iter_mut().filter(|entry| entry.is_string()).for_each(|entry| say(entry, lang)),
        _ => {}
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn reader(asked: &'static str) -> Reader {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(asked));
        Reader::of(&headers)
    }

    #[test]
    fn our_sentences_are_said_and_the_words_of_others_left() {
        let said = "the same bytes as a.png";
        let document = json!({"message": said, "warnings": [said], "calls": [{"call": {"failure": {"message": said}},
            "request": {"message": said}, "answer": said}], "title": said});
        let Json(told) = reader("zh-CN,en;q=0.5").told(document.clone());
        let chinese = "与 a.png 内容完全相同";
        assert_eq!(told["message"], chinese);
        assert_eq!(told["warnings"][0], chinese);
        assert_eq!(told["calls"][0]["call"]["failure"]["message"], chinese);
        assert_eq!((&told["calls"][0]["request"]["message"], &told["title"]), (&json!(said), &json!(said)));
        let Json(told) = reader("fr").told(document.clone());
        assert_eq!(told, document);
    }
}
