//! The real router over real loopback, with the simulator behind it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod assets;
mod collections;
mod decks;
mod document;
mod doors;
mod flow;
mod gallery;
mod settings;
mod stream;
mod upkeep;
mod webhooks;
mod words;
mod world;
