use sea_orm_migration::prelude::*;

use crate::schema::*;

/// The networks that people signed in from.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut create = table(
            "known_networks",
            &["user_id", "network"],
            vec![uuid("user_id"), text("network"), time("last_at")],
        );
        manager.create_table(create.foreign_key(&mut cascade("user_id", "users", "id")).to_owned()).await?;
        let by_age = "CREATE INDEX known_networks_last_at_idx ON known_networks (last_at)";
        run(manager, &[by_age]).await
    }
}
