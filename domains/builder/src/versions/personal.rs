use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use atelier_entities::{
    ProjectId, VersionId, llm_attempts, project_files, project_messages, project_versions,
};
use atelier_foundation::{
    Actor,
    objects::enqueue_removal,
    personal::{Erased, Erasing, ExportList, Page, PersonalData, Rows},
    projects::{ProjectError, lock, own_projects},
};
use atelier_queue::{QueueError, QueueName, Transaction};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{VersionError, Versions, archive_folder};

/// Versions that one step deletes, with their files.
const BATCH: u64 = 100;

/// A version with the paths of its files.
#[derive(Clone, Debug)]
pub struct ListedVersion {
    /// The version.
    pub version: project_versions::Model,
    /// Paths of its files, in order.
    pub files: Vec<String>,
}

/// The versions of people's projects.
pub(crate) struct WrittenVersions;

#[async_trait]
impl PersonalData for WrittenVersions {
    fn name(&self) -> &'static str {
        "versions"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["llm_attempts", "project_messages", "project_versions", "project_files"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[
            ExportList { name: "versions", position: 40 },
            ExportList { name: "messages", position: 42 },
            ExportList { name: "model_requests", position: 44 },
        ]
    }

    async fn read(&self, db: &DatabaseConnection, list: &str, page: Page) -> Result<Rows, DbErr> {
        match list {
            "messages" => {
                let own = project_messages::Column::ProjectId.in_subquery(own_projects(page.user));
                let rows = project_messages::Entity::find().filter(own);
                let rows = page.fetch(db, rows, project_messages::Column::Id).await?;
                return Ok(Rows::new(rows, |row| row.id.0));
            }
            "model_requests" => {
                let own = llm_attempts::Column::ProjectId.in_subquery(own_projects(page.user));
                let rows = llm_attempts::Entity::find().filter(own);
                let rows = page.fetch(db, rows, llm_attempts::Column::Id).await?;
                return Ok(Rows::new(rows, |row| row.id.0));
            }
            _ => {}
        }
        let own = project_versions::Column::ProjectId.in_subquery(own_projects(page.user));
        let versions = project_versions::Entity::find().filter(own);
        let versions = page.fetch(db, versions, project_versions::Column::Id).await?;
        let listed = with_names(db, versions).await?;
        Ok(Rows::new(listed, |listed| listed.version.id.0))
    }

    fn work_queues(&self) -> &'static [QueueName] {
        &[QueueName::Generation]
    }

    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let limit = BATCH.min(u64::from(batch));
        let some = project_versions::Entity::find()
            .select_only()
            .column(project_versions::Column::Id)
            .column(project_versions::Column::ProjectId)
            .filter(project_versions::Column::ProjectId.in_subquery(own_projects(person.user)))
            .limit(limit);
        let some: Vec<(VersionId, ProjectId)> = some.into_tuple().all(&**tx).await?;
        if some.is_empty() {
            return Ok(Erased::of(0, limit));
        }
        let (ids, projects): (Vec<_>, BTreeSet<_>) = some.into_iter().unzip();
        let projects: Vec<_> = projects.into_iter().collect();
        lock(tx, &projects).await?;
        let gone = project_versions::Entity::delete_many().filter(project_versions::Column::Id.is_in(ids));
        let rows = gone.exec(&**tx).await?.rows_affected;
        enqueue_removal(tx, projects.into_iter().map(archive_folder).collect()).await?;
        Ok(Erased::of(rows, limit))
    }
}

impl Versions {
    /// The number of versions of all the actor's projects.
    pub async fn count_owned(&self, actor: &Actor) -> Result<u64, VersionError> {
        let user = actor.person().map_err(ProjectError::from)?;
        let own = project_versions::Column::ProjectId.in_subquery(own_projects(user));
        Ok(project_versions::Entity::find().filter(own).count(self.queue.db()).await?)
    }
}

async fn with_names(
    db: &DatabaseConnection,
    versions: Vec<project_versions::Model>,
) -> Result<Vec<ListedVersion>, DbErr> {
    let names = project_files::Entity::find()
        .select_only()
        .column(project_files::Column::VersionId)
        .column(project_files::Column::Path)
        .filter(project_files::Column::VersionId.is_in(versions.iter().map(|version| version.id)))
        .order_by_asc(project_files::Column::Path);
    let names: Vec<(VersionId, String)> = names.into_tuple().all(db).await?;
    let mut files: HashMap<VersionId, Vec<String>> = HashMap::new();
    for (version, path) in names {
        files.entry(version).or_default().push(path);
    }
    let listed = versions.into_iter().map(|version| {
        let files = files.remove(&version.id).unwrap_or_default();
        ListedVersion { version, files }
    });
    Ok(listed.collect())
}
