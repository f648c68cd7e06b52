//! Schema changes, one file a change, applied in order on SQLite and PostgreSQL
//! alike. A change that has landed is never edited: the next one mends it.
//! Changes only add, so that the version before keeps running beside the new one;
//! what is no longer used is dropped a release later.

use sea_orm_migration::prelude::*;

mod m0001_accounts;
mod m0002_projects;
mod m0003_jobs;
mod m0004_deployments;
mod m0005_mail_audit_stats;
mod m0006_identity;
mod m0007_oauth;
mod m0008_audit;
mod m0009_mail;
mod m0010_leases;
mod m0011_erasure;
mod m0012_rate_starts;
mod m0013_read_by_index;
mod m0014_known_networks;
mod m0015_write_probes;
mod m0016_account_erasures;
mod schema;
mod whole;

/// Every migration, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let all: Vec<Box<dyn MigrationTrait>> = vec![
            Box::new(m0001_accounts::Migration),
            Box::new(m0002_projects::Migration),
            Box::new(m0003_jobs::Migration),
            Box::new(m0004_deployments::Migration),
            Box::new(m0005_mail_audit_stats::Migration),
            Box::new(m0006_identity::Migration),
            Box::new(m0007_oauth::Migration),
            Box::new(m0008_audit::Migration),
            Box::new(m0009_mail::Migration),
            Box::new(m0010_leases::Migration),
            Box::new(m0011_erasure::Migration),
            Box::new(m0012_rate_starts::Migration),
            Box::new(m0013_read_by_index::Migration),
            Box::new(m0014_known_networks::Migration),
            Box::new(m0015_write_probes::Migration),
            Box::new(m0016_account_erasures::Migration),
        ];
        all.into_iter().map(whole::or_not_at_all).collect()
    }
}
