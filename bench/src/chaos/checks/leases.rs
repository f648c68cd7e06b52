//! That jobs and leases agree.

use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::{Check, Evidence};
use crate::chaos::tables::statement;

const BREACHES: &str = "SELECT 'job ' || id || ' runs under no lease' AS breach FROM jobs \
    WHERE state = 'running' AND NOT EXISTS (SELECT 1 FROM running_jobs WHERE running_jobs.id = jobs.id) \
    UNION ALL SELECT 'job ' || id || ' runs under ' || COUNT(*) || ' leases' \
    FROM running_jobs GROUP BY id HAVING COUNT(*) > 1";

pub(super) async fn check(evidence: &Evidence, direct: &DatabaseConnection) -> anyhow::Result<Check> {
    let mut breaches = Vec::new();
    for row in direct.query_all_raw(statement(BREACHES, [])).await? {
        breaches.push(row.try_get("", "breach")?);
    }
    Ok(Check::new("what runs does so under one lease", evidence.jobs.len(), breaches))
}
