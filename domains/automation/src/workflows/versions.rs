//! Versions: what a run walks, and what never changes.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use atelier_entities::{VersionKind, WorkflowId, WorkflowVersionId, workflow_versions, workflows};
use atelier_foundation::{Actor, Page, paging::fetch};
use atelier_queue::Transaction;
use hashlink::LruCache;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use super::{WorkflowError, Workflows, commands::find, rows};
use crate::{
    engine::{Plan, PlanError},
    graph::{Behaviour, Catalog, Graph, Node},
    nodes::catalog,
};

/// Most versions that a process keeps.
const MAX_CACHED: usize = 512;
/// Most bytes of the graphs that a process keeps, as JSON: those of 32 of the largest graphs. In memory a
/// graph and its plan take a few times as much.
const MAX_CACHED_BYTES: usize = 32 * crate::graph::MAX_BYTES;

/// A version in the form in which a run needs it.
#[derive(Debug)]
pub struct LoadedVersion {
    /// The version.
    pub id: WorkflowVersionId,
    /// Its workflow.
    pub workflow_id: WorkflowId,
    /// Its number, if it was published.
    pub number: Option<i32>,
    /// Its nodes and edges.
    pub graph: Graph,
    /// The same as the engine walks it.
    pub plan: Plan,
}

/// Why a version cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// No run can walk the graph: this process does not know one of its types.
    #[error("the version cannot be run: {0}")]
    Plan(#[from] PlanError),
}

/// A version that a process keeps, with the bytes of its graph.
type Cached = (Arc<LoadedVersion>, usize);

struct Cache {
    versions: LruCache<WorkflowVersionId, Cached>,
    bytes: usize,
}

static CACHE: LazyLock<Mutex<Cache>> =
    LazyLock::new(|| Mutex::new(Cache { versions: LruCache::new(MAX_CACHED), bytes: 0 }));

impl Cache {
    fn find(&mut self, id: WorkflowVersionId) -> Option<Arc<LoadedVersion>> {
        self.versions.get(&id).map(|(version, _)| version.clone())
    }

    fn keep(&mut self, version: Arc<LoadedVersion>, bytes: usize) {
        self.bytes += bytes;
        let full = self.versions.len() >= MAX_CACHED && !self.versions.contains_key(&version.id);
        let oldest = if full { self.versions.remove_lru().map(|(_, oldest)| oldest) } else { None };
        let replaced = self.versions.insert(version.id, (version, bytes));
        for (_, gone) in oldest.into_iter().chain(replaced) {
            self.bytes -= gone;
        }
        while self.bytes > MAX_CACHED_BYTES {
            let Some((_, (_, gone))) = self.versions.remove_lru() else { return };
            self.bytes -= gone;
        }
    }
}

/// A published version, or the copy of a draft that a run of a test has. It is kept in the process, since it
/// never changes. None if there is none, and for a draft, which is never run.
///
/// # Errors
/// If the database fails, or if this process does not know a type of its nodes.
pub async fn load(
    db: &impl ConnectionTrait,
    id: WorkflowVersionId,
) -> Result<Option<Arc<LoadedVersion>>, LoadError> {
    let cache = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = cache().find(id) {
        return Ok(Some(found));
    }
    let row = workflow_versions::Entity::find_by_id(id)
        .filter(workflow_versions::Column::Kind.ne(VersionKind::Draft))
        .one(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let graph = rows::read(db, id).await?;
    let bytes = serde_json::to_vec(&graph).map_or(crate::graph::MAX_BYTES, |text| text.len());
    let plan = Plan::new(&graph, &catalog())?;
    let version = LoadedVersion { id, workflow_id: row.workflow_id, number: row.number, graph, plan };
    let version = Arc::new(version);
    cache().keep(version.clone(), bytes);
    Ok(Some(version))
}

/// A version that is made of a draft.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// What it is for; not [`VersionKind::Draft`].
    pub kind: VersionKind,
    /// Its number, if it is published.
    pub number: Option<i32>,
    /// What its author says of it.
    pub note: Option<String>,
}

/// Copies the draft of a locked workflow to a new version that never changes. The graph does not leave the
/// database. The caller has validated it.
///
/// # Errors
/// If nobody acts, or the database fails.
pub async fn create_from_draft(
    tx: &Transaction,
    actor: &Actor,
    workflow: &workflows::Model,
    new: NewVersion,
) -> Result<WorkflowVersionId, WorkflowError> {
    let id = WorkflowVersionId::new();
    let row = workflow_versions::ActiveModel {
        id: Set(id),
        workflow_id: Set(workflow.id),
        kind: Set(new.kind),
        number: Set(new.number),
        note: Set(new.note),
        created_by: Set(actor.person()?),
        created_at: Set(tx.now()),
    };
    workflow_versions::Entity::insert(row).exec_without_returning(&**tx).await?;
    rows::copy(&**tx, workflow.draft_id, id).await?;
    Ok(id)
}

/// The enabled triggers of a graph.
pub fn triggers<'a>(graph: &'a Graph, catalog: &'a Catalog) -> impl Iterator<Item = &'a Node> {
    graph.nodes.iter().filter(|node| !node.disabled).filter(|node| {
        let shape =
            catalog.find(&node.kind, node.type_version).and_then(|kind| (kind.read)(&node.config).ok());
        shape.is_some_and(|shape| shape.behaviour == Behaviour::Trigger)
    })
}

impl Workflows {
    /// The published versions of a workflow, newest first, and their number.
    ///
    /// # Errors
    /// If there is no such workflow.
    pub async fn list_versions(
        &self,
        actor: &Actor,
        id: WorkflowId,
        page: Page,
    ) -> Result<(Vec<workflow_versions::Model>, u64), WorkflowError> {
        let user = actor.person()?;
        find(self.queue.db(), user, id).await?;
        let rows =
            workflow_versions::Entity::find_published(id).order_by_desc(workflow_versions::Column::Number);
        Ok(fetch(self.queue.db(), rows, page).await?)
    }
}

#[cfg(test)]
mod tests;
