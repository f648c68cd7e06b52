//! Pausing and limiting queues.

use atelier_entities::{Timestamp, UserId, queues};
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};

use crate::{Queue, Transaction, claim::lock_queue, error::QueueError, limits::QueueLimits, name::QueueName};

impl Queue {
    /// Stops workers from claiming jobs of that queue. Running jobs go on.
    pub async fn pause(&self, queue: QueueName, by: Option<UserId>) -> Result<(), QueueError> {
        let tx = self.begin().await?;
        tx.pause(queue, by).await?;
        tx.commit().await
    }

    /// Lets workers claim jobs of that queue again.
    pub async fn resume(&self, queue: QueueName) -> Result<(), QueueError> {
        let tx = self.begin().await?;
        tx.resume(queue).await?;
        tx.commit().await
    }

    /// Sets the limits of a queue over all workers, from the next claim on.
    /// Running jobs above a new limit go on.
    pub async fn set_limits(&self, queue: QueueName, limits: QueueLimits) -> Result<(), QueueError> {
        let tx = self.begin().await?;
        tx.set_limits(queue, limits).await?;
        tx.commit().await
    }

    /// Changes the current limits of a queue under its lock, so that concurrent changes do not
    /// overwrite each other. Answers the new limits.
    pub async fn change_limits(
        &self,
        queue: QueueName,
        change: impl FnOnce(QueueLimits) -> QueueLimits,
    ) -> Result<QueueLimits, QueueError> {
        let tx = self.begin().await?;
        let changed = tx.change_limits(queue, change).await;
        tx.close(changed).await
    }

    /// The limits of a queue.
    pub async fn get_limits(&self, queue: QueueName) -> Result<QueueLimits, QueueError> {
        let row = queues::Entity::find_by_id(queue.as_str()).one(self.db()).await?;
        Ok(row.as_ref().map(QueueLimits::of).unwrap_or_default())
    }
}

impl Transaction {
    /// [`Queue::pause`] in this transaction.
    pub async fn pause(&self, queue: QueueName, by: Option<UserId>) -> Result<(), QueueError> {
        self.set_paused(queue, Some(self.now()), by).await
    }

    /// [`Queue::resume`] in this transaction.
    pub async fn resume(&self, queue: QueueName) -> Result<(), QueueError> {
        self.note_unblocked(queue);
        self.set_paused(queue, None, None).await
    }

    async fn set_paused(
        &self,
        queue: QueueName,
        at: Option<Timestamp>,
        by: Option<UserId>,
    ) -> Result<(), QueueError> {
        let mut row = unlimited(queue, self.now());
        row.paused_at = Set(at);
        row.paused_by = Set(by);
        let update = OnConflict::column(queues::Column::Name)
            .update_columns([queues::Column::PausedAt, queues::Column::PausedBy, queues::Column::UpdatedAt])
            .to_owned();
        queues::Entity::insert(row).on_conflict(update).exec_without_returning(&**self).await?;
        Ok(())
    }

    /// [`Queue::change_limits`] in this transaction.
    pub async fn change_limits(
        &self,
        queue: QueueName,
        change: impl FnOnce(QueueLimits) -> QueueLimits,
    ) -> Result<QueueLimits, QueueError> {
        let nothing = OnConflict::column(queues::Column::Name).do_nothing().to_owned();
        let row = unlimited(queue, self.now());
        queues::Entity::insert(row).on_conflict(nothing).exec_without_returning(&**self).await?;
        let row = lock_queue(self, queue).await?;
        let limits = change(row.as_ref().map(QueueLimits::of).unwrap_or_default());
        self.set_limits(queue, limits).await?;
        Ok(limits)
    }

    /// [`Queue::set_limits`] in this transaction. Earlier starts count towards a new rate.
    pub async fn set_limits(&self, queue: QueueName, limits: QueueLimits) -> Result<(), QueueError> {
        self.note_unblocked(queue);
        let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        let mut row = unlimited(queue, self.now());
        row.max_running = Set(limits.max_running.map(number));
        row.max_running_per_owner = Set(limits.max_running_per_owner.map(number));
        row.rate_limit = Set(limits.rate.map(|rate| number(rate.count)));
        row.rate_period_secs =
            Set(limits.rate.map(|rate| i32::try_from(rate.period.as_secs().max(1)).unwrap_or(i32::MAX)));
        let update = OnConflict::column(queues::Column::Name)
            .update_columns([
                queues::Column::MaxRunning,
                queues::Column::MaxRunningPerOwner,
                queues::Column::RateLimit,
                queues::Column::RatePeriodSecs,
                queues::Column::UpdatedAt,
            ])
            .to_owned();
        queues::Entity::insert(row).on_conflict(update).exec_without_returning(&**self).await?;
        Ok(())
    }
}

fn unlimited(queue: QueueName, now: Timestamp) -> queues::ActiveModel {
    queues::ActiveModel {
        name: Set(queue.as_str().to_owned()),
        paused_at: Set(None),
        paused_by: Set(None),
        max_running: Set(None),
        max_running_per_owner: Set(None),
        rate_limit: Set(None),
        rate_period_secs: Set(None),
        rate_starts: Set(None),
        updated_at: Set(now),
    }
}
