use async_trait::async_trait;
use atelier_entities::idempotency_keys;
use atelier_queue::{QueueError, Transaction, removal::delete_some};
use sea_orm::{ColumnTrait, Condition};

use crate::personal::{Erased, Erasing, PersonalData};

/// Responses that are stored for people.
pub(crate) struct StoredResponses;

#[async_trait]
impl PersonalData for StoredResponses {
    fn name(&self) -> &'static str {
        "kept_answers"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["idempotency_keys"]
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let own = Condition::all().add(idempotency_keys::Column::UserId.eq(person.user));
        let rows = delete_some::<idempotency_keys::Entity>(tx, own, batch).await?;
        Ok(Erased::of(rows, u64::from(batch)))
    }
}
