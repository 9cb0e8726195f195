//! What a recipe asks of a text or vision model, before any provider's wire form, and what that may cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::Usage;
use crate::capability::{CallEstimate, Price};
use crate::hash::{ContentHash, RequestHash, keyed_128};
use crate::money::Money;

/// Most tokens of an answer when a recipe does not say: long analyses fit, and a ceiling needs some number.
pub const DEFAULT_MAX_TOKENS: u32 = 8_192;

/// Prices are for this many tokens.
const MILLION: f64 = 1_000_000.0;
/// What the form around the words may add (roles, separators, the provider's own instructions for JSON), in tokens.
const FRAME_TOKENS: u64 = 1_000;
/// Tokens of a picture where the table does not say: 1,568 pixels on the longer edge at Anthropic.
const PICTURE_TOKENS: u64 = 1_600;

/// One part of what the user says, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatPart {
    /// These words.
    Text(String),
    /// The picture with these bytes, as it is sent (after preparation).
    Picture(ContentHash),
}

/// One text or vision request in canonical form. Pictures are content hashes, never bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// Model by name.
    pub model: String,
    /// System prompt; empty means none is sent.
    pub system: String,
    /// What the user says.
    pub parts: Vec<ChatPart>,
    /// The JSON schema that the provider is asked to keep to; `None` asks for plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
    /// Most tokens of the answer, thoughts included; sent under the profile's token field.
    pub max_tokens: u32,
    /// 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// `low`, `medium`, `high`, or what the model calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<String>,
    /// Merged deep into the body last, so it wins over everything above.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_body: BTreeMap<String, serde_json::Value>,
}

impl ChatRequest {
    /// A request of these parts with nothing else set.
    pub fn new(model: impl Into<String>, parts: Vec<ChatPart>) -> Self {
        Self {
            model: model.into(),
            system: String::new(),
            parts,
            schema: None,
            max_tokens: DEFAULT_MAX_TOKENS,
            temperature: None,
            reasoning_effort: None,
            extra_body: BTreeMap::new(),
        }
    }

    /// The journal's key for this request.
    pub fn hash(&self) -> RequestHash {
        let canonical = serde_json::to_vec(self).expect("texts, numbers and JSON values always serialise");
        RequestHash(keyed_128("imagemill chat request 1", &canonical))
    }

    /// How large it is, as far as that costs money.
    pub fn shape(&self) -> ChatShape {
        let words = self.parts.iter().map(|part| match part {
            ChatPart::Text(text) => text.len(),
            ChatPart::Picture(_) => 0,
        });
        let schema = self.schema.as_ref().map_or(0, |schema| schema.to_string().len());
        ChatShape {
            prompt_bytes: (self.system.len() + words.sum::<usize>() + schema) as u64,
            pictures: self.parts.iter().filter(|part| matches!(part, ChatPart::Picture(_))).count() as u64,
            max_tokens: u64::from(self.max_tokens),
        }
    }
}

/// How large a text or vision request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatShape {
    /// Bytes of all words that go in, the schema included.
    pub prompt_bytes: u64,
    /// Pictures that go in.
    pub pictures: u64,
    /// Most tokens that come out.
    pub max_tokens: u64,
}

impl Price {
    /// The most a text or vision call of this shape may cost; `None` when the price lines do not suffice.
    ///
    /// A token is at least one byte of text with every tokenizer in use, so the words cannot cost more.
    pub fn chat_ceiling(&self, shape: ChatShape) -> Option<Money> {
        self.chat_dollars(ChatShape { prompt_bytes: shape.prompt_bytes + FRAME_TOKENS, ..shape })
    }

    /// The price of so many tokens, a byte for a token.
    fn chat_dollars(&self, shape: ChatShape) -> Option<Money> {
        let (text_in, text_out) = (self.text_in?, self.text_out?);
        let picture_tokens = shape.pictures * self.image_in_tokens.unwrap_or(PICTURE_TOKENS);
        let dollars = text_in * shape.prompt_bytes as f64
            + self.image_in.unwrap_or(text_in) * picture_tokens as f64
            + text_out * shape.max_tokens as f64;
        Some(Money::from_dollars(dollars / MILLION))
    }

    /// What a text or vision call of about this shape is expected to cost; `None` when the price lines do not suffice. Four bytes
    /// make a token of English, and answers take a quarter of what they may; a short one takes a sixteenth.
    pub fn chat_estimate(&self, shape: ChatShape) -> Option<CallEstimate> {
        let part = |in_part: u64, out_part: u64| ChatShape {
            prompt_bytes: shape.prompt_bytes / in_part,
            max_tokens: shape.max_tokens / out_part,
            ..shape
        };
        Some(CallEstimate {
            low: self.chat_dollars(part(6, 16))?,
            likely: self.chat_dollars(part(4, 4))?,
            high: self.chat_ceiling(shape)?,
        })
    }

    /// What a text or vision call cost by what the provider counted; `None` when the counts or the price lines do not
    /// suffice.
    pub fn settle_chat(&self, usage: &Usage) -> Option<Money> {
        if let Some(micros) = usage.cost_micros {
            return Some(Money::from_micros(micros));
        }
        let (input, output) = (usage.input_tokens?, usage.output_tokens?);
        let (text_in, text_out) = (self.text_in?, self.text_out?);
        let pictures = usage.input_image_tokens.unwrap_or(0).min(input);
        let dollars = text_in * (input - pictures) as f64
            + self.image_in.unwrap_or(text_in) * pictures as f64
            + text_out * output as f64;
        Some(Money::from_dollars(dollars / MILLION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        Price { text_in: Some(3.0), text_out: Some(15.0), ..Price::default() }
    }

    #[test]
    fn every_part_of_a_request_counts() {
        let base = ChatRequest::new("m", vec![ChatPart::Text("look".into()), ChatPart::Picture(ContentHash::of(b"1"))]);
        let others = [
            ChatRequest { model: "n".into(), ..base.clone() },
            ChatRequest { system: "s".into(), ..base.clone() },
            ChatRequest { parts: base.parts.iter().rev().cloned().collect(), ..base.clone() },
            ChatRequest { schema: Some(serde_json::json!({"type": "object"})), ..base.clone() },
            ChatRequest { max_tokens: 1, ..base.clone() },
            ChatRequest { temperature: Some(0.0), ..base.clone() },
            ChatRequest { reasoning_effort: Some("low".into()), ..base.clone() },
            ChatRequest { extra_body: [("seed".to_owned(), 7.into())].into(), ..base.clone() },
        ];
        for other in &others {
            assert_ne!(base.hash(), other.hash(), "{other:?}");
        }
        assert_eq!(base.hash(), base.clone().hash());
    }

    #[test]
    fn a_ceiling_holds_words_pictures_and_the_longest_answer() {
        let mut request = ChatRequest::new("m", vec![ChatPart::Text("x".repeat(2_000))]);
        request.max_tokens = 1_000;
        assert_eq!(price().chat_ceiling(request.shape()), Some(Money::from_micros(3 * 3_000 + 15 * 1_000)));
        request.parts.push(ChatPart::Picture(ContentHash::of(b"1")));
        assert_eq!(price().chat_ceiling(request.shape()), Some(Money::from_micros(3 * 4_600 + 15 * 1_000)));
        assert_eq!(Price { text_in: Some(3.0), ..Price::default() }.chat_ceiling(request.shape()), None);
    }

    #[test]
    fn a_call_is_settled_from_what_the_provider_counted() {
        let usage = Usage { input_tokens: Some(1_000), output_tokens: Some(100), ..Usage::default() };
        assert_eq!(price().settle_chat(&usage), Some(Money::from_micros(3_000 + 1_500)));
        let named = Usage { cost_micros: Some(7), ..usage.clone() };
        assert_eq!(Price::default().settle_chat(&named), Some(Money::from_micros(7)));
        assert_eq!(Price::default().settle_chat(&usage), None);
        let seen = Usage { input_image_tokens: Some(400), ..usage };
        let dear = Price { image_in: Some(10.0), ..price() };
        assert_eq!(dear.settle_chat(&seen), Some(Money::from_micros(1_800 + 4_000 + 1_500)));
    }
}
