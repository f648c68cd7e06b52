//! The end of a run: what was begun ends.

use std::time::Duration;

use anyhow::Context;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::time::{self, Instant};

use super::tables::statement;

/// How long jobs may take to end once the load has stopped.
const LIMIT: Duration = Duration::from_secs(120);

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Jobs that have not ended. Deliveries are counted by their rows.
const JOBS: &str = "SELECT COUNT(*) AS found FROM jobs WHERE state NOT IN ('succeeded', 'failed', 'cancelled', 'discarded') AND kind NOT IN ('chaos.tick', 'webhook.deliver')";

const RUNS: &str = "SELECT COUNT(*) AS found FROM workflow_runs WHERE finished_at IS NULL";

/// Deliveries whose next attempt comes within seconds; the third one does after minutes.
const DELIVERIES: &str =
    "SELECT COUNT(*) AS found FROM webhook_deliveries WHERE state = 'pending' AND attempts < 2";

/// Waits until every job and every run of a workflow has ended, and every delivery whose next
/// attempt is near, or until the limit.
pub(super) async fn wait(direct: &DatabaseConnection, product: &DatabaseConnection) {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        let (jobs, in_product) = (count(direct, JOBS), count(product, JOBS));
        match tokio::join!(jobs, in_product, count(product, RUNS), count(product, DELIVERIES)) {
            (Ok(0), Ok(0), Ok(0), Ok(0)) => return,
            _not_yet => time::sleep(LOOK_EVERY).await,
        }
    }
}

async fn count(direct: &DatabaseConnection, sql: &str) -> anyhow::Result<i64> {
    let row = direct.query_one_raw(statement(direct, sql, [])).await?.context("no count")?;
    Ok(row.try_get("", "found")?)
}
