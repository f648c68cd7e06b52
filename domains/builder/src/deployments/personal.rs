use async_trait::async_trait;
use atelier_entities::{DeploymentId, DeploymentStatus, ProjectId, UserId, deployments, published_sites};
use atelier_foundation::{
    Actor,
    objects::enqueue_removal,
    personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows},
    projects::{lock, lock_all_owned, own_projects},
};
use atelier_queue::{QueueError, QueueName, Transaction};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};

use super::{DeploymentError, Deployments, site_folder};

/// Deployments that one step deletes.
const BATCH: u64 = 200;

/// Deployments and sites of people.
pub(crate) struct Publications;

#[async_trait]
impl PersonalData for Publications {
    fn name(&self) -> &'static str {
        "deployments"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["deployments", "published_sites"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "deployments", position: 50 }]
    }

    async fn read(&self, db: &DatabaseConnection, _list: &str, page: Page) -> Result<Rows, DbErr> {
        let own = deployments::Entity::find().filter(deployments::Column::UserId.eq(page.user));
        Ok(Rows::new(page.fetch(db, own, deployments::Column::Id).await?, |deployment| deployment.id.0))
    }

    fn work_queues(&self) -> &'static [QueueName] {
        &[QueueName::Deployment]
    }

    /// Takes the person's sites offline.
    async fn withdraw(&self, tx: &Transaction, user: UserId) -> Result<(), QueueError> {
        lock_all_owned(tx, user).await?;
        let online = published_sites::Column::ProjectId.in_subquery(own_projects(user));
        published_sites::Entity::delete_many().filter(online).exec(&**tx).await?;
        Ok(())
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let limit = BATCH.min(u64::from(batch));
        let some = deployments::Entity::find()
            .select_only()
            .column(deployments::Column::Id)
            .column(deployments::Column::ProjectId)
            .filter(deployments::Column::UserId.eq(person.user))
            .limit(limit);
        let some: Vec<(DeploymentId, ProjectId)> = some.into_tuple().all(&**tx).await?;
        if some.is_empty() {
            return Ok(Erased::of(0, limit));
        }
        let (ids, projects): (Vec<_>, Vec<_>) = some.into_iter().unzip();
        lock(tx, &projects).await?;
        enqueue_removal(tx, ids.iter().copied().map(site_folder).collect()).await?;
        let online = published_sites::Column::ProjectId.is_in(projects);
        published_sites::Entity::delete_many().filter(online).exec(&**tx).await?;
        let gone = deployments::Entity::delete_many().filter(deployments::Column::Id.is_in(ids));
        Ok(Erased::of(gone.exec(&**tx).await?.rows_affected, limit))
    }
}

impl Deployments {
    /// The number of the actor's live deployments.
    pub async fn count_live(&self, actor: &Actor) -> Result<u64, DeploymentError> {
        let live = deployments::Entity::find()
            .filter(deployments::Column::UserId.eq(actor.person()?))
            .filter(deployments::Column::Status.eq(DeploymentStatus::Live));
        Ok(live.count(self.queue.db()).await?)
    }
}
