//! Everything that a run starts: its servers or disk, and its processes.

use std::{sync::Arc, time::Duration};

use sea_orm::DatabaseConnection;

use super::{
    cli::Options,
    enqueuer::Enqueuer,
    infrastructure::Infrastructure,
    processes::{Processes, Product},
    supervisor::Supervisor,
};
use crate::servers::{reaper::Reaper, scratch::Scratch};

mod embedded;
mod parts;
mod scaled_out;

use parts::{Parts, Setup};

/// A whole installation under a run's control.
pub(super) struct Installation {
    pub(super) infrastructure: Infrastructure,
    pub(super) processes: Processes,
    pub(super) product: Option<Product>,
    /// How the run enqueues.
    pub(super) enqueuer: Arc<Enqueuer>,
    /// A connection to the run's database that no fault affects.
    pub(super) direct: DatabaseConnection,
    /// The same to the product's database.
    pub(super) product_direct: DatabaseConnection,
    /// Names and versions of the servers.
    pub(super) servers: Vec<String>,
    pub(super) heartbeat: Duration,
    supervisor: Supervisor,
    reaper: Reaper,
    scratch: Scratch,
}

impl Installation {
    /// Starts everything; on an error stops what was started.
    pub(super) async fn start(options: &Options) -> anyhow::Result<Self> {
        let scratch = Scratch::create("atelier-chaos-", options.keep)?;
        let reaper = Reaper::start(scratch.path(), options.keep)?;
        let supervisor = Supervisor::new(reaper.clone());
        let setup = Setup { options, scratch: &scratch, reaper: &reaper, supervisor: &supervisor };
        let parts = match options.embedded {
            true => embedded::start(&setup).await,
            false => scaled_out::start(&setup).await,
        };
        let Parts { infrastructure, processes, product, enqueuer, direct: [direct, product_direct], servers } =
            match parts {
                Ok(parts) => parts,
                Err(error) => {
                    supervisor.stop().await;
                    return Err(error);
                }
            };
        Ok(Self {
            infrastructure,
            processes,
            product,
            enqueuer: Arc::new(enqueuer),
            direct,
            product_direct,
            servers,
            heartbeat: options.heartbeat(),
            supervisor,
            reaper,
            scratch,
        })
    }

    /// The folder of the run.
    pub(super) const fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Number of restarts of all processes.
    pub(super) fn count_restarts(&self) -> u64 {
        let product = self.product.iter().flat_map(Product::all);
        self.processes.all().chain(product).map(|member| member.starts().saturating_sub(1)).sum()
    }

    /// Stops every supervised process.
    pub(super) async fn stop_processes(&self) {
        self.supervisor.stop().await;
    }

    /// Stops the servers and removes the folder, unless it is to be kept.
    pub(super) async fn finish(self) -> anyhow::Result<()> {
        self.supervisor.stop().await;
        self.infrastructure.stop().await?;
        if let (true, Infrastructure::Disk(disk)) = (self.scratch.is_kept(), &self.infrastructure) {
            disk.keep(&self.scratch.folder("kept")?)?;
        }
        // The folder cannot be removed while something is mounted in it.
        drop(self.infrastructure);
        self.reaper.dismiss();
        Ok(())
    }
}
