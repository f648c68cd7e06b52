//! Outputs with the values that are in the object store.

use atelier_entities::{RunId, workflow_runs};
use atelier_providers::object_store::{ObjectError, Objects};
use futures::future::BoxFuture;
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Map, Value};

use super::{Piece, compose::Rows, ends_of};
use crate::{
    engine::{NodeId, ScopePath},
    runs::store::find_version,
    workflows::versions::LoadedVersion,
};

/// Reads what runs and their nodes gave.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    db: &'a DatabaseConnection,
    objects: &'a Objects,
}

/// Why an output cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The object store failed.
    #[error(transparent)]
    Storage(#[from] ObjectError),
    /// A stored value is no JSON, or is gone.
    #[error("the object {0} cannot be read")]
    Broken(String),
}

impl<'a> Reader<'a> {
    /// A reader of this database and object store.
    #[must_use]
    pub const fn new(db: &'a DatabaseConnection, objects: &'a Objects) -> Self {
        Self { db, objects }
    }

    /// What nodes of a run gave, in their order. A node that did not run, or failed, gave nothing.
    ///
    /// # Errors
    /// If the database or the object store fails.
    pub async fn node_outputs(
        &self,
        run: RunId,
        version: &LoadedVersion,
        nodes: &[(ScopePath, NodeId)],
    ) -> Result<Vec<Option<Value>>, OutputError> {
        let wanted = nodes.iter().map(|(_, node)| *node).collect();
        let rows = Rows::load(self.db, &[(run, &version.plan, wanted)]).await?;
        let mut outputs = Vec::with_capacity(nodes.len());
        for (scope, node) in nodes {
            outputs.push(match rows.of_node(run, &version.plan, scope, *node) {
                Some(piece) => Some(self.value_of(piece).await?),
                None => None,
            });
        }
        Ok(outputs)
    }

    /// What a run gave.
    ///
    /// # Errors
    /// If the database or the object store fails.
    pub async fn run_output(
        &self,
        run: RunId,
        version: &LoadedVersion,
    ) -> Result<Option<Value>, OutputError> {
        let root = ScopePath::root();
        let ends = ends_of(&version.plan, version.plan.nodes_of(&root));
        let rows = Rows::load(self.db, &[(run, &version.plan, ends)]).await?;
        match rows.of_scope(run, &version.plan, &root) {
            Some(piece) => self.value_of(piece).await.map(Some),
            None => Ok(None),
        }
    }

    /// The input of a run.
    ///
    /// # Errors
    /// If the database or the object store fails.
    pub async fn run_input(&self, run: RunId) -> Result<Value, OutputError> {
        let found: Option<(Option<Value>, Option<String>)> = workflow_runs::Entity::find_by_id(run)
            .select_only()
            .columns([workflow_runs::Column::Input, workflow_runs::Column::InputObject])
            .into_tuple()
            .one(self.db)
            .await?;
        match found {
            Some((_, Some(object))) => self.object(object).await,
            Some((value, None)) => Ok(value.unwrap_or_default()),
            None => Ok(Value::Null),
        }
    }

    async fn object(&self, key: String) -> Result<Value, OutputError> {
        let Some((bytes, _)) = self.objects.get(&key).await? else { return Err(OutputError::Broken(key)) };
        serde_json::from_slice(&bytes).map_err(|_| OutputError::Broken(key))
    }

    fn value_of(self, piece: Piece) -> BoxFuture<'a, Result<Value, OutputError>> {
        Box::pin(async move {
            Ok(match piece {
                Piece::Value(value) => value,
                Piece::Object { key, .. } => self.object(key).await?,
                Piece::Input(run) => self.run_input(run).await?,
                Piece::Child { parent, attempt } => self.child_output(parent, attempt).await?,
                Piece::List(parts) => {
                    let mut values = Vec::with_capacity(parts.len());
                    for part in parts {
                        values.push(self.value_of(part).await?);
                    }
                    Value::Array(values)
                }
                Piece::Map(parts) => {
                    let mut fields = Map::new();
                    for (name, part) in parts {
                        fields.insert(name, self.value_of(part).await?);
                    }
                    Value::Object(fields)
                }
            })
        })
    }

    /// What the child run of an attempt gave. Null where there is none.
    ///
    /// # Errors
    /// If the database or the object store fails.
    pub(crate) async fn child_output(&self, parent: RunId, attempt: String) -> Result<Value, OutputError> {
        let child = workflow_runs::Entity::find()
            .filter(workflow_runs::Column::ParentId.eq(parent))
            .filter(workflow_runs::Column::ParentAttempt.eq(attempt))
            .select_only()
            .columns([workflow_runs::Column::Id, workflow_runs::Column::VersionId]);
        let Some((run, version)) = child.into_tuple().one(self.db).await? else { return Ok(Value::Null) };
        let Some(version) = find_version(self.db, version).await? else { return Ok(Value::Null) };
        Ok(self.run_output(run, &version).await?.unwrap_or_default())
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
