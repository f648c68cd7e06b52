//! The peers' programs and how to run them.

use std::{collections::HashMap, path::PathBuf};

use anyhow::{Context, anyhow};
use tokio::process::Command;

use super::{install, language::Language};

/// The command that runs the peers of a language, or why there is none.
type Launcher = Result<Vec<PathBuf>, String>;

/// The programs of the wanted languages.
pub(super) struct Programs {
    launchers: HashMap<Language, Launcher>,
    /// Where Ruby finds what was installed for it.
    gems: PathBuf,
}

impl Programs {
    /// Installs the programs that are missing. Those that cannot be installed are skipped.
    pub(super) async fn install(cache: PathBuf, wanted: impl Iterator<Item = Language>) -> Self {
        let mut launchers = HashMap::new();
        for language in wanted {
            if let std::collections::hash_map::Entry::Vacant(place) = launchers.entry(language) {
                let installed = install::install(language, &cache).await;
                place.insert(installed.map_err(|error| format!("{error:#}")));
            }
        }
        Self { launchers, gems: install::gems(&cache) }
    }

    /// The command that runs that package.
    pub(super) fn command(&self, language: Language, package: &str) -> anyhow::Result<Command> {
        let launcher = self.launchers.get(&language).context("not installed")?;
        let words = launcher.as_ref().map_err(|reason| anyhow!("{reason}"))?;
        let (program, rest) = words.split_first().context("not installed")?;
        let mut command = Command::new(program);
        command.args(rest).arg(package);
        if language == Language::Ruby && self.gems.is_dir() {
            command.env("GEM_PATH", &self.gems);
        }
        Ok(command)
    }
}
