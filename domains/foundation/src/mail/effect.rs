//! The effect of a delivery job on the outbox.

use async_trait::async_trait;
use atelier_entities::{JobState, MailId, MailStatus, mail_messages};
use atelier_queue::{Effect, EffectError, EndedJob, Transaction};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

/// Marks a mail as failed if its job ended without storing a result: its last attempt timed
/// out or lost its worker, or the job was cancelled.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryEnded;

#[async_trait]
impl Effect for DeliveryEnded {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        let Some(id) = job.subject.map(MailId) else { return Ok(()) };
        let reason = job.error.as_ref().and_then(|error| error["message"].as_str());
        mail_messages::Entity::update_many()
            .col_expr(mail_messages::Column::Status, Expr::value(MailStatus::Failed))
            .col_expr(mail_messages::Column::Error, Expr::value(reason.unwrap_or("it was not delivered")))
            .filter(mail_messages::Column::Id.eq(id))
            .filter(mail_messages::Column::Status.eq(MailStatus::Queued))
            .exec(&**tx)
            .await?;
        Ok(())
    }

    fn wants(&self, state: JobState) -> bool {
        state != JobState::Succeeded
    }
}

#[cfg(test)]
mod tests;
