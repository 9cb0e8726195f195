//! Where bytes come from, what they may claim, and what a header says. It must not decode pixels.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek, SeekFrom};
use std::path::Path;

use imagemill_domain::picture::PictureFormat;

use crate::error::ImageError;

/// The bytes of one picture.
#[derive(Clone, Copy, Debug)]
pub enum Bytes<'a> {
    /// In memory.
    Memory(&'a [u8]),
    /// In a file, which is read as a stream.
    File(&'a Path),
}

/// What a picture may claim before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of the encoded bytes.
    pub max_bytes: u64,
    /// Width times height.
    pub max_pixels: u64,
    /// Longer edge in pixels.
    pub max_edge: u32,
}

impl Default for Limits {
    /// 64 MiB, 100 megapixels, 30,000 pixels on one edge.
    fn default() -> Self {
        Self { max_bytes: 64 << 20, max_pixels: 100_000_000, max_edge: 30_000 }
    }
}

impl Limits {
    /// For a user's own files: cameras and scanners write large TIFFs, so 1 GiB of bytes; pixels as ever.
    pub const SOURCES: Self = Self { max_bytes: 1 << 30, max_pixels: 100_000_000, max_edge: 30_000 };

    /// Whether a header that claims this much may be decoded.
    pub(crate) fn check(&self, probe: &Probe) -> Result<(), ImageError> {
        let Probe { width, height, bytes, .. } = *probe;
        if bytes > self.max_bytes {
            return Err(ImageError::TooManyBytes { bytes, allowed: self.max_bytes });
        }
        if width.max(height) > self.max_edge {
            return Err(ImageError::TooLong { width, height, allowed: self.max_edge });
        }
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(ImageError::TooManyPixels { width, height, allowed: self.max_pixels });
        }
        Ok(())
    }
}

/// What the header says. The pixels may still be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Type by content.
    pub format: PictureFormat,
    /// Width in pixels as stored, before any EXIF rotation.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// EXIF orientation, 1 to 8; 1 is upright and also stands for "says nothing".
    pub orientation: u8,
    /// Length of the encoded bytes.
    pub bytes: u64,
}

/// A buffered, seekable stream over either kind of bytes.
pub(crate) trait Stream: BufRead + Seek {}
impl<T: BufRead + Seek> Stream for T {}

impl<'a> Bytes<'a> {
    /// Opens the stream and tells its length.
    pub(crate) fn open(self) -> Result<(Box<dyn Stream + 'a>, u64), ImageError> {
        Ok(match self {
            Self::Memory(bytes) => (Box::new(Cursor::new(bytes)), bytes.len() as u64),
            Self::File(path) => {
                let file = File::open(path)?;
                let length = file.metadata()?.len();
                (Box::new(BufReader::with_capacity(64 << 10, file)), length)
            }
        })
    }
}

/// Type by the first bytes; the stream stands at its start again afterwards.
pub(crate) fn sniff(stream: &mut dyn Stream) -> Result<PictureFormat, ImageError> {
    let mut head = [0u8; 64];
    let mut filled = 0;
    while filled < head.len() {
        match stream.read(&mut head[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    stream.seek(SeekFrom::Start(0))?;
    let head = &head[..filled];
    if head.is_empty() {
        return Err(ImageError::Empty);
    }
    PictureFormat::sniff(head).ok_or_else(|| ImageError::NotAPicture(describe(head)))
}

/// What bytes that are no picture look like, for the message.
fn describe(head: &[u8]) -> &'static str {
    let text = head.trim_ascii_start().to_ascii_lowercase();
    match text.as_slice() {
        [b'<', b'!', b'd', ..] | [b'<', b'h', b't', b'm', b'l', ..] => "an HTML page",
        [b'<', b's', b'v', b'g', ..] => "an SVG drawing",
        [b'<', ..] => "XML or HTML",
        [b'{' | b'[', ..] => "JSON",
        [b'%', b'p', b'd', b'f', ..] => "a PDF document",
        _ if head.get(4..8) == Some(b"ftyp") => "an AVIF, HEIC or video file, which is not supported",
        _ if head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => "plain text",
        _ => "an unknown kind of file",
    }
}
