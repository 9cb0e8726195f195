//! What every command gets: printer, texts, settings and the workspace's place. Plain parts, no behaviour of their own.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use imagemill_domain::capability::CapabilityTable;
use imagemill_store::{Files, Store, StoreOptions};

use crate::cli::Global;
use crate::config::{self, Config};
use crate::printer::Printer;
use crate::quit::Quit;
use crate::texts::{Lang, Texts, say};
use crate::workspace::Workspace;

const MODELS: &str = include_str!("../../../data/models.toml");

/// Printer, texts, settings, workspace.
#[derive(Debug)]
pub(crate) struct Context {
    /// Output.
    pub(crate) printer: Printer,
    /// Texts in the language in force.
    pub(crate) texts: Texts,
    /// Settings.
    pub(crate) config: Config,
    /// Where the state is.
    pub(crate) workspace: Workspace,
    /// The current folder.
    pub(crate) current: PathBuf,
}

/// An environment variable, as text; one that is not UTF-8 is as good as unset.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The language before any file is read: `--lang`, IMAGEMILL_LANG, the locale.
pub(crate) fn early_lang(flag: Option<&str>) -> Lang {
    flag.map(str::to_owned)
        .or_else(|| variable("IMAGEMILL_LANG").filter(|word| !word.is_empty()))
        .and_then(|word| Lang::from_word(&word))
        .unwrap_or_else(|| Lang::of_environment(variable))
}

impl Context {
    /// Reads the configuration and finds the workspace. Starts nothing.
    pub(crate) fn load(global: &Global) -> anyhow::Result<Self> {
        let printer = Printer::new(global);
        let current = std::env::current_dir().context("the current folder cannot be read")?;
        let workspace = Workspace::find(global.workspace.as_deref(), &current, variable);
        let config = config::load(&config::Sources {
            user_file: user_file(),
            workspace_file: workspace.config_file(),
            variable: &variable,
            lang_flag: global.lang.as_deref(),
        })?;
        let texts = Texts::new(config.lang.unwrap_or_else(|| early_lang(None)));
        for (file, key) in &config.unknown_keys {
            let text = say!(texts, "config.unknown_key", file = file.display(), key = key);
            printer.warn(&say!(texts, "word.warning"), text);
        }
        Ok(Self { printer, texts, config, workspace, current })
    }

    /// The same with another workspace.
    pub(crate) fn in_workspace(self, root: PathBuf) -> Self {
        Self { workspace: Workspace { root }, ..self }
    }

    /// A warning.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        self.printer.warn(&say!(self.texts, "word.warning"), text);
    }

    /// The workspace's store, made when missing.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        self.workspace.create()?;
        Ok(Store::open(&self.workspace.database(), StoreOptions::default()).await?)
    }

    /// The store for changing single rows of jobs that must exist already.
    pub(crate) async fn existing_store(&self) -> anyhow::Result<Store> {
        if !self.workspace.exists() {
            let text = say!(self.texts, "workspace.none", folder = self.workspace.root.display());
            return Err(Quit::usage(text));
        }
        Ok(Store::open(&self.workspace.database(), StoreOptions::default()).await?)
    }

    /// The store for looking only; works while another process runs the workspace.
    pub(crate) async fn reading_store(&self) -> anyhow::Result<Option<Store>> {
        if !self.workspace.exists() {
            return Ok(None);
        }
        Ok(Some(Store::open(&self.workspace.database(), StoreOptions { read_only: true }).await?))
    }

    /// The asset files.
    pub(crate) fn files(&self) -> anyhow::Result<Files> {
        Ok(Files::open(&self.workspace.state())?)
    }

    /// Models and prices: the user's file in front of the built-in table.
    pub(crate) fn capabilities(&self) -> anyhow::Result<CapabilityTable> {
        let ours = CapabilityTable::parse(MODELS).expect("a test reads data/models.toml");
        let Some(path) = &self.config.models_file else { return Ok(ours) };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read the models file {}", path.display()))?;
        let user: CapabilityTable =
            imagemill_domain::job_file::parse_text(&text, imagemill_domain::job_file::Format::Toml).map_err(
                |error| Quit::from(crate::quit::FileProblem::new(&path.display().to_string(), &text, error)),
            )?;
        Ok(ours.overlaid_by(user))
    }

    /// What a command begins with that is typed in the current folder and means this workspace.
    pub(crate) fn program(&self) -> String {
        if Workspace::find(None, &self.current, variable) == self.workspace {
            return "imagemill".to_owned();
        }
        format!("imagemill --workspace {}", crate::report::quoted(&self.shown(&self.workspace.root)))
    }

    /// A path as the user would write it: below the current folder without its beginning.
    pub(crate) fn shown(&self, path: &Path) -> String {
        match path.strip_prefix(&self.current) {
            Ok(below) if !below.as_os_str().is_empty() => format!("./{}", below.display()),
            _ => path.display().to_string(),
        }
    }
}

/// `$XDG_CONFIG_HOME/imagemill/config.toml`, else `~/.config/imagemill/config.toml`.
fn user_file() -> Option<PathBuf> {
    let folder = variable("XDG_CONFIG_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".config")))?;
    Some(folder.join("imagemill/config.toml"))
}
