//! The routes, one file for each noun, and the document that describes them.

mod about;
mod asset_folders;
mod catalogue;
mod collection_merges;
mod collection_work;
mod collections;
mod costs;
mod decks;
mod doctor;
mod documents;
mod drafts;
mod exports;
mod folders;
mod jobs;
mod logs;
mod loose;
mod pictures;
mod plans;
mod presets;
mod profile_files;
mod profiles;
mod reconcile;
mod requests;
mod results;
mod reviews;
mod routes;
mod rubrics;
mod save_rules;
mod saving;
mod session;
mod tasks;
mod uploads;
mod webhooks;

pub(crate) use plans::{Consent, check_pictures};
pub use routes::openapi;
pub(crate) use routes::router;
