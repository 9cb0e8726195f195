//! A large store, filled the way a submission fills it, and the time to the first claim in it.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::plan;
use imagemill_domain::profile::Profile;
use imagemill_domain::source::Scan;
use imagemill_store::{NewJob, NewTask, Store, StoreOptions};

use crate::Outcome;

/// Tasks handed over at once, as the command line does.
const CHUNK: usize = 5_000;

pub(crate) async fn fill(database: &Path, count: u32) -> Outcome<()> {
    let store = Store::open(database, StoreOptions::default()).await?;
    let prompts = count.div_ceil(1_000);
    let file = JobFile {
        prompts: (0..prompts).map(|number| format!("picture {number}")).collect(),
        samples: 1_000,
        ..JobFile::new(RecipeName::Generate)
    };
    let profile = Profile { name: "bench".into(), model: "m".into(), ..Profile::default() };
    let plan = plan::expand(&file, "bench", &profile, Scan::default(), &CapabilityTable::default())?;
    let job = NewJob { name: "bench".into(), priority: 0, budget: None, definition: plan.definition.clone() };
    let id = store.jobs().begin_submit(job, 1).await?;
    let mut chunk = Vec::with_capacity(CHUNK);
    for task in plan.tasks() {
        let task = task?;
        chunk.push(NewTask { key: task.key, spec: task.spec });
        if chunk.len() == CHUNK {
            store.jobs().add_tasks(id, std::mem::take(&mut chunk)).await?;
        }
    }
    store.jobs().add_tasks(id, chunk).await?;
    store.jobs().finish_submit(id, 1).await?;
    store.close().await;
    Ok(())
}

pub(crate) async fn claim(database: &Path) -> Outcome<()> {
    let begin = Instant::now();
    let store = Store::open(database, StoreOptions::default()).await?;
    let owner = store.owners().register("bench", std::process::id(), 1, i64::MAX).await?;
    store.owners().reap(owner, 1, true).await?;
    let open = store.jobs().open_jobs().await?;
    let claimed = store.tasks().claim(open.first().ok_or("no open job")?.job.id, 64, owner, 1).await?;
    let seconds = begin.elapsed().as_secs_f64();
    if claimed.len() != 64 {
        return Err(format!("{} tasks were claimed", claimed.len()).into());
    }
    for task in claimed {
        store.tasks().release(task.lease, 1).await?;
    }
    store.close().await;
    writeln!(std::io::stdout(), "{seconds}")?;
    Ok(())
}
