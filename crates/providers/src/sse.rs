//! Frames an answer's body: event stream, JSON objects one after another, or one JSON value. Which of them it is says
//! the content, never a header. Bytes are read as UTF-8 whatever the `charset`, so no other character splits a line.
//!
//! The JSON scanner knows where a value ends, so events need no blank line between them. What is neither is kept as a
//! short excerpt for the error message. Must not know what the events mean.

use imagemill_domain::failure::{Billing, Failure, FailureKind};
use memchr::memchr2;
use serde_json::Value;

use crate::lift::{Scanner, Shelf};

/// Bytes of an event's name, or of a payload that is not JSON, that are looked at.
const MAX_WORD: usize = 4 << 10;
/// Bytes that are no JSON, of lines that mean nothing to us.
const MAX_STRAY: u64 = 16 << 20;
/// How much of them is kept.
const MAX_EXCERPT: usize = 16 << 10;

/// One JSON value of the answer, pictures replaced by `<spool:n>`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// The name on the `event:` line; empty when there is none.
    pub(crate) name: String,
    /// What it says.
    pub(crate) value: Value,
    /// It broke off; `value` is the part that is whole.
    pub(crate) cut: bool,
}

#[derive(Debug)]
enum At {
    /// First bytes of a line.
    LineStart,
    /// In a field's name.
    Field(Vec<u8>),
    /// Behind `event:`.
    EventName(Vec<u8>),
    /// Behind `data:`, before its first byte that is no space.
    Payload,
    /// Behind the `data:` of a line that goes on with an open value.
    Continued,
    /// After `[`: an array or `[DONE]`.
    Bracket,
    /// In a payload that is not JSON.
    Token(Vec<u8>),
    /// In a JSON value.
    Value,
    /// Between a value and the end of its line.
    ValueEnded,
    /// In a line that means nothing; comments do not count as data.
    Skip { comment: bool },
}

/// Which framing a value is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// Behind `data:`; a line's end interrupts it.
    Line,
    /// On its own; line ends are white space.
    Bare,
}

/// Reads one answer's body.
#[derive(Debug)]
pub(crate) struct Reader {
    scanner: Scanner,
    at: At,
    frame: Frame,
    /// A value behind `data:` reached the end of its line and goes on in the next one.
    broken_line: bool,
    /// The last byte was a carriage return that ended a line; a line feed now belongs to it.
    after_return: bool,
    event_name: String,
    started: bool,
    is_stream: bool,
    done: bool,
    bad_events: u32,
    excerpt: Vec<u8>,
    stray_bytes: u64,
    data_bytes: u64,
}

impl Reader {
    /// At the start of a body.
    pub(crate) fn new() -> Self {
        Self {
            scanner: Scanner::new(),
            at: At::LineStart,
            frame: Frame::Bare,
            broken_line: false,
            after_return: false,
            event_name: String::new(),
            started: false,
            is_stream: false,
            done: false,
            bad_events: 0,
            excerpt: Vec::new(),
            stray_bytes: 0,
            data_bytes: 0,
        }
    }

    /// Bytes that carried data; comments and white space do not count.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Whether the `[DONE]` mark was seen.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Whether it has the lines of an event stream.
    pub(crate) fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// Events that were no JSON or broke off in the middle of the stream.
    pub(crate) fn bad_events(&self) -> u32 {
        self.bad_events
    }

    /// The first of what was neither JSON nor an event stream.
    pub(crate) fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.excerpt).into_owned()
    }

    /// Takes bytes up to the end of the next value, which is appended, or all of them. Returns how many. Behind the end
    /// mark everything is passed over.
    pub(crate) fn feed(&mut self, bytes: &[u8], shelf: &mut Shelf, events: &mut Vec<Event>) -> Result<usize, Failure> {
        let whole = bytes.len();
        let mut bytes = bytes;
        if !self.started {
            // A byte order mark; it is never split in practice, and a split one only costs a stray line.
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            self.started = !bytes.is_empty();
        }
        while let Some(&byte) = bytes.first() {
            if self.done {
                return Ok(whole);
            }
            if !events.is_empty() {
                break;
            }
            let after_return = std::mem::take(&mut self.after_return);
            if after_return && byte == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let taken = match self.at {
                At::Value => self.value(bytes, shelf, events)?,
                At::Skip { comment } => self.skip(bytes, comment)?,
                _ => usize::from(self.byte(byte, shelf, events)?),
            };
            bytes = &bytes[taken..];
        }
        Ok(whole - bytes.len())
    }

    /// The body is over. True when it ended inside a value; its whole members are the last event.
    pub(crate) fn finish(&mut self, shelf: &mut Shelf, events: &mut Vec<Event>) -> Result<bool, Failure> {
        let cut = self.broken_line || matches!(self.at, At::Value | At::Bracket);
        match std::mem::replace(&mut self.at, At::LineStart) {
            At::Value => self.emit_cut(shelf, events)?,
            At::Token(token) | At::Field(token) => self.end_token(&token),
            _ if self.broken_line => self.emit_cut(shelf, events)?,
            _ => {}
        }
        Ok(cut)
    }

    fn begin(&mut self, frame: Frame) {
        self.frame = frame;
        self.at = At::Value;
        self.scanner.begin(&self.event_name);
    }

    /// A line ended with `byte`.
    fn end_line(&mut self, byte: u8) {
        self.after_return = byte == b'\r';
        self.at = At::LineStart;
    }

    fn skip(&mut self, bytes: &[u8], comment: bool) -> Result<usize, Failure> {
        let end = memchr2(b'\n', b'\r', bytes);
        let count = end.unwrap_or(bytes.len());
        if !comment {
            self.data_bytes += count as u64;
        }
        self.count_stray(count)?;
        if let Some(at) = end {
            self.end_line(bytes[at]);
            return Ok(at + 1);
        }
        Ok(count)
    }

    fn count_stray(&mut self, count: usize) -> Result<(), Failure> {
        self.stray_bytes += count as u64;
        if self.stray_bytes > MAX_STRAY {
            return Err(Failure::new(
                FailureKind::Protocol,
                "the answer was given up: it holds more than 16 MiB that are neither JSON nor an event",
            )
            .billing(Billing::Unknown));
        }
        Ok(())
    }

    /// Bytes of the open value.
    fn value(&mut self, bytes: &[u8], shelf: &mut Shelf, events: &mut Vec<Event>) -> Result<usize, Failure> {
        let line_end = if self.frame == Frame::Line { memchr2(b'\n', b'\r', bytes) } else { None };
        let piece = &bytes[..line_end.unwrap_or(bytes.len())];
        let ended = self.scanner.feed(piece, shelf)?;
        let taken = &piece[..ended.unwrap_or(piece.len())];
        if !taken.iter().all(u8::is_ascii_whitespace) {
            self.data_bytes += taken.len() as u64;
        }
        if let Some(count) = ended {
            self.emit(false, shelf, events);
            self.at = if self.frame == Frame::Line { At::ValueEnded } else { At::LineStart };
            return Ok(count);
        }
        if let Some(at) = line_end {
            self.broken_line = true;
            self.end_line(bytes[at]);
            return Ok(at + 1);
        }
        Ok(bytes.len())
    }

    fn emit(&mut self, cut: bool, shelf: &mut Shelf, events: &mut Vec<Event>) {
        let skeleton = String::from_utf8_lossy(self.scanner.skeleton());
        match serde_json::from_str::<Value>(&skeleton) {
            Ok(value) => {
                shelf.events += 1;
                events.push(Event { name: self.event_name.clone(), value, cut });
            }
            Err(_) if cut && skeleton.is_empty() => {}
            Err(_) => {
                self.bad_events += 1;
                let start: String = skeleton.chars().take(300).collect();
                self.keep(start.as_bytes());
            }
        }
    }

    fn emit_cut(&mut self, shelf: &mut Shelf, events: &mut Vec<Event>) -> Result<(), Failure> {
        self.broken_line = false;
        self.bad_events += 1;
        self.scanner.cut(shelf)?;
        self.emit(true, shelf, events);
        Ok(())
    }

    fn keep(&mut self, text: &[u8]) {
        let room = MAX_EXCERPT.saturating_sub(self.excerpt.len());
        self.excerpt.extend_from_slice(&text[..text.len().min(room)]);
        if room > 0 {
            self.excerpt.push(b'\n');
        }
    }

    fn end_token(&mut self, token: &[u8]) {
        match token.trim_ascii() {
            b"" => {}
            b"[DONE]" => self.done = true,
            other => self.keep(other),
        }
    }

    /// One byte outside values; false when it is to be read again in the new state.
    fn byte(&mut self, byte: u8, shelf: &mut Shelf, events: &mut Vec<Event>) -> Result<bool, Failure> {
        let is_end = matches!(byte, b'\n' | b'\r');
        match &mut self.at {
            At::LineStart => return self.line_start(byte, shelf, events),
            At::Field(name) => {
                let belongs = byte.is_ascii_alphanumeric() || byte == b'_';
                if !belongs || name.len() >= 64 {
                    let name = std::mem::take(name);
                    return self.field(name, byte, shelf);
                }
                name.push(byte);
            }
            At::EventName(name) if is_end => {
                self.event_name = String::from_utf8_lossy(name).trim().to_owned();
                self.end_line(byte);
            }
            At::EventName(name) => {
                if name.len() < MAX_WORD {
                    name.push(byte);
                }
                self.count_stray(1)?;
            }
            At::Payload | At::ValueEnded => return Ok(self.payload(byte)),
            At::Continued => {
                self.at = At::Value;
                return Ok(byte == b' ');
            }
            At::Bracket if byte == b'D' => self.at = At::Token(b"[D".to_vec()),
            At::Bracket => {
                self.begin(self.frame);
                self.scanner.feed(b"[", shelf)?;
                return Ok(false);
            }
            At::Token(token) if is_end => {
                let token = std::mem::take(token);
                self.end_token(&token);
                self.end_line(byte);
            }
            At::Token(token) => {
                if token.len() < MAX_WORD {
                    token.push(byte);
                }
                self.count_stray(1)?;
            }
            At::Value | At::Skip { .. } => unreachable!("read in bulk"),
        }
        self.data_bytes += u64::from(!byte.is_ascii_whitespace());
        Ok(true)
    }

    fn line_start(&mut self, byte: u8, shelf: &mut Shelf, events: &mut Vec<Event>) -> Result<bool, Failure> {
        match byte {
            b'\n' | b'\r' => {
                if self.broken_line {
                    self.emit_cut(shelf, events)?;
                }
                self.event_name.clear();
                self.end_line(byte);
                return Ok(true);
            }
            b':' => self.at = At::Skip { comment: true },
            b'a'..=b'z' | b'A'..=b'Z' => {
                self.at = At::Field(Vec::new());
                return Ok(false);
            }
            _ if self.broken_line => {
                self.broken_line = false;
                self.at = At::Value;
                return Ok(false);
            }
            b' ' | b'\t' => {}
            b'{' => {
                self.begin(Frame::Bare);
                return Ok(false);
            }
            b'[' => {
                self.frame = Frame::Bare;
                self.at = At::Bracket;
            }
            _ => {
                self.at = At::Token(Vec::new());
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A word at the start of a line ended before `byte`.
    fn field(&mut self, name: Vec<u8>, byte: u8, shelf: &mut Shelf) -> Result<bool, Failure> {
        let known = [&b"data"[..], b"event", b"id", b"retry"].contains(&name.as_slice());
        if known && byte == b':' {
            self.is_stream = true;
            self.data_bytes += 1;
            self.at = match name.as_slice() {
                b"data" if std::mem::take(&mut self.broken_line) => At::Continued,
                b"data" => At::Payload,
                b"event" if !self.broken_line => At::EventName(Vec::new()),
                _ => At::Skip { comment: false },
            };
            return Ok(true);
        }
        if std::mem::take(&mut self.broken_line) {
            // A line of an open value without its `data:`; a bare word cannot end a value.
            self.scanner.feed(&name, shelf)?;
            self.at = At::Value;
        } else {
            self.at = At::Token(name);
        }
        Ok(false)
    }

    /// Before or after a value on a `data:` line; false when the byte is to be read again.
    fn payload(&mut self, byte: u8) -> bool {
        match byte {
            b' ' | b'\t' => {}
            b'\n' | b'\r' => self.end_line(byte),
            b'{' => {
                self.begin(Frame::Line);
                return false;
            }
            b'[' => {
                self.frame = Frame::Line;
                self.at = At::Bracket;
            }
            _ if matches!(self.at, At::ValueEnded) => {
                self.at = At::Skip { comment: false };
                return false;
            }
            _ => {
                self.at = At::Token(Vec::new());
                return false;
            }
        }
        true
    }
}
