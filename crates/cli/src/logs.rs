//! The log: a file a day in `.imagemill/logs/`, and standard error with --verbose. Logs tell what the program does; bodies,
//! pictures and secrets never enter them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A file larger than this is not written any further that day.
const LARGEST_LOG_BYTES: u64 = 64 << 20;

/// Days for which log files are kept.
const KEPT_DAYS: usize = 14;

/// Starts logging. A log that cannot be written is no reason not to work.
pub(crate) fn start(folder: Option<&Path>, filter: &str, verbose: bool) {
    let filter_of = |text: &str| EnvFilter::try_new(text).unwrap_or_else(|_| EnvFilter::new("info"));
    let file = folder
        .and_then(open_today)
        .map(|file| tracing_subscriber::fmt::layer().with_writer(Mutex::new(file)).with_ansi(false).with_target(true));
    let terminal = verbose
        .then(|| tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).without_time());
    // A second start in one process (demo) keeps the first.
    let _ = tracing_subscriber::registry().with(filter_of(filter)).with(file).with(terminal).try_init();
}

fn open_today(folder: &Path) -> Option<File> {
    std::fs::create_dir_all(folder).ok()?;
    remove_old(folder);
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d").to_string();
    let path = folder.join(format!("{day}.log"));
    if std::fs::metadata(&path).is_ok_and(|facts| facts.len() > LARGEST_LOG_BYTES) {
        return None;
    }
    File::options().create(true).append(true).open(path).ok()
}

fn remove_old(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut logs: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "log"))
        .collect();
    logs.sort();
    for path in logs.iter().rev().skip(KEPT_DAYS) {
        let _ = std::fs::remove_file(path);
    }
}
