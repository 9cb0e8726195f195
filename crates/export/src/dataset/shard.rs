//! Tar files of examples as WebDataset reads them: files of one key stand together, and what follows the first dot of a name is its kind.
//! The form is POSIX ustar, with nothing of this machine in it.

use std::io::{self, Write};

const BLOCK: usize = 512;
/// Longest name of a ustar header.
const NAME: usize = 100;

/// Writes one file.
///
/// # Errors
/// A name past a hundred bytes, or an output that cannot be written.
pub(crate) fn put(out: &mut impl Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&header(name, bytes.len() as u64)?)?;
    out.write_all(bytes)?;
    out.write_all(&[0; BLOCK][..(BLOCK - bytes.len() % BLOCK) % BLOCK])
}

/// Ends the file.
pub(crate) fn end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

/// A name that fits, cut at a character; the caller's keys stay different because the number stands at the beginning.
pub(crate) fn key(number: usize, stem: &str, room: usize) -> String {
    let most = NAME.saturating_sub(room + 9);
    let end = (0..=stem.len().min(most)).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or(0);
    format!("{number:08}-{}", &stem[..end])
}

fn header(name: &str, bytes: u64) -> io::Result<[u8; BLOCK]> {
    if name.len() > NAME {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is too long for a tar file")));
    }
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{bytes:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn tar_reads_what_was_put() {
        let temporary = tempfile::tempdir().unwrap();
        let key = key(7, &"长".repeat(60), ".start.png".len());
        let name = format!("{key}.start.png");
        assert!(name.len() <= NAME && name.starts_with("00000007-长"), "{name}");
        let mut file = Vec::new();
        put(&mut file, &name, &[7; 700]).unwrap();
        put(&mut file, "00000008-b.txt", b"words").unwrap();
        end(&mut file).unwrap();
        assert_eq!(file.len() % BLOCK, 0);
        assert!(put(&mut Vec::new(), &"x".repeat(101), b"").is_err());
        let path = temporary.path().join("one.tar");
        std::fs::write(&path, file).unwrap();
        let mut tar =
            Command::new("tar").arg("-xOf").arg(&path).arg("00000008-b.txt").stdout(Stdio::piped()).spawn().unwrap();
        let mut text = String::new();
        tar.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(tar.wait().unwrap().success());
        assert_eq!(text, "words");
    }
}
