//! `generate`: one prompt becomes pictures; pictures of the source, if any, go along as references.

use imagemill_domain::job_file::RecipeName;
use imagemill_engine::{Ending, Recipe, RecipeFuture, TaskContext};

/// The recipe `generate`.
#[derive(Clone, Copy, Debug)]
pub struct Generate;

impl Recipe for Generate {
    fn name(&self) -> RecipeName {
        RecipeName::Generate
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(async move { Ok(Ending::Image(Box::new(task.ask("image")))) })
    }
}
