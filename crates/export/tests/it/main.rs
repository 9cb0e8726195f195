//! Saving as a caller sees it: a workspace with finished tasks in, files and a report out.

mod again;
mod collisions;
mod docs;
#[cfg(feature = "lance")]
mod lake;
mod names;
mod safety;
mod sheet_and_manifest;
#[cfg(test)]
mod world;
