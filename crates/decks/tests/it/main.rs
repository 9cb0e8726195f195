//! Decks as folders on a disk.

mod deck;
mod outline;
