//! The HTTP API and the console in the browser. Everything a page does is this API, and it answers with the documents that the
//! command line prints.
//!
//! Whoever starts the server decides who may reach it; what then may be asked, and from where, is checked in [`safety`]. Must
//! not know terminals, and no shape of this crate's requests and answers is used by another one.

mod activity;
mod api;
mod audit;
mod console;
mod decks;
mod error;
mod events;
mod extract;
mod owed_decks;
mod port;
mod queues;
mod reader;
mod roots;
mod runs;
pub mod safety;
mod saves;
mod schema;
mod serve;
mod stacks;
mod state;

pub use api::openapi;
pub use error::ServerError;
pub use port::who_listens;
pub use serve::{LoadDesk, ServeOptions, Server};
