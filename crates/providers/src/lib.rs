//! One file per provider protocol, over shared HTTP, SSE, extraction and error code.
//!
//! Everything that leaves this crate is in words of `imagemill_domain` or of this crate's root; wire structs stay inside.
//! A call is made by [`ImageProvider::image`]; who may be called and how often is decided elsewhere.

mod address;
mod answer;
mod automatic1111;
mod body;
mod comfyui;
mod download;
mod error;
mod extract;
mod fal;
mod gemini;
mod hosted_media;
mod http;
mod lift;
mod links;
mod openai_chat;
mod openai_images;
mod openai_responses;
mod openrouter_images;
mod provider;
mod queue;
mod registry;
mod replicate;
mod seedream;
mod sensenova;
mod spool;
mod sse;
mod wire;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod queue_rig;
#[cfg(test)]
mod scripted_server;
#[cfg(test)]
mod test_calls;

pub use provider::{
    Answer, CallFailure, CallFuture, Found, ImageProvider, PictureBytes, PictureInput, PollFuture, Polled, Progress,
    ProviderFuture, RateHints, Reply, Ticket, WireCall,
};
pub use registry::{Registry, WireOptions};
pub use spool::{Spool, SpoolBody, SpoolWriter, Spooled};
