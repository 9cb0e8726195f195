//! How the words in a picture are read: by a model that does not know what they should be.

/// The instructions.
pub(crate) const READING: &str = include_str!("../../../data/prompts/infographic/reading.md");

/// Small letters must stay readable, so pictures are shown larger than is usual.
pub(crate) const EDGE: u32 = 4_096;
