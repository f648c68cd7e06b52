//! What an installation stands on, and the faults of it.

use std::time::Duration;

use super::{faults::Fault, recovery::Impact};

mod clusters;
mod disk;
mod servers;
mod shim;

pub(super) use disk::{Disk, create, open_for_reading, url, version};
pub(super) use servers::Servers;

/// How long Redis stays away.
const AWAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));

/// How long nothing passes, or nothing can be written.
const STALL: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(8));

/// What an installation keeps its data in.
pub(super) enum Infrastructure {
    /// PostgreSQL and Redis.
    Servers(Box<Servers>),
    /// Files of SQLite on a disk.
    Disk(Box<Disk>),
}

impl Infrastructure {
    /// Carries out a fault that is its own, and returns when it is over.
    pub(super) async fn apply(&self, fault: Fault, draws: [f64; 4]) -> anyhow::Result<Impact> {
        match self {
            Self::Servers(servers) => servers.apply(fault, draws).await,
            Self::Disk(disk) => disk.apply(fault, draws).await,
        }
    }

    /// Why a fault cannot be made here; none where it can.
    pub(super) fn unavailable_reason(&self, fault: Fault) -> Option<&'static str> {
        match self {
            Self::Servers(servers) => servers.unavailable_reason(fault),
            Self::Disk(disk) => disk.unavailable_reason(fault),
        }
    }

    /// Stops what of it runs.
    pub(super) async fn stop(&self) -> anyhow::Result<()> {
        match self {
            Self::Servers(servers) => servers.stop().await,
            Self::Disk(_) => Ok(()),
        }
    }
}
