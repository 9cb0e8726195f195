//! Telling of a file that a task wrote for people before its end.

use imagemill_domain::event::EventBody;
use imagemill_domain::failure::Failure;

use crate::context::TaskContext;
use crate::pictures::local;

impl TaskContext {
    /// Tells whoever follows the job that `file` is there now. `page` is its page where it has one, `pages` how many there are to be.
    pub async fn wrote(&self, file: &str, page: Option<u32>, pages: u32) -> Result<(), Failure> {
        let body = EventBody::Artifact { task: self.claimed.lease.task, file: file.to_owned(), page, pages };
        let now_us = self.shared.clock.now_us();
        self.shared.store.events().tell(self.job.id, body, now_us).await.map_err(|error| local(&error))
    }
}
