use async_trait::async_trait;
use atelier_entities::{ProjectId, projects};
use atelier_queue::{QueueError, Transaction};
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows, jobs::delete_about};

/// Projects that one step deletes. The other domains have erased their data of them before.
const BATCH: u64 = 50;

/// People's projects.
pub(crate) struct OwnedProjects;

#[async_trait]
impl PersonalData for OwnedProjects {
    fn name(&self) -> &'static str {
        "projects"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["projects"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "projects", position: 30 }]
    }

    async fn read(&self, db: &DatabaseConnection, _list: &str, page: Page) -> Result<Rows, DbErr> {
        let own = projects::Entity::find_owned(page.user);
        Ok(Rows::new(page.fetch(db, own, projects::Column::Id).await?, |project| project.id.0))
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let limit = BATCH.min(u64::from(batch));
        let some = projects::Entity::find_owned(person.user)
            .select_only()
            .column(projects::Column::Id)
            .order_by_asc(projects::Column::CreatedAt)
            .limit(limit);
        let some: Vec<ProjectId> = some.into_tuple().all(&**tx).await?;
        if some.is_empty() {
            return Ok(Erased::of(0, limit));
        }
        let subjects: Vec<Uuid> = some.iter().map(|project| project.0).collect();
        delete_about(tx, &subjects).await?;
        lock(tx, &some).await?;
        let gone = projects::Entity::delete_many().filter(projects::Column::Id.is_in(some));
        Ok(Erased::of(gone.exec(&**tx).await?.rows_affected, limit))
    }
}

/// Locks these projects for the rest of the transaction, in the order of their ids.
pub async fn lock(tx: &Transaction, projects: &[ProjectId]) -> Result<(), DbErr> {
    let those = projects::Entity::find()
        .select_only()
        .column(projects::Column::Id)
        .filter(projects::Column::Id.is_in(projects.iter().copied()))
        .order_by_asc(projects::Column::Id)
        .lock_exclusive();
    those.into_tuple::<ProjectId>().all(&**tx).await?;
    Ok(())
}
