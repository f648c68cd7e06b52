use async_trait::async_trait;
use atelier_entities::{RunId, UserId, workflow_runs, workflow_waits};
use atelier_foundation::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows};
use atelier_queue::{QueueError, QueueName, Transaction};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use super::{advance::advance, event::RunEvent, purge::delete_runs, store::LockedRuns};

/// Runs that one step deletes, with their nodes.
const BATCH: u64 = 50;

/// People's runs.
pub(crate) struct OwnedRuns;

#[async_trait]
impl PersonalData for OwnedRuns {
    fn name(&self) -> &'static str {
        "workflow_runs"
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "workflow_runs",
            "workflow_node_runs",
            "workflow_node_attempts",
            "workflow_edge_runs",
            "workflow_loop_runs",
            "workflow_item_runs",
            "workflow_waits",
            "workflow_signals",
        ]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "workflow_runs", position: 56 }]
    }

    async fn read(&self, db: &DatabaseConnection, _list: &str, page: Page) -> Result<Rows, DbErr> {
        let own = workflow_runs::Entity::find().filter(workflow_runs::Column::UserId.eq(page.user));
        Ok(Rows::new(page.fetch(db, own, workflow_runs::Column::Id).await?, |run| run.id.0))
    }

    fn work_queues(&self) -> &'static [QueueName] {
        &[QueueName::Workflow]
    }

    /// Cancels and deletes some runs. From the transaction that closes the account on, their attempts do nothing,
    /// and whatever happens to one of them cancels it: see [`advance`].
    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let limit = BATCH.min(u64::from(batch));
        let some = workflow_runs::Entity::find()
            .select_only()
            .column(workflow_runs::Column::Id)
            .filter(workflow_runs::Column::UserId.eq(person.user))
            .order_by_asc(workflow_runs::Column::Id)
            .limit(limit);
        let some: Vec<RunId> = some.into_tuple().all(&**tx).await?;
        if some.is_empty() {
            return unname(tx, person.user).await;
        }
        let mut locked = LockedRuns::default();
        locked.lock(tx, &some).await?;
        let open = locked.runs.iter().filter(|(_, run)| !run.row.status.is_final());
        let cancels: Vec<_> = open.map(|(id, _)| (*id, RunEvent::Cancel)).collect();
        if !cancels.is_empty() {
            advance(tx, cancels).await?;
        }
        Ok(Erased { rows: delete_runs(tx, &some).await?, is_done: false })
    }
}

/// Takes a person out of the decisions about other people's approvals.
async fn unname(tx: &Transaction, user: UserId) -> Result<Erased, QueueError> {
    let answered = workflow_waits::Column::AnsweredBy.eq(user);
    if workflow_waits::Entity::find().filter(answered.clone()).count(&**tx).await? > 0 {
        let nobody = Expr::value(Option::<uuid::Uuid>::None);
        let unnamed =
            workflow_waits::Entity::update_many().col_expr(workflow_waits::Column::AnsweredBy, nobody);
        unnamed.filter(answered).exec(&**tx).await?;
    }
    Ok(Erased { rows: 0, is_done: true })
}
