//! The parts of an installation that differ between embedded and scaled-out runs.

use anyhow::Context;
use atelier_queue::Queue;
use sea_orm::DatabaseConnection;

use crate::{
    chaos::{
        cli::Options,
        enqueuer::Enqueuer,
        infrastructure::Infrastructure,
        kinds,
        processes::{Processes, Product},
        supervisor::Supervisor,
    },
    servers::{reaper::Reaper, scratch::Scratch},
};

/// The parts that differ between embedded and scaled-out runs.
pub(super) struct Parts {
    pub(super) infrastructure: Infrastructure,
    pub(super) processes: Processes,
    pub(super) product: Option<Product>,
    pub(super) enqueuer: Enqueuer,
    /// The run's database and the product's.
    pub(super) direct: [DatabaseConnection; 2],
    pub(super) servers: Vec<String>,
}

/// What the parts are started with.
pub(super) struct Setup<'a> {
    pub(super) options: &'a Options,
    pub(super) scratch: &'a Scratch,
    pub(super) reaper: &'a Reaper,
    pub(super) supervisor: &'a Supervisor,
}

/// Gives a queue its limits.
pub(super) async fn limit(queue: &Queue) -> anyhow::Result<()> {
    let (name, limits) = kinds::LIMITED;
    queue.set_limits(name, limits).await.context("cannot limit a queue").map(drop)
}
