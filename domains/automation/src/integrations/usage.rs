//! Which workflows use an integration.

use std::collections::BTreeMap;

use atelier_entities::{IntegrationId, UserId, WorkflowId, WorkflowVersionId, workflow_nodes, workflows};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, LikeExpr},
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// The field of a config that names an integration.
pub(crate) const INTEGRATION: &str = "integration";
/// Most uses that are listed.
const MAX_LISTED: usize = 100;
/// Versions whose nodes one statement searches.
const VERSIONS_AT_ONCE: usize = 500;

/// A node that uses an integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// Its name.
    pub workflow: String,
    /// The key of the node.
    pub node: String,
    /// Whether it is in the published version; otherwise it is in the draft.
    pub published: bool,
}

/// The nodes of a person's drafts and published versions that name an integration.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    user: UserId,
    id: IntegrationId,
) -> Result<Vec<Usage>, DbErr> {
    type Workflow = (WorkflowId, String, WorkflowVersionId, Option<WorkflowVersionId>);
    let own: Vec<Workflow> = workflows::Entity::find_owned(user)
        .select_only()
        .columns([
            workflows::Column::Id,
            workflows::Column::Name,
            workflows::Column::DraftId,
            workflows::Column::PublishedId,
        ])
        .into_tuple()
        .all(db)
        .await?;
    let versions: BTreeMap<WorkflowVersionId, (WorkflowId, &str, bool)> = own
        .iter()
        .flat_map(|(workflow, name, draft, published)| {
            let published = published.map(|version| (version, (*workflow, name.as_str(), true)));
            published.into_iter().chain([(*draft, (*workflow, name.as_str(), false))])
        })
        .collect();
    let ids: Vec<WorkflowVersionId> = versions.keys().copied().collect();
    let mut found = Vec::new();
    for some in ids.chunks(VERSIONS_AT_ONCE) {
        for (version, node) in nodes_with(db, some, id.0).await? {
            let Some((workflow_id, name, published)) = versions.get(&version) else { continue };
            found.push(Usage {
                workflow_id: *workflow_id,
                workflow: (*name).to_owned(),
                node,
                published: *published,
            });
        }
        if found.len() >= MAX_LISTED {
            break;
        }
    }
    found.truncate(MAX_LISTED);
    Ok(found)
}

async fn nodes_with(
    db: &impl ConnectionTrait,
    versions: &[WorkflowVersionId],
    id: Uuid,
) -> Result<Vec<(WorkflowVersionId, String)>, DbErr> {
    use workflow_nodes::Column;
    let config = Expr::col(Column::Config).cast_as(Alias::new("text"));
    let nodes: Vec<(WorkflowVersionId, String, Value)> = workflow_nodes::Entity::find()
        .select_only()
        .columns([Column::VersionId, Column::Key, Column::Config])
        .filter(Column::VersionId.is_in(versions.iter().copied()))
        .filter(config.like(LikeExpr::new(format!("%{id}%"))))
        .into_tuple()
        .all(db)
        .await?;
    let names = |config: &Value| config[INTEGRATION].as_str().and_then(|text| text.parse().ok()) == Some(id);
    Ok(nodes
        .into_iter()
        .filter(|(.., config)| names(config))
        .map(|(version, key, _)| (version, key))
        .collect())
}
