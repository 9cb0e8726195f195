//! Queues of critiques, kept while the server runs: the gate over a large collection takes seconds, and a reader turns pages faster. When
//! something of a collection changed, its queue is read again; where that takes long, pages go on with the one before meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imagemill_desk::{Desk, Queue};
use imagemill_store::Store;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::{Answer, ApiError};

/// A reading that takes longer is not waited for.
const WAITED_FOR: Duration = Duration::from_millis(50);
/// While batches bring rows all the time, reading takes no more than this part of the time.
const PART: u32 = 4;

/// A queue with the mark of what it was read from.
pub(crate) struct KeptQueue {
    mark: (i64, i64),
    queue: Option<Queue>,
    /// How long the last reading took, and when it ended.
    took: Duration,
    read_at: Instant,
    is_being_read: bool,
}

/// The queues that were read so far, by collection.
#[derive(Default)]
pub(crate) struct Queues {
    known: Mutex<HashMap<String, Arc<Mutex<KeptQueue>>>>,
}

impl Queues {
    /// The queue of a collection, held by one request at a time.
    pub(crate) async fn take(&self, desk: &Arc<Desk>, store: &Store, name: &str) -> Answer<OwnedMutexGuard<KeptQueue>> {
        if !desk.config.collections.contains_key(name) {
            return Err(ApiError::missing("collection", name));
        }
        let own = {
            let mut known = self.known.lock().await;
            Arc::clone(known.entry(name.to_owned()).or_insert_with(|| Arc::new(Mutex::new(KeptQueue::empty()))))
        };
        let mut kept = Arc::clone(&own).lock_owned().await;
        let mark = store.critiques().mark(name).await?;
        if kept.queue.is_some() && kept.mark == mark {
            return Ok(kept);
        }
        if kept.queue.is_none() || kept.took <= WAITED_FOR {
            let begun = Instant::now();
            let queue = Queue::read(store, &desk.config, &desk.current, name).await?;
            kept.put(queue, mark, begun);
        } else if !kept.is_being_read && kept.read_at.elapsed() >= kept.took * (PART - 1) {
            kept.is_being_read = true;
            kept.of()?.begin_again();
            tokio::spawn(read_again(own, Arc::clone(desk), store.clone(), name.to_owned(), mark));
        }
        Ok(kept)
    }
}

async fn read_again(own: Arc<Mutex<KeptQueue>>, desk: Arc<Desk>, store: Store, name: String, mark: (i64, i64)) {
    let begun = Instant::now();
    let read = Queue::read(&store, &desk.config, &desk.current, &name).await;
    let mut kept = own.lock().await;
    kept.is_being_read = false;
    match read {
        Ok(mut queue) => {
            if let Some(before) = &kept.queue {
                queue.catch_up(before);
            }
            kept.put(queue, mark, begun);
        }
        Err(error) => tracing::warn!(%error, collection = name, "the queue of critiques could not be read again"),
    }
}

impl KeptQueue {
    fn empty() -> Self {
        Self { mark: (0, 0), queue: None, took: Duration::ZERO, read_at: Instant::now(), is_being_read: false }
    }

    fn put(&mut self, queue: Queue, mark: (i64, i64), begun: Instant) {
        self.queue = Some(queue);
        self.mark = mark;
        self.took = begun.elapsed();
        self.read_at = Instant::now();
    }

    /// The queue itself changed, and the store with it. What others changed at the same time still makes it be read again.
    pub(crate) async fn changed(&mut self, store: &Store) -> Answer<()> {
        if let Some(queue) = &self.queue {
            let now = store.critiques().mark(&queue.board.name).await?;
            if now == (self.mark.0 + 1, self.mark.1) {
                self.mark = now;
            }
        }
        Ok(())
    }

    /// It, after it was taken.
    pub(crate) fn of(&mut self) -> Answer<&mut Queue> {
        self.queue.as_mut().ok_or_else(|| ApiError::fault("the queue was not read"))
    }
}
