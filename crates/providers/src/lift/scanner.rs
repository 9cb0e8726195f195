//! Walks JSON text byte by byte as it arrives, one value at a time, and decides for each string how it is read: as a key,
//! as words that may hold pictures, as base64, or as the next piece of a streamed text.
//!
//! It does not check JSON: the skeleton it leaves is read by a real parser afterwards. It must not know what counts as
//! a result, nor how the values are framed.

use imagemill_domain::failure::Failure;
use memchr::memchr2;

use super::finder::{Finder, Rules};
use super::shelf::{Shelf, StreamKey, too_much};

/// Deeper nesting is refused; the parser that follows stops at the same depth.
const MAX_DEPTH: usize = 127;
/// Largest skeleton of one value.
const MAX_SKELETON: usize = 4 << 20;
/// All skeletons of one answer.
const MAX_SKELETONS: usize = 16 << 20;
/// Keys are told apart by so many bytes.
const MAX_KEY: usize = 32;
/// A piece of streamed text waits up to this length for the key that says which stream it belongs to.
const MAX_WAITING: usize = 256 << 10;

/// The keys that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Choices,
    Delta,
    Content,
    Text,
    Index,
    Type,
    Picture,
    Preview,
    Thought,
    Other,
}

impl Key {
    fn of(name: &[u8]) -> Self {
        match name.to_ascii_lowercase().as_slice() {
            b"choices" => Self::Choices,
            b"delta" => Self::Delta,
            b"content" => Self::Content,
            b"text" => Self::Text,
            b"index" | b"output_index" => Self::Index,
            b"type" => Self::Type,
            b"b64_json" | b"image_base64" | b"base64" | b"image_b64" | b"b64" => Self::Picture,
            b"partial_image_b64" => Self::Preview,
            b"reasoning_content" | b"reasoning" | b"reasoning_details" | b"thinking" => Self::Thought,
            _ => Self::Other,
        }
    }
}

#[derive(Debug)]
struct Frame {
    array: bool,
    /// The key being read, for objects.
    member: Key,
    /// Position of the element being read, for arrays.
    position: u32,
    /// `index` or `output_index` of this object, once seen.
    index: Option<u32>,
    /// A piece of streamed text that waits for the end of this object.
    waiting: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Lex {
    /// Between tokens.
    Plain,
    /// In a number or a word; it began here in the skeleton.
    Scalar(usize),
    /// In a string.
    Text,
    /// Behind a backslash.
    Escape,
    /// In `\uXXXX`.
    Unicode { digits: u8, code: u16 },
}

/// How the string that is open is read.
#[derive(Debug)]
enum Role {
    /// A member's name.
    Name,
    /// Read for pictures on its own.
    Words(Finder),
    /// The value of the root's `type`; it began here in the skeleton.
    TypeWord(usize),
    /// A piece of the streamed text with this number.
    Stream(usize),
    /// A piece of a streamed text that is not known yet, kept by the frame with this number.
    Waiting(usize),
}

/// The scanner. One serves a whole answer.
#[derive(Debug)]
pub(crate) struct Scanner {
    lex: Lex,
    role: Role,
    frames: Vec<Frame>,
    skeleton: Vec<u8>,
    /// Length of the skeleton and depth when the last whole member or element ended.
    safe: (usize, usize),
    expects_name: bool,
    name: Vec<u8>,
    type_word: String,
    high_surrogate: Option<u16>,
    scratch: Vec<u8>,
    total: usize,
}

impl Scanner {
    /// Before the first value.
    pub(crate) fn new() -> Self {
        Self {
            lex: Lex::Plain,
            role: Role::Name,
            frames: Vec::new(),
            skeleton: Vec::new(),
            safe: (0, 0),
            expects_name: false,
            name: Vec::new(),
            type_word: String::new(),
            high_surrogate: None,
            scratch: Vec::new(),
            total: 0,
        }
    }

    /// Gets ready for a value; `event` is the event's name where there is one.
    pub(crate) fn begin(&mut self, event: &str) {
        self.lex = Lex::Plain;
        self.role = Role::Name;
        self.frames.clear();
        self.skeleton.clear();
        self.safe = (0, 0);
        self.expects_name = false;
        self.type_word.clear();
        self.type_word.push_str(event);
        self.high_surrogate = None;
    }

    /// Takes bytes of the value. `Some(n)`: the value ended, and with it the first `n` bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8], shelf: &mut Shelf) -> Result<Option<usize>, Failure> {
        let mut at = 0;
        let before = self.skeleton.len();
        while at < bytes.len() {
            match self.lex {
                Lex::Plain | Lex::Scalar(_) => {
                    self.outside(bytes[at], shelf)?;
                    at += 1;
                    if self.frames.is_empty() {
                        self.count(before)?;
                        return Ok(Some(at));
                    }
                }
                Lex::Text => at += self.inside(&bytes[at..], shelf)?,
                Lex::Escape => {
                    self.escape(bytes[at], shelf)?;
                    at += 1;
                }
                Lex::Unicode { digits, code } => {
                    at += usize::from(self.unicode(bytes[at], digits, code, shelf)?);
                }
            }
            if self.skeleton.len() > MAX_SKELETON {
                break;
            }
        }
        self.count(before)?;
        Ok(None)
    }

    fn count(&mut self, before: usize) -> Result<(), Failure> {
        self.total += self.skeleton.len() - before;
        if self.skeleton.len() > MAX_SKELETON {
            return Err(too_much("one event holds more than 4 MiB that are no picture"));
        }
        if self.total > MAX_SKELETONS {
            return Err(too_much("it holds more than 16 MiB that are no picture"));
        }
        Ok(())
    }

    /// The value without its pictures.
    pub(crate) fn skeleton(&self) -> &[u8] {
        &self.skeleton
    }

    /// The value broke off: drops an open picture and closes the skeleton behind its last whole member.
    pub(crate) fn cut(&mut self, shelf: &mut Shelf) -> Result<(), Failure> {
        self.scratch.clear();
        if let Role::Words(finder) = std::mem::replace(&mut self.role, Role::Name) {
            finder.abandon(&mut self.scratch, shelf)?;
        }
        self.skeleton.truncate(self.safe.0);
        for frame in self.frames[..self.safe.1].iter().rev() {
            self.skeleton.push(if frame.array { b']' } else { b'}' });
        }
        self.frames.clear();
        Ok(())
    }

    /// A byte outside strings.
    fn outside(&mut self, byte: u8, shelf: &mut Shelf) -> Result<(), Failure> {
        if let Lex::Scalar(start) = self.lex {
            if !matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n') {
                self.skeleton.push(byte);
                return Ok(());
            }
            self.end_scalar(start);
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => return Ok(()),
            b'"' => self.begin_string(shelf)?,
            b'{' | b'[' => {
                if self.frames.len() >= MAX_DEPTH {
                    return Err(too_much("it is nested more than 127 levels deep"));
                }
                let array = byte == b'[';
                self.frames.push(Frame { array, member: Key::Other, position: 0, index: None, waiting: None });
                self.expects_name = !array;
            }
            b'}' | b']' => {
                self.skeleton.push(byte);
                if let Some(frame) = self.frames.pop() {
                    self.release(frame, shelf)?;
                }
                self.expects_name = false;
                self.mark_safe();
                return Ok(());
            }
            b',' => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.position = frame.position.saturating_add(1);
                    self.expects_name = !frame.array;
                }
            }
            b':' => self.expects_name = false,
            _ => self.lex = Lex::Scalar(self.skeleton.len()),
        }
        self.skeleton.push(byte);
        if matches!(byte, b'{' | b'[') {
            self.mark_safe();
        }
        Ok(())
    }

    fn mark_safe(&mut self) {
        self.safe = (self.skeleton.len(), self.frames.len());
    }

    fn end_scalar(&mut self, start: usize) {
        self.lex = Lex::Plain;
        if let Some(frame) = self.frames.last_mut()
            && !frame.array
            && frame.member == Key::Index
        {
            frame.index = std::str::from_utf8(&self.skeleton[start..]).ok().and_then(|text| text.parse().ok());
        }
        self.mark_safe();
    }

    fn begin_string(&mut self, shelf: &mut Shelf) -> Result<(), Failure> {
        self.lex = Lex::Text;
        self.role = if self.expects_name {
            self.name.clear();
            Role::Name
        } else {
            self.role_of_value(shelf)?
        };
        Ok(())
    }

    fn role_of_value(&self, shelf: &mut Shelf) -> Result<Role, Failure> {
        let last = self.frames.len() - 1;
        let member = |depth: usize| self.frames[depth].member;
        if last == 0 && member(0) == Key::Type && !self.frames[0].array {
            return Ok(Role::TypeWord(self.skeleton.len() + 1));
        }
        // {"delta": "…"}: the type says whose text it is.
        if last == 0 && member(0) == Key::Delta {
            return match (self.type_word.is_empty(), self.frames[0].index) {
                (true, _) => Ok(Role::Waiting(0)),
                (false, index) => shelf.stream(self.typed_stream(index)).map(Role::Stream),
            };
        }
        // {"delta": {"text": "…"}}
        if last == 1 && member(0) == Key::Delta && matches!(member(1), Key::Text | Key::Thought) {
            let thought = member(1) == Key::Thought;
            return shelf.stream(StreamKey { thought, index: self.frames[0].index.unwrap_or(0) }).map(Role::Stream);
        }
        // {"choices": [{"index": 0, "delta": {"content": "…"}}]}
        if last == 3 && member(0) == Key::Choices && self.frames[1].array && member(2) == Key::Delta {
            match (member(3), self.frames[2].index) {
                (Key::Thought, index) => {
                    let index = index.unwrap_or(self.frames[1].position);
                    return shelf.stream(StreamKey { thought: true, index }).map(Role::Stream);
                }
                (Key::Content, Some(index)) => {
                    return shelf.stream(StreamKey { thought: false, index }).map(Role::Stream);
                }
                (Key::Content, None) => return Ok(Role::Waiting(2)),
                _ => {}
            }
        }
        let rules = if self.frames.iter().any(|frame| frame.member == Key::Thought) {
            Rules::Thought
        } else {
            match self.frames[last].member {
                Key::Preview => Rules::Preview,
                Key::Picture if self.type_word.ends_with("partial_image") => Rules::Preview,
                Key::Picture if !self.frames[last].array => Rules::Key,
                _ => Rules::Text,
            }
        };
        Ok(Role::Words(Finder::new(rules)))
    }

    fn typed_stream(&self, index: Option<u32>) -> StreamKey {
        let not_text = ["reasoning", "thinking", "function_call", "arguments", "code", "mcp_call", "audio"];
        let thought = not_text.iter().any(|part| self.type_word.contains(part));
        StreamKey { thought, index: index.unwrap_or(0) }
    }

    /// An object ended: text that waited for its keys goes to its stream.
    fn release(&mut self, frame: Frame, shelf: &mut Shelf) -> Result<(), Failure> {
        let Some(text) = frame.waiting else { return Ok(()) };
        let key = self.stream_of_ended(self.frames.len(), frame.index);
        let stream = shelf.stream(key)?;
        shelf.feed_stream(stream, &text)
    }

    /// Bytes inside a string.
    fn inside(&mut self, bytes: &[u8], shelf: &mut Shelf) -> Result<usize, Failure> {
        let end = memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
        if end > 0 {
            self.text(&bytes[..end], shelf)?;
        }
        match bytes.get(end) {
            None => return Ok(end),
            Some(b'\\') => self.lex = Lex::Escape,
            Some(_) => self.end_string(shelf)?,
        }
        Ok(end + 1)
    }

    /// Unescaped bytes of the open string.
    fn text(&mut self, bytes: &[u8], shelf: &mut Shelf) -> Result<(), Failure> {
        if self.high_surrogate.take().is_some() {
            self.text("\u{fffd}".as_bytes(), shelf)?;
        }
        match &mut self.role {
            Role::Name | Role::TypeWord(_) => {
                if matches!(self.role, Role::Name) && self.name.len() < MAX_KEY {
                    self.name.extend_from_slice(&bytes[..bytes.len().min(MAX_KEY)]);
                }
                escape_into(&mut self.skeleton, bytes);
                Ok(())
            }
            Role::Words(finder) => {
                let mut scratch = std::mem::take(&mut self.scratch);
                scratch.clear();
                let result = finder.feed(bytes, &mut scratch, shelf);
                escape_into(&mut self.skeleton, &scratch);
                self.scratch = scratch;
                result
            }
            Role::Stream(stream) => shelf.feed_stream(*stream, bytes),
            Role::Waiting(depth) => {
                let depth = *depth;
                let waiting = self.frames[depth].waiting.get_or_insert_default();
                waiting.extend_from_slice(bytes);
                if waiting.len() > MAX_WAITING { self.wait_no_longer(depth, shelf) } else { Ok(()) }
            }
        }
    }

    /// A long piece goes to its stream before its object says which that is: to the only one there is, else by its
    /// place in the list.
    fn wait_no_longer(&mut self, depth: usize, shelf: &mut Shelf) -> Result<(), Failure> {
        let text = self.frames[depth].waiting.take().unwrap_or_default();
        let stream = match shelf.only_text() {
            Some(stream) => stream,
            None => shelf.stream(self.stream_of_ended(depth, None))?,
        };
        self.role = Role::Stream(stream);
        shelf.feed_stream(stream, &text)
    }

    /// The stream of a piece whose object, at `depth`, named `index`.
    fn stream_of_ended(&self, depth: usize, index: Option<u32>) -> StreamKey {
        if depth == 0 {
            return self.typed_stream(index);
        }
        StreamKey { thought: false, index: index.unwrap_or(self.frames[depth - 1].position) }
    }

    fn escape(&mut self, byte: u8, shelf: &mut Shelf) -> Result<(), Failure> {
        self.lex = Lex::Text;
        let plain = match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                self.lex = Lex::Unicode { digits: 0, code: 0 };
                return Ok(());
            }
            other => other,
        };
        self.text(&[plain], shelf)
    }

    /// One digit of `\uXXXX`; false when the byte is none and is still to be read.
    fn unicode(&mut self, byte: u8, digits: u8, code: u16, shelf: &mut Shelf) -> Result<bool, Failure> {
        let Some(digit) = char::from(byte).to_digit(16) else {
            self.lex = Lex::Text;
            self.text("\u{fffd}".as_bytes(), shelf)?;
            return Ok(false);
        };
        let code = code << 4 | digit as u16;
        if digits < 3 {
            self.lex = Lex::Unicode { digits: digits + 1, code };
            return Ok(true);
        }
        self.lex = Lex::Text;
        let units = match (self.high_surrogate, code) {
            (None, 0xd800..=0xdbff) => {
                self.high_surrogate = Some(code);
                return Ok(true);
            }
            (Some(high), 0xdc00..=0xdfff) => {
                self.high_surrogate = None;
                vec![high, code]
            }
            _ => vec![code],
        };
        self.text(String::from_utf16_lossy(&units).as_bytes(), shelf)?;
        Ok(true)
    }

    fn end_string(&mut self, shelf: &mut Shelf) -> Result<(), Failure> {
        if self.high_surrogate.take().is_some() {
            self.text("\u{fffd}".as_bytes(), shelf)?;
        }
        self.lex = Lex::Plain;
        match std::mem::replace(&mut self.role, Role::Name) {
            Role::Name => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.member = Key::of(&self.name);
                }
                self.skeleton.push(b'"');
                return Ok(());
            }
            Role::TypeWord(start) => {
                let word = String::from_utf8_lossy(&self.skeleton[start.min(self.skeleton.len())..]);
                self.type_word = word.chars().take(80).collect();
            }
            Role::Words(finder) => {
                self.scratch.clear();
                finder.finish(&mut self.scratch, shelf)?;
                escape_into(&mut self.skeleton, &self.scratch);
            }
            Role::Stream(_) | Role::Waiting(_) => {}
        }
        self.skeleton.push(b'"');
        self.mark_safe();
        Ok(())
    }
}

/// Appends `text` as the inside of a JSON string.
fn escape_into(skeleton: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'"' | b'\\' => skeleton.extend_from_slice(&[b'\\', byte]),
            b'\n' => skeleton.extend_from_slice(b"\\n"),
            0..=0x1f => skeleton.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => skeleton.push(byte),
        }
    }
}
