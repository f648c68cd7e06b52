//! Workflows and their runs.

use sea_orm_migration::MigrationTrait;

mod m0017_workflows;

pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(m0017_workflows::Migration)]
}
