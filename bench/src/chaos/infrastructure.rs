//! What an installation stands on, and the faults of it.

use std::time::Duration;

use super::{faults::Fault, recovery::Blow};

mod clusters;
mod disk;
mod servers;
mod shim;

pub(super) use disk::{Disk, create, look_at, url, version};
pub(super) use servers::Servers;

/// How long Redis stays away.
const AWAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));

/// How long nothing passes, or nothing can be written.
const STALL: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(8));

/// What an installation keeps its data in.
pub(super) enum Backing {
    /// PostgreSQL and Redis.
    Servers(Box<Servers>),
    /// Files of SQLite on a disk.
    Disk(Box<Disk>),
}

impl Backing {
    /// Carries out a fault that is its own, and returns when it is over.
    pub(super) async fn carry_out(&self, fault: Fault, dice: [f64; 4]) -> anyhow::Result<Blow> {
        match self {
            Self::Servers(servers) => servers.carry_out(fault, dice).await,
            Self::Disk(disk) => disk.carry_out(fault, dice).await,
        }
    }

    /// Why a fault cannot be made here; none where it can.
    pub(super) fn lacks(&self, fault: Fault) -> Option<&'static str> {
        match self {
            Self::Servers(servers) => servers.lacks(fault),
            Self::Disk(disk) => disk.lacks(fault),
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
