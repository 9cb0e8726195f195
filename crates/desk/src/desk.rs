//! A workspace with the settings in force there: what every command and every request begins with. Starts nothing by itself.

use std::path::PathBuf;

use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::job_file::{Format, parse_text};
use imagemill_store::{Files, Store, StoreOptions};

use crate::config::{self, Config};
use crate::error::{DeskError, FileFault};
use crate::workspace::Workspace;

const MODELS: &str = include_str!("../../../data/models.toml");

/// Settings, workspace, and the folder that relative paths start from.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Settings.
    pub config: Config,
    /// Where the state is.
    pub workspace: Workspace,
    /// The current folder.
    pub current: PathBuf,
}

impl Desk {
    /// Reads the configuration of `workspace`. `lang` is `--lang`.
    pub fn load(
        workspace: Workspace,
        current: PathBuf,
        variable: &dyn Fn(&str) -> Option<String>,
        lang: Option<&str>,
    ) -> Result<Self, DeskError> {
        let config = config::load(&config::Sources {
            user_file: user_file(variable),
            settings_file: workspace.settings_file(),
            workspace_file: workspace.config_file(),
            variable,
            lang_flag: lang,
        })?;
        Ok(Self { config, workspace, current })
    }

    /// The workspace's store, made when missing.
    pub async fn store(&self) -> Result<Store, DeskError> {
        self.workspace.create()?;
        Ok(Store::open(&self.workspace.database(), StoreOptions::default()).await?)
    }

    /// The store for changing single rows of jobs that must exist already.
    pub async fn existing_store(&self) -> Result<Store, DeskError> {
        if !self.workspace.exists() {
            return Err(DeskError::NoWorkspace { folder: self.workspace.root.clone() });
        }
        Ok(Store::open(&self.workspace.database(), StoreOptions::default()).await?)
    }

    /// The store for looking only; works while another process runs the workspace.
    pub async fn reading_store(&self) -> Result<Option<Store>, DeskError> {
        if !self.workspace.exists() {
            return Ok(None);
        }
        Ok(Some(Store::open(&self.workspace.database(), StoreOptions { read_only: true }).await?))
    }

    /// The asset files.
    pub fn files(&self) -> Result<Files, DeskError> {
        Ok(Files::open(&self.workspace.state())?)
    }

    /// Models and prices: the user's file in front of the built-in table.
    pub fn capabilities(&self) -> Result<CapabilityTable, DeskError> {
        let ours = CapabilityTable::parse(MODELS).expect("a test reads data/models.toml");
        let Some(path) = &self.config.models_file else { return Ok(ours) };
        let text = std::fs::read_to_string(path).map_err(|source| DeskError::File {
            what: "cannot read the models file",
            path: path.clone(),
            source,
        })?;
        let user: CapabilityTable = parse_text(&text, Format::Toml)
            .map_err(|error| FileFault::new(&path.display().to_string(), &text, error))?;
        Ok(ours.overlaid_by(user))
    }
}

/// `$XDG_CONFIG_HOME/imagemill/config.toml`, else `~/.config/imagemill/config.toml`.
pub fn user_file(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = variable("XDG_CONFIG_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".config")))?;
    Some(folder.join("imagemill/config.toml"))
}
