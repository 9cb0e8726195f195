//! Reading small text files that people wrote with all kinds of editors: UTF-8 with or without a byte order mark, and a
//! clear word about everything else.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The text of `bytes`, without a byte order mark. The error is a fragment in plain words.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, Cow<'static, str>> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || looks_like_utf16(bytes) {
        return Err("it is UTF-16 text; save it as UTF-8".into());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err("it is no text: it contains zero bytes".into()),
        Ok(text) => Ok(text),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            Err(format!("it is not UTF-8 text (line {line}); save it as UTF-8").into())
        }
    }
}

/// Reads the whole of `path`, at most `limit` bytes. The inner error is a fragment in plain words.
pub(crate) fn read_limited(path: &Path, limit: u64) -> std::io::Result<Result<Vec<u8>, String>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > limit {
        Err(format!("it is larger than {} MiB, which cannot be right", limit >> 20))
    } else {
        Ok(bytes)
    })
}

/// UTF-16 without a byte order mark: plain Latin letters have a zero in every second byte.
fn looks_like_utf16(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(64)];
    head.len() >= 4
        && (head.chunks_exact(2).all(|pair| pair[0] != 0 && pair[1] == 0)
            || head.chunks_exact(2).all(|pair| pair[0] == 0 && pair[1] != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_and_foreign_encodings() {
        assert_eq!(decode("\u{feff}make it night".as_bytes()), Ok("make it night"));
        assert_eq!(decode("夜".as_bytes()), Ok("夜"));
        assert_eq!(decode(b""), Ok(""));
        assert!(decode(b"\xff\xfen\0i\0").unwrap_err().contains("UTF-16"));
        assert!(decode(b"n\0i\0g\0h\0t\0").unwrap_err().contains("UTF-16"));
        assert!(decode(b"one\ntwo \xe4").unwrap_err().contains("line 2"));
        assert!(decode(b"a\0b").unwrap_err().contains("zero bytes"));
    }
}
