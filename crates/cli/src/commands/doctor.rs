//! `imagemill doctor`: whether everything a run needs is in order, and what to do where it is not.

use imagemill_desk::doctor::{Examination, Finding, Level, examine};
use serde_json::json;

use crate::cli::DoctorArgs;
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::Exit;
use crate::texts::say;

/// Looks and tells; code 3 when something that is needed is broken.
pub(crate) async fn run(context: &Context, args: DoctorArgs) -> anyhow::Result<Exit> {
    let examination = Examination { profile: args.profile, offline: args.offline };
    let findings = examine(&context.desk, &examination).await;
    tell(context, &findings);
    let broken = findings.iter().filter(|finding| finding.level == Level::Broken).count();
    context.printer.json(&json!({ "findings": findings, "broken": broken }));
    Ok(if broken > 0 { Exit::CannotStart } else { Exit::Ok })
}

fn tell(context: &Context, findings: &[Finding]) {
    let (texts, printer) = (&context.texts, &context.printer);
    let mut about = None;
    for finding in findings {
        if about != Some(&finding.profile) {
            let title = match &finding.profile {
                Some(profile) => say!(texts, "doctor.profile", profile = profile),
                None => say!(texts, "doctor.machine"),
            };
            printer.line(printer.paint(Tone::Bold, title));
            about = Some(&finding.profile);
        }
        let (mark, tone) = match finding.level {
            Level::Good => ("✓", Tone::Good),
            Level::Note => ("·", Tone::Dim),
            Level::Warning => ("!", Tone::Warn),
            Level::Broken => ("✗", Tone::Bad),
        };
        printer.line(format!("  {} {}", printer.paint(tone, mark), texts.translated(&finding.message)));
        if let Some(fix) = &finding.fix {
            printer.line(printer.paint(Tone::Dim, format!("      {}", texts.translated(fix))));
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count() as u64;
    printer.line("");
    printer.line(match (count(Level::Broken), count(Level::Warning)) {
        (0, 0) => printer.paint(Tone::Good, say!(texts, "doctor.well")),
        (0, warnings) => {
            printer.paint(Tone::Warn, say!(texts, "doctor.warned", things = texts.count("thing", warnings)))
        }
        (broken, _) => printer.paint(Tone::Bad, say!(texts, "doctor.broken", things = texts.count("thing", broken))),
    });
}
