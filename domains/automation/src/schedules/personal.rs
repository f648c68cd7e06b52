use async_trait::async_trait;
use atelier_entities::{Timestamp, UserId, WorkflowScheduleId, workflow_schedules};
use atelier_foundation::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows};
use atelier_queue::{QueueError, Transaction};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

/// Schedules that one step deletes, with their fire times.
const BATCH: u64 = 20;

/// People's schedules.
pub(crate) struct OwnedSchedules;

#[async_trait]
impl PersonalData for OwnedSchedules {
    fn name(&self) -> &'static str {
        "workflow_schedules"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["workflow_schedules", "workflow_schedule_ticks"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "workflow_schedules", position: 58 }]
    }

    async fn read(&self, db: &DatabaseConnection, _list: &str, page: Page) -> Result<Rows, DbErr> {
        let own = workflow_schedules::Entity::find_owned(page.user);
        Ok(Rows::new(page.fetch(db, own, workflow_schedules::Column::Id).await?, |schedule| schedule.id.0))
    }

    /// Lets no schedule fire any more.
    async fn withdraw(&self, tx: &Transaction, user: UserId) -> Result<(), QueueError> {
        use workflow_schedules::Column as C;
        let ids = workflow_schedules::Entity::find_owned(user)
            .select_only()
            .column(C::Id)
            .order_by_asc(C::Id)
            .lock_exclusive();
        let ids: Vec<WorkflowScheduleId> = ids.into_tuple().all(&**tx).await?;
        if ids.is_empty() {
            return Ok(());
        }
        workflow_schedules::Entity::update_many()
            .col_expr(C::PausedAt, Expr::value(tx.now()))
            .col_expr(C::NextFireAt, Expr::value(None::<Timestamp>))
            .filter(C::UserId.eq(user))
            .exec(&**tx)
            .await?;
        Ok(())
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let limit = u64::from(batch).min(BATCH);
        let some = workflow_schedules::Entity::find_owned(person.user)
            .select_only()
            .column(workflow_schedules::Column::Id)
            .order_by_asc(workflow_schedules::Column::Id)
            .limit(limit)
            .lock_exclusive();
        let some: Vec<WorkflowScheduleId> = some.into_tuple().all(&**tx).await?;
        if some.is_empty() {
            return Ok(Erased::of(0, limit));
        }
        let gone =
            workflow_schedules::Entity::delete_many().filter(workflow_schedules::Column::Id.is_in(some));
        Ok(Erased::of(gone.exec(&**tx).await?.rows_affected, limit))
    }
}
