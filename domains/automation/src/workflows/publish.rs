use atelier_entities::{
    VersionKind, WorkflowId, WorkflowVersionId, workflow_runs, workflow_versions, workflows,
};
use atelier_foundation::{Actor, FieldErrors, audit, validation};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect, QueryTrait,
};
use serde_json::json;

use super::{
    Expected, WorkflowError, Workflows,
    checks::calls_others,
    commands::{lock, lock_account},
    has_errors, rows, versions, workflow_target,
};

/// Published versions that are kept of a workflow, beside those that runs have.
pub const KEPT_VERSIONS: i32 = 100;
/// Maximum length of a version's note, in characters.
pub const MAX_NOTE: usize = 500;

impl Workflows {
    /// Publishes the draft as the next version. New runs walk it; runs that are under way keep theirs. Where
    /// the workflow is enabled, the triggers of the version fire from now on.
    ///
    /// # Errors
    /// If the draft has errors: all are listed. If it is at another revision than expected.
    pub async fn publish(
        &self,
        actor: &Actor,
        id: WorkflowId,
        expected: Option<Expected>,
        note: Option<String>,
    ) -> Result<workflow_versions::Model, WorkflowError> {
        let user = actor.person()?;
        let note = note.map(|note| validation::paragraph(&note, MAX_NOTE)).transpose();
        let note = note.map_err(|problem| FieldErrors::of("note", problem))?;
        let tx = self.queue.begin().await?;
        let workflow = lock(&tx, user, id).await?;
        expected.unwrap_or(Expected::Any).check(workflow.revision)?;
        let graph = rows::read(&*tx, workflow.draft_id).await?;
        if calls_others(&graph) {
            // Two workflows that are published at once see each other's calls: the second one waits here.
            lock_account(&tx, user).await?;
        }
        let faults = self.list_faults(&*tx, &workflow, &graph).await?;
        if has_errors(&faults) {
            return Err(WorkflowError::Faulty(faults));
        }
        let number = workflow.last_number + 1;
        let new = versions::NewVersion {
            kind: VersionKind::Published,
            number: Some(number),
            note: note.filter(|note| !note.is_empty()),
        };
        let version = versions::create_from_draft(&tx, actor, &workflow, new).await?;
        if workflow.enabled {
            self.write_triggers(&tx, &workflow, &graph).await?;
        }
        let mut row = workflow.into_active_model();
        row.published_id = Set(Some(version));
        row.last_number = Set(number);
        row.updated_at = Set(tx.now());
        let workflow = row.update(&*tx).await?;
        delete_old(&tx, &workflow).await?;
        let context = json!({"version": number, "revision": workflow.revision});
        audit::record(&tx, actor, "workflow.publish", workflow_target(id), context).await?;
        let version = workflow_versions::Entity::find_by_id(version).one(&*tx).await?;
        let version = version.ok_or(WorkflowError::NotFound)?;
        tx.commit().await?;
        Ok(version)
    }
}

impl Workflows {
    /// Copies the draft of a locked workflow to a version that a run of a test has.
    ///
    /// # Errors
    /// If the draft has errors: all are listed.
    pub(crate) async fn create_test(
        &self,
        tx: &Transaction,
        actor: &Actor,
        workflow: &workflows::Model,
    ) -> Result<WorkflowVersionId, WorkflowError> {
        let graph = rows::read(&**tx, workflow.draft_id).await?;
        let faults = self.list_faults(&**tx, workflow, &graph).await?;
        if has_errors(&faults) {
            return Err(WorkflowError::Faulty(faults));
        }
        let new = versions::NewVersion { kind: VersionKind::Test, number: None, note: None };
        versions::create_from_draft(tx, actor, workflow, new).await
    }
}

/// Deletes old versions that no run has. Whoever starts a run locks the workflow, so that none begins on them
/// meanwhile.
async fn delete_old(tx: &Transaction, workflow: &workflows::Model) -> Result<(), DbErr> {
    let of_runs = workflow_runs::Entity::find()
        .select_only()
        .column(workflow_runs::Column::VersionId)
        .filter(workflow_runs::Column::WorkflowId.eq(workflow.id))
        .into_query();
    workflow_versions::Entity::delete_many()
        .filter(workflow_versions::Column::WorkflowId.eq(workflow.id))
        .filter(workflow_versions::Column::Kind.eq(VersionKind::Published))
        .filter(workflow_versions::Column::Number.lte(workflow.last_number - KEPT_VERSIONS))
        .filter(workflow_versions::Column::Id.not_in_subquery(of_runs))
        .exec(&**tx)
        .await
        .map(drop)
}
