//! `imagemill watch [JOB]`: follows a job that another process runs, or shows the whole workspace on a full screen. Leaving it
//! changes nothing.

use imagemill_desk::Runner;
use imagemill_domain::job::JobState;

use crate::cli::WatchArgs;
use crate::context::Context;
use crate::follow::follow;
use crate::launch;
use crate::printer::Printer;
use crate::quit::{Exit, Quit};
use crate::screen;
use crate::texts::say;

/// Shows the screen, or follows until the jobs end or nobody runs them.
pub(crate) async fn run(context: &Context, args: WatchArgs) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    let jobs = match &args.job {
        Some(job) => vec![imagemill_desk::find_job(&store, job).await?.id],
        None if !context.printer.json && !context.printer.quiet && Printer::has_screen() => {
            screen::show(context, &store).await?;
            return Ok(Exit::Ok);
        }
        None => store.jobs().open_jobs().await?.into_iter().map(|open| open.job.id).collect(),
    };
    if jobs.is_empty() {
        return Err(Quit::usage(say!(context.texts, "watch.nothing")));
    }
    let since = store.events().latest().await?;
    let mut nothing = Runner::default();
    let (end, progress) = follow(context, &store, &jobs, &mut nothing, false, since).await?;
    let mut exit = Exit::Ok;
    for progress in progress {
        let unfinished = progress.now.state == JobState::Active && end == crate::follow::End::Settled;
        exit = launch::finish(context, &store, progress, None, end).await?;
        if unfinished {
            exit = Exit::CannotStart;
        }
    }
    Ok(exit)
}
