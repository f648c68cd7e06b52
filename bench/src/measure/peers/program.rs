//! The peers' programs: where they lie and how they are run.

use std::{collections::HashMap, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, anyhow, bail};
use tokio::{process::Command, time};

use super::install;

/// Longest that a program may take for one run.
const LIMIT: Duration = Duration::from_secs(180);

/// What a peer is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Language {
    Node,
    Ruby,
    Python,
    Rust,
}

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

/// What a program writes, once it has ended well.
pub(super) async fn answer(mut command: Command) -> anyhow::Result<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    let output = time::timeout(LIMIT, command.output()).await.context("it took too long")?;
    let output = output.context("it cannot be run")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("it failed: {}", telling(&errors).chars().take(200).collect::<String>());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The line that names the error. Python and Rust end with it, Node.js begins with it.
fn telling(errors: &str) -> &str {
    let mut lines = errors.lines().filter(|line| !line.trim().is_empty());
    let last = lines.clone().next_back().unwrap_or("it said nothing");
    if last.contains("Error") { last } else { lines.find(|line| line.contains("Error")).unwrap_or(last) }
}

#[cfg(test)]
mod tests {
    use super::telling;

    #[test]
    fn the_line_that_names_the_error_is_told() {
        for (errors, told) in [
            ("Error: no package\n    at load\n\nNode.js v20\n", "Error: no package"),
            ("  raise ValueError\nValueError: too many\n", "ValueError: too many"),
            ("something\nwent wrong\n", "went wrong"),
            ("\n", "it said nothing"),
        ] {
            assert_eq!(telling(errors), told);
        }
    }
}
