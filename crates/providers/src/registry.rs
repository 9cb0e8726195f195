//! From a profile to a provider that can be called. Profiles with the same network rules share an HTTP client and with
//! it the open connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::lane::BatchKind;
use imagemill_domain::profile::{Profile, Protocol};
use reqwest::Client;
use secrecy::SecretString;

use crate::address::Purpose;
use crate::anthropic_batch::AnthropicBatch;
use crate::anthropic_messages::{self, Messages};
use crate::automatic1111::Automatic1111;
use crate::batch::BatchProvider;
use crate::chat::ChatProvider;
use crate::comfy_router::{self, ComfyRouter};
use crate::comfyui::Comfyui;
use crate::fal::Fal;
use crate::gemini::{self, Gemini};
use crate::gemini_batch::GeminiBatch;
use crate::gemini_text::GeminiText;
use crate::hosted_media::HostedMedia;
use crate::http;
use crate::json_call::JsonProvider;
use crate::no_pictures::NoPictures;
use crate::openai_batch::OpenaiBatch;
use crate::openai_chat::Chat;
use crate::openai_chat_text::ChatText;
use crate::openai_images::Images;
use crate::openai_responses::Responses;
use crate::openai_responses_text::ResponsesText;
use crate::openrouter_images::OpenrouterImages;
use crate::provider::ImageProvider;
use crate::replicate::Replicate;
use crate::seedream::Seedream;
use crate::sensenova::Sensenova;
use crate::webhook;
use crate::wire::{Scheme, Wire};

/// What is known of a provider beyond its profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireOptions {
    /// Whether a plain 500, 502 or 504 may have been charged. True unless the provider says otherwise in writing.
    pub bills_5xx: bool,
    /// The member of the model's input that takes pictures (`image_url`, `image_urls[]`), for protocols that have no
    /// name for it of their own.
    pub picture_field: Option<String>,
    /// Whether source pictures may be given as files (`/files`), for protocols that can name one.
    pub files: bool,
}

impl Default for WireOptions {
    fn default() -> Self {
        Self { bills_5xx: true, picture_field: None, files: false }
    }
}

/// What makes two profiles share a client: purpose, private addresses allowed, time to connect.
type ClientRules = (Purpose, bool, u64);

/// Makes providers; holds the HTTP clients they share.
#[derive(Default)]
pub struct Registry {
    clients: Mutex<HashMap<ClientRules, Client>>,
}

impl Registry {
    /// An empty one; clients are made when first needed.
    pub fn new() -> Self {
        Self::default()
    }

    /// The provider for `profile`, with [`WireOptions::default`].
    ///
    /// `knows_images` says whether the capability table has the model on the images endpoints. Fails with `invalid`
    /// when the address or a header cannot be used, with `auth` when the credential cannot be sent.
    pub fn provider(
        &self,
        profile: &Profile,
        knows_images: bool,
        secret: Option<SecretString>,
    ) -> Result<Arc<dyn ImageProvider>, Failure> {
        self.provider_with(profile, knows_images, secret, WireOptions::default())
    }

    /// The same with other options.
    pub fn provider_with(
        &self,
        profile: &Profile,
        knows_images: bool,
        secret: Option<SecretString>,
        options: WireOptions,
    ) -> Result<Arc<dyn ImageProvider>, Failure> {
        let wire = self.wire(profile, secret, options)?;
        Ok(match profile.resolved_protocol(knows_images) {
            Protocol::Responses => Arc::new(JsonProvider::new(wire, Responses)),
            Protocol::Images => Arc::new(Images::new(wire, false)),
            Protocol::ImagesMultipart => Arc::new(Images::new(wire, true)),
            Protocol::ChatCompletions | Protocol::Auto => Arc::new(JsonProvider::new(wire, Chat)),
            Protocol::Gemini => Arc::new(JsonProvider::new(wire.with_key_in(gemini::KEY_HEADER)?, Gemini)),
            Protocol::Seedream => Arc::new(JsonProvider::new(wire, Seedream)),
            Protocol::Sensenova => Arc::new(JsonProvider::new(wire, Sensenova)),
            Protocol::OpenrouterImages => Arc::new(JsonProvider::new(wire, OpenrouterImages)),
            Protocol::AnthropicMessages => Arc::new(NoPictures::new(of_anthropic(wire)?)),
            Protocol::Fal => Arc::new(Fal::new(wire)),
            Protocol::Replicate => Arc::new(Replicate::new(wire)),
            Protocol::HostedMedia => Arc::new(HostedMedia::new(wire)),
            Protocol::ComfyRouter => Arc::new(ComfyRouter::new(wire.with_key_in(comfy_router::KEY_HEADER)?)),
            Protocol::Comfyui => Arc::new(Comfyui::new(wire)?),
            Protocol::Automatic1111 => Arc::new(JsonProvider::new(wire, Automatic1111)),
        })
    }

    /// The provider of words for `profile`: text and vision calls. Fails like [`Self::provider`].
    pub fn chat(
        &self,
        profile: &Profile,
        secret: Option<SecretString>,
        options: WireOptions,
    ) -> Result<Arc<dyn ChatProvider>, Failure> {
        let wire = self.wire(profile, secret, options)?;
        Ok(match profile.resolved_chat_protocol() {
            Protocol::Responses => Arc::new(ResponsesText::new(wire)),
            Protocol::AnthropicMessages => Arc::new(Messages::new(of_anthropic(wire)?)),
            Protocol::Gemini => Arc::new(GeminiText::new(wire.with_key_in(gemini::KEY_HEADER)?)),
            _ => Arc::new(ChatText::new(wire)),
        })
    }

    /// The provider's batches for requests that go over `protocol`; `None` where it has none that are known here. Fails like
    /// [`Self::provider`].
    pub fn batches(
        &self,
        profile: &Profile,
        protocol: Protocol,
        secret: Option<SecretString>,
        options: WireOptions,
    ) -> Result<Option<Arc<dyn BatchProvider>>, Failure> {
        let wire = self.wire(profile, secret, options)?;
        Ok(match protocol.batch_kind() {
            BatchKind::Openai => Some(Arc::new(OpenaiBatch::new(wire))),
            BatchKind::Gemini => Some(Arc::new(GeminiBatch::new(wire.with_key_in(gemini::KEY_HEADER)?))),
            BatchKind::Anthropic => Some(Arc::new(AnthropicBatch::new(of_anthropic(wire)?))),
            BatchKind::None | BatchKind::Xai => None,
        })
    }

    pub(crate) fn wire(
        &self,
        profile: &Profile,
        secret: Option<SecretString>,
        options: WireOptions,
    ) -> Result<Wire, Failure> {
        if profile.base_url.trim().is_empty() {
            let message = format!("the profile {:?} has no base_url; set it to the provider's address", profile.name);
            return Err(Failure::new(FailureKind::Invalid, message));
        }
        check_webhook(profile)?;
        let connect_ms = profile.timeouts.connect_ms;
        let api = self.client((Purpose::Api, profile.network.allow_private_api, connect_ms))?;
        let fetcher = self.client((Purpose::Download, profile.network.allow_private_downloads, connect_ms))?;
        // Only the images endpoints depend on what the table knows, and they take the key as most do.
        let scheme = match profile.resolved_protocol(false) {
            Protocol::Fal => Scheme::Key,
            Protocol::Automatic1111 => Scheme::Basic,
            _ => Scheme::Bearer,
        };
        Wire::new(profile, secret, scheme, options, api, fetcher)
    }

    pub(crate) fn client(&self, rules: ClientRules) -> Result<Client, Failure> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&rules) {
            return Ok(client.clone());
        }
        let (purpose, allow_private, connect_ms) = rules;
        let client = http::client(purpose, allow_private, connect_ms)?;
        clients.insert(rules, client.clone());
        Ok(client)
    }
}

/// With its key and version where Anthropic wants them.
pub(crate) fn of_anthropic(wire: Wire) -> Result<Wire, Failure> {
    Ok(wire.with_key_in(anthropic_messages::KEY_HEADER)?.with_header(anthropic_messages::VERSION))
}

/// A `[webhook]` that nothing would come of is said before anything is spent.
fn check_webhook(profile: &Profile) -> Result<(), Failure> {
    let Some(webhook) = &profile.webhook else { return Ok(()) };
    let protocol = profile.resolved_protocol(false);
    let message = if !webhook::knows(protocol) {
        format!(
            "the profile {:?} has a [webhook] and {} has no notices that could be checked; remove it",
            profile.name,
            protocol.word()
        )
    } else if webhook::address_of(profile).is_none() {
        format!(
            "the profile {:?} has a [webhook] whose url {:?} is no address; set it to where the provider reaches `imagemill serve`",
            profile.name, webhook.url
        )
    } else {
        return Ok(());
    };
    Err(Failure::new(FailureKind::Invalid, message))
}
