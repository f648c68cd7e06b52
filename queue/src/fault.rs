//! Faults of the database and the transport: each has a code for programs and a sentence
//! without internals.

use sea_orm::{DbErr, RuntimeErr, sqlx};

/// Why a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It is unreachable.
    Away,
    /// It is reachable and does not answer in time.
    NoAnswer,
    /// It is read-only: a replica, or configured so.
    ReadOnly,
    /// Its disk or memory is full.
    Full,
    /// The user lacks a permission, or the password is wrong.
    Forbidden,
    /// Its storage fails: disk errors, or a damaged file.
    Broken,
    /// Another reason, which is logged.
    Refused,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 7] = [
        Self::Away,
        Self::NoAnswer,
        Self::ReadOnly,
        Self::Full,
        Self::Forbidden,
        Self::Broken,
        Self::Refused,
    ];

    /// Stable, `UPPER_SNAKE`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Away => "AWAY",
            Self::NoAnswer => "NO_ANSWER",
            Self::ReadOnly => "READ_ONLY",
            Self::Full => "FULL",
            Self::Forbidden => "FORBIDDEN",
            Self::Broken => "BROKEN",
            Self::Refused => "REFUSED",
        }
    }

    /// The cause as a clause that follows a colon.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Away => "it cannot be reached",
            Self::NoAnswer => "it does not answer in time",
            Self::ReadOnly => "it takes no writes: it is a replica, or set to read only",
            Self::Full => "it takes no writes: its disk or memory is full",
            Self::Forbidden => "its user may not do what the work needs",
            Self::Broken => "its storage fails",
            Self::Refused => "it refuses what the work needs: the log has the reason",
        }
    }

    /// Whether it may pass within a moment, such as a lost connection.
    pub(crate) const fn may_pass(self) -> bool {
        matches!(self, Self::Away | Self::NoAnswer)
    }

    /// The fault in an error of the database; none where it was busy with another writer.
    pub(crate) fn of_database(error: &DbErr) -> Option<Self> {
        match error {
            DbErr::ConnectionAcquire(_) => Some(Self::Away),
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => match &**error {
                sqlx::Error::Database(answer) => of_code(&answer.code().unwrap_or_default()),
                sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut => Some(Self::Away),
                _ => Some(Self::Refused),
            },
            _ => Some(Self::Refused),
        }
    }

    /// The fault in an error of Redis.
    pub(crate) fn of_redis(error: &redis::RedisError) -> Self {
        if error.is_timeout() {
            return Self::NoAnswer;
        }
        if error.is_io_error() || error.is_connection_dropped() || error.is_connection_refusal() {
            return Self::Away;
        }
        match error.code().unwrap_or_default() {
            "READONLY" => Self::ReadOnly,
            "OOM" => Self::Full,
            "NOPERM" | "NOAUTH" | "WRONGPASS" => Self::Forbidden,
            // Redis cannot save to its disk, and is configured to refuse writes then.
            "MISCONF" => Self::Broken,
            "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" => Self::Away,
            // Within a script Redis 7 has no code for this.
            _ if error.to_string().contains("The user executing the script can't") => Self::Forbidden,
            _ if error.kind() == redis::ErrorKind::AuthenticationFailed => Self::Forbidden,
            _ => Self::Refused,
        }
    }
}

/// The fault of a SQLSTATE of PostgreSQL, five characters long, or of a result code of SQLite,
/// a number whose lowest byte is the primary code.
fn of_code(code: &str) -> Option<Fault> {
    if code.len() == 5 {
        return match code {
            "25006" => Some(Fault::ReadOnly),
            "53100" | "53200" => Some(Fault::Full),
            "42501" | "28000" | "28P01" => Some(Fault::Forbidden),
            "57014" => Some(Fault::NoAnswer),
            "58030" | "XX001" | "XX002" => Some(Fault::Broken),
            "40001" | "40P01" | "55P03" => None,
            _ if ["08", "53", "57P"].iter().any(|class| code.starts_with(class)) => Some(Fault::Away),
            _ => Some(Fault::Refused),
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6) => None,
        Ok(8) => Some(Fault::ReadOnly),
        Ok(13) => Some(Fault::Full),
        Ok(3 | 23) => Some(Fault::Forbidden),
        Ok(10 | 11 | 14 | 26) => Some(Fault::Broken),
        _ => Some(Fault::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_map_to_faults() {
        for (code, fault) in [
            ("25006", Some(Fault::ReadOnly)),
            ("53100", Some(Fault::Full)),
            ("53300", Some(Fault::Away)),
            ("57P03", Some(Fault::Away)),
            ("42501", Some(Fault::Forbidden)),
            ("40001", None),
            ("23505", Some(Fault::Refused)),
            ("8", Some(Fault::ReadOnly)),
            ("1032", Some(Fault::ReadOnly)),
            ("13", Some(Fault::Full)),
            ("517", None),
            ("778", Some(Fault::Broken)),
            ("", Some(Fault::Refused)),
        ] {
            assert_eq!(of_code(code), fault, "{code}");
        }
    }
}
