//! Decks as folders on a disk.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod deck;
mod documents;
mod outline;
