//! `imagemill run JOB…`: job files, run together.

use imagemill_desk::{JobInput, Runner};
use imagemill_simulator::Scenario;

use crate::cli::RunArgs;
use crate::context::Context;
use crate::job_source::read;
use crate::launch;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Runs.
pub(crate) async fn run(context: &Context, args: RunArgs) -> anyhow::Result<Exit> {
    let inputs = inputs(context, &args)?;
    let names: Vec<String> = args.jobs.iter().map(|path| path.display().to_string()).collect();
    let runner = Runner::new(format!("run {}", names.join(" ")), Scenario::default());
    launch::run(context, inputs, args.start.yes, runner).await
}

/// Reads all files before anything starts.
pub(crate) fn inputs(context: &Context, args: &RunArgs) -> anyhow::Result<Vec<JobInput>> {
    if args.jobs.len() > 1 && (args.overrides.name.is_some() || args.save.save_to.is_some()) {
        return Err(Quit::usage(say!(context.texts, "run.one_name")));
    }
    let mut inputs = Vec::new();
    for path in &args.jobs {
        inputs.push(read(context, path, &args.overrides, &args.start, &args.save)?);
    }
    for (at, input) in inputs.iter().enumerate() {
        if inputs.iter().take(at).any(|earlier| earlier.name == input.name) {
            return Err(Quit::usage(say!(context.texts, "run.same_name", job = input.name)));
        }
    }
    Ok(inputs)
}
