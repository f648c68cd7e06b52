//! Accounts, credits, mails and the audit log.

use sea_orm_migration::MigrationTrait;

mod m0001_accounts;
mod m0005_mail_audit_stats;
mod m0006_identity;
mod m0007_oauth;
mod m0008_audit;
mod m0009_mail;
mod m0011_erasure;
mod m0014_known_networks;
mod m0016_account_erasures;

pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0001_accounts::Migration),
        Box::new(m0005_mail_audit_stats::Migration),
        Box::new(m0006_identity::Migration),
        Box::new(m0007_oauth::Migration),
        Box::new(m0008_audit::Migration),
        Box::new(m0009_mail::Migration),
        Box::new(m0011_erasure::Migration),
        Box::new(m0014_known_networks::Migration),
        Box::new(m0016_account_erasures::Migration),
    ]
}
