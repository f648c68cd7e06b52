//! Values with the parts that are in the object store.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use atelier_entities::{RunId, WorkflowVersionId, workflow_runs};
use atelier_providers::object_store::ObjectError;
use futures::future::BoxFuture;
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Map, Value};

use super::{
    Composer, MAX_OUTPUT_BYTES, Needs, Piece, Rows, StoredValues,
    items::read_items,
    piece::{Budget, LoopAt, json_bytes},
};
use crate::{
    engine::ScopePath,
    runs::store::{Place, find_version},
    workflows::versions::LoadedVersion,
};

/// Most bytes of a value that is made of several, as JSON: those of four outputs.
const MAX_MADE_BYTES: usize = 4 * MAX_OUTPUT_BYTES;

/// Reads what runs and their nodes were given and gave.
pub struct Reader<'a> {
    db: &'a DatabaseConnection,
    values: &'a StoredValues,
    /// The outputs of loops that were made.
    loops: Mutex<HashMap<(RunId, Place), Arc<Value>>>,
    /// The list of which an element was read last: its other elements follow.
    list: Mutex<Option<(Arc<str>, Arc<Value>)>>,
}

/// Why a value cannot be read.
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
    /// The value is made of more, or deeper, parts than are put together.
    #[error("the value is larger than an output may be")]
    TooLarge,
}

impl<'a> Reader<'a> {
    /// A reader of this database and these stored values.
    #[must_use]
    pub fn new(db: &'a DatabaseConnection, values: &'a StoredValues) -> Self {
        Self { db, values, loops: Mutex::default(), list: Mutex::default() }
    }

    /// What a node of a run gave. None if it did not run, or failed.
    ///
    /// # Errors
    /// If the database or the object store fails, or the output is too large.
    pub async fn node_output(
        &self,
        run: RunId,
        version: &Arc<LoadedVersion>,
        place: &Place,
    ) -> Result<Option<Value>, OutputError> {
        let mut needs = Needs::default();
        needs.add_output(&version.plan, place);
        let rows = Rows::read(self.db, run, &version.plan, needs).await?;
        self.own(Composer::new(run, version.clone(), rows).output(place)).await
    }

    /// What a node of a run was given. None if it did not run, or begins the run.
    ///
    /// # Errors
    /// If the database or the object store fails, or the input is too large.
    pub async fn node_input(
        &self,
        run: RunId,
        version: &Arc<LoadedVersion>,
        place: &Place,
    ) -> Result<Option<Value>, OutputError> {
        let mut needs = Needs::default();
        needs.add_edges(place);
        needs.add_input(&version.plan, place);
        let rows = Rows::read(self.db, run, &version.plan, needs).await?;
        self.own(Composer::new(run, version.clone(), rows).given(place)).await
    }

    /// The input of a run.
    ///
    /// # Errors
    /// If the database or the object store fails.
    pub async fn run_input(&self, run: RunId) -> Result<Value, OutputError> {
        Ok(self.own(Some(Piece::Input(run))).await?.unwrap_or_default())
    }

    async fn own(&self, piece: Option<Piece>) -> Result<Option<Value>, OutputError> {
        match piece {
            Some(piece) => Ok(Some(Arc::unwrap_or_clone(self.value_of(&piece).await?))),
            None => Ok(None),
        }
    }

    /// The value of a piece.
    pub(crate) async fn value_of(&self, piece: &Piece) -> Result<Arc<Value>, OutputError> {
        match piece {
            Piece::Value(value) => Ok(value.clone()),
            piece => self.make(piece, &mut Budget::new(MAX_MADE_BYTES)).await,
        }
    }

    fn make<'v>(
        &'v self,
        piece: &'v Piece,
        budget: &'v mut Budget,
    ) -> BoxFuture<'v, Result<Arc<Value>, OutputError>> {
        Box::pin(async move {
            match piece {
                Piece::Value(value) => {
                    budget.spend(json_bytes(value)).ok_or(OutputError::TooLarge)?;
                    Ok(value.clone())
                }
                Piece::Object { key, .. } => {
                    let (value, bytes) = self.values.load(key).await?;
                    budget.spend(bytes).ok_or(OutputError::TooLarge)?;
                    Ok(value)
                }
                Piece::Element { key, index } => {
                    let list = self.load_list(key).await?;
                    let value = list.get(*index).cloned().unwrap_or_default();
                    budget.spend(json_bytes(&value)).ok_or(OutputError::TooLarge)?;
                    Ok(Arc::new(value))
                }
                Piece::Input(run) => {
                    let input = self.find_input(*run).await?;
                    self.make(&input, budget).await
                }
                Piece::Child { parent, attempt } => self.child_output(*parent, attempt, budget).await,
                Piece::Loop(at) => self.loop_output(at, budget).await,
                Piece::List(parts) => {
                    budget.enter().ok_or(OutputError::TooLarge)?;
                    let mut values = Vec::with_capacity(parts.len());
                    for part in &**parts {
                        values.push(Arc::unwrap_or_clone(self.make(part, budget).await?));
                    }
                    budget.leave();
                    Ok(Arc::new(Value::Array(values)))
                }
                Piece::Map(parts) => {
                    budget.enter().ok_or(OutputError::TooLarge)?;
                    let mut fields = Map::new();
                    for (name, part) in &**parts {
                        fields.insert(name.clone(), Arc::unwrap_or_clone(self.make(part, budget).await?));
                    }
                    budget.leave();
                    Ok(Arc::new(Value::Object(fields)))
                }
            }
        })
    }

    /// The value of a piece that stands for an output: it has no more bytes than one may have.
    async fn make_output(&self, piece: &Piece, budget: &mut Budget) -> Result<Arc<Value>, OutputError> {
        let mut part = budget.part(MAX_OUTPUT_BYTES);
        let before = part.left();
        let value = self.make(piece, &mut part).await?;
        budget.spend(before.saturating_sub(part.left())).ok_or(OutputError::TooLarge)?;
        Ok(value)
    }

    async fn load_list(&self, key: &Arc<str>) -> Result<Arc<Value>, OutputError> {
        let last = || self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last().as_ref().filter(|(known, _)| known == key).map(|(_, list)| list.clone());
        if let Some(known) = known {
            return Ok(known);
        }
        let (list, _) = self.values.load(key).await?;
        *last() = Some((key.clone(), list.clone()));
        Ok(list)
    }

    async fn find_input(&self, run: RunId) -> Result<Piece, OutputError> {
        let found: Option<(Option<Value>, Option<String>)> = workflow_runs::Entity::find_by_id(run)
            .select_only()
            .columns([workflow_runs::Column::Input, workflow_runs::Column::InputObject])
            .into_tuple()
            .one(self.db)
            .await?;
        let (value, object) = found.unwrap_or_default();
        Ok(Piece::of_columns(value.as_ref(), object.as_deref(), 0).unwrap_or_else(Piece::null))
    }

    /// What the child run of an attempt gave. Null if there is none.
    async fn child_output(
        &self,
        parent: RunId,
        attempt: &str,
        budget: &mut Budget,
    ) -> Result<Arc<Value>, OutputError> {
        let child = workflow_runs::Entity::find()
            .filter(workflow_runs::Column::ParentId.eq(parent))
            .filter(workflow_runs::Column::ParentAttempt.eq(attempt))
            .select_only()
            .columns([workflow_runs::Column::Id, workflow_runs::Column::VersionId]);
        let Some((run, version)) = child.into_tuple::<(RunId, WorkflowVersionId)>().one(self.db).await?
        else {
            return Ok(Arc::default());
        };
        let Some(version) = find_version(self.db, version).await? else { return Ok(Arc::default()) };
        let root = ScopePath::root();
        let mut needs = Needs::default();
        needs.add_result(&version.plan, &root);
        let rows = Rows::read(self.db, run, &version.plan, needs).await?;
        match Composer::new(run, version, rows).result_of(&root) {
            Some(piece) => self.make_output(&piece, budget).await,
            None => Ok(Arc::default()),
        }
    }

    /// The output of a loop whose items were not read yet.
    async fn loop_output(&self, at: &LoopAt, budget: &mut Budget) -> Result<Arc<Value>, OutputError> {
        let LoopAt { run, version, place } = at;
        let made = || self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (*run, place.clone());
        let known = made().get(&key).cloned();
        if let Some(known) = known {
            budget.spend(json_bytes(&known)).ok_or(OutputError::TooLarge)?;
            return Ok(known);
        }
        let rows = read_items(self.db, *run, &version.plan, place).await?;
        let piece = Composer::new(*run, version.clone(), rows).loop_output(place);
        let value = self.make_output(&piece, budget).await?;
        made().insert(key, value.clone());
        Ok(value)
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
