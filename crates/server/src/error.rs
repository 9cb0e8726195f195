//! What goes wrong: for a client a problem document (RFC 9457) with a sentence and what to do, for whoever starts the server a
//! [`ServerError`].

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imagemill_desk::DeskError;
use imagemill_export::ExportError;
use imagemill_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The system's words.
        source: std::io::Error,
    },
    /// Anybody in the network could spend money.
    #[error(
        "{0} can be reached by other machines, so a token is needed: --token-file FILE (its first line, 16 characters or more)"
    )]
    NoToken(SocketAddr),
    /// A token that is too easy to guess.
    #[error("the token has fewer than 16 characters; make a longer one")]
    ShortToken,
    /// A folder that was named does not exist.
    #[error("the folder {} cannot be used: {source}", .path.display())]
    Root {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The workspace.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

/// A place in a job file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: usize,
    /// From 1.
    pub(crate) column: usize,
    /// The key that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

/// An answer that says what is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `/docs/failures/KIND`, or `about:blank`.
    #[serde(rename = "type")]
    type_: String,
    /// The status in words.
    title: String,
    /// HTTP status.
    status: u16,
    /// What is wrong, in a sentence.
    detail: String,
    /// A stable word.
    kind: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// Where in the job it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    /// The most it may cost, when consent is needed; US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<f64>,
}

/// A problem on its way to the client.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Box<Problem>);

/// What every handler returns.
pub(crate) type Answer<T> = Result<T, ApiError>;

impl ApiError {
    /// A problem with a stable word and a sentence.
    pub(crate) fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        let is_failure = imagemill_domain::failure::FailureKind::ALL.iter().any(|known| known.to_string() == kind);
        Self(Box::new(Problem {
            type_: if is_failure { format!("/docs/failures/{kind}") } else { "about:blank".to_owned() },
            title: status.canonical_reason().unwrap_or("problem").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            kind: kind.to_owned(),
            help: None,
            place: None,
            most: None,
        }))
    }

    /// 400, the request makes no sense.
    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "usage", detail)
    }

    /// 404.
    pub(crate) fn missing(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {what} {id}"))
    }

    /// 409, it does not fit what is there.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 403.
    pub(crate) fn forbidden(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, kind, detail)
    }

    /// 500. The cause goes to the log, where the sentence is enough to find it.
    pub(crate) fn fault(detail: impl Into<String>) -> Self {
        let detail = detail.into();
        tracing::error!(%detail, "a request could not be answered");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "local", detail)
    }

    /// With what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// With its place in the job.
    pub(crate) fn at(mut self, place: Place) -> Self {
        self.0.place = Some(place);
        self
    }

    /// 409, somebody has to agree to the price.
    pub(crate) fn needs_consent(most: Option<imagemill_domain::money::Money>, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::CONFLICT, "needs_consent", detail);
        problem.0.most = most.map(imagemill_domain::money::Money::dollars);
        problem
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What is wrong, in a sentence.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// In the reader's language.
    pub(crate) fn translated(mut self, lang: imagemill_desk::Lang) -> Self {
        self.0.detail = imagemill_desk::translated(lang, &self.0.detail);
        self.0.help = self.0.help.map(|help| imagemill_desk::translated(lang, &help));
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.0).expect("texts and numbers always serialise");
        let mut answer = (self.status(), body).into_response();
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // The middleware that knows the reader's language makes the body anew.
        answer.extensions_mut().insert(self);
        answer
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::Missing { .. } => StatusCode::NOT_FOUND,
            StoreError::JobBusy { .. } => StatusCode::CONFLICT,
            StoreError::DiskFull { .. } => StatusCode::INSUFFICIENT_STORAGE,
            _ => return Self::fault(error.to_string()),
        };
        let kind = match status {
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::CONFLICT => "conflict",
            _ => "local",
        };
        Self::new(status, kind, error.to_string())
    }
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> Self {
        let detail = error.to_string();
        match error {
            DeskError::Store(error) => error.into(),
            DeskError::Written(fault) => {
                let (line, column) = fault.place();
                let problem = Self::bad(detail).at(Place { line, column, key: None });
                match &fault.error.help {
                    Some(help) => problem.help(help.clone()),
                    None => problem,
                }
            }
            DeskError::UnknownJob { .. } | DeskError::JobGone => Self::new(StatusCode::NOT_FOUND, "not_found", detail),
            DeskError::NoCredential { failure, .. } => {
                Self::new(StatusCode::CONFLICT, &failure.kind.to_string(), detail)
            }
            DeskError::NoProfile { .. } | DeskError::ProfileNeeds { .. } | DeskError::Elsewhere(_) => {
                Self::conflict(detail)
            }
            error if error.is_usage() => Self::bad(detail),
            _ => Self::fault(detail),
        }
    }
}

impl From<ExportError> for ApiError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Template { .. } => Self::bad(error.to_string()),
            ExportError::Folder { .. } => Self::conflict(error.to_string()),
            ExportError::DiskFull { .. } => Self::new(StatusCode::INSUFFICIENT_STORAGE, "local", error.to_string()),
            _ => Self::fault(error.to_string()),
        }
    }
}
