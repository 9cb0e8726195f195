//! A profile: the named settings for one provider account. It never holds a secret, only where to find one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lane::BatchKind;
use crate::money::Money;
use crate::picture::PictureFormat;

/// Which wire protocol a profile speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// By the address, the provider and the model: `/responses`, `/chat/completions`, `:generateContent` or `/images/…` in
    /// the address decide, then providers with a protocol of their own; else the images endpoints for models the capability
    /// table knows as image models, chat completions for the rest.
    #[default]
    Auto,
    /// `/chat/completions` with pictures as content parts.
    ChatCompletions,
    /// `/responses`.
    Responses,
    /// `/images/generations` and `/images/edits`, the latter as JSON.
    Images,
    /// The same with edits as `multipart/form-data`.
    ImagesMultipart,
    /// Gemini's `/models/{model}:generateContent`.
    Gemini,
    /// Seedream's form of `/images/generations` on Volcengine Ark and BytePlus.
    Seedream,
    /// SenseNova's form of `/images/generations`.
    Sensenova,
    /// OpenRouter's `/images`.
    OpenrouterImages,
    /// Anthropic's `/messages`: words only, no pictures come out.
    AnthropicMessages,
    /// fal's queue: submit, ask, fetch.
    Fal,
    /// Replicate's predictions: create, ask, fetch.
    Replicate,
    /// The prediction form of hosted-media gateways: create, ask, outputs.
    HostedMedia,
    /// Comfy Router's queue: submit, collect.
    ComfyRouter,
    /// A ComfyUI of one's own: a workflow whose placeholders are filled in.
    Comfyui,
    /// The `/sdapi/v1` of a Stable Diffusion web UI of one's own.
    Automatic1111,
}

impl Protocol {
    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::ChatCompletions => "chat_completions",
            Self::Responses => "responses",
            Self::Images => "images",
            Self::ImagesMultipart => "images_multipart",
            Self::Gemini => "gemini",
            Self::Seedream => "seedream",
            Self::Sensenova => "sensenova",
            Self::OpenrouterImages => "openrouter_images",
            Self::AnthropicMessages => "anthropic_messages",
            Self::Fal => "fal",
            Self::Replicate => "replicate",
            Self::HostedMedia => "hosted_media",
            Self::ComfyRouter => "comfy_router",
            Self::Comfyui => "comfyui",
            Self::Automatic1111 => "automatic1111",
        }
    }

    /// Whether a request over this protocol has a place for a job's option, so that nothing is dropped in silence.
    pub fn carries(self, option: &str) -> bool {
        let taken: &[&str] = match self {
            Self::Auto | Self::ChatCompletions => return option != "negative_prompt",
            Self::Responses => &[
                "size",
                "quality",
                "background",
                "output_format",
                "output_compression",
                "temperature",
                "max_tokens",
                "stream",
            ],
            Self::OpenrouterImages if option == "negative_prompt" => &[],
            Self::Images | Self::ImagesMultipart | Self::OpenrouterImages => &[
                "n",
                "size",
                "aspect_ratio",
                "quality",
                "background",
                "output_format",
                "output_compression",
                "response_format",
                "seed",
                "stream",
                "negative_prompt",
            ],
            Self::Gemini => &["size", "aspect_ratio", "seed", "temperature", "max_tokens"],
            Self::Seedream => &["n", "size", "output_format", "response_format", "seed", "stream"],
            Self::Sensenova => &["size", "output_format", "response_format"],
            Self::AnthropicMessages => &["temperature", "max_tokens", "stream"],
            Self::Fal | Self::Replicate => &["n", "size", "aspect_ratio", "seed", "output_format", "negative_prompt"],
            Self::HostedMedia => &["n", "size", "aspect_ratio", "quality", "seed", "output_format", "negative_prompt"],
            Self::ComfyRouter => &["size", "aspect_ratio", "seed", "output_format", "negative_prompt"],
            Self::Comfyui | Self::Automatic1111 => &["n", "size", "seed", "negative_prompt"],
        };
        option == "extra_body" || taken.contains(&option)
    }

    /// How source pictures get to a model over it. `files`: the table of models says that they may be given as files.
    pub fn intake(self, files: bool) -> Intake {
        match self {
            Self::Fal => Intake { inline_bytes: 10 << 20, uploads: true },
            Self::Replicate => Intake { inline_bytes: 256 << 10, uploads: true },
            // The request may have 20 MB, and base64 takes four bytes for three.
            Self::Gemini => Intake { inline_bytes: 14 << 20, uploads: true },
            Self::HostedMedia | Self::Comfyui => Intake { inline_bytes: 0, uploads: true },
            // "image_url … ≤ 20,971,520 characters" each.
            Self::Images | Self::Responses if files => Intake { inline_bytes: 15 << 20, uploads: true },
            Self::ComfyRouter => Intake { inline_bytes: 10 << 20, uploads: false },
            _ => Intake::default(),
        }
    }

    /// Whether requests are taken now and asked about later.
    pub fn is_queue(self) -> bool {
        matches!(self, Self::Fal | Self::Replicate | Self::HostedMedia | Self::Comfyui)
    }

    /// The form of batches that goes with it.
    pub fn batch_kind(self) -> BatchKind {
        match self {
            Self::ChatCompletions | Self::Responses | Self::Images | Self::ImagesMultipart => BatchKind::Openai,
            Self::Gemini => BatchKind::Gemini,
            Self::AnthropicMessages => BatchKind::Anthropic,
            _ => BatchKind::None,
        }
    }

    /// Whether every model calls the member that takes pictures something else, so that its name must be known.
    pub fn needs_picture_field(self) -> bool {
        matches!(self, Self::Fal | Self::Replicate | Self::ComfyRouter)
    }
}

/// How source pictures get to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intake {
    /// Most bytes of them inside one request, all together; 0 where they are taken as addresses only.
    pub inline_bytes: u64,
    /// Whether they can be handed over by themselves, too.
    pub uploads: bool,
}

impl Default for Intake {
    /// Inside the request, of any size, and in no other way.
    fn default() -> Self {
        Self { inline_bytes: u64::MAX, uploads: false }
    }
}

/// Under which name the token limit is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenField {
    /// `max_output_tokens` for responses, `max_tokens` for chat.
    #[default]
    Auto,
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
    /// `max_output_tokens`.
    MaxOutputTokens,
    /// Not sent.
    None,
}

/// Where the secret is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Credential {
    /// No secret is sent.
    #[default]
    None,
    /// In this environment variable.
    Env(String),
    /// In this file, readable by its owner only (mode 0600); the first line counts.
    File(String),
    /// In this entry of the system's key store, where the program was built with it.
    Keyring(String),
}

/// How long to wait for what, in milliseconds. Each is its own limit; comments of a stream are not progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// To open the connection.
    pub connect_ms: u64,
    /// From the request to the first byte of the answer.
    pub first_byte_ms: u64,
    /// Between two pieces of the answer that carry data.
    pub idle_ms: u64,
    /// For the whole call, the answer included.
    pub total_ms: u64,
}

impl Default for Timeouts {
    /// 10 s, 300 s, 120 s, 900 s: pictures of several minutes are normal (providers say 60 s to 5 min).
    fn default() -> Self {
        Self { connect_ms: 10_000, first_byte_ms: 300_000, idle_ms: 120_000, total_ms: 900_000 }
    }
}

/// Where a provider sends its notices that a request ended, and what they are checked with. Without them it is asked all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    /// Address at which the provider reaches `imagemill serve` (`https://mill.example`).
    pub url: String,
    /// Where Replicate's signing secret (`whsec_…`) is.
    #[serde(skip_serializing_if = "is_none")]
    pub secret: Credential,
    /// Where fal's public keys are; empty for fal's own address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub keys_url: String,
}

fn is_none(credential: &Credential) -> bool {
    *credential == Credential::None
}

/// How hard a profile may be pushed. Across all jobs that use it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Calls at once, at most. The real number adapts between 1 and this.
    pub concurrency: u32,
    /// Requests a minute; `None` for no limit of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Pictures a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_per_minute: Option<u32>,
    /// Bytes of requests and answers held in memory at once by all calls of the profile.
    pub bytes_in_flight: u64,
    /// A hint to wait longer than this means "not now": the profile pauses visibly. Milliseconds.
    pub longest_wait_ms: u64,
}

impl Default for RateLimits {
    /// 8 at once, no rate, 256 MiB, 120 s (the official SDK's own cap on Retry-After).
    fn default() -> Self {
        Self {
            concurrency: 8,
            requests_per_minute: None,
            images_per_minute: None,
            bytes_in_flight: 256 << 20,
            longest_wait_ms: 120_000,
        }
    }
}

/// What a profile may spend over all jobs, besides each job's own budget. What is held for calls under way counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileBudget {
    /// On one day (UTC); when it is used up the profile pauses until the next day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<Money>,
    /// In all; when it is used up the profile pauses until a person raises it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
}

/// What may be fetched: addresses of pictures and of the provider itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkRules {
    /// The provider's address may be private or loopback.
    pub allow_private_api: bool,
    /// Picture links may point to private or loopback addresses.
    pub allow_private_downloads: bool,
    /// If not empty, the provider's host must equal one of these or lie below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_hosts: Vec<String>,
    /// If not empty, a picture link's host must equal one of these or lie below it (`*.host` and `.host` work too).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub download_hosts: Vec<String>,
    /// Redirects followed for a download, each checked; none is ever followed for a paid call.
    pub max_redirects: u32,
    /// Largest picture taken, in bytes.
    pub max_picture_bytes: u64,
    /// Send the credential to picture links on the provider's own host (never to others).
    pub authorize_downloads: bool,
}

impl Default for NetworkRules {
    fn default() -> Self {
        Self {
            allow_private_api: false,
            allow_private_downloads: false,
            api_hosts: Vec::new(),
            download_hosts: Vec::new(),
            max_redirects: 3,
            max_picture_bytes: 64 << 20,
            authorize_downloads: false,
        }
    }
}

/// The named settings for one provider account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Its name; the key in the configuration file, where it need not be repeated.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// One line for people.
    pub description: String,
    /// Provider name in the capability table (`openai`, `openrouter`, `grok2api`, `simulator`, …).
    pub provider: String,
    /// Wire protocol.
    pub protocol: Protocol,
    /// Base address (`https://api.openai.com/v1`) or a full endpoint address, which is then used as it stands.
    pub base_url: String,
    /// Model when the job names none.
    pub model: String,
    /// Where the secret is.
    pub credential: Credential,
    /// Under which name the token limit goes out.
    pub token_field: TokenField,
    /// Headers sent with every call, besides the credential.
    pub headers: BTreeMap<String, String>,
    /// Merged into every body, before the job's own `extra_body`.
    pub extra_body: BTreeMap<String, serde_json::Value>,
    /// Whether answers are asked for as a stream when the job does not say.
    pub stream: Option<bool>,
    /// Picture formats the provider takes as input; empty means png, jpeg and webp.
    pub input_formats: Vec<PictureFormat>,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Rates.
    pub limits: RateLimits,
    /// Money.
    pub budget: ProfileBudget,
    /// Network rules.
    pub network: NetworkRules,
    /// How the provider tells this workspace's server that a request ended; fal and Replicate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
}

impl Profile {
    /// The wire protocol that `auto` stands for with this address and model.
    ///
    /// `knows_images` says whether the capability table has the model on the images endpoints.
    pub fn resolved_protocol(&self, knows_images: bool) -> Protocol {
        if self.protocol != Protocol::Auto {
            return self.protocol;
        }
        let address = self.base_url.to_ascii_lowercase();
        if self.resolved_chat_protocol() == Protocol::AnthropicMessages {
            return Protocol::AnthropicMessages;
        } else if address.contains("/responses") {
            return Protocol::Responses;
        } else if address.contains("/chat/completions") {
            return Protocol::ChatCompletions;
        } else if address.contains(":generatecontent") {
            return Protocol::Gemini;
        }
        match self.provider.as_str() {
            "gemini" => Protocol::Gemini,
            "seedream" => Protocol::Seedream,
            "sensenova" => Protocol::Sensenova,
            "fal" => Protocol::Fal,
            "replicate" => Protocol::Replicate,
            "wavespeed" => Protocol::HostedMedia,
            "comfy_router" => Protocol::ComfyRouter,
            "comfyui" => Protocol::Comfyui,
            "automatic1111" => Protocol::Automatic1111,
            "openrouter" if address.ends_with("/images") => Protocol::OpenrouterImages,
            "openrouter" => Protocol::ChatCompletions,
            _ if address.contains("/images") || knows_images => Protocol::Images,
            _ => Protocol::ChatCompletions,
        }
    }

    /// The wire protocol of text and vision calls: the profile's own where it carries words, else by the address and the
    /// provider, else chat completions.
    pub fn resolved_chat_protocol(&self) -> Protocol {
        let carries_words =
            [Protocol::ChatCompletions, Protocol::Responses, Protocol::Gemini, Protocol::AnthropicMessages];
        if carries_words.contains(&self.protocol) {
            return self.protocol;
        }
        let path = self.base_url.to_ascii_lowercase();
        let path = path.trim_end_matches('/');
        match self.provider.as_str() {
            _ if path.ends_with("/chat/completions") => Protocol::ChatCompletions,
            _ if path.ends_with("/responses") => Protocol::Responses,
            _ if path.ends_with("/messages") => Protocol::AnthropicMessages,
            _ if path.ends_with(":generatecontent") => Protocol::Gemini,
            "anthropic" => Protocol::AnthropicMessages,
            "gemini" => Protocol::Gemini,
            _ => Protocol::ChatCompletions,
        }
    }

    /// The formats that may be sent as they are.
    pub fn accepted_formats(&self) -> &[PictureFormat] {
        if self.input_formats.is_empty() {
            &[PictureFormat::Png, PictureFormat::Jpeg, PictureFormat::Webp]
        } else {
            &self.input_formats
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(base_url: &str, knows_images: bool) -> Protocol {
        Profile { base_url: base_url.into(), ..Profile::default() }.resolved_protocol(knows_images)
    }

    #[test]
    fn auto_goes_by_address_then_by_model() {
        assert_eq!(auto("https://x/v1/Responses", false), Protocol::Responses);
        assert_eq!(auto("https://x/v1/chat/completions", true), Protocol::ChatCompletions);
        assert_eq!(auto("https://x/v1/images/edits", false), Protocol::Images);
        assert_eq!(auto("https://x/v1", true), Protocol::Images);
        assert_eq!(auto("https://x/v1", false), Protocol::ChatCompletions);
        assert_eq!(auto("https://x/v1/messages", true), Protocol::AnthropicMessages);
        assert_eq!(auto("https://x/v1beta/models/m:generateContent", false), Protocol::Gemini);
        let of = |provider: &str, base_url: &str| {
            let profile = Profile { provider: provider.into(), base_url: base_url.into(), ..Profile::default() };
            profile.resolved_protocol(true)
        };
        assert_eq!(of("gemini", "https://x/v1beta"), Protocol::Gemini);
        assert_eq!(of("seedream", "https://x/api/v3"), Protocol::Seedream);
        assert_eq!(of("sensenova", "https://x/v1"), Protocol::Sensenova);
        assert_eq!(of("openrouter", "https://x/api/v1"), Protocol::ChatCompletions);
        assert_eq!(of("openrouter", "https://x/api/v1/images"), Protocol::OpenrouterImages);
        assert_eq!(of("openai", "https://x/v1"), Protocol::Images);
    }

    #[test]
    fn words_go_by_the_protocol_then_the_address_then_the_provider() {
        let of = |provider: &str, base_url: &str, protocol: Protocol| {
            let profile =
                Profile { provider: provider.into(), base_url: base_url.into(), protocol, ..Profile::default() };
            profile.resolved_chat_protocol()
        };
        assert_eq!(of("anthropic", "https://x", Protocol::Auto), Protocol::AnthropicMessages);
        assert_eq!(of("anthropic", "https://x/v1/chat/completions", Protocol::Auto), Protocol::ChatCompletions);
        assert_eq!(of("sensenova", "https://x/v1/messages/", Protocol::Auto), Protocol::AnthropicMessages);
        assert_eq!(of("gemini", "https://x/v1beta", Protocol::Auto), Protocol::Gemini);
        assert_eq!(of("openai", "https://x/v1", Protocol::Images), Protocol::ChatCompletions);
        assert_eq!(of("openai", "https://x/v1", Protocol::Responses), Protocol::Responses);
    }
}
