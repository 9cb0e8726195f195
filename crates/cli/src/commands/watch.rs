//! `imagemill watch JOB`: follows a job that another process runs. Leaving it changes nothing.

use imagemill_desk::Runner;
use imagemill_domain::job::JobState;

use crate::cli::JobArg;
use crate::context::Context;
use crate::follow::follow;
use crate::launch;
use crate::quit::Exit;

/// Follows until the job ends or nobody runs it.
pub(crate) async fn run(context: &Context, args: JobArg) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    let job = imagemill_desk::find_job(&store, &args.job).await?;
    let since = store.events().latest().await?;
    let mut nothing = Runner::default();
    let (end, progress) = follow(context, &store, &[job.id], &mut nothing, false, since).await?;
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
