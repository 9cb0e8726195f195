//! Where the pictures of an answer go while they arrive: small ones stay in memory, larger ones go to a file. The bytes
//! are hashed on the way. Writing is synchronous, in pieces of at most 64 KiB into the page cache; nothing is synced
//! here, that is the store's part. When the disk cannot be written, the picture goes on in memory: it is paid for.
//!
//! Must not know where the bytes come from (base64, a download) nor what becomes of them.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use imagemill_domain::asset::Delivery;
use imagemill_domain::hash::{ContentHash, Sha256Hash};
use sha2::Digest;

/// A picture up to this size never becomes a file; also the size of the write buffer.
const MEMORY_BYTES: usize = 64 << 10;

/// A folder and a name prefix for the pictures of one call. Clones count their files together.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: Arc<Path>,
    prefix: Arc<str>,
    next: Arc<AtomicU32>,
}

impl Spool {
    /// Files will be `<folder>/<prefix>-<n>.part`. The folder must exist when the first larger picture arrives.
    pub fn new(folder: impl Into<PathBuf>, prefix: &str) -> Self {
        Self { folder: folder.into().into(), prefix: prefix.into(), next: Arc::default() }
    }

    /// Starts a picture.
    pub fn writer(&self) -> SpoolWriter {
        SpoolWriter {
            spool: self.clone(),
            buffer: Vec::new(),
            file: None,
            in_memory: false,
            bytes: 0,
            blake3: blake3::Hasher::new(),
            sha256: sha2::Sha256::new(),
        }
    }

    fn next_path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!("{}-{number}.part", self.prefix))
    }
}

/// A picture on its way. Dropped before [`SpoolWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct SpoolWriter {
    spool: Spool,
    buffer: Vec<u8>,
    file: Option<OpenPart>,
    /// The disk is full: everything stays in the buffer.
    in_memory: bool,
    bytes: u64,
    blake3: blake3::Hasher,
    sha256: sha2::Sha256,
}

#[derive(Debug)]
struct OpenPart {
    file: File,
    path: PartPath,
    /// Written for certain.
    bytes: u64,
}

/// Removes the file when dropped.
#[derive(Debug)]
struct PartPath(PathBuf);

impl Drop for PartPath {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty()
            && let Err(error) = std::fs::remove_file(&self.0)
        {
            tracing::warn!(path = %self.0.display(), %error, "a temporary picture could not be removed");
        }
    }
}

impl SpoolWriter {
    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(MEMORY_BYTES).try_for_each(|piece| self.append(|buffer| buffer.extend_from_slice(piece)))
    }

    /// Lets `add` put at most 64 KiB straight into the write buffer, which saves a copy.
    pub(crate) fn append(&mut self, add: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let before = self.buffer.len();
        add(&mut self.buffer);
        self.bytes += (self.buffer.len() - before) as u64;
        if self.in_memory {
            self.hash(before);
            return Ok(());
        }
        if self.buffer.len() > MEMORY_BYTES { self.flush() } else { Ok(()) }
    }

    /// Bytes taken so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the picture. The file, if there is one, now belongs to the holder of the result.
    pub fn finish(mut self) -> io::Result<Spooled> {
        if self.file.is_some() {
            self.flush()?;
        } else if !self.in_memory {
            self.hash(0);
        }
        let body = match self.file.take() {
            Some(mut part) => SpoolBody::File(std::mem::take(&mut part.path.0)),
            None => SpoolBody::Memory(std::mem::take(&mut self.buffer)),
        };
        Ok(Spooled {
            body,
            bytes: self.bytes,
            blake3: ContentHash(*self.blake3.finalize().as_bytes()),
            sha256: Sha256Hash(self.sha256.clone().finalize().into()),
            delivery: Delivery::Inline,
        })
    }

    /// Hashes the buffer from here on.
    fn hash(&mut self, from: usize) {
        self.blake3.update(&self.buffer[from..]);
        self.sha256.update(&self.buffer[from..]);
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hash(0);
        match self.write_out() {
            Ok(()) => {
                self.buffer.clear();
                Ok(())
            }
            Err(error) => self.move_to_memory(&error),
        }
    }

    fn write_out(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            let path = self.spool.next_path();
            let file = File::options().read(true).write(true).create_new(true).open(&path)?;
            self.file = Some(OpenPart { file, path: PartPath(path), bytes: 0 });
        }
        let part = self.file.as_mut().expect("opened above");
        part.file.write_all(&self.buffer)?;
        part.bytes += self.buffer.len() as u64;
        Ok(())
    }

    /// Takes back what the file has of earlier pieces, and lets go of the file.
    fn move_to_memory(&mut self, why: &io::Error) -> io::Result<()> {
        let mut whole = Vec::new();
        if let Some(mut part) = self.file.take() {
            part.file.rewind()?;
            Read::by_ref(&mut part.file).take(part.bytes).read_to_end(&mut whole)?;
        }
        tracing::warn!(bytes = whole.len(), %why, "the spool folder cannot be written: a picture goes on in memory");
        whole.append(&mut self.buffer);
        self.buffer = whole;
        self.in_memory = true;
        Ok(())
    }
}

/// The bytes of a finished picture.
#[derive(Debug)]
pub enum SpoolBody {
    /// Here, up to 64 KiB; larger only when the disk was full.
    Memory(Vec<u8>),
    /// In this file, which belongs to the holder: it is to be moved away or removed.
    File(PathBuf),
}

/// A finished picture with its hashes.
#[derive(Debug)]
pub struct Spooled {
    /// The bytes.
    pub body: SpoolBody,
    /// Their number.
    pub bytes: u64,
    /// BLAKE3 of them.
    pub blake3: ContentHash,
    /// SHA-256 of them.
    pub sha256: Sha256Hash,
    /// How it came.
    pub delivery: Delivery,
}

impl Spooled {
    /// Opens it for reading from its beginning.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(match &self.body {
            SpoolBody::Memory(bytes) => Box::new(bytes.as_slice()),
            SpoolBody::File(path) => Box::new(File::open(path)?),
        })
    }

    /// Removes what it left on disk.
    pub fn discard(self) {
        if let SpoolBody::File(path) = self.body {
            drop(PartPath(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn small_stays_in_memory_and_large_goes_to_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path(), "c7");
        for len in [0, 1, MEMORY_BYTES, MEMORY_BYTES + 1, 3 * MEMORY_BYTES + 5] {
            let bytes: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
            let mut writer = spool.writer();
            bytes.chunks(1000).for_each(|piece| writer.write(piece).unwrap());
            let spooled = writer.finish().unwrap();
            let mut read = Vec::new();
            spooled.open().unwrap().read_to_end(&mut read).unwrap();
            assert!(read == bytes && spooled.blake3 == ContentHash::of(&bytes) && spooled.bytes == len as u64, "{len}");
            assert_eq!(matches!(spooled.body, SpoolBody::File(_)), len > MEMORY_BYTES, "{len}");
            assert_eq!(files(folder.path()), usize::from(len > MEMORY_BYTES));
            spooled.discard();
            assert_eq!(files(folder.path()), 0);
        }
    }

    #[test]
    fn a_dropped_writer_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Spool::new(folder.path(), "c7").writer();
        writer.write(&vec![7; 200_000]).unwrap();
        assert_eq!(files(folder.path()), 1);
        drop(writer);
        assert_eq!(files(folder.path()), 0);
    }

    #[test]
    fn names_carry_the_prefix_and_never_meet() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path(), "c7");
        for (number, spool) in [spool.clone(), spool].into_iter().enumerate() {
            let mut writer = spool.writer();
            writer.write(&vec![7; 200_000]).unwrap();
            let SpoolBody::File(path) = writer.finish().unwrap().body else { panic!("a file") };
            assert_eq!(path.file_name().unwrap().to_str(), Some(&*format!("c7-{number}.part")));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..200_000).map(|n| (n % 251) as u8).collect();
        let mut writer = Spool::new(folder.path().join("gone"), "c7").writer();
        bytes.chunks(1000).for_each(|piece| writer.write(piece).unwrap());
        let spooled = writer.finish().unwrap();
        assert!(matches!(&spooled.body, SpoolBody::Memory(kept) if *kept == bytes));
        assert_eq!((spooled.bytes, spooled.blake3), (200_000, ContentHash::of(&bytes)));
    }
}
