//! Plain data and pure rules: jobs, tasks, calls, assets, failures, capabilities, plans.
//!
//! Nothing in here does IO, reads a clock or draws a random number: times and seeds are arguments.
//! Every other crate speaks in these words; the table of words stands in ARCHITECTURE.md.

pub mod agreement;
pub mod asset;
pub mod call;
pub mod capability;
pub mod catalogue;
pub mod chat;
pub mod collection;
pub mod critique;
pub mod deck;
pub mod endpoints;
pub mod event;
pub mod failure;
pub mod hash;
pub mod infographic;
pub mod job;
pub mod job_file;
pub mod lane;
pub mod money;
pub mod picture;
pub mod plan;
pub mod profile;
pub mod request;
pub mod review;
pub mod route;
pub mod save_rule;
pub mod sizes;
pub mod source;
pub mod speaker;
pub mod task;
pub mod template;
