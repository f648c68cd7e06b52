//! The end of a process: its exit code, and the report of its failure.

use std::process::ExitCode;

use atelier_config::{ConfigError, LogFormat};
use atelier_ops::logging;

use crate::demo;

/// Exit code for a wrong configuration or command line.
pub(super) const EXIT_CONFIG: u8 = 2;
/// Exit code after Ctrl-C, as shells use it.
const EXIT_INTERRUPTED: u8 = 130;

/// Reports the failure of a process in its log format.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExitReporter {
    role: &'static str,
    format: LogFormat,
}

impl ExitReporter {
    /// For commands: always text, whatever the log format is.
    pub(super) const COMMAND: Self = Self { role: "atelier", format: LogFormat::Pretty };

    /// For a process whose output is its log.
    pub(super) const fn of_process(role: &'static str, format: LogFormat) -> Self {
        Self { role, format }
    }

    /// Writes the reason of a failure to standard error and returns the exit code.
    pub(super) fn exit_code(self, outcome: &anyhow::Result<()>) -> ExitCode {
        let Err(error) = outcome else { return ExitCode::SUCCESS };
        if let Some(problems) = error.downcast_ref::<ConfigError>() {
            self.report(&problems.to_string());
            return ExitCode::from(EXIT_CONFIG);
        }
        let start = if self.format == LogFormat::Pretty { "error: " } else { "" };
        self.report(&format!("{start}{}", describe(error)));
        if error.is::<demo::Interrupted>() { ExitCode::from(EXIT_INTERRUPTED) } else { ExitCode::FAILURE }
    }

    fn report(self, message: &str) {
        logging::log_fatal(self.format, self.role, module_path!(), message);
    }
}

/// An error with its causes. Many errors repeat the text of their cause: each text is written
/// once.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};
    use sea_orm::{DbErr, RuntimeErr, sqlx};

    use super::*;

    #[test]
    fn a_cause_is_written_once() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = DbErr::Conn(RuntimeErr::SqlxError(sqlx::Error::Io(refused).into()));
        let text = describe(&anyhow::Error::from(error).context("cannot begin"));

        assert_eq!(text.matches("connection refused").count(), 1, "{text}");
        assert!(text.starts_with("cannot begin: "), "{text}");

        let plain = Err::<(), _>(anyhow!("inner")).context("outer").expect_err("an error");
        assert_eq!(describe(&plain), "outer: inner");
    }
}
