//! Profiles, models and money.

use serde_json::Value;
use utoipa::ToSchema;

use super::jobs::ProfilePause;

shapes! {
    /// A profile; never its secret.
    ProfileDocument {
        name: String,
        description: String,
        provider: String,
        protocol: String,
        base_url: String,
        model: String,
        /// `{env}`, `{file}` or `{keyring}`.
        credential: Option<Value>,
        /// Whether its secret can be read.
        ready: bool,
        default: bool,
        limits: Value,
        budget: Value,
        network: Value,
        timeouts: Value,
        stream: Option<bool>,
        token_field: String,
        paused: Option<ProfilePause>,
        /// `console`, `file` or `built_in`.
        origin: String,
        /// Whether it can be changed here.
        editable: bool,
    }

    /// All profiles.
    ProfileList { profiles: Vec<ProfileDocument>, default: Option<String> }

    /// One thing that was looked at.
    ProfileCheck { name: String, ok: bool, message: Option<String>, fix: Option<String> }

    /// What was found.
    ProfileTest { ok: bool, checks: Vec<ProfileCheck>, models: Option<Vec<String>> }

    /// Names of models.
    ModelNames { names: Vec<String> }

    /// What was taken from a file.
    ImportAnswer { profiles: Vec<String>, jobs_hint: Option<String>, warnings: Vec<String> }

    /// The table of models.
    ModelsDocument {
        profile: Option<String>,
        profile_model: Option<String>,
        profile_entry: Option<String>,
        models: Vec<Value>,
    }

    /// Calls added up, US dollars; `unpriced` ones cost nobody knows what and are not in `spent`.
    CostGroup { name: String, calls: u64, pictures: u64, spent: f64, held: f64, unknown: u64, unpriced: u64 }

    /// All of them.
    CostTotal { calls: u64, pictures: u64, spent: f64, held: f64, unknown: u64, unpriced: u64 }

    /// The ledger added up.
    CostsDocument { by: String, groups: Vec<CostGroup>, total: CostTotal }

    /// A call whose answer was lost.
    LostCallDocument {
        call: i64,
        task: i64,
        task_state: String,
        title: String,
        job: String,
        profile: String,
        model: String,
        sent_us: i64,
        ceiling: Option<f64>,
        remote_id: Option<String>,
        message: Option<String>,
    }

    /// All lost calls, the most that they may have cost, and how many of unknown price are not in it.
    LostCalls { calls: Vec<LostCallDocument>, ceiling: f64, unpriced: u64 }
}
