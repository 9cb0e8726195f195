//! What every command gets: printer, texts, settings and the workspace's place. Plain parts, no behaviour of their own.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use imagemill_desk::{Desk, Lang, Workspace};

use crate::cli::Global;
use crate::printer::Printer;
use crate::texts::{Texts, say};

/// Printer, texts, settings, workspace.
#[derive(Debug)]
pub(crate) struct Context {
    /// Output.
    pub(crate) printer: Printer,
    /// Texts in the language in force.
    pub(crate) texts: Texts,
    /// Settings and workspace.
    pub(crate) desk: Desk,
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
        let desk = Desk::load(workspace, current, &variable, global.lang.as_deref())?;
        let texts = Texts::new(desk.config.lang.unwrap_or_else(|| early_lang(None)));
        for (file, key) in &desk.config.unknown_keys {
            let text = say!(texts, "config.unknown_key", file = file.display(), key = key);
            printer.warn(&say!(texts, "word.warning"), text);
        }
        Ok(Self { printer, texts, desk })
    }

    /// The same with another workspace.
    pub(crate) fn in_workspace(self, root: PathBuf) -> Self {
        Self { desk: Desk { workspace: Workspace { root }, ..self.desk }, ..self }
    }

    /// A warning.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        self.printer.warn(&say!(self.texts, "word.warning"), text);
    }

    /// Tells that paid answers wait in memory for room on a full disk.
    pub(crate) fn held(&self, answers: u32) {
        let answers = self.texts.count("answer", answers.into());
        let folder = self.desk.workspace.state();
        self.printer.error(say!(self.texts, "run.held", answers = answers, folder = folder.display()));
    }

    /// What a command begins with that is typed in the current folder and means this workspace.
    pub(crate) fn program(&self) -> String {
        if Workspace::find(None, &self.desk.current, variable) == self.desk.workspace {
            return "imagemill".to_owned();
        }
        format!("imagemill --workspace {}", crate::report::quoted(&self.shown(&self.desk.workspace.root)))
    }

    /// A path as the user would write it: below the current folder without its beginning.
    pub(crate) fn shown(&self, path: &Path) -> String {
        match path.strip_prefix(&self.desk.current) {
            Ok(below) if !below.as_os_str().is_empty() => format!("./{}", below.display()),
            _ => path.display().to_string(),
        }
    }
}
