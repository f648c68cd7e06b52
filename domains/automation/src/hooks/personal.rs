use async_trait::async_trait;
use atelier_entities::{UserId, WorkflowHookId, workflow_hook_calls as calls, workflow_hooks};
use atelier_foundation::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows};
use atelier_queue::{QueueError, Transaction, removal::delete_some};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

/// Hooks that one step deletes, with their secrets.
const BATCH: u64 = 20;

/// People's webhooks. Neither tokens nor secrets are in an export.
pub(crate) struct OwnedHooks;

#[async_trait]
impl PersonalData for OwnedHooks {
    fn name(&self) -> &'static str {
        "workflow_hooks"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["workflow_hooks", "workflow_hook_secrets", "workflow_hook_calls", "workflow_hook_test_calls"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "workflow_hooks", position: 59 }]
    }

    async fn read(&self, db: &DatabaseConnection, _list: &str, page: Page) -> Result<Rows, DbErr> {
        let own = workflow_hooks::Entity::find_owned(page.user);
        Ok(Rows::new(page.fetch(db, own, workflow_hooks::Column::Id).await?, |hook| hook.id.0))
    }

    /// Takes the addresses away.
    async fn withdraw(&self, tx: &Transaction, user: UserId) -> Result<(), QueueError> {
        use workflow_hooks::Column as C;
        if lock_some(tx, user, None).await?.is_empty() {
            return Ok(());
        }
        workflow_hooks::Entity::update_many()
            .col_expr(C::TokenHash, Expr::value(None::<String>))
            .col_expr(C::TokenPrefix, Expr::value(None::<String>))
            .filter(C::UserId.eq(user))
            .exec(&**tx)
            .await?;
        Ok(())
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let some = lock_some(tx, person.user, Some(u64::from(batch).min(BATCH))).await?;
        if some.is_empty() {
            return Ok(Erased { rows: 0, is_done: true });
        }
        // A hook may have many calls: they are deleted in batches before it.
        let of_them = Condition::all().add(calls::Column::HookId.is_in(some.iter().copied()));
        let rows = delete_some::<calls::Entity>(tx, of_them, batch).await?;
        if rows >= u64::from(batch) {
            return Ok(Erased { rows, is_done: false });
        }
        let gone = workflow_hooks::Entity::delete_many().filter(workflow_hooks::Column::Id.is_in(some));
        Ok(Erased { rows: rows + gone.exec(&**tx).await?.rows_affected, is_done: false })
    }
}

/// Locks hooks of a person, in the order of their ids.
async fn lock_some(tx: &Transaction, user: UserId, limit: Option<u64>) -> Result<Vec<WorkflowHookId>, DbErr> {
    workflow_hooks::Entity::find_owned(user)
        .select_only()
        .column(workflow_hooks::Column::Id)
        .order_by_asc(workflow_hooks::Column::Id)
        .limit(limit)
        .lock_exclusive()
        .into_tuple()
        .all(&**tx)
        .await
}
