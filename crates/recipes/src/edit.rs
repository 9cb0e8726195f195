//! `edit`: one picture and one prompt become edited pictures.

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::job_file::RecipeName;
use imagemill_engine::{Ending, Recipe, RecipeFuture, TaskContext};

/// The recipe `edit`.
#[derive(Clone, Copy, Debug)]
pub struct Edit;

impl Recipe for Edit {
    fn name(&self) -> RecipeName {
        RecipeName::Edit
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(async move {
            if task.spec().pictures.is_empty() {
                return Err(Failure::new(FailureKind::Invalid, "there is no picture to edit; nothing was sent"));
            }
            Ok(Ending::Image(Box::new(task.ask("image"))))
        })
    }
}
