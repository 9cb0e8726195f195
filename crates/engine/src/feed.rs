//! Events for a terminal or a browser: what happened since the last one seen, from the table, whether this process or
//! another one wrote it.

use std::time::Duration;

use imagemill_domain::event::Event;
use imagemill_store::{Store, StoreError};

/// Most events handed over at once.
const PAGE: u32 = 1_000;
/// How long another process's events may go unseen.
const POLL: Duration = Duration::from_millis(250);

/// A place in the event table that moves forward.
pub struct EventFeed {
    store: Store,
    seen: i64,
}

impl EventFeed {
    /// Starts behind the event `seen`; 0 starts from the beginning.
    pub fn after(store: Store, seen: i64) -> Self {
        Self { store, seen }
    }

    /// The next events, at most 1,000; waits until there is at least one or `patience` is over (then empty).
    /// Dropping the future loses nothing.
    pub async fn next(&mut self, patience: Duration) -> Result<Vec<Event>, StoreError> {
        let deadline = tokio::time::Instant::now() + patience;
        let mut written = self.store.events().watch();
        loop {
            written.borrow_and_update();
            let events = self.store.events().after(self.seen, PAGE).await?;
            if let Some(last) = events.last() {
                self.seen = last.seq;
                return Ok(events);
            }
            let poll = (tokio::time::Instant::now() + POLL).min(deadline);
            tokio::select! {
                _ = written.changed() => {}
                () = tokio::time::sleep_until(poll) => {}
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(Vec::new());
            }
        }
    }
}
