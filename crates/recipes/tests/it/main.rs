//! Recipes against the engine and the simulator.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod bed;
mod infographics;
