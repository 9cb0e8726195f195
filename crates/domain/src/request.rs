//! What a recipe asks of a model, before any provider's wire form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::{ContentHash, RequestHash, keyed_128};

/// Options of a picture request that are not the prompt. A field left out is not sent, so the provider's own default holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestOptions {
    /// Pictures asked for in one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// A size name (`1K`, `2K`, `4K`), pixels (`1024x1024`), or `auto`. A plan puts the model's own spelling here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// `16:9` and the like. A plan turns it into pixels for models that take pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aspect_ratio: Option<String>,
    /// `low`, `medium`, `high`, `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// `transparent`, `opaque`, `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// `png`, `jpeg`, `webp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_format: Option<String>,
    /// 0 to 100, for jpeg and webp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_compression: Option<u8>,
    /// `url` or `b64_json`, for models that take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_format: Option<String>,
    /// Seed, for models that take one. The sample number is added to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// 0 to 2, for chat models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Most tokens of the answer, for chat models; sent under the profile's token field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Whether the answer is to be streamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Merged deep into the body last, so it wins over everything above.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_body: BTreeMap<String, serde_json::Value>,
}

/// How a model is told what must not be in the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NegativePrompt {
    /// It has no parameter for it: a last paragraph of the prompt, `Avoid: …`, in Chinese `避免：…`.
    #[default]
    Folded,
    /// A parameter of its own.
    Parameter,
    /// In the prompt behind a vertical bar (LocalAI).
    AfterBar,
}

impl NegativePrompt {
    /// The prompt to send and the negative prompt to send beside it; the latter is empty when there is none or it became a
    /// part of the prompt.
    pub fn apply(self, prompt: String, negative: &str) -> (String, String) {
        let negative = negative.trim();
        if negative.is_empty() {
            return (prompt, String::new());
        }
        match self {
            Self::Parameter => (prompt, negative.to_owned()),
            Self::AfterBar => (format!("{prompt}|{negative}"), String::new()),
            Self::Folded => {
                let is_chinese = prompt.chars().chain(negative.chars()).any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                let word = if is_chinese { "避免：" } else { "Avoid: " };
                (format!("{prompt}\n\n{word}{negative}"), String::new())
            }
        }
    }
}

/// One picture request in canonical form. References are content hashes, never bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageRequest {
    /// Model by name.
    pub model: String,
    /// System prompt; empty means none is sent.
    pub system_prompt: String,
    /// User prompt.
    pub prompt: String,
    /// What must not be in the picture, for models with a parameter for it; empty means none is sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub negative_prompt: String,
    /// The pictures as they are sent (after preparation), in order.
    pub pictures: Vec<ContentHash>,
    /// Everything else.
    pub options: RequestOptions,
    /// Sample number, so that two samples are two requests.
    pub sample: u32,
}

impl ImageRequest {
    /// The prompt for protocols without a system prompt: the system prompt as its first paragraph.
    pub fn whole_prompt(&self) -> String {
        if self.system_prompt.is_empty() {
            return self.prompt.clone();
        }
        format!("{}\n\n{}", self.system_prompt, self.prompt)
    }

    /// The seed of this sample: each sample of a job has one of its own.
    pub fn sample_seed(&self) -> Option<i64> {
        self.options.seed.map(|seed| seed.wrapping_add(i64::from(self.sample)))
    }

    /// The journal's key for this request.
    pub fn hash(&self) -> RequestHash {
        let canonical = serde_json::to_vec(self).expect("texts, numbers and JSON values always serialise");
        RequestHash(keyed_128("imagemill image request 1", &canonical))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts() {
        let base = ImageRequest {
            model: "m".into(),
            system_prompt: String::new(),
            prompt: "night".into(),
            negative_prompt: String::new(),
            pictures: vec![ContentHash::of(b"1")],
            options: RequestOptions::default(),
            sample: 0,
        };
        let mut other = base.clone();
        other.options.extra_body.insert("seed".into(), 7.into());
        assert_ne!(base.hash(), other.hash());
        assert_ne!(base.hash(), ImageRequest { sample: 1, ..base.clone() }.hash());
        assert_eq!(base.hash(), base.clone().hash());
    }

    #[test]
    fn a_negative_prompt_goes_where_the_model_takes_it() {
        for (how, prompt, negative, expected) in [
            (NegativePrompt::Folded, "a fox", "", ("a fox", "")),
            (NegativePrompt::Folded, "a fox", " text, logos ", ("a fox\n\nAvoid: text, logos", "")),
            (NegativePrompt::Folded, "一只狐狸", "文字", ("一只狐狸\n\n避免：文字", "")),
            (NegativePrompt::Parameter, "a fox", "text", ("a fox", "text")),
            (NegativePrompt::AfterBar, "a fox", "text", ("a fox|text", "")),
        ] {
            let (sent, beside) = how.apply(prompt.to_owned(), negative);
            assert_eq!((sent.as_str(), beside.as_str()), expected);
        }
    }
}
