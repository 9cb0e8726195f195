//! What is wrong with a request or a verdict, said all at once: each thing by field, with a machine word and what to do.

use std::fmt;

use serde::Serialize;

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// It must be there and is not: the request is under-specified.
    Missing,
    /// It is there and cannot be used.
    Wrong,
    /// Nobody knows this field.
    Unknown,
    /// The field has another name here.
    Renamed,
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The field.
    pub field: String,
    /// What kind.
    pub kind: ProblemKind,
    /// A sentence that says what to do.
    pub message: String,
}

impl Problem {
    /// A field that must be there.
    pub fn missing(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), kind: ProblemKind::Missing, message: message.into() }
    }

    /// The same, of one request among several.
    pub(crate) fn of(self, request: &str) -> Self {
        let field = format!("{request}: {}", self.field);
        Self { field, message: format!("{request}: {}", self.message), ..self }
    }

    /// A field that cannot be used.
    pub fn wrong(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), kind: ProblemKind::Wrong, message: message.into() }
    }
}

/// All that is wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The same, of one request among several.
    #[must_use]
    pub fn of(self, request: &str) -> Self {
        Self(self.0.into_iter().map(|problem| problem.of(request)).collect())
    }

    /// Whether something that must be there is not.
    pub fn is_under_specified(&self) -> bool {
        self.0.iter().any(|problem| problem.kind == ProblemKind::Missing)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_under_specified() {
            "the request is under-specified; nothing was sent"
        } else {
            "the request cannot be used; nothing was sent"
        })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {}", problem.message))
    }
}

/// All that keeps a verdict from being recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Objections(pub Vec<Problem>);

impl fmt::Display for Objections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the verdict was not recorded; nothing was changed")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {}", problem.message))
    }
}
