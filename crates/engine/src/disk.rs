//! Room on the disk, reserved before money is spent: an answer that cannot be written is a picture that may be lost.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use imagemill_domain::failure::{Failure, FailureKind};
use tokio::time::Instant;

/// What is never counted on: room for ledger rows, thumbnails, the log, and for others.
const LEAST_FREE_BYTES: u64 = 64 << 20;
/// What one picture is taken to need until a larger one was seen.
const FIRST_GUESS_BYTES: u64 = 4 << 20;
/// How long a look stays good.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Room in one file system, shared by the calls under way.
pub(crate) struct Disk {
    folder: PathBuf,
    free: Box<dyn Fn(&Path) -> u64 + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    last: Option<(Instant, u64)>,
    /// Pictures that calls under way may bring.
    expected: u64,
    largest: u64,
}

/// The room of one call; given back when dropped.
pub(crate) struct Room<'a> {
    disk: &'a Disk,
    pictures: u64,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.disk.lock().expected -= self.pictures;
    }
}

impl Disk {
    pub(crate) fn of(folder: &Path) -> Self {
        // A file system that does not tell is not a reason to stop.
        Self::with(folder, |folder| {
            rustix::fs::statvfs(folder).map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
        })
    }

    fn with(folder: &Path, free: impl Fn(&Path) -> u64 + Send + Sync + 'static) -> Self {
        let state = State { last: None, expected: 0, largest: FIRST_GUESS_BYTES };
        Self { folder: folder.to_owned(), free: Box::new(free), state: Mutex::new(state) }
    }

    /// Room for `pictures` more. While other calls hold what is left, it waits for them; when nothing is under way and there
    /// is still too little, it fails.
    pub(crate) async fn room(&self, pictures: u32) -> Result<Room<'_>, Failure> {
        loop {
            if let Some(room) = self.try_room(u64::from(pictures))? {
                return Ok(room);
            }
            tokio::time::sleep(LOOK_EVERY / 2).await;
        }
    }

    fn try_room(&self, pictures: u64) -> Result<Option<Room<'_>>, Failure> {
        let mut state = self.lock();
        let free = match state.last {
            Some((at, free)) if at.elapsed() < LOOK_EVERY => free,
            _ => {
                let free = (self.free)(&self.folder);
                state.last = Some((Instant::now(), free));
                free
            }
        };
        let needed = LEAST_FREE_BYTES + (state.expected + pictures) * state.largest;
        if free >= needed {
            state.expected += pictures;
            return Ok(Some(Room { disk: self, pictures }));
        }
        if state.expected > 0 {
            return Ok(None);
        }
        Err(Failure::new(
            FailureKind::Local,
            format!(
                "the disk of {} has {} MiB left, and the next answer needs {} MiB to be safe; nothing was sent. Free some space, then `imagemill resume` the job",
                self.folder.display(),
                free >> 20,
                needed >> 20
            ),
        ))
    }

    /// A picture of this many bytes came.
    pub(crate) fn saw(&self, bytes: u64) {
        let mut state = self.lock();
        state.largest = state.largest.max(bytes);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_free(mib: u64) -> Disk {
        Disk::with(Path::new("the disk"), move |_| mib << 20)
    }

    #[tokio::test]
    async fn what_calls_may_bring_is_held_for_them() {
        let disk = with_free(64 + 8);
        let first = disk.room(1).await.unwrap();
        let second = disk.room(1).await.unwrap();
        assert!(disk.try_room(1).unwrap().is_none(), "a third one has to wait");
        drop(second);
        let third = disk.try_room(1).unwrap();
        assert!(third.is_some());
        drop((first, third));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_the_room_of_another() {
        let disk = with_free(64 + 4);
        let first = disk.room(1).await.unwrap();
        let ((), second) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                drop(first);
            },
            disk.room(1)
        );
        assert!(second.is_ok());
    }

    #[tokio::test]
    async fn too_little_for_one_is_told_before_anything_is_sent() {
        let failure = with_free(67).room(1).await.err().unwrap();
        assert_eq!(failure.kind, FailureKind::Local);
        let told =
            "the disk of the disk has 67 MiB left, and the next answer needs 68 MiB to be safe; nothing was sent";
        assert!(failure.message.starts_with(told), "{}", failure.message);
    }

    #[tokio::test]
    async fn larger_pictures_need_more_room() {
        let disk = with_free(100);
        disk.saw(40 << 20);
        assert!(disk.room(1).await.is_err());
        disk.saw(3);
        assert!(disk.room(1).await.is_err(), "a small one later does not make it forget");
    }
}
