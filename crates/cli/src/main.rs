//! The binary: commands, configuration, terminal reporter.
fn main() {}
