//! The crate from outside: real files of every format in, checked pictures and findings out.

mod findings;
mod ingest;
mod prepare;
mod sheet;
