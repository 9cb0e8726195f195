//! What a task does. A recipe is a plain async function from a task to its last paid step; it knows nothing of providers'
//! wire formats, of files or of the ledger.

mod critique;
mod edit;
mod generate;
mod infographic;

use std::sync::Arc;

use imagemill_domain::catalogue::Catalogue;
use imagemill_engine::Recipe;

pub use critique::Critique;
pub use edit::Edit;
pub use generate::Generate;
pub use infographic::Infographic;

/// Every recipe of this build. `catalogue` are the layouts and styles in force.
pub fn all(catalogue: Arc<Catalogue>) -> Vec<Arc<dyn Recipe>> {
    vec![Arc::new(Critique), Arc::new(Edit), Arc::new(Generate), Arc::new(Infographic::new(catalogue))]
}
