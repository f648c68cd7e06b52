//! The peers' programs: where they lie and how they are run.

use std::{collections::HashMap, path::PathBuf};

use anyhow::{Context, anyhow};
use tokio::process::Command;

use super::{install, language::Language};

/// How to run the peers of a language, or why that cannot be done here.
type Launcher = Result<Vec<PathBuf>, String>;

/// The programs of every language that is wanted.
pub(super) struct Programs {
    launchers: HashMap<Language, Launcher>,
    /// Where Ruby finds what was installed for it.
    gems: PathBuf,
}

impl Programs {
    /// Installs what is wanted and not there. What cannot be had is left out.
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

    /// The program that runs that package.
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
