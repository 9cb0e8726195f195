//! The words of an answer in whole, where words are what was asked for, and what is wrong with them.
//!
//! Takes one choice, every block of it, and nothing the model only thought. Which protocol was asked does not matter.

use imagemill_domain::failure::{Billing, Failure, FailureKind};
use serde_json::Value;

use super::{Content, Head, Reading, is_cut, without_secret};
use crate::chat::{ChatAnswer, MAX_CHAT_TEXT};
use crate::error::quote;
use crate::extract::is_refusal;
use crate::http::lost;
use crate::lift::Shelf;
use crate::links;
use crate::provider::CallFailure;
use crate::sse::Event;

/// Collects the words of one answer.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Of answers that come in one piece, and of events that repeat the whole.
    whole: String,
    /// Of events that carry a piece of the text in a list.
    pieces: String,
    /// The input of the tool that gives the answer.
    tool: String,
    /// It has choices, of which one counts.
    has_choices: bool,
}

impl Words {
    /// Takes the next event.
    pub(super) fn event(&mut self, event: &Event) {
        let root = &event.value;
        if let Some(choices) = root.get("choices").and_then(Value::as_array) {
            self.has_choices = true;
            let first = choices.iter().find(|choice| choice["index"].as_u64().unwrap_or(0) == 0);
            if let Some(choice) = first {
                push_content(&mut self.whole, &choice["message"]["content"]);
                if choice["delta"]["content"].is_array() {
                    push_content(&mut self.pieces, &choice["delta"]["content"]);
                }
            }
        }
        // Responses: events repeat the output; the last repetition is the whole of it.
        let holder = root.get("response").unwrap_or(root);
        if let Some(output) = holder.get("output").and_then(Value::as_array) {
            let mut whole = String::new();
            for item in output.iter().filter(|item| item["type"] == "message") {
                push_content(&mut whole, &item["content"]);
            }
            if !whole.is_empty() {
                self.whole = whole;
            }
        }
        self.anthropic(root);
        if let Some(candidate) = root.get("candidates").and_then(|candidates| candidates.get(0)) {
            push_content(&mut self.pieces, &candidate["content"]["parts"]);
        }
    }

    fn anthropic(&mut self, root: &Value) {
        if root["type"] == "message" {
            push_content(&mut self.whole, &root["content"]);
            let blocks = root["content"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(tool) = blocks.iter().find(|block| block["type"] == "tool_use") {
                self.tool = tool["input"].to_string();
            }
        }
        if let Some(piece) = root.pointer("/delta/partial_json").and_then(Value::as_str) {
            self.tool.push_str(piece);
        }
    }

    /// What was said. A tool's input is the answer where there is one: words beside it only announce it.
    fn text(&self, shelf: &Shelf) -> String {
        if !self.tool.is_empty() {
            return self.tool.clone();
        }
        let spoken = || shelf.streams().iter().filter(|stream| !stream.is_thought());
        let first = spoken().map(crate::lift::StreamText::index).min().unwrap_or(0);
        let mut streamed: Vec<_> = spoken().filter(|stream| !self.has_choices || stream.index() == first).collect();
        streamed.sort_by_key(|stream| stream.index());
        let mut text = self.whole.clone();
        if text.is_empty() {
            text = streamed.iter().map(|stream| String::from_utf8_lossy(&stream.text)).collect();
        }
        text.push_str(&self.pieces);
        links::without_thoughts(&text).trim().to_owned()
    }
}

/// Appends a text, or the texts of a list of parts without thoughts and tools.
fn push_content(text: &mut String, content: &Value) {
    match content {
        Value::String(words) => text.push_str(words),
        Value::Array(parts) => {
            for part in parts {
                let kind = part["type"].as_str().unwrap_or("text");
                if matches!(kind, "text" | "output_text")
                    && part["thought"] != true
                    && let Some(words) = part["text"].as_str()
                {
                    text.push_str(words);
                }
            }
        }
        _ => {}
    }
}

impl Content {
    /// The answer, or why its words cannot be used.
    pub(super) fn conclude_words(
        mut self,
        broke: Option<Failure>,
        head: Head,
        reading: &Reading<'_>,
    ) -> Result<ChatAnswer, Box<CallFailure>> {
        let mut events = Vec::new();
        let value_cut = match self.reader.finish(&mut self.shelf, &mut events) {
            Ok(cut) => cut,
            Err(failure) => return Err(head.failed(failure, "", reading.secret)),
        };
        self.take(&mut events);
        let ended = self.is_over() || (self.collector.terminal && !value_cut);
        // A stream without its end mark was cut, however much it brought.
        let may_end_here = !self.reader.is_stream() && !self.collector.strict;
        let complete = ended || (broke.is_none() && !value_cut && may_end_here);
        if let Err(failure) = self.shelf.end_streams(complete) {
            return Err(head.failed(failure, "", reading.secret));
        }
        let raw = self.raw.finish(&self.shelf);
        let cut = (!complete).then(|| {
            broke.unwrap_or_else(|| lost("the answer ended in the middle: the connection was closed too early".into()))
        });
        let text = self.words.as_ref().map(|words| words.text(&self.shelf)).unwrap_or_default();
        if let Some(failure) = self.unusable(&text, cut) {
            let mut failure = head.failed(failure, &raw, reading.secret);
            failure.usage = self.collector.usage;
            return Err(failure);
        }
        Ok(ChatAnswer {
            text: without_secret(text, reading.secret),
            usage: self.collector.usage,
            finish: self.collector.finish.unwrap_or_default(),
            http_status: head.status,
            request_id: head.request_id,
            raw: without_secret(raw, reading.secret),
            rate: head.rate,
        })
    }

    /// Why the words cannot be used, in the provider's own words where it has any; `None` when they can.
    fn unusable(&self, text: &str, cut: Option<Failure>) -> Option<Failure> {
        let collector = &self.collector;
        let finish = self.finish_word();
        let said = if text.is_empty() { String::new() } else { format!("; it said: {}", quote(text)) };
        let coded = |kind, message: String| {
            let mut failure = Failure::new(kind, message).billing(Billing::Billed);
            failure.code = Some(finish.clone()).filter(|finish| !finish.is_empty());
            failure
        };
        if let Some(failure) = collector.error.clone().or(cut) {
            Some(failure)
        } else if !collector.refusal.is_empty() {
            Some(coded(FailureKind::Refused, format!("the model refused: {}", quote(&collector.refusal))))
        } else if collector.blocked || is_refusal(&finish) {
            Some(coded(FailureKind::Refused, format!("the provider's content filter stopped the answer{said}")))
        } else if is_cut(&finish) {
            let message = format!("the answer was cut at the token limit ({finish}); ask for more tokens{said}");
            Some(coded(FailureKind::Protocol, message))
        } else if text.len() > MAX_CHAT_TEXT {
            Some(coded(FailureKind::Protocol, format!("the answer is longer than 1 MiB{said}")))
        } else if text.is_empty() {
            let ended = if finish.is_empty() { String::new() } else { format!(" ({finish})") };
            let silent = || coded(FailureKind::Protocol, format!("the model said nothing{ended}"));
            Some(self.unreadable().unwrap_or_else(silent))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
