//! What the engine knows of a recipe: an async function from a task to its last paid step.

use std::future::Future;
use std::pin::Pin;

use imagemill_domain::failure::Failure;
use imagemill_domain::job_file::RecipeName;
use imagemill_domain::request::RequestOptions;
use imagemill_domain::task::SourcePicture;

use crate::context::TaskContext;

/// One picture request as a recipe asks for it. Pictures are named by their files; preparation is the engine's.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageAsk {
    /// Name of the step inside the task; the journal is keyed by it.
    pub step: &'static str,
    /// System prompt; empty means none.
    pub system_prompt: String,
    /// User prompt.
    pub prompt: String,
    /// What must not be in the picture, for models with a parameter for it.
    pub negative_prompt: String,
    /// Source pictures in sending order.
    pub pictures: Vec<SourcePicture>,
    /// Everything else.
    pub options: RequestOptions,
}

/// How a recipe ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// With this picture request: it is returned and not awaited, so that its result and the task's end are one
    /// transaction.
    Image(Box<ImageAsk>),
}

/// What [`Recipe::run`] gives.
pub type RecipeFuture<'a> = Pin<Box<dyn Future<Output = Result<Ending, Failure>> + Send + 'a>>;

/// What is done with one task. A recipe is a plain async function: after a restart it runs again from its beginning, and
/// every paid step that was finished comes back from the journal.
pub trait Recipe: Send + Sync {
    /// Its name in job files.
    fn name(&self) -> RecipeName;

    /// Runs one task up to its last paid step.
    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a>;
}
