//! Deleting runs that ended long ago, with their objects.

use std::time::Duration;

use atelier_entities::{RunId, VersionKind, workflow_runs, workflow_versions};
use atelier_foundation::objects::enqueue_removal;
use atelier_queue::{Queue, QueueError, Sql, Transaction, removal::delete_in_batches};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};

use super::{MAX_INLINE_LIST_BYTES, run_folder};

/// How long ended runs are kept: thirty days.
pub(crate) const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Deletes runs that ended longer ago than they are kept, in batches. A run is kept as long as one of its tree:
/// a parent may refer to what its child gave, and a child to what its parent gave it.
pub(crate) async fn purge_runs(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let mut deleted = 0;
    loop {
        let tx = queue.begin().await?;
        let expired = list_expired(&tx, batch).await?;
        let rows = delete_runs(&tx, &expired).await?;
        tx.commit().await?;
        deleted += rows;
        if expired.len() < usize::try_from(batch).unwrap_or(usize::MAX) {
            break;
        }
    }
    delete_in_batches::<workflow_versions::Entity>(queue, unused_tests(queue), batch).await?;
    Ok(deleted)
}

/// Deletes these runs and what belongs to them.
pub(crate) async fn delete_runs(tx: &Transaction, runs: &[RunId]) -> Result<u64, QueueError> {
    if runs.is_empty() {
        return Ok(0);
    }
    enqueue_removal(tx, list_folders(tx, runs).await?).await?;
    let gone =
        workflow_runs::Entity::delete_many().filter(workflow_runs::Column::Id.is_in(runs.iter().copied()));
    Ok(gone.exec(&**tx).await?.rows_affected)
}

async fn list_expired(tx: &Transaction, batch: u32) -> Result<Vec<RunId>, DbErr> {
    let before = tx.now() - RETENTION;
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT runs.id FROM workflow_runs AS runs WHERE runs.finished_at < ")
        .bind(before)
        .push(" AND NOT EXISTS (SELECT 1 FROM workflow_runs AS others WHERE others.root_id = runs.root_id AND (others.finished_at IS NULL OR others.finished_at >= ")
        .bind(before)
        .push(")) ORDER BY runs.finished_at LIMIT ")
        .push(&batch.to_string())
        .skip_locked_of("runs");
    tx.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// The folders of those of the runs that may have objects. A run that succeeded with small values has none.
async fn list_folders(tx: &Transaction, runs: &[RunId]) -> Result<Vec<String>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT id FROM workflow_runs WHERE (input_object IS NOT NULL OR status <> 'succeeded' OR output_bytes > ")
        .push(&MAX_INLINE_LIST_BYTES.to_string())
        .push(" OR EXISTS (SELECT 1 FROM workflow_node_runs AS nodes WHERE nodes.run_id = workflow_runs.id AND nodes.output_object IS NOT NULL)) AND id ")
        .among(runs);
    let rows = tx.query_all_raw(sql.build()).await?;
    rows.iter().map(|row| row.try_get_by_index(0).map(run_folder)).collect()
}

/// Copies of drafts whose runs are gone.
fn unused_tests(queue: &Queue) -> Condition {
    let is_unused =
        "NOT EXISTS (SELECT 1 FROM workflow_runs WHERE workflow_runs.version_id = workflow_versions.id)";
    // The kind is in the text, so that the partial index serves it.
    Condition::all()
        .add(Expr::cust(format!("workflow_versions.kind = '{}'", VersionKind::Test)))
        .add(workflow_versions::Column::CreatedAt.lt(queue.now() - RETENTION))
        .add(Expr::cust(is_unused))
}
