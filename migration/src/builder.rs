//! Projects, their versions and deployments.

use sea_orm_migration::MigrationTrait;

mod m0002_projects;
mod m0004_deployments;
mod m0022_llm_attempts;
mod m0023_conversations;

pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0002_projects::Migration),
        Box::new(m0004_deployments::Migration),
        Box::new(m0022_llm_attempts::Migration),
        Box::new(m0023_conversations::Migration),
    ]
}
