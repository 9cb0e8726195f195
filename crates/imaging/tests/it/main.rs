//! The crate from outside: real files of every format in, checked pictures and findings out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod findings;
mod ingest;
mod prepare;
mod sheet;
