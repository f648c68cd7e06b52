//! How a process ends: its exit code, and what it says of the reason.

use std::process::ExitCode;

use atelier_config::{ConfigError, LogFormat};
use atelier_ops::logging;

use crate::demo;

/// Exit code where the configuration or the command line is wrong.
pub(super) const EXIT_USAGE: u8 = 2;
/// Exit code where Ctrl-C came before the end, as shells have it.
const EXIT_INTERRUPTED: u8 = 130;

/// Who ends and how it writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    role: &'static str,
    format: LogFormat,
}

impl Ending {
    /// A command that somebody typed: it tells people, whatever the format of the logs.
    pub(super) const COMMAND: Self = Self { role: "atelier", format: LogFormat::Pretty };

    /// A process whose output is its log.
    pub(super) const fn of_process(role: &'static str, format: LogFormat) -> Self {
        Self { role, format }
    }

    /// The code of this outcome; why it failed is told on standard error.
    pub(super) fn exit_code(self, outcome: &anyhow::Result<()>) -> ExitCode {
        let Err(error) = outcome else { return ExitCode::SUCCESS };
        if let Some(problems) = error.downcast_ref::<ConfigError>() {
            self.tell(&problems.to_string());
            return ExitCode::from(EXIT_USAGE);
        }
        let start = if self.format == LogFormat::Pretty { "error: " } else { "" };
        self.tell(&format!("{start}{}", describe(error)));
        if error.is::<demo::Interrupted>() { ExitCode::from(EXIT_INTERRUPTED) } else { ExitCode::FAILURE }
    }

    fn tell(self, message: &str) {
        logging::log_fatal(self.format, self.role, module_path!(), message);
    }
}

/// An error with its causes, each once: many repeat in their own text what caused them.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.contains(&cause) {
            continue;
        }
        if !told.is_empty() {
            told.push_str(": ");
        }
        told.push_str(&cause);
    }
    told
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};
    use sea_orm::{DbErr, RuntimeErr, sqlx};

    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = DbErr::Conn(RuntimeErr::SqlxError(sqlx::Error::Io(refused).into()));
        let told = describe(&anyhow::Error::from(error).context("cannot begin"));

        assert_eq!(told.matches("connection refused").count(), 1, "{told}");
        assert!(told.starts_with("cannot begin: "), "{told}");

        let plain = Err::<(), _>(anyhow!("inner")).context("outer").expect_err("an error");
        assert_eq!(describe(&plain), "outer: inner");
    }
}
