//! `imagemill simulate`: the offline provider for other programs, until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use imagemill_desk::{DeskError, FileFault};
use imagemill_domain::job_file::{Format, parse_text};
use imagemill_simulator::{Scenario, Simulator, SimulatorOptions};
use serde_json::json;

use crate::cli::SimulateArgs;
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Serves.
pub(crate) async fn run(context: &Context, args: SimulateArgs) -> anyhow::Result<Exit> {
    let scenario = scenario(args.scenario.as_deref())?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let options = SimulatorOptions { address, scenario, log: args.log, ..SimulatorOptions::default() };
    let simulator = Simulator::start(options).await?;
    let url = simulator.base_url();
    let (texts, printer) = (&context.texts, &context.printer);
    printer.line(say!(texts, "simulate.serves", url = printer.paint(Tone::Bold, &url)));
    printer.line(printer.paint(
        Tone::Command,
        format!("  IMAGEMILL_SIMULATOR_URL={url} imagemill edit ./photos --prompt night --profile simulator"),
    ));
    printer.line(printer.paint(Tone::Command, format!("  OPENAI_BASE_URL={url} OPENAI_API_KEY=any …")));
    printer.json(&json!({ "url": url, "port": simulator.address().port() }));
    let mut terminate = terminated();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = &mut terminate => {}
    }
    let bill = simulator.bill();
    simulator.stop().await;
    let money = imagemill_domain::money::Money::from_micros(bill.micros);
    printer.note(say!(
        texts,
        "simulate.bill",
        calls = texts.count("call", bill.calls),
        pictures = texts.count("picture", bill.pictures),
        money = money
    ));
    Ok(Exit::Ok)
}

/// How the simulator behaves: as the file says, or well.
pub(crate) fn scenario(file: Option<&Path>) -> anyhow::Result<Scenario> {
    let Some(path) = file else { return Ok(Scenario::default()) };
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Quit::Usage(format!("{shown}: {error}")))?;
    Ok(parse_text(&text, Format::Toml).map_err(|error| DeskError::from(FileFault::new(&shown, &text, error)))?)
}

/// Ends when somebody ends the process.
fn terminated() -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async {
        #[cfg(unix)]
        if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            signal.recv().await;
            return;
        }
        std::future::pending::<()>().await;
    })
}
