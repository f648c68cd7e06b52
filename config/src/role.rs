//! The roles of a process.

use std::fmt;

/// The part of the platform that a process runs. A split role needs the settings of what
/// all processes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `atelier`: everything in one process.
    Embedded,
    /// `atelier-api`
    Api,
    /// `atelier-worker`
    Worker,
    /// `atelier-scheduler`
    Scheduler,
}

impl Role {
    /// The name of the role's binary.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "atelier",
            Self::Api => "atelier-api",
            Self::Worker => "atelier-worker",
            Self::Scheduler => "atelier-scheduler",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
