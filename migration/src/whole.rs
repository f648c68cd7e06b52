//! A migration that is interrupted leaves nothing behind.

use sea_orm_migration::prelude::*;

/// The migration in one transaction with its record, on SQLite as on PostgreSQL:
/// otherwise a process that ends within it leaves tables that the next start meets as
/// strangers.
pub(crate) fn or_not_at_all(migration: Box<dyn MigrationTrait>) -> Box<dyn MigrationTrait> {
    Box::new(Whole(migration))
}

struct Whole(Box<dyn MigrationTrait>);

impl MigrationName for Whole {
    fn name(&self) -> &str {
        self.0.name()
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Whole {
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
