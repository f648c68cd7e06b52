//! Runs each migration in a transaction.

use sea_orm_migration::prelude::*;

/// Runs the migration and records it in one transaction, on SQLite as on PostgreSQL.
/// A process that ends in the middle leaves no tables behind.
pub(crate) fn wrap(migration: Box<dyn MigrationTrait>) -> Box<dyn MigrationTrait> {
    Box::new(Transactional(migration))
}

struct Transactional(Box<dyn MigrationTrait>);

impl MigrationName for Transactional {
    fn name(&self) -> &str {
        self.0.name()
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Transactional {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.up(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.down(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
