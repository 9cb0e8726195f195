//! One run of base64 characters: decodes while it arrives, in bulk where it can, and holds back the last characters so
//! that a following data URL (`…AAAAdata:image/png;base64,…`) gets its first four letters back.
//!
//! Accepts both alphabets, missing padding and wrapped lines. Time is linear in the bytes whatever their pieces.

use imagemill_domain::failure::Failure;

use super::shelf::{Shelf, Target};

/// Fewer characters than this behind a data URL's comma are no picture (the smallest GIF has 46).
const SHORTEST_URL: usize = 32;
/// Fewer characters than this with a picture's first bytes are no picture.
const SHORTEST_SIGNED: usize = 64;
/// A value under a key for base64 counts from this length whatever its first bytes are.
const SHORTEST_UNSIGNED: usize = 100;
/// Characters that a trailing `data` would need.
const HELD_BACK: usize = 4;
/// Characters decoded at once.
const BLOCK: usize = 16 << 10;

/// How base64 of PNG, JPEG, WebP, GIF, TIFF and AVIF files begins.
const SIGNATURES: [&[u8]; 7] = [b"iVBORw0KGgo", b"/9j/", b"UklGR", b"R0lGOD", b"SUkqA", b"TU0AK", b"AAAAIGZ0eXBhdmlm"];

/// What makes a run of base64 a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// It follows `data:image/…;base64,`.
    DataUrl,
    /// It is the value of a key for base64.
    Key,
    /// A text begins with it, so it must begin like a picture.
    TextStart,
}

/// A run that is open.
#[derive(Debug)]
pub(super) struct Run {
    rule: Rule,
    /// Its picture is not wanted.
    drops: bool,
    /// Everything taken before the run counted as a picture, to be given back if it never does.
    lead: Vec<u8>,
    /// Characters that are not decoded yet, translated to the standard alphabet.
    held: Vec<u8>,
    target: Option<Target>,
    line_chars: usize,
    after_return: bool,
    padding: u8,
    url_safe: bool,
}

/// What became of some bytes.
pub(super) enum Step {
    /// All were taken.
    More,
    /// The run ended before the byte at this position; that byte was not taken.
    End(usize),
}

/// How a run ended.
pub(super) enum Ended {
    /// As a picture in this slot. `data` says that `data` at its end was given back.
    Picture { slot: usize, data: bool },
    /// It was no picture: this is its text.
    Text(Vec<u8>),
}

impl Run {
    /// A run with the bytes `lead` (a data URL's header, or nothing) before it. With `drops` it is read over.
    pub(super) fn new(rule: Rule, lead: Vec<u8>, drops: bool) -> Self {
        Self {
            rule,
            drops,
            lead,
            held: Vec::new(),
            target: None,
            line_chars: 0,
            after_return: false,
            padding: 0,
            url_safe: false,
        }
    }

    /// Whether nothing was taken yet.
    pub(super) fn is_empty(&self) -> bool {
        self.lead.is_empty() && self.held.is_empty() && self.target.is_none()
    }

    /// Whether it counts as a picture.
    pub(super) fn is_picture(&self) -> bool {
        self.target.is_some()
    }

    /// Takes as much of `bytes` as belongs to the run.
    pub(super) fn feed(&mut self, bytes: &[u8], shelf: &mut Shelf) -> Result<Step, Failure> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let taken = if self.padding > 0 {
                0
            } else if self.target.is_none() {
                self.undecided(rest)
            } else {
                self.bulk(&rest[..rest.len().min(BLOCK)], shelf)?
            };
            at += taken;
            self.line_chars += taken;
            if self.target.is_none() && !self.decide(shelf)? {
                return Ok(Step::End(at));
            }
            if taken == 0 && !self.special(bytes[at]) {
                return Ok(Step::End(at));
            }
            at += usize::from(taken == 0);
        }
        Ok(Step::More)
    }

    /// Takes characters before it is known whether this is a picture.
    fn undecided(&mut self, bytes: &[u8]) -> usize {
        let wanted = SHORTEST_UNSIGNED - self.held.len();
        let count = alphabet_prefix(&bytes[..bytes.len().min(wanted)]);
        self.lead.extend_from_slice(&bytes[..count]);
        self.held.extend(bytes[..count].iter().map(|byte| translated(*byte)));
        count
    }

    /// Opens a target once it is a picture. False when it can no longer become one.
    fn decide(&mut self, shelf: &mut Shelf) -> Result<bool, Failure> {
        let signed = SIGNATURES.iter().any(|signature| self.held.starts_with(signature));
        let length = self.held.len();
        let counts = match self.rule {
            Rule::DataUrl => length >= SHORTEST_URL,
            Rule::Key => length >= SHORTEST_UNSIGNED || (signed && length >= SHORTEST_SIGNED),
            Rule::TextStart => signed && length >= SHORTEST_SIGNED,
        };
        if counts {
            self.target = Some(if self.drops { shelf.open_dropped()? } else { shelf.open()? });
            self.lead = Vec::new();
        }
        Ok(counts || length < SHORTEST_UNSIGNED)
    }

    /// Whether a byte outside the alphabet still belongs to the run: padding, or a line break of wrapped base64.
    fn special(&mut self, byte: u8) -> bool {
        let is_break = matches!(byte, b'\r' | b'\n');
        let wrapped = is_break && matches!(self.line_chars, 64 | 76);
        let belongs = match byte {
            b'=' => self.padding < 2 && !self.held.is_empty(),
            b'\n' if self.after_return && self.line_chars == 0 => true,
            b'\r' | b'\n' if wrapped => true,
            b'\r' | b'\n' => self.rule == Rule::Key,
            b' ' | b'\t' => self.rule == Rule::Key && self.target.is_some(),
            _ => false,
        };
        if belongs {
            self.padding += u8::from(byte == b'=');
            self.after_return = byte == b'\r';
            if is_break {
                self.line_chars = 0;
            }
            if self.target.is_none() {
                self.lead.push(byte);
            }
        }
        belongs
    }

    /// Decodes the characters at the start of `bytes` and says how many there were.
    fn bulk(&mut self, bytes: &[u8], shelf: &mut Shelf) -> Result<usize, Failure> {
        // The held characters may be decoded once four more are sure to follow.
        let fill = (4 - self.held.len() % 4) % 4;
        if bytes.len() >= 64 && alphabet_prefix(&bytes[..8]) == 8 {
            self.held.extend(bytes[..fill].iter().map(|byte| translated(*byte)));
            self.decode_held(self.held.len(), shelf)?;
            let keep = HELD_BACK + (bytes.len() - fill) % 4;
            let (middle, last) = bytes[fill..].split_at(bytes.len() - fill - keep);
            if alphabet_prefix(last) == keep && self.decode_plain(middle, shelf)? {
                self.held.extend(last.iter().map(|byte| translated(*byte)));
                return Ok(bytes.len());
            }
            let rest = &bytes[fill..];
            let count = alphabet_prefix(rest);
            self.push(&rest[..count], shelf)?;
            return Ok(fill + count);
        }
        let count = alphabet_prefix(bytes);
        self.push(&bytes[..count], shelf)?;
        Ok(count)
    }

    /// Takes characters of the alphabet: all but the last few are decoded.
    fn push(&mut self, chars: &[u8], shelf: &mut Shelf) -> Result<(), Failure> {
        self.url_safe |= chars.iter().any(|byte| matches!(byte, b'-' | b'_'));
        self.held.extend(chars.iter().map(|byte| translated(*byte)));
        let ready = self.held.len().saturating_sub(HELD_BACK) / 4 * 4;
        self.decode_held(ready, shelf)
    }

    /// Decodes `chars` (a multiple of four) in one go; false when they are not all of one alphabet.
    fn decode_plain(&mut self, chars: &[u8], shelf: &mut Shelf) -> Result<bool, Failure> {
        let alphabet = if self.url_safe { base64_simd::URL_SAFE_NO_PAD } else { base64_simd::STANDARD_NO_PAD };
        let mut plain = false;
        let target = self.target.as_mut().expect("only a decided run is decoded");
        target.append(shelf, chars.len(), |buffer| plain = alphabet.decode_append(chars, buffer).is_ok())?;
        Ok(plain)
    }

    fn decode_held(&mut self, count: usize, shelf: &mut Shelf) -> Result<(), Failure> {
        let target = self.target.as_mut().expect("only a decided run is decoded");
        let held = &self.held[..count];
        target.append(shelf, count, |buffer| {
            base64_simd::STANDARD_NO_PAD
                .decode_append(held, buffer)
                .expect("whole groups of characters that were checked or translated always decode");
        })?;
        self.held.drain(..count);
        Ok(())
    }

    /// Ends the run because of `next` (`None`: the text is over).
    pub(super) fn end(mut self, next: Option<u8>, shelf: &mut Shelf) -> Result<Ended, Failure> {
        if self.target.is_none() {
            return Ok(Ended::Text(self.lead));
        }
        let data = next == Some(b':') && self.padding == 0 && self.held.ends_with(b"data");
        if data {
            self.held.truncate(self.held.len() - 4);
        }
        self.decode_held(self.held.len() / 4 * 4, shelf)?;
        let last = self.held.iter().fold(0u32, |bits, byte| bits << 6 | u32::from(VALUES[usize::from(*byte)]));
        let tail: &[u8] = match self.held.len() {
            2 => &[(last >> 4) as u8],
            3 => &[(last >> 10) as u8, (last >> 2) as u8],
            _ => &[],
        };
        let mut target = self.target.take().expect("checked above");
        target.append(shelf, 4, |buffer| buffer.extend_from_slice(tail))?;
        Ok(Ended::Picture { slot: target.finish(shelf)?, data })
    }

    /// Gives the run up: what was decoded is dropped.
    pub(super) fn abandon(self, shelf: &mut Shelf) {
        if let Some(target) = self.target {
            target.cut(shelf);
        }
    }
}

const NONE: u8 = 0xff;

/// Value of each character of both alphabets.
static VALUES: [u8; 256] = {
    let mut table = [NONE; 256];
    let standard = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut value = 0;
    while value < 64 {
        table[standard[value] as usize] = value as u8;
        value += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

/// How many bytes at the start are characters of base64.
fn alphabet_prefix(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| VALUES[usize::from(*byte)] == NONE).unwrap_or(bytes.len())
}

/// The character in the standard alphabet.
fn translated(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}
