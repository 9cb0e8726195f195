//! Runs jobs: one dispatcher claims tasks, workers run recipes, every paid call goes through the ledger, the limits and
//! the budget, and what a failure means for a task is decided in one pure function.
//!
//! This crate knows recipes only as [`Recipe`] and providers only as `imagemill_providers::ImageProvider` and `ChatProvider`.

mod answers;
mod artifact;
mod batch;
mod chat;
mod clock;
mod context;
mod course;
mod disk;
mod dispatcher;
mod draft;
mod drawing;
mod error;
mod feed;
mod image_step;
mod journal;
mod limits;
mod paid;
mod pictures;
mod poll;
mod recipe;
mod recovery;
pub mod retry;
mod room;
mod settle;
mod sources;
mod start;
mod structured;
mod uploads;
mod worker;

pub use chat::ChatReply;
pub use clock::Clock;
pub use context::TaskContext;
pub use draft::{Draft, drafts_in, is_draft_name, put_draft, remove_draft};
pub use error::EngineError;
pub use feed::EventFeed;
pub use recipe::{AskPart, ChatAsk, Ending, ImageAsk, Recipe, RecipeFuture};
pub use start::{Activity, Blocked, Engine, EngineHandle, EngineOptions, EngineParts, ProfileActivity, ReadCredential};
