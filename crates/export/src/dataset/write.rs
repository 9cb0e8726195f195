//! Writes a data set: the files of its form on all processors, then `dataset.json`. A folder that is not ours is left alone; a caption
//! that a person changed in one of ours stays, and counts; what an earlier export wrote and this one has no more goes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use imagemill_domain::hash::ContentHash;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::forms::{self, Form};
use super::item::{Dataset, DatasetError, Picture, Split, named};
use super::parquet_file::{self, Inside, Row};
use super::piece::Piece;
use super::record::{FILE, FileEntry, Record};
use super::shard;
use crate::error::ExportError;
use crate::save::blocking;

const BUFFER_BYTES: usize = 256 << 10;

/// How a form is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormOptions {
    /// The form.
    pub form: Form,
    /// kohya: how often each training picture counts in an epoch.
    pub repeats: u32,
    /// kohya: edge in pixels that is trained at.
    pub resolution: u32,
    /// kohya: pictures at once.
    pub batch_size: u32,
    /// Image folders: metadata as CSV instead of lines.
    pub csv_metadata: bool,
    /// Tables: pictures inside or beside them.
    pub with_pictures: bool,
    /// Bytes of pictures in one tar or Parquet file.
    pub shard_bytes: u64,
}

impl FormOptions {
    /// Those of a form.
    pub fn new(form: Form) -> Self {
        let shard_bytes = 512 << 20;
        Self {
            form,
            repeats: 10,
            resolution: 1024,
            batch_size: 1,
            csv_metadata: false,
            with_pictures: true,
            shard_bytes,
        }
    }
}

/// What was written. Serialises as the `--json` answer of `imagemill export`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Written {
    /// The folder.
    pub folder: PathBuf,
    /// Examples to learn from.
    pub train: u64,
    /// Examples to measure on.
    pub validation: u64,
    /// Near-duplicates that were left out.
    pub near_duplicates: u64,
    /// Files, `dataset.json` not counted.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Captions that a person changed since the last export and that stay.
    pub kept_captions: u64,
}

/// Writes a set to a folder: one that is not there, an empty one, or one that an export wrote.
///
/// # Errors
/// A folder of somebody else, pictures that the form cannot hold, a picture that changed, a disk that is full.
pub async fn write(set: Dataset, options: FormOptions, folder: PathBuf) -> Result<Written, DatasetError> {
    blocking(move || write_now(set, &options, &folder)).await
}

fn write_now(mut set: Dataset, options: &FormOptions, folder: &Path) -> Result<Written, DatasetError> {
    if set.items.is_empty() {
        return Err(DatasetError::Empty);
    }
    let earlier = earlier(folder)?;
    let kept_captions = keep_captions(&mut set, options, folder, earlier.as_ref())?;
    let pieces = forms::pieces(&set, options)?;
    let mut record = Record::new(&set.name, options.form.word());
    record.near_duplicate_bits = set.bits;
    record.near_duplicates_left_out = set.removed;
    record.columns = set.columns.iter().map(|column| column.name.clone()).collect();
    for split in Split::ALL {
        record.counts.insert(split.word().to_owned(), set.part(split).len() as u64);
    }
    let (train, validation) = (set.part(Split::Train).len() as u64, set.part(Split::Validation).len() as u64);
    let record = put_all(&set, &pieces, folder, record, earlier.as_ref())?;
    Ok(Written {
        folder: folder.to_owned(),
        train,
        validation,
        near_duplicates: set.removed,
        files: record.files.len() as u64,
        bytes: record.files.iter().map(|entry| entry.bytes).sum(),
        kept_captions,
    })
}

/// What an earlier export left in the folder.
pub(crate) fn earlier(folder: &Path) -> Result<Option<Record>, DatasetError> {
    let found = Record::read(folder);
    let taken = found.is_none() && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if taken || (folder.exists() && !folder.is_dir()) {
        return Err(DatasetError::Occupied(folder.display().to_string()));
    }
    Ok(found)
}

/// Writes all pieces between a record that says it is not whole and the whole one.
pub(crate) fn put_all(
    set: &Dataset,
    pieces: &[Piece],
    folder: &Path,
    mut record: Record,
    earlier: Option<&Record>,
) -> Result<Record, DatasetError> {
    let folders: BTreeSet<PathBuf> =
        pieces.iter().filter_map(|piece| folder.join(piece.file()).parent().map(Path::to_owned)).collect();
    for one in std::iter::once(folder.to_owned()).chain(folders) {
        fs::create_dir_all(&one).map_err(|source| ExportError::Folder { folder: one.clone(), source })?;
    }
    // Files of an earlier export stay known until the end, so that one that is cut can be told and repeated.
    record.files = earlier.map(|earlier| earlier.files.clone()).unwrap_or_default();
    put_record(folder, &record)?;
    record.files = side_by_side(pieces, |piece| put(set, piece, folder))?;
    record.files.sort_by(|a, b| a.file.cmp(&b.file));
    sync_all(folder, &record)?;
    if let Some(earlier) = earlier {
        remove_old(folder, earlier, &record);
    }
    record.complete = true;
    put_record(folder, &record)?;
    Ok(record)
}

/// Waits until everything is on the disk. On Linux that is one call for the whole file system: a sync of each of twenty thousand files
/// waits for the journal each time, and takes several times as long as copying them.
#[cfg(target_os = "linux")]
fn sync_all(folder: &Path, _record: &Record) -> Result<(), DatasetError> {
    let synced = File::open(folder).and_then(|opened| Ok(rustix::fs::syncfs(opened)?));
    synced.map_err(|error| failed(folder, folder, &error))
}

/// Waits until everything is on the disk, file by file.
#[cfg(not(target_os = "linux"))]
fn sync_all(folder: &Path, record: &Record) -> Result<(), DatasetError> {
    let sync = |entry: &FileEntry| {
        let path = folder.join(&entry.file);
        File::open(&path).and_then(|file| file.sync_all()).map_err(|error| failed(folder, &path, &error))
    };
    side_by_side(&record.files, sync).map(drop)
}

fn put_record(folder: &Path, record: &Record) -> Result<(), DatasetError> {
    let (path, draft) = (folder.join(FILE), folder.join(".dataset.json.part"));
    let write = || {
        let mut file = File::create(&draft)?;
        file.write_all(record.text().as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    };
    write().map_err(|error| failed(folder, &path, &error))
}

/// Texts beside pictures that are no longer what an export wrote are a person's, and win.
fn keep_captions(
    set: &mut Dataset,
    options: &FormOptions,
    folder: &Path,
    earlier: Option<&Record>,
) -> Result<u64, DatasetError> {
    let Some(earlier) = earlier else { return Ok(0) };
    let known = earlier.by_file();
    let (mut kept, mut empty) = (0, Vec::new());
    for at in 0..set.items.len() {
        let Some(file) = forms::text_file(set, options, &set.items[at]) else { return Ok(0) };
        let Some(entry) = known.get(file.as_str()) else { continue };
        let Ok(text) = fs::read_to_string(folder.join(&file)) else { continue };
        if hex(&Sha256::digest(text.as_bytes())) == entry.sha256 {
            continue;
        }
        let item = &mut set.items[at];
        if text.trim().is_empty() {
            empty.push(item.title.clone());
        }
        kept += 1;
        item.caption = text;
    }
    if empty.is_empty() {
        return Ok(kept);
    }
    let (count, names) = named(&empty);
    Err(DatasetError::Captionless { count, names })
}

/// Files of the earlier export that this one does not have and nobody changed.
fn remove_old(folder: &Path, earlier: &Record, now: &Record) {
    let now = now.by_file();
    for entry in earlier.files.iter().filter(|entry| !now.contains_key(entry.file.as_str())) {
        let path = folder.join(&entry.file);
        if sha256_of(&path).is_ok_and(|(_, sha256)| sha256 == entry.sha256) {
            crate::folder::remove(&path);
        }
    }
}

/// Does `work` for all on every processor, in order of the results; the first that fails ends it.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    all: &[T],
    work: impl Fn(&T) -> Result<R, DatasetError> + Sync,
) -> Result<Vec<R>, DatasetError> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results: Mutex<Vec<(usize, Result<R, DatasetError>)>> = Mutex::new(Vec::with_capacity(all.len()));
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = all.get(at) else { break };
                    let result = work(one);
                    stop.fetch_or(result.is_err(), Ordering::Relaxed);
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn put(set: &Dataset, piece: &Piece, folder: &Path) -> Result<FileEntry, DatasetError> {
    let path = folder.join(piece.file());
    let fault = |error: &io::Error| failed(folder, &path, error);
    let entry = |bytes: u64, sha256: String| FileEntry { file: piece.file().to_owned(), bytes, sha256 };
    if let Piece::Copy { picture, .. } = piece {
        let mut out = File::create(&path).map_err(|error| fault(&error))?;
        let (bytes, sha256) = copy(picture, &mut out).map_err(|error| error.told(picture, fault))?;
        return Ok(entry(bytes, sha256));
    }
    let mut out = Hashing::new(File::create(&path).map_err(|error| fault(&error))?);
    match piece {
        Piece::Copy { .. } => {}
        Piece::Png { picture, .. } => {
            let bytes = bytes_of(picture)?;
            let png = imagemill_imaging::as_png(imagemill_imaging::Bytes::Memory(&bytes));
            let png = png.map_err(|error| DatasetError::Picture {
                name: picture.path.display().to_string(),
                message: error.to_string(),
            })?;
            out.write_all(&png).map_err(|error| fault(&error))?;
        }
        Piece::Text { text, .. } => out.write_all(text.as_bytes()).map_err(|error| fault(&error))?,
        Piece::Shard { items, .. } => put_shard(set, items, &mut out).map_err(|error| error.into_dataset(&fault))?,
        Piece::Parquet { columns, items, with_pictures, .. } => {
            let pictures = if *with_pictures { forms::picture_columns(set) } else { Vec::new() };
            let rows: Vec<_> = items.iter().map(|at| forms::row(set, &set.items[*at])).collect();
            let row = |at: usize| {
                let found = forms::pictures_of(&set.items[items[at]], &pictures);
                let inside = |picture: Option<&Picture>| -> io::Result<Option<Inside>> {
                    let Some(picture) = picture else { return Ok(None) };
                    let bytes = bytes_of(picture).map_err(io::Error::other)?;
                    let name = format!("{}.{}", set.items[items[at]].stem, picture.format.extension());
                    Ok(Some(Inside { name, bytes }))
                };
                Ok(Row { fields: &rows[at], pictures: found.into_iter().map(inside).collect::<io::Result<_>>()? })
            };
            parquet_file::write(&mut out, &pictures, columns, items.len(), row)
                .map_err(|error| fault(&io::Error::other(error.to_string())))?;
        }
    }
    let (bytes, sha256) = out.finish().map_err(|error| fault(&error))?;
    Ok(entry(bytes, sha256))
}

fn put_shard(set: &Dataset, items: &[usize], out: &mut impl Write) -> Result<(), PutError> {
    let columns = forms::picture_columns(set);
    let longest = columns.iter().map(String::len).max().unwrap_or(0) + ".".len() + ".jpeg".len();
    for at in items {
        let item = &set.items[*at];
        let key = shard::key(*at, &item.stem, longest);
        for (name, picture) in columns.iter().zip(forms::pictures_of(item, &columns)) {
            let Some(picture) = picture else { continue };
            let kind = if name == "image" { String::new() } else { format!(".{name}") };
            let bytes = bytes_of(picture).map_err(PutError::Set)?;
            shard::put(out, &format!("{key}{kind}.{}", picture.format.extension()), &bytes)?;
        }
        let row = forms::row(set, item);
        if !set.of_critiques {
            let caption = super::captions::filled(&item.caption, set.trigger.as_deref());
            shard::put(out, &format!("{key}.txt"), caption.as_bytes())?;
        }
        shard::put(out, &format!("{key}.json"), super::table::line(&set.columns, &row).trim_end().as_bytes())?;
    }
    Ok(shard::end(out)?)
}

/// Why a file was not written.
enum PutError {
    Write(io::Error),
    Read(io::Error),
    Changed,
    Set(DatasetError),
}

impl From<io::Error> for PutError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl PutError {
    fn told(self, picture: &Picture, fault: impl Fn(&io::Error) -> DatasetError) -> DatasetError {
        match self {
            Self::Read(error) => unreadable(picture, &format!("it cannot be read: {error}")),
            Self::Changed => unreadable(picture, "its bytes are not those that were planned or received"),
            other => other.into_dataset(&fault),
        }
    }

    fn into_dataset(self, fault: &impl Fn(&io::Error) -> DatasetError) -> DatasetError {
        match self {
            Self::Write(error) | Self::Read(error) => fault(&error),
            Self::Changed => DatasetError::Unfit("a picture changed meanwhile".to_owned()),
            Self::Set(error) => error,
        }
    }
}

fn unreadable(picture: &Picture, message: &str) -> DatasetError {
    DatasetError::Picture { name: picture.path.display().to_string(), message: message.to_owned() }
}

/// The bytes of a picture, checked.
fn bytes_of(picture: &Picture) -> Result<Vec<u8>, DatasetError> {
    let bytes = fs::read(&picture.path).map_err(|error| unreadable(picture, &format!("it cannot be read: {error}")))?;
    if ContentHash::of(&bytes) == picture.blake3 {
        Ok(bytes)
    } else {
        Err(unreadable(picture, "its bytes are not those that were planned or received"))
    }
}

/// Copies and checks a picture; its SHA-256 is only made when it is not known.
fn copy(picture: &Picture, out: &mut File) -> Result<(u64, String), PutError> {
    let mut input = File::open(&picture.path).map_err(PutError::Read)?;
    let (mut blake3, mut sha256, mut bytes) = (blake3::Hasher::new(), picture.sha256.is_none().then(Sha256::new), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = input.read(&mut buffer).map_err(PutError::Read)?;
        if read == 0 {
            break;
        }
        blake3.update(&buffer[..read]);
        if let Some(sha256) = &mut sha256 {
            sha256.update(&buffer[..read]);
        }
        out.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
    if ContentHash(*blake3.finalize().as_bytes()) != picture.blake3 {
        return Err(PutError::Changed);
    }
    let sha256 = match (sha256, &picture.sha256) {
        (Some(found), _) => hex(&found.finalize()),
        (None, known) => known.map(|known| known.to_hex()).unwrap_or_default(),
    };
    Ok((bytes, sha256))
}

/// Length and SHA-256 of a file.
pub(crate) fn sha256_of(path: &Path) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let bytes = io::copy(&mut io::BufReader::with_capacity(BUFFER_BYTES, File::open(path)?), &mut hasher)?;
    Ok((bytes, hex(&hasher.finalize())))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A file that is hashed while it is written.
struct Hashing {
    out: BufWriter<File>,
    hasher: Sha256,
    bytes: u64,
}

impl Hashing {
    fn new(file: File) -> Self {
        Self { out: BufWriter::with_capacity(BUFFER_BYTES, file), hasher: Sha256::new(), bytes: 0 }
    }

    fn finish(mut self) -> io::Result<(u64, String)> {
        self.out.flush()?;
        Ok((self.bytes, hex(&self.hasher.finalize())))
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn failed(folder: &Path, path: &Path, error: &io::Error) -> DatasetError {
    DatasetError::Export(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ExportError::DiskFull { folder: folder.to_owned(), written: 0 }
        }
        _ => ExportError::File { path: path.to_owned(), message: error.to_string() },
    })
}
