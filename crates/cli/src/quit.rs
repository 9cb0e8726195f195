//! How a command ends: exit codes, and errors that carry one. docs/command-line.md lists the codes; they are stable.

use std::ops::Range;

use imagemill_desk::FileFault;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use crate::texts::Texts;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well.
    Ok,
    /// Some tasks did not.
    SomeFailed,
    /// Wrong usage, a bad job file included.
    Usage,
    /// Nothing could start.
    CannotStart,
    /// A person stopped it.
    Stopped,
}

impl Exit {
    /// The process's exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::SomeFailed => 1,
            Self::Usage => 2,
            Self::CannotStart => 3,
            Self::Stopped => 130,
        }
    }

    /// The graver of two, for several jobs in one run.
    pub(crate) fn and(self, other: Self) -> Self {
        if self.code() >= other.code() { self } else { other }
    }
}

/// An error that ends the command with a code of its own. Other errors mean [`Exit::CannotStart`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Quit {
    /// The user asked for something that does not exist or makes no sense.
    #[error("{0}")]
    Usage(String),
}

impl Quit {
    /// Ready to be returned with `?`.
    pub(crate) fn usage(text: impl Into<String>) -> anyhow::Error {
        Self::Usage(text.into()).into()
    }
}

/// What is wrong with a file that a user wrote, with the place.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct FileProblem {
    message: String,
    source_text: NamedSource<String>,
    span: Option<Range<usize>>,
    help: Option<String>,
    /// File, line and column, for machines.
    pub(crate) place: (String, usize, usize),
}

/// Longer lines are shown in part.
const LONGEST_LINE_SHOWN: usize = 240;

impl FileProblem {
    /// Ready to be drawn.
    pub(crate) fn new(fault: &FileFault) -> Self {
        let FileFault { file, text, error } = fault;
        let error = error.clone();
        let start = error.span.as_ref().map_or(0, |span| span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let (line, column) = fault.place();
        let place = (file.clone(), line, column);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let (shown, span) = if line_end - line_start > LONGEST_LINE_SHOWN {
            excerpt(text, line_start, line_end, error.span)
        } else {
            (text.clone(), error.span)
        };
        Self { message: error.message, source_text: NamedSource::new(file, shown), span, help: error.help, place }
    }

    /// The help text.
    pub(crate) fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The message with file, line and caret.
    pub(crate) fn render(&self, colored: bool, texts: &Texts) -> String {
        let shown = Self {
            message: texts.translated(&self.message),
            help: self.help.as_deref().map(|help| texts.translated(help)),
            ..self.clone()
        };
        let theme = if colored { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let mut out = String::new();
        let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
        match handler.render_report(&mut out, &shown) {
            Ok(()) => out.trim_end().to_owned(),
            Err(_) => shown.message,
        }
    }
}

/// A window round the span of a very long line, on its own.
fn excerpt(
    text: &str,
    line_start: usize,
    line_end: usize,
    span: Option<Range<usize>>,
) -> (String, Option<Range<usize>>) {
    let span = span.unwrap_or(line_start..line_start);
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let from = boundary(span.start.saturating_sub(LONGEST_LINE_SHOWN / 3).max(line_start));
    let to = boundary((from + LONGEST_LINE_SHOWN).min(line_end).max(from));
    (text[from..to].to_owned(), Some(span.start - from..span.end.min(to) - from))
}

impl Diagnostic for FileProblem {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.span.as_ref().map(|_| &self.source_text as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new(None, span.start, span.len().max(1)))))
    }
}

#[cfg(test)]
mod tests {
    use imagemill_domain::job_file::JobFileError;

    use super::*;
    use imagemill_desk::Lang;

    #[test]
    fn a_long_line_is_shown_in_part() {
        let text = format!("{}BAD{}", "x".repeat(5_000), "y".repeat(5_000));
        let error = JobFileError { message: "no".into(), span: Some(5_000..5_003), help: None };
        let problem = FileProblem::new(&FileFault::new("job.json", &text, error));
        let shown = problem.render(false, &Texts::new(Lang::En));
        assert!(shown.contains("BAD") && shown.len() < 2_000, "{shown}");
        assert_eq!(problem.place, ("job.json".into(), 1, 5_001));
    }

    #[test]
    fn the_graver_code_counts() {
        assert_eq!(Exit::Ok.and(Exit::SomeFailed), Exit::SomeFailed);
        assert_eq!(Exit::Stopped.and(Exit::SomeFailed), Exit::Stopped);
    }
}
