//! Locking runs.

use std::sync::Arc;

use atelier_entities::{RunId, Timestamp, WorkflowVersionId};
use atelier_queue::{Sql, Transaction};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::{
    LockedRun, LockedRuns,
    rows::{RUN, RunRow},
};
use crate::workflows::versions::{self, LoadError, LoadedVersion};

/// Ids of one statement: below the parameters that SQLite allows.
const IDS: usize = 10_000;

impl LockedRuns {
    /// Locks these runs and all their parents, outer runs first and then by their ids. So whoever holds a
    /// run is the only one that may lock its children, and a parent can be changed with its child.
    pub(crate) async fn lock(&mut self, tx: &Transaction, runs: &[RunId]) -> Result<(), DbErr> {
        let missing: Vec<RunId> = runs.iter().copied().filter(|id| !self.runs.contains_key(id)).collect();
        for some in missing.chunks(IDS) {
            let mut sql = Sql::new(tx.get_database_backend());
            sql.push("WITH RECURSIVE line(id, parent_id) AS (SELECT id, parent_id FROM workflow_runs WHERE id ")
                .among(some)
                .push(" UNION SELECT outer_run.id, outer_run.parent_id FROM workflow_runs AS outer_run JOIN line ON outer_run.id = line.parent_id) SELECT ")
                .push(RUN)
                .push(" FROM workflow_runs WHERE id IN (SELECT id FROM line) ORDER BY depth, id")
                .lock();
            for row in RunRow::find_by_statement(sql.build()).all(&**tx).await? {
                self.runs.entry(row.id).or_insert_with(|| LockedRun::new(row));
            }
        }
        self.load_versions(tx).await
    }

    /// Adds a run that this transaction has inserted.
    pub(crate) fn add_new(&mut self, row: RunRow) {
        self.runs.insert(row.id, LockedRun::new(row));
    }

    /// Loads the versions of the runs that have none yet.
    pub(crate) async fn load_versions(&mut self, tx: &Transaction) -> Result<(), DbErr> {
        for run in self.runs.values_mut().filter(|run| run.version.is_none()) {
            run.version = find_version(&**tx, run.row.version_id).await?;
        }
        Ok(())
    }
}

/// The version, or none where there is no such version or this process cannot run it.
pub(crate) async fn find_version(
    db: &impl ConnectionTrait,
    id: WorkflowVersionId,
) -> Result<Option<Arc<LoadedVersion>>, DbErr> {
    match versions::load(db, id).await {
        Ok(version) => Ok(version),
        Err(LoadError::Database(error)) => Err(error),
        Err(LoadError::Plan(error)) => {
            tracing::error!(version = %id, %error, "a version cannot be run here");
            Ok(None)
        }
    }
}

/// Unfinished runs past their deadline, the oldest deadline first.
pub(crate) async fn list_overdue(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<RunId>, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push(
        "SELECT id FROM workflow_runs WHERE finished_at IS NULL AND status <> 'queued' AND deadline_at < ",
    )
    .bind(now)
    .push(" ORDER BY deadline_at LIMIT ")
    .push(&limit.to_string());
    db.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}
