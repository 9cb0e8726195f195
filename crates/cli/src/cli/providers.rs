//! What can be typed about who is called: `profiles`, `models`, `probe`, `doctor`.

use clap::{Args, Subcommand};

/// `profiles`.
#[derive(Debug, Args)]
pub(crate) struct ProfilesArgs {
    #[command(subcommand)]
    pub(crate) action: Option<ProfilesAction>,
}

/// What about the profiles.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesAction {
    /// Show all settings of one profile
    Show {
        /// Profile by name
        name: String,
    },
    /// Keep a profile's key, for its server only; asked for here, or read from standard input
    Login {
        /// Profile by name
        name: String,
        /// Keep it in the system's key store instead of a file; needs a build with `--features keyring`
        #[arg(long)]
        keyring: bool,
    },
    /// Forget the key that was kept for a profile
    Logout {
        /// Profile by name
        name: String,
    },
}

/// `models`.
#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Only the models of this profile's provider; its own model is marked
    #[arg(long, short, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

/// `probe`.
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// Profile to ask with
    #[arg(long, short, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Model to ask about; the profile's when left out
    #[arg(long, short, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Make one small picture, too; asks first
    #[arg(long)]
    pub(crate) paid: bool,
    /// Do not ask before the picture
    #[arg(long, short, requires = "paid")]
    pub(crate) yes: bool,
    /// Write the snippet to imagemill-probe-NAME.toml
    #[arg(long)]
    pub(crate) save: bool,
}

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Only this profile; all when left out
    #[arg(long, short, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Nothing that needs the network
    #[arg(long)]
    pub(crate) offline: bool,
}
