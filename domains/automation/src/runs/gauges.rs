//! What is under way in all runs, for Prometheus.

use std::{collections::BTreeMap, time::Duration};

use atelier_entities::{NodeState, RunStatus, Timestamp, WaitKind};
use atelier_queue::{Queue, QueueError, Sql, metrics::workflows as metrics};
use sea_orm::{ConnectionTrait, DbErr};

/// Sets the gauges of runs and waits from the database.
///
/// # Errors
/// If the database fails.
pub(crate) async fn observe(queue: &Queue) -> Result<(), QueueError> {
    let db = queue.db();
    let runs = "SELECT status, COUNT(*) FROM workflow_runs WHERE finished_at IS NULL GROUP BY status";
    let runs = count(db, runs).await?;
    for status in RunStatus::ALL.iter().filter(|status| !status.is_final()) {
        metrics::observe_runs(status.as_str(), runs.get(status.as_str()).copied().unwrap_or_default());
    }
    let waits = "SELECT kind, COUNT(*) FROM workflow_waits WHERE NOT closed GROUP BY kind";
    let waits = count(db, waits).await?;
    for kind in WaitKind::ALL {
        metrics::observe_waits(kind.as_str(), waits.get(kind.as_str()).copied().unwrap_or_default());
    }
    let oldest = find_oldest_ready(db).await?;
    let age = oldest.and_then(|ready| (queue.now() - ready).to_std().ok());
    metrics::observe_oldest_ready(age.unwrap_or(Duration::ZERO));
    Ok(())
}

async fn count(db: &impl ConnectionTrait, select: &str) -> Result<BTreeMap<String, usize>, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push(select);
    let rows = db.query_all_raw(sql.build()).await?;
    rows.iter()
        .map(|row| {
            let count: i64 = row.try_get_by_index(1)?;
            Ok((row.try_get_by_index(0)?, usize::try_from(count).unwrap_or_default()))
        })
        .collect()
}

async fn find_oldest_ready(db: &impl ConnectionTrait) -> Result<Option<Timestamp>, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT nodes.ready_at FROM workflow_runs AS runs JOIN workflow_node_runs AS nodes ON nodes.run_id = runs.id WHERE runs.finished_at IS NULL AND NOT runs.paused AND runs.working > 0 AND nodes.state = ")
        .bind(NodeState::Ready.as_str())
        .push(" ORDER BY nodes.ready_at LIMIT 1");
    db.query_one_raw(sql.build()).await?.map(|row| row.try_get_by_index(0)).transpose()
}
