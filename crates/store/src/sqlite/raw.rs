//! Raw requests and answers, compressed: most are a few hundred bytes of JSON, and there are two of them a task. Knows
//! no rows.

use std::cell::RefCell;
use std::io::Read;

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

thread_local! {
    /// Made once a thread: setting it up costs more than a small text.
    static COMPRESSOR: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(3), false));
}

/// `text` as raw deflate; `None` when it is empty.
pub(crate) fn pack(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() {
        return None;
    }
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        let mut packed = Vec::with_capacity(text.len() / 2 + 64);
        loop {
            let taken = compressor.total_in() as usize;
            let status = compressor.compress_vec(&text[taken..], &mut packed, FlushCompress::Finish);
            match status.expect("a compressor that was reset takes any bytes") {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => packed.reserve(packed.len().max(64)),
            }
        }
        packed.shrink_to_fit();
        Some(packed)
    })
}

/// What [`pack`] was given.
pub(crate) fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    DeflateDecoder::new(packed).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(text in proptest::collection::vec(any::<u8>(), 1..5_000), repeats in 1_usize..40) {
            let text = text.repeat(repeats);
            prop_assert_eq!(unpack(&pack(&text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn nothing_is_stored_as_nothing_and_text_gets_smaller() {
        assert_eq!(pack(b""), None);
        let text = r#"{"model":"m","messages":[{"role":"user","content":"make it night"}]}"#.repeat(4);
        assert!(pack(text.as_bytes()).unwrap().len() < text.len() / 2);
    }
}
