//! Heartbeats of schedulers. Those of workers are in [`worker`](crate::worker).

use atelier_entities::{SchedulerId, schedulers};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::OnConflict};

use crate::{Queue, error::QueueError};

/// Missed heartbeats after which a scheduler counts as gone.
const ALIVE: u32 = 3;
/// Missed heartbeats after which its row is deleted.
const KEPT: u32 = 12;

/// The heartbeat of one scheduler process.
#[derive(Clone, Debug)]
pub struct SchedulerHeartbeat {
    id: SchedulerId,
    host: String,
    version: String,
    started_at: atelier_entities::Timestamp,
}

impl SchedulerHeartbeat {
    /// The heartbeat of a scheduler that starts now.
    #[must_use]
    pub fn new(queue: &Queue, host: String, version: String) -> Self {
        Self { id: SchedulerId::new(), host, version, started_at: queue.now() }
    }

    /// Writes the scheduler's row, and deletes the rows of schedulers that are long gone. To
    /// be called every heartbeat of the queue.
    pub async fn beat(&self, queue: &Queue) -> Result<(), QueueError> {
        let now = queue.now();
        let row = schedulers::ActiveModel {
            id: Set(self.id),
            host: Set(self.host.clone()),
            pid: Set(i32::try_from(std::process::id()).unwrap_or(0)),
            version: Set(self.version.clone()),
            started_at: Set(self.started_at),
            heartbeat_at: Set(now),
        };
        let update = OnConflict::column(schedulers::Column::Id)
            .update_column(schedulers::Column::HeartbeatAt)
            .to_owned();
        let _turn = queue.write_turn().await;
        schedulers::Entity::insert(row).on_conflict(update).exec_without_returning(queue.db()).await?;
        schedulers::Entity::delete_many()
            .filter(schedulers::Column::HeartbeatAt.lt(now - queue.options().heartbeat * KEPT))
            .exec(queue.db())
            .await?;
        Ok(())
    }

    /// Deletes the scheduler's row.
    pub async fn remove(&self, queue: &Queue) -> Result<(), QueueError> {
        schedulers::Entity::delete_by_id(self.id).exec(queue.db()).await?;
        Ok(())
    }
}

impl Queue {
    /// Live schedulers, the oldest first.
    pub async fn list_schedulers(&self) -> Result<Vec<schedulers::Model>, QueueError> {
        let alive_since = self.now() - self.options().heartbeat * ALIVE;
        let rows = schedulers::Entity::find()
            .filter(schedulers::Column::HeartbeatAt.gte(alive_since))
            .order_by_asc(schedulers::Column::StartedAt)
            .order_by_asc(schedulers::Column::Id)
            .all(self.db())
            .await?;
        Ok(rows)
    }
}
