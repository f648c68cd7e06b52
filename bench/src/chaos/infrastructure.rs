//! The servers or the disk that an installation uses, and their faults.

use super::{faults::Fault, recovery::Impact};

mod clusters;
mod disk;
mod outage;
mod servers;
mod shim;

pub(super) use disk::{Disk, create, open_for_reading, url, version};
pub(super) use servers::Servers;

/// Where an installation keeps its data.
pub(super) enum Infrastructure {
    /// PostgreSQL and Redis.
    Servers(Box<Servers>),
    /// Files of SQLite on a disk.
    Disk(Box<Disk>),
}

impl Infrastructure {
    /// Injects a fault of its own, and returns when it is over.
    pub(super) async fn apply(&self, fault: Fault, draws: [f64; 4]) -> anyhow::Result<Impact> {
        match self {
            Self::Servers(servers) => servers.apply(fault, draws).await,
            Self::Disk(disk) => disk.apply(fault, draws).await,
        }
    }

    /// Why a fault cannot be injected on this machine; none where it can.
    pub(super) fn unavailable_reason(&self, fault: Fault) -> Option<&'static str> {
        match self {
            Self::Servers(servers) => servers.unavailable_reason(fault),
            Self::Disk(disk) => disk.unavailable_reason(fault),
        }
    }

    /// Stops its servers.
    pub(super) async fn stop(&self) -> anyhow::Result<()> {
        match self {
            Self::Servers(servers) => servers.stop().await,
            Self::Disk(_) => Ok(()),
        }
    }
}
