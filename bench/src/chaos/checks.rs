//! The checks at the end of a run.

use sea_orm::DatabaseConnection;

mod effects;
mod ends;
mod evidence;
pub(super) mod idleness;
mod product;
mod timing;
mod triggers;
mod workflows;

pub(super) use evidence::{Check, Evidence};
pub(super) use product::check as check_product;
pub(super) use triggers::check as check_triggers;
pub(super) use workflows::check as check_workflows;

/// Every check of the run's database.
pub(super) async fn check(evidence: &Evidence, direct: &DatabaseConnection) -> anyhow::Result<Vec<Check>> {
    let mut checks = ends::check(evidence);
    checks.extend(effects::check(evidence));
    checks.extend(timing::check(evidence));
    checks.push(timing::check_schedule(evidence, direct).await?);
    Ok(checks)
}
