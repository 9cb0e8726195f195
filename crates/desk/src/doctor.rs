//! Looks whether everything that a run needs is in order: folders, disk, database, settings, and each profile up to its key and
//! model. Costs nothing, changes nothing that stays, and says what to do about each finding.

mod local;
mod profiles;

use serde::Serialize;

use crate::desk::Desk;

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The workspace's folder can be written.
    Workspace,
    /// Room on its disk.
    Space,
    /// The database is sound.
    Database,
    /// Files this process may have open.
    OpenFiles,
    /// The configuration files.
    Settings,
    /// Variables that send requests through a proxy.
    Proxy,
    /// A profile's secret is there and private.
    Credential,
    /// A profile's server answers.
    Server,
    /// This machine's clock.
    Clock,
    /// A profile's key is accepted.
    Key,
    /// A profile's model is known.
    Model,
}

impl Check {
    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Space => "space",
            Self::Database => "database",
            Self::OpenFiles => "open_files",
            Self::Settings => "settings",
            Self::Proxy => "proxy",
            Self::Credential => "credential",
            Self::Server => "server",
            Self::Clock => "clock",
            Self::Key => "key",
            Self::Model => "model",
        }
    }
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// In order.
    Good,
    /// Worth knowing; works.
    Note,
    /// Does not work as it is, but nothing needs it now.
    Warning,
    /// Needed, and broken.
    Broken,
}

/// One answer of the doctor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// The profile, where one was looked at.
    pub profile: Option<String>,
    /// How much it matters.
    pub level: Level,
    /// What was seen.
    pub message: String,
    /// What to do; `None` where nothing is to be done.
    pub fix: Option<String>,
}

impl Finding {
    fn new(check: Check, level: Level, message: impl Into<String>) -> Self {
        Self { check, profile: None, level, message: message.into(), fix: None }
    }

    fn good(check: Check, message: impl Into<String>) -> Self {
        Self::new(check, Level::Good, message)
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    fn of(mut self, profile: &str) -> Self {
        self.profile = Some(profile.to_owned());
        self
    }
}

/// What is to be looked at.
#[derive(Clone, Debug, Default)]
pub struct Examination {
    /// Only this profile; else all.
    pub profile: Option<String>,
    /// Nothing that needs the network.
    pub offline: bool,
}

/// Looks at everything. Findings stand in the order of [`Check`], those of a profile together.
pub async fn examine(desk: &Desk, examination: &Examination) -> Vec<Finding> {
    let mut findings = local::examine(desk).await;
    findings.extend(profiles::examine(desk, examination).await);
    findings
}
