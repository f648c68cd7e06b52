//! Workflows, their runs, integrations and webhooks.

use sea_orm_migration::MigrationTrait;

mod m0017_workflows;
mod m0018_schedules;
mod m0019_integrations;
mod m0020_hooks;
mod m0021_webhooks;

pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0017_workflows::Migration),
        Box::new(m0018_schedules::Migration),
        Box::new(m0019_integrations::Migration),
        Box::new(m0020_hooks::Migration),
        Box::new(m0021_webhooks::Migration),
    ]
}
