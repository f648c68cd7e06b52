//! Workflows and their runs.

use sea_orm_migration::MigrationTrait;

mod m0017_workflows;
mod m0018_schedules;

pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(m0017_workflows::Migration), Box::new(m0018_schedules::Migration)]
}
