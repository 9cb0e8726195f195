//! `imagemill retry JOB`: does tasks again. Earlier pictures stay until new ones are there.

use imagemill_desk::now_us;
use imagemill_domain::task::TaskState;
use imagemill_store::RetrySelection;
use serde_json::json;

use crate::cli::RetryArgs;
use crate::context::Context;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Marks the tasks and runs them.
pub(crate) async fn run(context: &Context, args: RetryArgs) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    let job = imagemill_desk::find_job(&store, &args.job).await?;
    let selection = if let Some(task) = &args.task {
        let found = super::explain::find(context, &store, Some(&job), task).await?;
        RetrySelection::Task(found.id)
    } else if args.all {
        RetrySelection::All
    } else if args.state.is_empty() {
        RetrySelection::Failed
    } else {
        RetrySelection::States(states(context, &args.state)?)
    };
    let tasks = store.tasks().retry(job.id, selection, !args.drop_results, now_us()).await?;
    context.printer.note(say!(
        context.texts,
        "retry.marked",
        tasks = context.texts.count("task", tasks),
        job = job.name
    ));
    if tasks == 0 || args.later {
        context.printer.json(&json!({ "job": job.name, "id": job.id, "tasks": tasks }));
        return Ok(Exit::Ok);
    }
    super::state::carry_on(context, &store, vec![job], "retry").await
}

fn states(context: &Context, words: &[String]) -> anyhow::Result<Vec<TaskState>> {
    let ended = || TaskState::ALL.into_iter().filter(|state| state.is_ended());
    words
        .iter()
        .map(|word| {
            ended().find(|state| state.word() == word).ok_or_else(|| {
                let known: Vec<&str> = ended().map(TaskState::word).collect();
                Quit::usage(say!(context.texts, "retry.bad_state", state = word, known = known.join(", ")))
            })
        })
        .collect()
}
