//! One file per provider protocol, over shared HTTP, SSE, extraction and error code.
//!
//! Everything that leaves this crate is in words of `imagemill_domain` or of this crate's root; wire structs stay inside.
//! A call is made by [`ImageProvider::image`] or [`ChatProvider::chat`]; who may be called and how often is decided elsewhere.

mod account;
mod address;
mod answer;
mod anthropic_batch;
mod anthropic_messages;
mod automatic1111;
mod batch;
mod body;
mod chat;
mod comfy_router;
mod comfyui;
mod download;
mod error;
mod extract;
mod fal;
mod gemini;
mod gemini_batch;
mod gemini_files;
mod gemini_text;
mod hosted_media;
mod http;
mod json_call;
mod lift;
mod links;
mod model_input;
mod no_pictures;
mod openai_batch;
mod openai_chat;
mod openai_chat_text;
mod openai_files;
mod openai_images;
mod openai_responses;
mod openai_responses_text;
mod openrouter_images;
mod provider;
mod queue;
mod reach;
mod registry;
mod replicate;
mod schema;
mod seedream;
mod sensenova;
mod spool;
mod sse;
mod uploads;
mod webhook;
mod wire;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod queue_rig;
#[cfg(test)]
mod scripted_server;
#[cfg(test)]
mod test_calls;

pub use account::{DayBill, account_key_variable};
pub use batch::{
    BatchAsk, BatchEnd, BatchItem, BatchLine, BatchProvider, BatchResults, BatchStage, ItemOutcome, NewBatch,
};
pub use chat::{ChatAnswer, ChatCall, ChatFuture, ChatProvider, MAX_CHAT_TEXT};
pub use download::ADDRESS_NOT_ALLOWED;
pub use provider::{
    Answer, CallFailure, CallFuture, Found, ImageProvider, Intake, PictureBytes, PictureInput, PollFuture, Polled,
    Progress, ProviderFuture, RateHints, Reply, Ticket, UploadFuture, Uploaded, WireCall,
};
pub use reach::Reached;
pub use registry::{Registry, WireOptions};
pub use spool::{Spool, SpoolBody, SpoolWriter, Spooled};
pub use uploads::may_mean_source_is_gone;
pub use webhook::{Notice, NoticeError, NoticeReader};
