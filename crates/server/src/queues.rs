//! Queues of critiques, kept while the server runs and read again when something of their collection changed: the gate over a large
//! collection takes seconds, and a reader turns pages faster.

use std::collections::HashMap;
use std::sync::Arc;

use imagemill_desk::{Desk, Queue};
use imagemill_store::Store;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::{Answer, ApiError};

/// A queue with the mark of what it was read from.
pub(crate) struct KeptQueue {
    mark: String,
    pub(crate) queue: Option<Queue>,
}

/// The queues that were read so far, by collection.
#[derive(Default)]
pub(crate) struct Queues {
    known: Mutex<HashMap<String, Arc<Mutex<KeptQueue>>>>,
}

impl Queues {
    /// The queue of a collection, held by one request at a time. Read anew when something changed, and only then.
    pub(crate) async fn take(&self, desk: &Desk, store: &Store, name: &str) -> Answer<OwnedMutexGuard<KeptQueue>> {
        if !desk.config.collections.contains_key(name) {
            return Err(ApiError::missing("collection", name));
        }
        let own = {
            let mut known = self.known.lock().await;
            let empty = || Arc::new(Mutex::new(KeptQueue { mark: String::new(), queue: None }));
            Arc::clone(known.entry(name.to_owned()).or_insert_with(empty))
        };
        let mut kept = own.lock_owned().await;
        let mark = store.critiques().mark(name).await?;
        if kept.queue.is_none() || kept.mark != mark {
            kept.queue = Some(Queue::read(store, &desk.config, &desk.current, name).await?);
            kept.mark = mark;
        }
        Ok(kept)
    }
}

impl KeptQueue {
    /// The queue itself changed, and the store with it.
    pub(crate) async fn changed(&mut self, store: &Store) -> Answer<()> {
        if let Some(queue) = &self.queue {
            self.mark = store.critiques().mark(&queue.board.name).await?;
        }
        Ok(())
    }

    /// It, after it was taken.
    pub(crate) fn of(&mut self) -> Answer<&mut Queue> {
        self.queue.as_mut().ok_or_else(|| ApiError::fault("the queue was not read"))
    }
}
