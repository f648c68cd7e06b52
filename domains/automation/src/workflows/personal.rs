use async_trait::async_trait;
use atelier_entities::{UserId, WorkflowId, workflow_triggers, workflows};
use atelier_foundation::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows};
use atelier_queue::{QueueError, Transaction};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::ERASED_AT_ONCE;

/// People's workflows with their drafts and versions.
pub(crate) struct OwnedWorkflows;

#[async_trait]
impl PersonalData for OwnedWorkflows {
    fn name(&self) -> &'static str {
        "workflows"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["workflows", "workflow_versions", "workflow_nodes", "workflow_edges", "workflow_triggers"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "workflows", position: 55 }]
    }

    async fn read(&self, db: &DatabaseConnection, _list: &str, page: Page) -> Result<Rows, DbErr> {
        let own = workflows::Entity::find_owned(page.user);
        Ok(Rows::new(page.fetch(db, own, workflows::Column::Id).await?, |workflow| workflow.id.0))
    }

    /// Lets no trigger fire any more.
    async fn withdraw(&self, tx: &Transaction, user: UserId) -> Result<(), QueueError> {
        let enabled = workflows::Entity::find_owned(user)
            .select_only()
            .column(workflows::Column::Id)
            .filter(workflows::Column::Enabled.eq(true))
            .order_by_asc(workflows::Column::Id)
            .lock_exclusive();
        let enabled: Vec<WorkflowId> = enabled.into_tuple().all(&**tx).await?;
        if enabled.is_empty() {
            return Ok(());
        }
        let triggers = workflow_triggers::Entity::delete_many();
        triggers.filter(workflow_triggers::Column::UserId.eq(user)).exec(&**tx).await?;
        workflows::Entity::update_many()
            .col_expr(workflows::Column::Enabled, Expr::value(false))
            .filter(workflows::Column::UserId.eq(user))
            .filter(workflows::Column::Enabled.eq(true))
            .exec(&**tx)
            .await?;
        Ok(())
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let limit = u64::from(batch.min(ERASED_AT_ONCE));
        let some = workflows::Entity::find()
            .select_only()
            .column(workflows::Column::Id)
            .filter(workflows::Column::UserId.eq(person.user))
            .order_by_asc(workflows::Column::Id)
            .limit(limit)
            .lock_exclusive();
        let some: Vec<WorkflowId> = some.into_tuple().all(&**tx).await?;
        if some.is_empty() {
            return Ok(Erased::of(0, limit));
        }
        let gone = workflows::Entity::delete_many().filter(workflows::Column::Id.is_in(some));
        Ok(Erased::of(gone.exec(&**tx).await?.rows_affected, limit))
    }
}
