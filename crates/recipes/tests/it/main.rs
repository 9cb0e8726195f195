//! Recipes against the engine and the simulator.

mod bed;
mod infographics;
