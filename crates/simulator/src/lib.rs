//! The offline provider: an HTTP server on loopback that speaks the providers' own protocols, draws real pictures,
//! answers in words, counts what a real provider would have charged, and misbehaves on request.
//!
//! Which misbehaviour is the model's name ([`faults`]) or a [`Scenario`]. Nothing here knows jobs, tasks or the engine: it is
//! reached through the same client as any other provider.

mod answer;
mod ark;
mod batch_forms;
mod batches;
mod bill;
mod call;
mod chat;
mod comfy_router;
mod fal;
pub mod faults;
mod gemini;
mod hosted;
mod images;
mod instance;
mod media;
mod messages;
mod picture;
mod predictions;
mod queue;
mod replicate;
mod request;
mod responses;
mod scenario;
mod sdapi;
mod server;
mod shapes;
mod state;
mod uploads;
mod webhooks;
mod words;

pub use bill::{Bill, BillEntry, Outcome};
pub use scenario::{Act, BatchRules, CritiqueFaults, Rates, Scenario, ScriptLine, UploadRules};
pub use server::{Simulator, SimulatorError, SimulatorOptions};
