//! Administrators' commands on queues, each with its audit entry.

use atelier_queue::{QueueLimits, QueueName, Transaction};
use serde_json::{Value, json};

use super::{Maintenance, MaintenanceError};
use atelier_foundation::{Actor, audit};

impl Maintenance {
    /// Pauses a queue: workers claim no more of its jobs; running jobs continue.
    pub async fn pause_queue(&self, actor: &Actor, queue: QueueName) -> Result<(), MaintenanceError> {
        let tx = self.queue.begin().await?;
        tx.pause(queue, actor.user()).await?;
        self.finish(tx, actor, queue, ("queue.pause", json!({}))).await
    }

    /// Resumes a queue.
    pub async fn resume_queue(&self, actor: &Actor, queue: QueueName) -> Result<(), MaintenanceError> {
        let tx = self.queue.begin().await?;
        tx.resume(queue).await?;
        self.finish(tx, actor, queue, ("queue.resume", json!({}))).await
    }

    /// Changes the limits of a queue over all workers, from the next claim on. Returns the
    /// new limits.
    pub async fn limit_queue(
        &self,
        actor: &Actor,
        queue: QueueName,
        change: impl FnOnce(QueueLimits) -> QueueLimits,
    ) -> Result<QueueLimits, MaintenanceError> {
        let tx = self.queue.begin().await?;
        let limits = tx.change_limits(queue, change).await?;
        let rate = limits.rate.map(|rate| json!({"count": rate.count, "period_secs": rate.period.as_secs()}));
        let context = json!({
            "max_running": limits.max_running,
            "max_running_per_owner": limits.max_running_per_owner,
            "rate": rate,
        });
        self.finish(tx, actor, queue, ("queue.limit", context)).await?;
        Ok(limits)
    }

    async fn finish(
        &self,
        tx: Transaction,
        actor: &Actor,
        queue: QueueName,
        (action, context): (&str, Value),
    ) -> Result<(), MaintenanceError> {
        audit::record(&tx, actor, action, Some(format!("queue:{queue}")), context).await?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use atelier_foundation::testing::acting;
    use std::time::Duration;

    use atelier_entities::audit_log;
    use atelier_queue::Rate;
    use sea_orm::{EntityTrait, QueryOrder};

    use super::*;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn every_action_on_a_queue_is_recorded() {
        let fixture = Fixture::new().await;
        let admin = fixture.register("root@example.org").await;
        let actor = acting(admin.id);
        let maintenance = &fixture.services.maintenance;
        let rate = Rate { count: 10, period: Duration::from_secs(60) };
        let limits = QueueLimits { max_running: Some(3), max_running_per_owner: None, rate: Some(rate) };

        maintenance.pause_queue(&actor, QueueName::Email).await.expect("paused");
        maintenance.resume_queue(&actor, QueueName::Email).await.expect("resumed");
        maintenance.limit_queue(&actor, QueueName::Email, |_| limits).await.expect("limited");

        let queue = &fixture.services.queue;
        assert_eq!(queue.get_limits(QueueName::Email).await.expect("limits"), limits);
        let entries = audit_log::Entity::find().order_by_desc(audit_log::Column::Id);
        let entries = entries.all(queue.db()).await.expect("listed");
        let actions: Vec<&str> = entries.iter().take(3).map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["queue.limit", "queue.resume", "queue.pause"]);
        assert_eq!(entries[0].target.as_deref(), Some("queue:email"));
        assert_eq!(entries[0].context["rate"], json!({"count": 10, "period_secs": 60}));
        assert!(entries.iter().take(3).all(|entry| entry.actor_id == Some(admin.id)));
    }
}
