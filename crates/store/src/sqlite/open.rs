//! Opening a database file: made whole or not at all, brought to the newest schema, and never replaced when it is
//! damaged. Knows the schema's versions, and no rows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::failure::{OpError, told};
use crate::error::StoreError;

/// The numbered migrations in order; the schema's version is how many of them were run.
const MIGRATIONS: [&str; 14] = [
    include_str!("migrations/001_first.sql"),
    include_str!("migrations/002_profile_spend.sql"),
    include_str!("migrations/003_accepted.sql"),
    include_str!("migrations/004_paid_for.sql"),
    include_str!("migrations/005_gallery.sql"),
    include_str!("migrations/006_batch.sql"),
    include_str!("migrations/007_job_save.sql"),
    include_str!("migrations/008_under_way.sql"),
    include_str!("migrations/009_upload.sql"),
    include_str!("migrations/010_critique.sql"),
    include_str!("migrations/011_reading.sql"),
    include_str!("migrations/013_merge.sql"),
    include_str!("migrations/014_minted.sql"),
    include_str!("migrations/015_unpriced.sql"),
];

/// Marks the file as ours ("IMIL"), so that another program's database is never written to.
const APPLICATION_ID: i64 = 0x494D_494C;

/// How long to wait for the short transactions of another process.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// A statement is planned once; there are about a hundred.
const STATEMENTS: usize = 128;

/// Opens the database for writing; makes it when there is none.
pub(crate) fn open_writer(database: &Path) -> Result<Connection, StoreError> {
    if !exists(database)? {
        create(database)?;
    }
    let mut connection = connect(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    check_version(&connection, database)?;
    migrate(&mut connection).map_err(|error| error.at(database))?;
    connection
        .execute_batch(
            "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864",
        )
        .map_err(|error| told(&error, database))?;
    Ok(connection)
}

/// Opens the database for reading; it must be there, in the newest schema.
pub(crate) fn open_reader(database: &Path) -> Result<Connection, StoreError> {
    if !exists(database)? {
        return Err(StoreError::NoDatabase { path: database.to_path_buf() });
    }
    let opened = connect(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|connection| Ok((check_version(&connection, database)?, connection)));
    let (found, connection) = match opened {
        // In a folder where nothing can be written the files beside it cannot be made. Without a log nothing is missing.
        Err(StoreError::CannotOpen { .. }) if !beside(database, "-wal").exists() => {
            let connection =
                connect(&unchanging(database), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?;
            (check_version(&connection, database)?, connection)
        }
        opened => opened?,
    };
    if found < newest() {
        return Err(StoreError::OlderSchema { path: database.to_path_buf(), found, known: newest() });
    }
    Ok(connection)
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_os_string();
    name.push(ending);
    name.into()
}

/// The name under which the library takes the file as one that nobody changes (<https://www.sqlite.org/uri.html>).
fn unchanging(database: &Path) -> PathBuf {
    let escaped = database.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{escaped}?immutable=1").into()
}

fn newest() -> i64 {
    MIGRATIONS.len() as i64
}

fn exists(database: &Path) -> Result<bool, StoreError> {
    match fs::metadata(database) {
        // Files appear whole (see `create`), so an empty one was cut off. The library would take it for a new one.
        Ok(found) if found.len() == 0 => {
            Err(StoreError::Damaged { path: database.to_path_buf(), detail: "the file is empty".into() })
        }
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io("opening", database, error)),
    }
}

/// Makes the database under another name and gives it its own only when it is whole.
fn create(database: &Path) -> Result<(), StoreError> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| StoreError::io("making the folder", folder, error))?;
    let draft = draft_path(database);
    let made = make_draft(&draft).and_then(|()| publish(&draft, database, folder));
    // After success the draft's name is gone or one of two names of the same file.
    if let Err(error) = fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, draft = %draft.display(), "the draft of a new database is left over");
    }
    made
}

fn draft_path(database: &Path) -> PathBuf {
    // Several may be made at once, by threads as well as by processes.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut name = database.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".new-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
    database.with_file_name(name)
}

fn make_draft(draft: &Path) -> Result<(), StoreError> {
    // Left over from an earlier process of this number; it never was a database.
    let _ = fs::remove_file(draft);
    let mut connection = connect(draft, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let made = connection
        .execute_batch(&format!(
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA application_id = {APPLICATION_ID}"
        ))
        .map_err(OpError::from)
        .and_then(|()| migrate(&mut connection));
    made.map_err(|error| error.at(draft))?;
    connection.close().map_err(|(_, error)| told(&error, draft))?;
    let file = fs::File::open(draft).map_err(|error| StoreError::io("opening", draft, error))?;
    file.sync_all().map_err(|error| StoreError::io("syncing", draft, error))
}

fn publish(draft: &Path, database: &Path, folder: &Path) -> Result<(), StoreError> {
    match fs::hard_link(draft, database) {
        Ok(()) => {}
        // Another process was faster: its database is as good as ours.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        // A file system without hard links.
        Err(_) => fs::rename(draft, database).map_err(|error| StoreError::io("making", database, error))?,
    }
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| StoreError::io("syncing", folder, error))
}

fn connect(database: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(|error| told(&error, database))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection
        .busy_timeout(LOCK_WAIT)
        .and_then(|()| connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA cache_size = -4096"))
        .map_err(|error| told(&error, database))?;
    Ok(connection)
}

/// The version found; an error when the file is no database, another program's, or a newer one.
fn check_version(connection: &Connection, database: &Path) -> Result<i64, StoreError> {
    let pragma = |name: &str| {
        connection
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
            .map_err(|error| told(&error, database))
    };
    if pragma("application_id")? != APPLICATION_ID {
        return Err(StoreError::Foreign { path: database.to_path_buf() });
    }
    let found = pragma("user_version")?;
    if found > newest() {
        return Err(StoreError::NewerSchema { path: database.to_path_buf(), found, known: newest() });
    }
    Ok(found)
}

fn migrate(connection: &mut Connection) -> Result<(), OpError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for migration in MIGRATIONS.iter().skip(done as usize) {
        transaction.execute_batch(migration)?;
    }
    if done < newest() {
        transaction.pragma_update(None, "user_version", newest())?;
    }
    transaction.commit()?;
    Ok(())
}
