//! The catalogue of faults.

use std::{fmt, time::Duration};

use anyhow::bail;

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal),+ $(,)?) => {
        /// Something that goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(super) enum Fault {
            $($(#[doc = $doc])+ $variant),+
        }

        impl Fault {
            /// Every fault.
            pub(super) const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name on the command line and in reports.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What happens.
            pub(super) fn describe(self) -> String {
                match self { $(Self::$variant => [$($doc),+].concat().trim().to_owned()),+ }
            }
        }
    };
}

faults! {
    /// SIGKILL to a worker in the middle of its jobs.
    WorkerKill = "worker-kill",
    /// SIGSTOP to a worker for longer than a lease, then SIGCONT.
    WorkerPause = "worker-pause",
    /// SIGTERM to a worker: it drains, as in a rolling restart.
    WorkerDrain = "worker-drain",
    /// A job that aborts its process each time it runs.
    Poison = "poison",
    /// SIGKILL to one scheduler.
    SchedulerKill = "scheduler-kill",
    /// SIGKILL to every scheduler at once.
    SchedulersKill = "schedulers-kill",
    /// SIGKILL to the API of the product.
    ApiKill = "api-kill",
    /// SIGKILL to Redis, which comes back with its data.
    RedisRestart = "redis-restart",
    /// SIGKILL to Redis, which comes back empty.
    RedisLose = "redis-lose",
    /// FLUSHALL.
    RedisFlush = "redis-flush",
    /// Every connection to Redis is cut.
    RedisCut = "redis-cut",
    /// Nothing passes to or from Redis for a while, then everything does.
    RedisStall = "redis-stall",
    /// Open connections to Redis never answer again; new ones work.
    RedisHole = "redis-hole",
    /// PostgreSQL is restarted in good order.
    PostgresRestart = "postgres-restart",
    /// PostgreSQL is stopped as by a crash, and recovers.
    PostgresCrash = "postgres-crash",
    /// Every connection to PostgreSQL is cut.
    PostgresCut = "postgres-cut",
    /// Nothing passes to or from PostgreSQL for a while, then everything does.
    PostgresStall = "postgres-stall",
    /// Open connections to PostgreSQL never answer again; new ones work.
    PostgresHole = "postgres-hole",
}

impl Fault {
    /// The fault of that name.
    pub(super) fn parse(name: &str) -> anyhow::Result<Self> {
        let found = Self::ALL.iter().copied().find(|fault| fault.name() == name.trim());
        let Some(fault) = found else {
            let known: Vec<String> = Self::ALL
                .iter()
                .map(|fault| format!("  {:<17} {}", fault.name(), fault.describe()))
                .collect();
            bail!("there is no fault {name:?}; all, none, or of these:\n{}", known.join("\n"));
        };
        Ok(fault)
    }

    /// Whether it strikes what is there only where the product's binaries are.
    pub(super) const fn needs_product(self) -> bool {
        matches!(self, Self::ApiKill)
    }

    /// How soon after it work must go on, where that is promised.
    pub(super) fn promise(self, heartbeat: Duration) -> Option<Duration> {
        match self {
            Self::WorkerKill | Self::WorkerPause | Self::Poison => {
                Some(heartbeat * 2 + Duration::from_secs(1))
            }
            Self::RedisRestart | Self::RedisLose | Self::RedisFlush | Self::RedisCut => {
                Some(Duration::from_secs(5))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_its_name() {
        for fault in Fault::ALL {
            assert_eq!(Fault::parse(fault.name()).expect("a fault"), *fault);
            assert!(fault.describe().ends_with('.'), "{fault}");
        }
    }

    #[test]
    fn promises_what_the_documents_promise() {
        let heartbeat = Duration::from_secs(5);

        assert_eq!(Fault::WorkerKill.promise(heartbeat), Some(Duration::from_secs(11)));
        assert_eq!(Fault::RedisFlush.promise(heartbeat), Some(Duration::from_secs(5)));
        assert_eq!(Fault::PostgresCrash.promise(heartbeat), None);
    }
}
