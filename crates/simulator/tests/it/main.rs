//! The simulator from outside, through a plain HTTP client: protocols, misbehaviour by name and by scenario, and the bill.

mod bill;
mod client;
mod media;
mod protocols;
mod scenario;
mod shapes;
