//! The catalogue of faults.

use std::{fmt, time::Duration};

use anyhow::bail;

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal),+ $(,)?) => {
        /// A fault that can be injected.
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
    /// SIGKILL to one scheduler and one of the product.
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
    /// Redis has no room for what is written to it, for a while.
    RedisFull = "redis-full",
    /// Redis is a read-only replica for a while.
    RedisReadonly = "redis-readonly",
    /// Redis forbids every key and every channel for a while.
    RedisForbidden = "redis-forbidden",
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
    /// PostgreSQL has no room for new data for a while.
    PostgresFull = "postgres-full",
    /// PostgreSQL takes no writes for a while.
    PostgresReadonly = "postgres-readonly",
    /// PostgreSQL dies, and a standby that has every commit takes its place.
    PostgresFailover = "postgres-failover",
    /// Every connection to PostgreSQL is cut.
    PostgresCut = "postgres-cut",
    /// Nothing passes to or from PostgreSQL for a while, then everything does.
    PostgresStall = "postgres-stall",
    /// Open connections to PostgreSQL never answer again; new ones work.
    PostgresHole = "postgres-hole",
    /// The disk is full for a while.
    DiskFull = "disk-full",
    /// The disk takes no change for a while.
    DiskReadonly = "disk-readonly",
    /// The disk fails to write for a while.
    DiskFailing = "disk-failing",
    /// The disk takes long for every commit, for a while.
    DiskSlow = "disk-slow",
    /// SIGKILL to every process, whose next starts find a disk that takes no change.
    StartReadonly = "start-readonly",
    /// Another process holds the write lock of the files for a while.
    DatabaseLock = "database-lock",
}

/// The runs that a fault belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runs {
    All,
    ScaledOut,
    Embedded,
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

    /// Every fault of a run.
    pub(super) fn of_run(embedded: bool) -> Vec<Self> {
        Self::ALL.iter().copied().filter(|fault| fault.is_of_run(embedded)).collect()
    }

    /// Whether the fault belongs to such a run.
    pub(super) fn is_of_run(self, embedded: bool) -> bool {
        match self.runs() {
            Runs::All => true,
            Runs::ScaledOut => !embedded,
            Runs::Embedded => embedded,
        }
    }

    const fn runs(self) -> Runs {
        match self {
            Self::WorkerKill | Self::WorkerPause | Self::WorkerDrain | Self::Poison | Self::ApiKill => {
                Runs::All
            }
            Self::DiskFull
            | Self::DiskReadonly
            | Self::DiskFailing
            | Self::DiskSlow
            | Self::StartReadonly
            | Self::DatabaseLock => Runs::Embedded,
            _ => Runs::ScaledOut,
        }
    }

    /// Whether it needs a running product.
    pub(super) const fn needs_product(self) -> bool {
        matches!(self, Self::ApiKill)
    }

    /// The promised time until work goes on, where there is such a promise.
    pub(super) fn promise(self, heartbeat: Duration) -> Option<Duration> {
        match self {
            Self::WorkerKill | Self::WorkerPause | Self::Poison => {
                Some(heartbeat * 2 + Duration::from_secs(1))
            }
            Self::RedisRestart
            | Self::RedisLose
            | Self::RedisFlush
            | Self::RedisFull
            | Self::RedisReadonly
            | Self::RedisForbidden
            | Self::RedisCut => Some(Duration::from_secs(5)),
            Self::DiskFull | Self::DiskReadonly | Self::DiskFailing => Some(Duration::from_secs(2)),
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
        assert_eq!(Fault::RedisForbidden.promise(heartbeat), Some(Duration::from_secs(5)));
        assert_eq!(Fault::DiskFull.promise(heartbeat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn every_fault_is_of_a_run_and_in_the_document() {
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reliability.md");
        let document = std::fs::read_to_string(document).expect("the document");
        let table = document.split("| fault | what happens |").nth(1).expect("the table of faults");
        let table = table.split("\n\n").next().expect("its rows");
        for fault in Fault::ALL {
            assert!(fault.is_of_run(false) || fault.is_of_run(true), "{fault}");
            assert!(table.contains(&format!("`{fault}`")), "{fault} is not in the document");
        }
        assert!(Fault::of_run(true).contains(&Fault::DiskFull));
        assert!(!Fault::of_run(true).contains(&Fault::RedisFlush));
        assert!(!Fault::of_run(false).contains(&Fault::DiskFull));
    }
}
