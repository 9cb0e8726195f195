//! Finds pictures in one text that arrives in pieces: data URLs anywhere, and bare base64 where the text begins with
//! it. Everything else is passed on unchanged; a picture becomes `<spool:n>`.
//!
//! Must not know where the text stands in its JSON.

use imagemill_domain::failure::Failure;
use memchr::memmem;

use super::run::{Ended, Rule, Run, Step};
use super::shelf::Shelf;

const WORD: &[u8] = b"data";
/// A data URL's header is never longer.
const LONGEST_HEADER: usize = 128;

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// Words, perhaps with pictures.
    Text,
    /// The value of a key for base64.
    Key,
    /// A preview under a key for base64: read over.
    Preview,
    /// The model's thoughts: pictures in it are read over.
    Thought,
}

#[derive(Debug)]
enum State {
    /// Words. So many letters of `data` are held back.
    Words { held: usize },
    /// `data:` and what follows it, up to the comma.
    Header(Vec<u8>),
    /// Base64.
    Run(Box<Run>),
}

/// The reader of one text.
#[derive(Debug)]
pub(super) struct Finder {
    rules: Rules,
    state: State,
}

impl Finder {
    /// At the start of a text.
    pub(super) fn new(rules: Rules) -> Self {
        let rule = match rules {
            Rules::Key | Rules::Preview => Rule::Key,
            Rules::Text | Rules::Thought => Rule::TextStart,
        };
        let drops = matches!(rules, Rules::Preview | Rules::Thought);
        Self { rules, state: State::Run(Box::new(Run::new(rule, Vec::new(), drops))) }
    }

    /// Whether a picture has begun.
    pub(super) fn is_in_picture(&self) -> bool {
        matches!(&self.state, State::Run(run) if run.is_picture())
    }

    /// Takes the next bytes; what is not picture goes to `text`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], text: &mut Vec<u8>, shelf: &mut Shelf) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Words { .. } => self.words(bytes, text),
                State::Header(_) => self.header(bytes, text),
                State::Run(_) => self.run(bytes, text, shelf)?,
            };
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    fn words(&mut self, bytes: &[u8], text: &mut Vec<u8>) -> usize {
        let State::Words { held } = &mut self.state else { unreachable!("called in this state only") };
        if *held > 0 {
            let wanted = WORD.get(*held).copied().unwrap_or(b':');
            if bytes[0] != wanted {
                // No letter of `data` but the first repeats its beginning, so nothing held can start another one.
                text.extend_from_slice(&WORD[..*held]);
                *held = 0;
                return 0;
            }
            if *held == WORD.len() {
                self.state = State::Header(b"data:".to_vec());
            } else {
                *held += 1;
            }
            return 1;
        }
        if let Some(at) = memmem::find(bytes, b"data:") {
            text.extend_from_slice(&bytes[..at]);
            self.state = State::Header(b"data:".to_vec());
            return at + 5;
        }
        *held = (1..=WORD.len()).rev().find(|count| bytes.ends_with(&WORD[..*count])).unwrap_or(0);
        text.extend_from_slice(&bytes[..bytes.len() - *held]);
        bytes.len()
    }

    fn header(&mut self, bytes: &[u8], text: &mut Vec<u8>) -> usize {
        let State::Header(header) = &mut self.state else { unreachable!("called in this state only") };
        let byte = bytes[0];
        if byte == b',' && announces_picture(header) {
            header.push(byte);
            let lead = std::mem::take(header);
            self.state = State::Run(Box::new(Run::new(Rule::DataUrl, lead, self.drops())));
            return 1;
        }
        let belongs = byte.is_ascii_alphanumeric() || b"/+.-;=_\" ".contains(&byte);
        if belongs && header.len() < LONGEST_HEADER {
            header.push(byte);
            return 1;
        }
        let header = std::mem::take(header);
        let (first, rest) = header.split_at(5);
        text.extend_from_slice(first);
        self.state = State::Words { held: 0 };
        let mut at = 0;
        while at < rest.len() {
            // There is no colon in `rest`, so this stays among the words.
            at += self.words(&rest[at..], text);
        }
        0
    }

    fn run(&mut self, bytes: &[u8], text: &mut Vec<u8>, shelf: &mut Shelf) -> Result<usize, Failure> {
        let State::Run(run) = &mut self.state else { unreachable!("called in this state only") };
        if run.is_empty() && bytes[0].is_ascii_whitespace() {
            text.push(bytes[0]);
            return Ok(1);
        }
        match run.feed(bytes, shelf)? {
            Step::More => Ok(bytes.len()),
            Step::End(at) => {
                self.end_run(bytes.get(at).copied(), text, shelf)?;
                Ok(at)
            }
        }
    }

    fn end_run(&mut self, next: Option<u8>, text: &mut Vec<u8>, shelf: &mut Shelf) -> Result<(), Failure> {
        let state = std::mem::replace(&mut self.state, State::Words { held: 0 });
        let State::Run(run) = state else { unreachable!("called in this state only") };
        match run.end(next, shelf)? {
            Ended::Picture { slot, data } => {
                text.extend_from_slice(format!("<spool:{slot}>").as_bytes());
                self.state = State::Words { held: if data { WORD.len() } else { 0 } };
            }
            Ended::Text(mut words) => {
                // A failed header is given back whole; only a trailing `data` may still become something.
                let held = (1..=WORD.len()).rev().find(|count| words.ends_with(&WORD[..*count])).unwrap_or(0);
                words.truncate(words.len() - held);
                text.extend_from_slice(&words);
                self.state = State::Words { held };
            }
        }
        Ok(())
    }

    /// The text is over and whole.
    pub(super) fn finish(mut self, text: &mut Vec<u8>, shelf: &mut Shelf) -> Result<(), Failure> {
        if matches!(self.state, State::Run(_)) {
            self.end_run(None, text, shelf)?;
        }
        self.flush(text);
        Ok(())
    }

    /// The text broke off: a picture that had begun is dropped.
    pub(super) fn abandon(self, text: &mut Vec<u8>, shelf: &mut Shelf) -> Result<(), Failure> {
        match self.state {
            State::Run(run) if run.is_picture() => run.abandon(shelf),
            _ => self.finish(text, shelf)?,
        }
        Ok(())
    }

    fn flush(&mut self, text: &mut Vec<u8>) {
        match &mut self.state {
            State::Words { held } => text.extend_from_slice(&WORD[..*held]),
            State::Header(header) => text.extend_from_slice(header),
            State::Run(_) => unreachable!("a run was ended before"),
        }
    }

    fn drops(&self) -> bool {
        matches!(self.rules, Rules::Preview | Rules::Thought)
    }
}

/// Whether `header` (without its comma) says that base64 of a picture follows.
fn announces_picture(header: &[u8]) -> bool {
    let header = header.to_ascii_lowercase();
    let media_type = header.strip_prefix(b"data:").unwrap_or(&header);
    let picture = [&b"image/"[..], b"application/octet-stream", b"binary/octet-stream", b";"]
        .iter()
        .any(|start| media_type.starts_with(start));
    picture && media_type.ends_with(b";base64")
}
