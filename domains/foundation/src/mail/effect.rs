//! What the end of a delivery changes in the outbox.

use async_trait::async_trait;
use atelier_entities::{JobState, MailId, MailStatus, mail_messages};
use atelier_queue::{Effect, EffectError, EndedJob, Transaction};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

/// Notes that a mail was not delivered where its job ended without saying so: its last
/// attempt took too long or lost its worker, or somebody cancelled it.
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
