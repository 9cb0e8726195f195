//! The real program, driven as a person or a script would.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod catalogue;
mod collections;
mod critique_jobs;
mod critiques;
mod deck;
mod deck_kills;
mod deck_runs;
mod demo;
mod docs;
mod doctor;
mod faults;
mod hosted;
mod house;
mod infographics;
mod jobs;
mod keys;
mod kill;
mod models;
mod processes;
mod rehearse;
mod request_batches;
mod request_kill;
mod requests;
mod review;
mod routes;
mod training_sets;
mod usage;
mod world;
