//! The behaviours that every backend must have.

mod assets;
mod batches;
mod budget;
mod calls;
mod collections;
mod counters;
mod critiques;
mod events;
mod gallery;
mod owners;
mod polls;
mod retry;
mod submit;
mod tasks;
mod uploads;
