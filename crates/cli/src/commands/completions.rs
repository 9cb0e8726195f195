//! `imagemill completions SHELL`: the script goes to standard output.

use crate::cli::CompletionsArgs;
use crate::printer::Printer;
use crate::quit::Exit;

/// Prints the script.
pub(crate) fn run(mut command: clap::Command, args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "imagemill", &mut script);
    Printer::raw(&script);
    Exit::Ok
}
