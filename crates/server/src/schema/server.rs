//! The server itself: its settings, folders, log and state of health.

use serde_json::Value;
use utoipa::ToSchema;

use crate::audit::AuditEntry;

shapes! {
    /// What this server is.
    About {
        version: String,
        /// The folder that holds `.imagemill/`.
        workspace: String,
        /// `en` or `zh-CN`.
        language: String,
        /// Whether other machines reach the server.
        remote: bool,
        /// The newest event's number.
        seq: i64,
        /// A job that may cost more needs consent; US dollars.
        confirm_above: f64,
        /// A name to review under when none is chosen.
        reviewer: String,
        /// Folders to begin choosing a source from.
        roots: Vec<String>,
        /// Whether the profile that is taken when none is named only pretends.
        simulator: bool,
        /// Whether this server runs the jobs.
        runs: bool,
        /// The process that runs them when this server does not.
        owner: Option<Owner>,
    }

    /// A process.
    Owner { pid: u32, host: String, started_us: i64, command: String }

    /// A folder.
    FolderDocument { path: String, parent: Option<String>, folders: Vec<String>, pictures: u64 }

    /// Something that was looked at.
    DoctorFinding {
        /// `workspace`, `space`, `database`, `open_files`, `settings`, `proxy`, `credential`, `server`, `clock`, `key` or `model`.
        check: String,
        profile: Option<String>,
        /// `good`, `note`, `warning` or `broken`.
        level: String,
        message: String,
        /// What to do.
        fix: Option<String>,
    }

    /// Everything that was looked at.
    DoctorDocument { findings: Vec<DoctorFinding>, broken: u64 }

    /// Files that nothing refers to.
    LooseDocument {
        files: u64,
        bytes: u64,
        removed: bool,
        /// The first hundred, from the workspace's folder.
        paths: Vec<String>,
    }

    /// A setting with its origin.
    SettingDocument { key: String, value: String, origin: String }

    /// Settings in force.
    ConfigDocument {
        settings: Vec<SettingDocument>,
        save_presets: Vec<String>,
        workspace: String,
        unknown_keys: Vec<Vec<String>>,
    }

    /// Lines of the log.
    LogLines { lines: Vec<String>, next: Option<String> }

    /// What was changed.
    AuditPage { items: Vec<AuditEntry>, next: Option<String> }

    /// Layouts and styles with all that stands in their tables, and `weight` where a word was asked for.
    CatalogueDocument { layouts: Vec<Value>, styles: Vec<Value> }
}
