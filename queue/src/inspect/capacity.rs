//! The capacity of each queue: its workers, their slots, and its limits.

use std::collections::HashMap;

use atelier_entities::{queues, workers};
use sea_orm::EntityTrait;

use crate::{Queue, error::QueueError, limits::QueueLimits, name::QueueName};

/// How many jobs of a queue may run, and how many slots there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueCapacity {
    /// The queue.
    pub queue: QueueName,
    /// Its limits over all workers.
    pub limits: QueueLimits,
    /// Live workers that serve it and are not draining.
    pub workers: u64,
    /// Jobs that these workers can run at once.
    pub slots: u64,
}

impl Queue {
    /// The capacity of every queue, in the order of [`QueueName::ALL`].
    pub async fn list_capacity(&self) -> Result<Vec<QueueCapacity>, QueueError> {
        let all = self.list_workers().await?;
        let rows = queues::Entity::find().all(self.db()).await?;
        let limits: HashMap<&str, QueueLimits> =
            rows.iter().map(|row| (row.name.as_str(), QueueLimits::of(row))).collect();
        let of = |queue: QueueName| {
            let (workers, slots) = serving(&all, queue);
            let limits = limits.get(queue.as_str()).copied().unwrap_or_default();
            QueueCapacity { queue, limits, workers, slots }
        };
        Ok(QueueName::ALL.map(of).into())
    }
}

/// How many of these workers serve the queue, and with how many slots.
fn serving(workers: &[workers::Model], queue: QueueName) -> (u64, u64) {
    let slots = workers
        .iter()
        .filter(|worker| !worker.draining)
        .filter_map(|worker| worker.queues.get(queue.as_str())?.as_u64())
        .filter(|slots| *slots > 0);
    slots.fold((0, 0), |(count, sum), slots| (count + 1, sum + slots))
}
