//! A job before it is planned, and its text, so that what is wrong with the plan can be shown at its place. Where the text is
//! from (a file, arguments, a request) is the caller's matter.

use std::path::PathBuf;

use imagemill_domain::job_file::{JobFile, JobFileError, locate};
use imagemill_domain::plan::PlanError;

use crate::error::{DeskError, FileFault};

/// A job before it is planned.
#[derive(Clone, Debug)]
pub struct JobInput {
    /// What was asked for; overrides are merged in.
    pub file: JobFile,
    /// Name when the file has none.
    pub name: String,
    /// Folder that relative paths start from.
    pub base: PathBuf,
    /// Name and text of the job file, to show places in.
    pub text: Option<(String, String)>,
    /// Where finished pictures go; `None` leaves them in the workspace.
    pub save_to: Option<PathBuf>,
    /// `--concurrency`; the other limits stay the job's or the profile's.
    pub concurrency: Option<u32>,
}

impl JobInput {
    /// What is wrong with the plan, with a place in the job file where there is one.
    pub fn plan_error(&self, error: PlanError) -> DeskError {
        let Some((file, text)) = &self.text else { return DeskError::Plan { file: None, error } };
        let key = match &error {
            PlanError::OutOfRange { key, .. } => Some((*key).to_owned()),
            PlanError::Unsupported { option, .. } => {
                let option = option.split([' ', '=']).next().unwrap_or_default();
                Some(if option == "edit" || option == "generate" || option == "infographic" {
                    "recipe".into()
                } else {
                    format!("options.{option}")
                })
            }
            PlanError::Profiles(_) => Some("profiles".into()),
            PlanError::Prompt { .. } => {
                Some(if self.file.prompt.is_some() { "prompt".into() } else { "prompts".into() })
            }
            _ => None,
        };
        match key.and_then(|key| locate(text, &key)) {
            Some(span) => {
                let error = JobFileError { message: error.to_string(), span: Some(span), help: None };
                FileFault::new(file, text, error).into()
            }
            None => DeskError::Plan { file: Some(file.clone()), error },
        }
    }
}
