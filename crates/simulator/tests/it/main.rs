//! The simulator from outside, through a plain HTTP client: protocols, misbehaviour by name and by scenario, and the bill.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod bill;
mod client;
mod hosted;
mod media;
mod protocols;
mod queues;
mod scenario;
mod shapes;
mod words;
