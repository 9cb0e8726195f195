//! What a task does. A recipe is a plain async function from a task to its last paid step; it knows nothing of providers'
//! wire formats or of the ledger; of files it knows those that a person may change.

mod critique;
mod deck;
mod edit;
mod fill;
mod generate;
mod infographic;
mod reading;
mod sized;

use std::sync::Arc;

use imagemill_domain::catalogue::Catalogue;
use imagemill_engine::Recipe;

pub use critique::Critique;
pub use deck::{Outline, Slides};
pub use edit::Edit;
pub use generate::Generate;
pub use infographic::Infographic;

/// Every recipe of this build. `catalogue` are the layouts and styles in force.
pub fn all(catalogue: Arc<Catalogue>) -> Vec<Arc<dyn Recipe>> {
    vec![
        Arc::new(Critique),
        Arc::new(Edit),
        Arc::new(Generate),
        Arc::new(Infographic::new(catalogue)),
        Arc::new(Outline),
        Arc::new(Slides),
    ]
}
