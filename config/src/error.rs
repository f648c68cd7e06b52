//! The problems of a configuration, reported all at once.

use std::fmt;

use crate::settings::LogFormat;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The compiled `default.toml`.
    Default,
    /// A configuration file, by its name.
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

/// One problem. Its text never contains the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting's full name, such as `queue.heartbeat_secs`.
    pub key: String,
    /// What is wrong, and what is expected.
    pub message: String,
    /// Where the invalid value came from.
    pub source: Source,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.key, self.message, self.source)
    }
}

/// All problems of a configuration; `Display` lists them one per line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigError {
    /// At least one problem, in the order of layers and checks.
    pub problems: Vec<Problem>,
    /// The log format of the process, in which it reports the problems.
    pub log_format: LogFormat,
}

fn lines(problems: &[Problem]) -> String {
    let head = match problems.len() {
        1 => "the configuration has a problem:".to_owned(),
        count => format!("the configuration has {count} problems:"),
    };
    problems.iter().fold(head, |text, problem| format!("{text}\n  {problem}"))
}
