//! Everything that a run starts: what it stands on, and its processes.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use atelier_queue::Queue;
use sea_orm::DatabaseConnection;

use super::{
    backing::Backing,
    cli::Options,
    desk::Desk,
    fleet::Fleet,
    kinds,
    members::{Members, Product},
};
use crate::servers::{scratch::Scratch, warden::Warden};

mod embedded;
mod scaled_out;

/// A whole installation under a run's control.
pub(super) struct Installation {
    pub(super) backing: Backing,
    pub(super) members: Members,
    pub(super) product: Option<Product>,
    /// Where the run enqueues.
    pub(super) desk: Arc<Desk>,
    /// The run's database, past everything that strikes.
    pub(super) direct: DatabaseConnection,
    /// The product's database in the same way.
    pub(super) product_direct: DatabaseConnection,
    /// What it runs on, by name and version.
    pub(super) servers: Vec<String>,
    pub(super) heartbeat: Duration,
    fleet: Fleet,
    warden: Warden,
    scratch: Scratch,
}

/// What each kind of run makes in its own way.
struct Parts {
    backing: Backing,
    members: Members,
    product: Option<Product>,
    desk: Desk,
    /// The run's database and the product's.
    direct: [DatabaseConnection; 2],
    servers: Vec<String>,
}

/// What is there before the parts are.
struct Ground<'a> {
    options: &'a Options,
    scratch: &'a Scratch,
    warden: &'a Warden,
    fleet: &'a Fleet,
}

impl Installation {
    /// Starts everything. What was started is stopped again where it fails.
    pub(super) async fn start(options: &Options) -> anyhow::Result<Self> {
        let scratch = Scratch::create("atelier-chaos-", options.keep)?;
        let warden = Warden::start(scratch.path(), options.keep)?;
        let fleet = Fleet::new(warden.clone());
        let ground = Ground { options, scratch: &scratch, warden: &warden, fleet: &fleet };
        let parts = match options.embedded {
            true => embedded::start(&ground).await,
            false => scaled_out::start(&ground).await,
        };
        let Parts { backing, members, product, desk, direct: [direct, product_direct], servers } = match parts
        {
            Ok(parts) => parts,
            Err(error) => {
                fleet.stop().await;
                return Err(error);
            }
        };
        Ok(Self {
            backing,
            members,
            product,
            desk: Arc::new(desk),
            direct,
            product_direct,
            servers,
            heartbeat: options.heartbeat(),
            fleet,
            warden,
            scratch,
        })
    }

    /// The folder of the run.
    pub(super) const fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// How often processes had to be started again.
    pub(super) fn count_restarts(&self) -> u64 {
        let product = self.product.iter().flat_map(Product::all);
        self.members.all().chain(product).map(|member| member.starts().saturating_sub(1)).sum()
    }

    /// Stops every process that is kept running.
    pub(super) async fn stop_processes(&self) {
        self.fleet.stop().await;
    }

    /// Stops the servers and removes the folder, unless it is to be kept.
    pub(super) async fn finish(self) -> anyhow::Result<()> {
        self.fleet.stop().await;
        self.backing.stop().await?;
        if let (true, Backing::Disk(disk)) = (self.scratch.is_kept(), &self.backing) {
            disk.keep(&self.scratch.folder("kept")?)?;
        }
        // Nothing may be mounted in a folder that is removed.
        drop(self.backing);
        self.warden.dismiss();
        Ok(())
    }
}

/// Gives a queue its limits.
async fn limit(queue: &Queue) -> anyhow::Result<()> {
    let (name, limits) = kinds::LIMITED;
    queue.set_limits(name, limits).await.context("cannot limit a queue").map(drop)
}
