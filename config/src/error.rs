//! What can be wrong with a configuration, told all at once.

use std::fmt;

use crate::settings::LogFormat;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The compiled `default.toml`.
    Default,
    /// A configuration file, by the name it was given.
    File(String),
    /// An environment variable, by its name.
    Environment(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(name) => write!(f, "file {name}"),
            Self::Environment(name) => write!(f, "environment {name}"),
        }
    }
}

/// One thing that is wrong. Its text never holds a secret's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting's full name, such as `queue.heartbeat_secs`.
    pub key: String,
    /// What is wrong with it, and what would be right.
    pub message: String,
    /// Where the offending value came from.
    pub source: Source,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.key, self.message, self.source)
    }
}

/// Every problem of a configuration; its `Display` lists them one per line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigError {
    /// At least one problem, in the order of the layers and then of the checks.
    pub problems: Vec<Problem>,
    /// How the process would write its logs, so that it can tell the problems so.
    pub log_format: LogFormat,
}

fn lines(problems: &[Problem]) -> String {
    let head = match problems.len() {
        1 => "the configuration has a problem:".to_owned(),
        count => format!("the configuration has {count} problems:"),
    };
    problems.iter().fold(head, |text, problem| format!("{text}\n  {problem}"))
}
