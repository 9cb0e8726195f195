//! What tests of every crate need: generated pictures and temporary workspaces. A dev-dependency only.

pub mod pictures;
mod workspace;

pub use workspace::TempWorkspace;
