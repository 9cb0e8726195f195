//! What a recipe may ask before it asks for another picture: which size its way takes, and whether there is money for one more.
//! Only a forecast; the ledger decides.

use imagemill_domain::capability::Capabilities;
use imagemill_domain::failure::Failure;
use imagemill_domain::sizes::{SizeChoice, SizeRefusal, SizeWish};

use crate::context::TaskContext;
use crate::pictures::local;

impl TaskContext {
    /// What goes out for `wish` on the way that the task's pictures go, or why not and what instead. A model whose sizes nobody
    /// knows is sent what was wished for.
    pub fn size(&self, wish: SizeWish<'_>) -> Result<SizeChoice, SizeRefusal> {
        let drawing = self.drawing();
        match drawing.capabilities.as_ref().and_then(|known: &Capabilities| known.size.as_ref()) {
            Some(rule) => rule.resolve(wish),
            None => Ok(SizeChoice {
                size: wish.size.map(str::to_owned),
                aspect_ratio: wish.aspect_ratio.map(str::to_owned),
                pixels: None,
            }),
        }
    }

    /// Whether the job's budget has room for one more picture right now.
    pub async fn affords_picture(&self) -> Result<bool, Failure> {
        let Some(ceiling) = self.drawing().ceiling() else { return Ok(true) };
        let job = self.shared.store.jobs().get(self.job.id).await.map_err(|error| local(&error))?;
        Ok(job.is_none_or(|job| job.budget.is_none_or(|budget| job.spent + job.reserved + ceiling <= budget)))
    }
}
