//! The store on SQLite: write-ahead log, one writer thread with group commit and full sync, a few readers. One file per
//! noun; `moves`, `polls`, `retry`, `settle` and `submit` hold the transactions that change several tables.

mod assets;
mod batches;
mod calls;
mod collections;
mod costs;
mod critiques;
mod definitions;
mod documents;
mod events;
mod failure;
mod gallery;
mod job_saves;
mod jobs;
mod moves;
mod open;
mod owners;
mod pages;
#[cfg(test)]
mod plans;
mod polls;
mod profiles;
mod raw;
mod readers;
mod retry;
mod reviews;
mod rows;
mod settle;
mod store;
mod submit;
mod tasks;
mod uploads;
mod writer;

pub use assets::Assets;
pub use batches::Batches;
pub use calls::Calls;
pub use collections::Collections;
pub use critiques::Critiques;
pub use events::Events;
pub use jobs::Jobs;
pub use owners::Owners;
pub use profiles::Profiles;
pub use reviews::Reviews;
pub use store::{Store, StoreOptions};
pub use tasks::Tasks;
pub use uploads::{GivenPicture, Uploads};
