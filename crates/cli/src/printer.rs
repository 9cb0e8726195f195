//! The one place that writes to standard output and standard error. Results go to the first, progress, warnings and errors to
//! the second. A reader that has gone away is no error.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use indicatif::MultiProgress;
use serde::Serialize;

use crate::cli::{ColorWhen, Global};

/// What a piece of text means; decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It worked.
    Good,
    /// It did not.
    Bad,
    /// Worth a look.
    Warn,
    /// Less important.
    Dim,
    /// A heading or a name.
    Bold,
    /// Something to type.
    Command,
}

/// Where output goes and how it looks.
#[derive(Debug)]
pub(crate) struct Printer {
    /// Results are JSON; texts for people are left out of standard output.
    pub(crate) json: bool,
    /// Only results and errors.
    pub(crate) quiet: bool,
    /// Says nothing at all but errors.
    silent: bool,
    color: ColorWhen,
    no_color: bool,
    bars: Mutex<Option<MultiProgress>>,
}

impl Printer {
    /// As the global options and NO_COLOR say.
    pub(crate) fn new(global: &Global) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let Global { json, quiet, color, .. } = *global;
        Self { json, quiet, silent: false, color, no_color, bars: Mutex::new(None) }
    }

    /// For a command that runs a job as a means: its results are nobody's.
    pub(crate) fn silent() -> Self {
        Self { silent: true, ..Self::new(&Global { quiet: true, ..Global::default() }) }
    }

    /// Whether a person sits at standard error (progress bars) and standard input (questions).
    pub(crate) fn is_terminal() -> bool {
        std::io::stderr().is_terminal()
    }

    /// Whether the whole terminal can be taken: keys come from it and it shows what is drawn.
    pub(crate) fn has_screen() -> bool {
        std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
    }

    /// Whether questions can be asked.
    pub(crate) fn can_ask() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// A result for people; nothing with --json.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if !self.json && !self.silent {
            self.above_bars(|| write_line(&mut std::io::stdout().lock(), text.as_ref()));
        }
    }

    /// A result as one JSON document on one line; nothing without --json.
    pub(crate) fn json(&self, value: &impl Serialize) {
        if self.json {
            let text = serde_json::to_string(value).expect("our own shapes always serialise");
            write_line(&mut std::io::stdout().lock(), &text);
        }
    }

    /// Output that is a file's content (completion scripts); goes out whatever the mode is.
    pub(crate) fn raw(bytes: &[u8]) {
        // A closed pipe means that nobody reads: there is nobody to tell.
        let _ = std::io::stdout().lock().write_all(bytes);
    }

    /// Progress and remarks; not with --quiet.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.above_bars(|| write_line(&mut std::io::stderr().lock(), text.as_ref()));
        }
    }

    /// Something to look at; not with --quiet.
    pub(crate) fn warn(&self, word: &str, text: impl AsRef<str>) {
        self.note(format!("{} {}", self.paint_err(Tone::Warn, word), text.as_ref()));
    }

    /// An error; always.
    pub(crate) fn error(&self, text: impl AsRef<str>) {
        self.above_bars(|| write_line(&mut std::io::stderr().lock(), text.as_ref()));
    }

    /// Asks a question on standard error and reads one line; `None` at the end of input.
    pub(crate) fn ask(question: &str) -> Option<String> {
        let mut error = std::io::stderr().lock();
        let _ = write!(error, "{question} ");
        let _ = error.flush();
        let mut answer = String::new();
        match std::io::stdin().read_line(&mut answer) {
            Ok(read) if read > 0 => Some(answer.trim().to_owned()),
            _ => None,
        }
    }

    /// Lines written while these bars are drawn go above them.
    pub(crate) fn attach(&self, bars: Option<MultiProgress>) {
        *self.bars.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = bars;
    }

    /// `text` in the colour of `tone`, for standard output.
    pub(crate) fn paint(&self, tone: Tone, text: impl AsRef<str>) -> String {
        paint(self.colored(std::io::stdout().is_terminal()), tone, text.as_ref())
    }

    /// `text` in the colour of `tone`, for standard error.
    pub(crate) fn paint_err(&self, tone: Tone, text: impl AsRef<str>) -> String {
        paint(self.colored(std::io::stderr().is_terminal()), tone, text.as_ref())
    }

    /// Whether standard error is coloured.
    pub(crate) fn colored_err(&self) -> bool {
        self.colored(std::io::stderr().is_terminal())
    }

    fn colored(&self, terminal: bool) -> bool {
        match self.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => terminal && !self.no_color,
        }
    }

    fn above_bars(&self, write: impl FnOnce()) {
        let bars = self.bars.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        match bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

fn write_line(out: &mut dyn Write, text: &str) {
    // A closed pipe means that nobody reads: there is nobody to tell.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}

fn paint(colored: bool, tone: Tone, text: &str) -> String {
    if !colored {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "1;31",
        Tone::Warn => "33",
        Tone::Dim => "2",
        Tone::Bold => "1",
        Tone::Command => "36",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Columns of a terminal that a text takes: Chinese letters take two.
pub(crate) fn columns_of(text: &str) -> usize {
    text.chars().map(|c| if c >= '\u{2e80}' { 2 } else { 1 }).sum()
}
