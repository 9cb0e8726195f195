//! Asset folders: as other runners wrote them, by the layouts of each of their ages, and under the verdicts of people.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod eras;
mod verdicts;
