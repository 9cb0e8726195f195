//! The finished pictures of one answer by number, the texts of streamed answers, and the bounds on both.
//!
//! Must not know JSON nor base64.

use std::io;

use imagemill_domain::failure::{Billing, Failure, FailureKind};

use super::finder::{Finder, Rules};
use crate::spool::{Spool, SpoolWriter, Spooled};

/// Pictures in one answer, previews and repeats counted.
const MAX_PICTURES: usize = 256;
/// All pictures of one answer together are at most so many times the largest one allowed.
const MAX_TOTAL_TIMES: u64 = 16;
/// Text of one streamed answer in all.
const MAX_TEXT_BYTES: usize = 2 << 20;
/// Texts that stream side by side.
const MAX_STREAMS: usize = 256;

/// Bounds on what one answer may bring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Largest picture in bytes.
    pub(crate) picture_bytes: u64,
}

/// What is in a numbered place.
#[derive(Debug)]
pub(crate) enum Slot {
    /// It is still arriving, or it broke off.
    Cut,
    /// A preview that was never wanted.
    Dropped,
    /// It grew over the limit.
    TooLarge,
    /// A whole picture. `None` once it was taken.
    Picture(Option<Kept>),
}

/// A finished picture that removes its file when nobody takes it.
#[derive(Debug)]
pub(crate) struct Kept(Option<Spooled>);

impl Kept {
    /// Wraps one.
    pub(crate) fn new(spooled: Spooled) -> Self {
        Self(Some(spooled))
    }

    /// Looks at it.
    pub(crate) fn get(&self) -> &Spooled {
        self.0.as_ref().expect("only into_inner empties it, and takes it away")
    }

    /// Hands it over with the duty to remove its file.
    pub(crate) fn into_inner(mut self) -> Spooled {
        self.0.take().expect("only into_inner empties it, and takes it away")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(spooled) = self.0.take() {
            spooled.discard();
        }
    }
}

/// Which streamed text a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamKey {
    /// Thoughts are read over and dropped.
    pub(crate) thought: bool,
    /// Choice or output number.
    pub(crate) index: u32,
}

/// One streamed text.
#[derive(Debug)]
pub(crate) struct StreamText {
    key: StreamKey,
    finder: Finder,
    /// What it says, with `<spool:n>` for pictures.
    pub(crate) text: Vec<u8>,
    /// How many events had been read when it began.
    pub(crate) began: u64,
}

impl StreamText {
    /// Whether it is the model's thinking.
    pub(crate) fn is_thought(&self) -> bool {
        self.key.thought
    }

    /// Number of the choice or output it belongs to.
    pub(crate) fn index(&self) -> u32 {
        self.key.index
    }
}

/// Pictures and texts of one answer.
#[derive(Debug)]
pub(crate) struct Shelf {
    spool: Spool,
    limits: Limits,
    slots: Vec<Slot>,
    total_bytes: u64,
    text_bytes: usize,
    streams: Vec<StreamText>,
    /// Events read so far; set by the reader.
    pub(crate) events: u64,
}

/// Where the bytes of an open run go.
#[derive(Debug)]
pub(super) struct Target {
    slot: usize,
    writer: Option<SpoolWriter>,
}

impl Shelf {
    /// An empty one whose pictures go to `spool`.
    pub(crate) fn new(spool: Spool, limits: Limits) -> Self {
        Self { spool, limits, slots: Vec::new(), total_bytes: 0, text_bytes: 0, streams: Vec::new(), events: 0 }
    }

    /// A place for the next picture.
    pub(super) fn open(&mut self) -> Result<Target, Failure> {
        let slot = self.number()?;
        Ok(Target { slot, writer: Some(self.spool.writer()) })
    }

    /// A place for a picture that nobody wants.
    pub(super) fn open_dropped(&mut self) -> Result<Target, Failure> {
        let slot = self.number()?;
        self.slots[slot] = Slot::Dropped;
        Ok(Target { slot, writer: None })
    }

    fn number(&mut self) -> Result<usize, Failure> {
        if self.slots.len() >= MAX_PICTURES {
            return Err(too_much(&format!("it holds more than {MAX_PICTURES} pictures")));
        }
        self.slots.push(Slot::Cut);
        Ok(self.slots.len() - 1)
    }

    /// What is in place `slot`.
    pub(crate) fn slot(&self, slot: usize) -> Option<&Slot> {
        self.slots.get(slot)
    }

    /// Takes the picture out of place `slot`.
    pub(crate) fn take(&mut self, slot: usize) -> Option<Kept> {
        match self.slots.get_mut(slot) {
            Some(Slot::Picture(picture)) => picture.take(),
            _ => None,
        }
    }

    /// How many places are in use.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The streamed text with this key, begun now if it is new.
    pub(super) fn stream(&mut self, key: StreamKey) -> Result<usize, Failure> {
        if let Some(at) = self.streams.iter().position(|stream| stream.key == key) {
            return Ok(at);
        }
        if self.streams.len() >= MAX_STREAMS {
            return Err(too_much(&format!("it streams more than {MAX_STREAMS} texts side by side")));
        }
        let rules = if key.thought { Rules::Thought } else { Rules::Text };
        let finder = Finder::new(rules);
        self.streams.push(StreamText { key, finder, text: Vec::new(), began: self.events });
        Ok(self.streams.len() - 1)
    }

    /// The streamed text that is not thought, when there is just one.
    pub(super) fn only_text(&self) -> Option<usize> {
        let mut texts = self.streams.iter().enumerate().filter(|(_, stream)| !stream.key.thought);
        let first = texts.next()?.0;
        texts.next().is_none().then_some(first)
    }

    /// The next piece of a streamed text.
    pub(super) fn feed_stream(&mut self, at: usize, bytes: &[u8]) -> Result<(), Failure> {
        self.with_stream(at, |finder, text, shelf| finder.feed(bytes, text, shelf))
    }

    /// Ends all streamed texts. `complete` says that the answer is whole, so that a picture that reaches to the very
    /// end of a text is whole too.
    pub(crate) fn end_streams(&mut self, complete: bool) -> Result<(), Failure> {
        for at in 0..self.streams.len() {
            self.with_stream(at, |finder, text, shelf| {
                let finder = std::mem::replace(finder, Finder::new(Rules::Text));
                if complete { finder.finish(text, shelf) } else { finder.abandon(text, shelf) }
            })?;
        }
        Ok(())
    }

    fn with_stream(
        &mut self,
        at: usize,
        work: impl FnOnce(&mut Finder, &mut Vec<u8>, &mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        // The text and its finder leave the shelf while the shelf takes their pictures.
        let thought = self.streams[at].key.thought;
        let mut finder = std::mem::replace(&mut self.streams[at].finder, Finder::new(Rules::Text));
        let mut text = std::mem::take(&mut self.streams[at].text);
        let before = text.len();
        let result = work(&mut finder, &mut text, self);
        self.text_bytes += text.len() - before;
        if thought {
            text.clear();
        }
        self.streams[at].finder = finder;
        self.streams[at].text = text;
        if self.text_bytes > MAX_TEXT_BYTES {
            return Err(too_much("its text is longer than 2 MiB"));
        }
        result
    }

    /// Reads one text that is here in whole; pictures become `<spool:n>`.
    pub(crate) fn read_whole(&mut self, text: &[u8]) -> Result<String, Failure> {
        let mut finder = Finder::new(Rules::Text);
        let mut rest = Vec::new();
        finder.feed(text, &mut rest, self)?;
        finder.finish(&mut rest, self)?;
        Ok(String::from_utf8_lossy(&rest).into_owned())
    }

    /// Whether a picture of a streamed text has begun and its end was not seen.
    pub(crate) fn picture_is_open(&self) -> bool {
        self.streams.iter().any(|stream| !stream.key.thought && stream.finder.is_in_picture())
    }

    /// The streamed texts in the order in which they began.
    pub(crate) fn streams(&self) -> &[StreamText] {
        &self.streams
    }
}

impl Target {
    /// Adds what `add` decodes from `chars` characters; drops the picture when it grows over the limit.
    pub(super) fn append(
        &mut self,
        shelf: &mut Shelf,
        chars: usize,
        add: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Failure> {
        let Some(writer) = &mut self.writer else {
            // Nobody wants the bytes, yet `add` tells its caller whether the characters are good.
            add(&mut Vec::new());
            return Ok(());
        };
        let before = writer.bytes();
        let grow_then_add = |buffer: &mut Vec<u8>| {
            // The decoder reserves exactly what it adds, which would copy the buffer each time.
            buffer.reserve(chars);
            add(buffer);
        };
        writer.append(grow_then_add).map_err(|error| not_writable(&error))?;
        shelf.total_bytes += writer.bytes() - before;
        if writer.bytes() > shelf.limits.picture_bytes {
            shelf.slots[self.slot] = Slot::TooLarge;
            self.writer = None;
        }
        if shelf.total_bytes > shelf.limits.picture_bytes.saturating_mul(MAX_TOTAL_TIMES) {
            return Err(too_much(&format!("its pictures together are over {MAX_TOTAL_TIMES} times max_picture_bytes")));
        }
        Ok(())
    }

    /// The picture is whole.
    pub(super) fn finish(self, shelf: &mut Shelf) -> Result<usize, Failure> {
        if let Some(writer) = self.writer {
            let spooled = writer.finish().map_err(|error| not_writable(&error))?;
            shelf.slots[self.slot] = Slot::Picture(Some(Kept::new(spooled)));
        }
        Ok(self.slot)
    }

    /// The picture broke off.
    pub(super) fn cut(self, shelf: &mut Shelf) {
        if self.writer.is_some() {
            shelf.slots[self.slot] = Slot::Cut;
        }
    }
}

fn not_writable(error: &io::Error) -> Failure {
    Failure::new(
        FailureKind::Local,
        format!("a picture arrived and could not be written to the workspace's spool folder: {error}"),
    )
    .billing(Billing::Billed)
}

/// The answer breaks a bound.
pub(super) fn too_much(what: &str) -> Failure {
    Failure::new(FailureKind::Protocol, format!("the answer was given up: {what}")).billing(Billing::Unknown)
}
