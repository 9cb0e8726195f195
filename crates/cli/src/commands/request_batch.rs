//! `imagemill request batch`: many requests from one file, through the gate together and then through one engine. Each is a run of its own asset's
//! folder, as if it had been submitted alone.

use imagemill_desk::{DeskError, Runner, TakenRequest, collect_run, most_it_may_cost, take_batch};
use imagemill_domain::money::Money;
use imagemill_simulator::Scenario;
use serde_json::{Value, json};

use crate::cli::RunRequestArgs;
use crate::context::Context;
use crate::launch;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Takes all requests of a file, then submits and follows them.
pub(crate) async fn run(context: &Context, args: RunRequestArgs) -> anyhow::Result<Exit> {
    let text = super::request::text_of(&args.request)?;
    let suffix = args.request.extension().unwrap_or_default().to_string_lossy().into_owned();
    let mut runner = Runner::new("request batch".to_owned(), Scenario::default());
    let mut taken = take_batch(&context.desk, &mut runner, &text, &suffix, args.profile.as_deref()).await?;
    let mut warnings: Vec<&String> = taken.iter().flat_map(|one| &one.warnings).collect();
    warnings.dedup();
    for warning in warnings {
        context.warn(context.texts.translated(warning));
    }
    let (inputs, most) = priced(context, &args, &mut taken).await?;
    if let Some(budget) = args.budget {
        match most {
            None => return Err(Quit::usage(say!(context.texts, "requests.budget_unpriced"))),
            Some(most) if most > budget => {
                return Err(Quit::usage(say!(context.texts, "requests.over_budget", most = most, budget = budget)));
            }
            Some(_) => {}
        }
    }
    if args.plan {
        return Ok(tell_plan(context, &taken, most));
    }
    let new = taken.iter().filter(|one| !one.folder.root().exists()).count() as u64;
    let count = context.texts.count("folder", new);
    if new > 0
        && !args.start.yes
        && !super::request::agreed(context, &say!(context.texts, "requests.new_folders", count = count))
    {
        return Ok(Exit::CannotStart);
    }
    let begin = || {
        for TakenRequest { stored, folder, .. } in &taken {
            let _lock = context.desk.lock_asset(folder)?;
            stored.begin(folder).map_err(DeskError::from)?;
        }
        anyhow::Ok(())
    };
    let exit = launch::run_after(context, inputs, args.start.yes, runner, begin).await?;
    collect(context, &taken, exit).await
}

/// The jobs, and the most that all of them may cost; `None` when nobody knows the price of one.
async fn priced(
    context: &Context,
    args: &RunRequestArgs,
    taken: &mut [TakenRequest],
) -> anyhow::Result<(Vec<imagemill_desk::JobInput>, Option<Money>)> {
    let table = context.desk.capabilities()?;
    let (mut inputs, mut most) = (Vec::new(), Some(Money::ZERO));
    for one in taken {
        one.input.file.accept_unknown_price |= args.start.accept_unknown_price;
        let planned = launch::plan(context, one.input.clone(), &table, None).await?;
        let cost = most_it_may_cost(&planned.plan, 0);
        most = most.zip(cost).map(|(sum, cost)| sum + cost);
        inputs.push(one.input.clone());
    }
    Ok((inputs, most))
}

fn tell_plan(context: &Context, taken: &[TakenRequest], most: Option<Money>) -> Exit {
    let (texts, printer) = (&context.texts, &context.printer);
    let mut documents = Vec::new();
    for TakenRequest { stored, folder, is_known, .. } in taken {
        let input = &stored.input;
        printer.line(format!("{}  {}  {}", input.asset_id, input.run_id, input.model));
        printer.note(format!("  {}", stored.sent_prompt.replace('\n', "\n  ")));
        documents.push(json!({
            "asset": input.asset_id, "run": input.run_id, "folder": folder.root(), "model": input.model,
            "prompt": stored.sent_prompt, "requestHash": stored.request_hash, "known": is_known, "chosen": input.chosen,
            "qualityProfile": input.quality_profile, "qualityReason": input.quality_reason,
        }));
    }
    let count = texts.count("request", taken.len() as u64);
    printer.line(match most {
        Some(most) => say!(texts, "requests.most", count = count, most = most),
        None => say!(texts, "requests.unpriced", count = count),
    });
    printer.json(&json!({ "type": "batch", "requests": documents, "most": most }));
    Exit::Ok
}

/// Brings every folder up to date and tells what became of the whole.
async fn collect(context: &Context, taken: &[TakenRequest], exit: Exit) -> anyhow::Result<Exit> {
    let Some(store) = context.desk.reading_store().await? else { return Ok(exit) };
    let mut documents = Vec::new();
    for TakenRequest { stored, folder, .. } in taken {
        // A run that could not be submitted has no job, and no record of its own yet.
        if store.jobs().by_name(&stored.job).await?.is_some() {
            documents.push(collect_run(&context.desk, &store, stored, folder).await);
        }
    }
    store.close().await;
    let documents: Vec<Value> = documents.into_iter().collect::<Result<_, _>>()?;
    for document in &documents {
        super::request::tell(context, document);
    }
    let succeeded = documents.iter().filter(|document| document["state"] == "succeeded").count();
    let count = context.texts.count("request", taken.len() as u64);
    context.printer.line(say!(context.texts, "requests.done", done = succeeded, count = count));
    context.printer.json(&json!({ "type": "batch", "requests": taken.len(), "succeeded": succeeded }));
    Ok(exit)
}
