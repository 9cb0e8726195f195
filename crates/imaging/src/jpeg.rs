//! The marker structure of a JPEG file (ITU-T T.81, annex B): size and orientation without decoding, and whether the data
//! reach their end marker. The pixel decoder is lenient and fills what is missing with grey; a cut file must not pass.

use std::io::SeekFrom;

use image::metadata::Orientation;

use crate::input::Stream;

const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const APPLICATION_1: u8 = 0xe1;

/// What the segments before the first scan say.
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) orientation: u8,
}

/// Reads segment heads up to the frame header; other segments are skipped by seeking. `None` when there is no frame.
pub(crate) fn header(stream: &mut dyn Stream) -> std::io::Result<Option<Header>> {
    let mut orientation = 1;
    stream.seek(SeekFrom::Start(2))?;
    loop {
        let Some(marker) = next_marker(stream)? else { return Ok(None) };
        if is_standalone(marker) {
            continue;
        }
        if marker == START_OF_SCAN || marker == END_OF_IMAGE {
            return Ok(None);
        }
        let mut length = [0; 2];
        if !read_full(stream, &mut length)? {
            return Ok(None);
        }
        let length = u16::from_be_bytes(length).saturating_sub(2);
        if is_frame(marker) {
            let mut frame = [0; 5];
            if !read_full(stream, &mut frame)? {
                return Ok(None);
            }
            let height = u32::from(u16::from_be_bytes([frame[1], frame[2]]));
            let width = u32::from(u16::from_be_bytes([frame[3], frame[4]]));
            return Ok(Some(Header { width, height, orientation }));
        }
        if marker == APPLICATION_1 {
            let mut segment = vec![0; usize::from(length)];
            if !read_full(stream, &mut segment)? {
                return Ok(None);
            }
            if let Some(found) = segment.strip_prefix(b"Exif\0\0").and_then(Orientation::from_exif_chunk) {
                orientation = found.to_exif();
            }
        } else {
            stream.seek_relative(i64::from(length))?;
        }
    }
}

/// Whether the scans of `bytes` end with an end-of-image marker. Bytes behind it (as some cameras write) do not matter,
/// and neither does an end marker inside an embedded preview, because segments are skipped as a whole.
pub(crate) fn is_complete(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(offset) = bytes.get(at..).and_then(|rest| memchr::memchr(0xff, rest)) {
        at += offset + 1;
        let Some(&marker) = bytes.get(at) else { return false };
        match marker {
            END_OF_IMAGE => return true,
            // fill bytes, stuffed zeros inside entropy-coded data, restart markers
            0xff => {}
            0 => at += 1,
            marker if is_standalone(marker) => at += 1,
            _ => {
                let Some(length) = bytes.get(at + 1..at + 3) else { return false };
                at += 1 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            }
        }
    }
    false
}

fn is_standalone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xd0..=START_OF_IMAGE)
}

fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

fn next_marker(stream: &mut dyn Stream) -> std::io::Result<Option<u8>> {
    let mut byte = [0];
    let mut after_prefix = false;
    while read_full(stream, &mut byte)? {
        match byte[0] {
            0xff => after_prefix = true,
            0 => after_prefix = false,
            marker if after_prefix => return Ok(Some(marker)),
            _ => {}
        }
    }
    Ok(None)
}

/// Fills `buffer`; `false` when the stream ends first.
fn read_full(stream: &mut dyn Stream, buffer: &mut [u8]) -> std::io::Result<bool> {
    match stream.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
