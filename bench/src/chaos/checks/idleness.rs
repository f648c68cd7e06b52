//! Whether every worker works, once all faults are over.

use std::collections::HashMap;

use atelier_entities::{Timestamp, workers};
use atelier_queue::QueueName;
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};

use super::Check;
use crate::chaos::tables::statement;

/// Queues that have work for everybody, at any time.
const BUSY: [QueueName; 4] =
    [QueueName::Generation, QueueName::Deployment, QueueName::Email, QueueName::Workflow];

/// The workers that were there while all was well and there was work.
pub(in crate::chaos) struct Shift {
    /// When all was well again.
    pub(in crate::chaos) from: Timestamp,
    /// Their process ids.
    pub(in crate::chaos) pids: Vec<u32>,
}

impl Shift {
    /// Every worker took jobs of every queue. Asked while they are still there.
    pub(in crate::chaos) async fn check(&self, direct: &DatabaseConnection) -> anyhow::Result<Check> {
        let pids: HashMap<_, i32> = workers::Entity::find()
            .all(direct)
            .await?
            .into_iter()
            .map(|worker| (worker.id, worker.pid))
            .collect();
        let sql = "SELECT worker_id, queue, COUNT(*) AS jobs FROM jobs WHERE started_at >= $1 AND worker_id IS NOT NULL GROUP BY worker_id, queue";
        let mut took: HashMap<(i32, String), i64> = HashMap::new();
        for row in direct.query_all_raw(statement(sql, [self.from.into()])).await? {
            if let Some(pid) = pids.get(&row.try_get("", "worker_id")?) {
                took.insert((*pid, row.try_get("", "queue")?), row.try_get("", "jobs")?);
            }
        }
        let mut breaches = Vec::new();
        for pid in &self.pids {
            for queue in BUSY {
                let key = (i32::try_from(*pid).unwrap_or_default(), queue.to_string());
                if !took.contains_key(&key) {
                    breaches
                        .push(format!("process {pid} took no job of {queue} since {}: {took:?}", self.from));
                }
            }
        }
        Ok(Check::new("no worker stays idle while there is work", self.pids.len() * BUSY.len(), breaches))
    }
}
