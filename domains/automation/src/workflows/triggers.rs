use atelier_entities::{WorkflowId, workflow_triggers, workflows};
use atelier_foundation::{Actor, audit};
use atelier_queue::Transaction;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::{Value, json};

use super::{WorkflowError, Workflows, commands::lock, rows, versions, workflow_target};
use crate::graph::Graph;

impl Workflows {
    /// Lets the triggers of a workflow fire.
    ///
    /// # Errors
    /// If it was never published.
    pub async fn enable(&self, actor: &Actor, id: WorkflowId) -> Result<workflows::Model, WorkflowError> {
        self.set_enabled(actor, id, true).await
    }

    /// Lets no trigger of a workflow fire any more. Its runs go on.
    ///
    /// # Errors
    /// If there is none.
    pub async fn disable(&self, actor: &Actor, id: WorkflowId) -> Result<workflows::Model, WorkflowError> {
        self.set_enabled(actor, id, false).await
    }

    async fn set_enabled(
        &self,
        actor: &Actor,
        id: WorkflowId,
        enabled: bool,
    ) -> Result<workflows::Model, WorkflowError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let workflow = lock(&tx, user, id).await?;
        if workflow.enabled == enabled {
            return Ok(workflow);
        }
        if enabled {
            let published = workflow.published_id.ok_or(WorkflowError::NotPublished)?;
            let graph = rows::read(&*tx, published).await?;
            self.write_triggers(&tx, &workflow, &graph).await?;
        } else {
            clear_triggers(&tx, id).await?;
        }
        let mut row = workflow.into_active_model();
        row.enabled = Set(enabled);
        row.updated_at = Set(tx.now());
        let workflow = row.update(&*tx).await?;
        let action = if enabled { "workflow.enable" } else { "workflow.disable" };
        audit::record(&tx, actor, action, workflow_target(id), json!({})).await?;
        tx.commit().await?;
        Ok(workflow)
    }

    /// Replaces the rows of the triggers of an enabled workflow by those of this graph.
    pub(super) async fn write_triggers(
        &self,
        tx: &Transaction,
        workflow: &workflows::Model,
        graph: &Graph,
    ) -> Result<(), WorkflowError> {
        clear_triggers(tx, workflow.id).await?;
        let rows: Vec<_> = versions::triggers(graph, &self.catalog)
            .map(|node| workflow_triggers::ActiveModel {
                workflow_id: Set(workflow.id),
                node: Set(node.key.clone()),
                user_id: Set(workflow.user_id),
                kind: Set(node.kind.clone()),
                event: Set(node.config.get("event").and_then(Value::as_str).map(str::to_owned)),
                config: Set(Value::Object(node.config.clone())),
            })
            .collect();
        if !rows.is_empty() {
            workflow_triggers::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
        }
        Ok(())
    }
}

/// Deletes the rows of the triggers of a workflow.
pub(super) async fn clear_triggers(tx: &Transaction, id: WorkflowId) -> Result<(), WorkflowError> {
    let of_workflow = workflow_triggers::Column::WorkflowId.eq(id);
    workflow_triggers::Entity::delete_many().filter(of_workflow).exec(&**tx).await?;
    Ok(())
}
