//! The second look at rows that were accepted: a job in which a judge sees each picture with its critique, and what its scores are worth.

use imagemill_desk::{CritiqueOrder, Queue, Runner, look_job};
use imagemill_simulator::Scenario;

use super::reading::figures;
use crate::cli::LookArgs;
use crate::context::Context;
use crate::launch;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// `collections look`.
pub(super) async fn look(context: &Context, args: LookArgs) -> anyhow::Result<Exit> {
    let desk = &context.desk;
    if !(0.0..=1.0).contains(&args.share) {
        return Err(Quit::usage(say!(context.texts, "collections.bad_share", share = args.share)));
    }
    let store = desk.store().await?;
    let order = CritiqueOrder {
        profile: args.profile,
        model: args.model,
        budget: args.budget,
        accept_unknown_price: args.start.accept_unknown_price,
    };
    let input = look_job(desk, &store, &args.name, (args.share, args.anchors), &order).await?;
    store.close().await;
    let Some(input) = input else {
        context.printer.line(say!(context.texts, "collections.nothing_to_look_at", name = args.name));
        return Ok(Exit::Ok);
    };
    let runner = Runner::new(format!("collections look {}", args.name), Scenario::default());
    let exit = launch::run(context, vec![input], args.start.yes, runner).await?;
    let store = desk.existing_store().await?;
    let queue = Queue::read(&store, &desk.config, &desk.current, &args.name).await?;
    store.close().await;
    for line in figures(context, &queue) {
        context.printer.line(line);
    }
    Ok(exit)
}
