//! What the engine knows of a recipe: an async function from a task to its last paid step.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use imagemill_domain::chat::DEFAULT_MAX_TOKENS;
use imagemill_domain::failure::Failure;
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::plan::PlannedStep;
use imagemill_domain::request::RequestOptions;
use imagemill_domain::task::SourcePicture;

use crate::context::TaskContext;

/// One picture request as a recipe asks for it. Pictures are named by their files; preparation is the engine's.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageAsk {
    /// Name of the step inside the task; the journal is keyed by it.
    pub step: Cow<'static, str>,
    /// System prompt; empty means none.
    pub system_prompt: String,
    /// User prompt.
    pub prompt: String,
    /// What must not be in the picture; the model is told as it can be.
    pub negative_prompt: String,
    /// Source pictures in sending order.
    pub pictures: Vec<SourcePicture>,
    /// Everything else.
    pub options: RequestOptions,
}

/// One text or vision request as a recipe asks for it. With a picture among its parts it goes to the job's vision model, else to
/// its text model.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatAsk {
    /// System prompt; empty means none.
    pub system: String,
    /// What the user says, in order.
    pub parts: Vec<AskPart>,
    /// The JSON schema that the provider is asked to keep to; [`TaskContext::structured`] sets it.
    pub schema: Option<serde_json::Value>,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// `low`, `medium`, `high`, or what the model calls it.
    pub reasoning_effort: Option<String>,
    /// Pictures are scaled down to this many pixels on the longer edge; the job's `prepare.max_edge` counts too.
    pub max_edge: Option<u32>,
    /// Merged deep into the body last.
    pub extra_body: BTreeMap<String, serde_json::Value>,
}

/// One part of what the user says.
#[derive(Clone, Debug, PartialEq)]
pub enum AskPart {
    /// Words.
    Text(String),
    /// A picture by its file; preparation is the engine's.
    Picture(SourcePicture),
}

impl ChatAsk {
    /// These words, with the usual limits: [`DEFAULT_MAX_TOKENS`], pictures of 2,048 pixels.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            system: String::new(),
            parts: vec![AskPart::Text(text.into())],
            schema: None,
            max_tokens: DEFAULT_MAX_TOKENS,
            temperature: None,
            reasoning_effort: None,
            max_edge: Some(2_048),
            extra_body: BTreeMap::new(),
        }
    }

    /// The same with a system prompt.
    #[must_use]
    pub fn system(mut self, system: impl Into<String>) -> Self {
        self.system = system.into();
        self
    }

    /// The same with a picture behind the other parts.
    #[must_use]
    pub fn picture(mut self, picture: SourcePicture) -> Self {
        self.parts.push(AskPart::Picture(picture));
        self
    }

    /// Its pictures in order.
    pub fn pictures(&self) -> impl Iterator<Item = &SourcePicture> {
        self.parts.iter().filter_map(|part| match part {
            AskPart::Picture(picture) => Some(picture),
            AskPart::Text(_) => None,
        })
    }

    /// Whether it shows a picture.
    pub fn has_pictures(&self) -> bool {
        self.pictures().next().is_some()
    }
}

/// How a recipe ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Its steps were all; the task has the pictures that they made. A failure makes it partial and says what is missing.
    Done(Option<Failure>),
    /// Its steps were all, and this is what came of them: it is kept with the task's end.
    Words(Box<serde_json::Value>),
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

    /// The paid steps that each task makes besides its last picture call, so that the plan's money has them.
    fn steps(&self, _file: &JobFile) -> Vec<PlannedStep> {
        Vec::new()
    }

    /// Runs one task up to its last paid step.
    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a>;
}
