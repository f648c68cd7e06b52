//! Schema changes, one file a change, in a folder for each context, applied in the
//! order of their numbers on SQLite and PostgreSQL alike. A released change is
//! never edited: a later change corrects it. Changes only add, so that the previous version
//! keeps running during an upgrade; unused columns are dropped one release later.

use sea_orm_migration::prelude::*;

mod automation;
mod builder;
mod engine;
mod foundation;
mod platform;
mod schema;
mod transaction;

/// Every migration, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    /// The migrations of every context, by their numbers.
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let contexts = [
            foundation::migrations(),
            builder::migrations(),
            automation::migrations(),
            engine::migrations(),
            platform::migrations(),
        ];
        let mut all: Vec<_> = contexts.into_iter().flatten().map(transaction::wrap).collect();
        all.sort_by(|one, other| one.name().cmp(other.name()));
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Databases record migrations under these names: a renamed migration would run again.
    const RECORDED: &[&str] = &[
        "m0001_accounts",
        "m0002_projects",
        "m0003_jobs",
        "m0004_deployments",
        "m0005_mail_audit_stats",
        "m0006_identity",
        "m0007_oauth",
        "m0008_audit",
        "m0009_mail",
        "m0010_leases",
        "m0011_erasure",
        "m0012_rate_starts",
        "m0013_read_by_index",
        "m0014_known_networks",
        "m0015_write_probes",
        "m0016_account_erasures",
        "m0017_workflows",
        "m0018_schedules",
        "m0019_integrations",
        "m0020_hooks",
        "m0021_webhooks",
        "m0022_llm_attempts",
        "m0023_conversations",
        "m0024_schedule_pauses",
    ];

    fn names() -> Vec<String> {
        Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
    }

    #[test]
    fn migrations_keep_their_recorded_names_and_order() {
        assert_eq!(names(), RECORDED);
    }

    #[test]
    fn each_migration_has_a_number_of_its_own() {
        let names = names();
        let numbers: BTreeSet<&str> = names.iter().filter_map(|name| name.split('_').next()).collect();
        assert_eq!(numbers.len(), names.len());
    }
}
