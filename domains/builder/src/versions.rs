//! Versions of projects: their code, and their ZIP archives in the object store.

mod archive;
mod compare;
mod personal;
mod restore;

use atelier_entities::{ProjectId, VersionId, project_files, project_versions, projects};
use atelier_foundation::{
    Actor, Class, Page, Problem, Refusal,
    paging::fetch,
    projects::{ProjectError, Projects},
};
use atelier_providers::object_store::Objects;
use atelier_queue::{Queue, QueueError};
use bytes::Bytes;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryOrder};

use crate::{
    file::GeneratedFile,
    parts::{AppParts, summarize},
};

pub use archive::slug;
pub use compare::{FILE_CHANGES, FileDiff};
pub use personal::ListedVersion;
pub(crate) use personal::WrittenVersions;

/// Versions of projects. Cheap to clone.
#[derive(Clone)]
pub struct Versions {
    queue: Queue,
    objects: Objects,
    projects: Projects,
    max_versions: u64,
}

/// A version as a ZIP file.
#[derive(Clone, Debug)]
pub struct ZipFile {
    /// The name, safe in headers and on every file system.
    pub file_name: String,
    /// The archive. It has the same bytes for the same version.
    pub bytes: Bytes,
    /// The version's number.
    pub version: i32,
}

/// Why a command on versions failed.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// The project does not have this version.
    #[error("there is no such version")]
    NotFound,
    /// The version does not have this file.
    #[error("there is no such file")]
    NoFile,
    /// The project has the maximum number of versions.
    #[error("there are {0} versions already")]
    TooMany(u64),
    /// The archive could not be created.
    #[error("archive: {0}")]
    Archive(String),
    /// An error of the project.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Problem for VersionError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotFound => no_version(),
            Self::NoFile => {
                Refusal::new(Class::NotFound, "FILE_NOT_FOUND", "The version has no file of this path.")
            }
            Self::TooMany(most) => Refusal::at_bound("VERSION_LIMIT", "versions of one project", *most),
            Self::Project(error) => error.refusal(),
            Self::Queue(error) => error.refusal(),
            Self::Archive(_) | Self::Database(_) => Refusal::internal(),
        }
    }
}

/// The 404 for a missing version.
pub(crate) fn no_version() -> Refusal {
    let message = "There is no such version; a project has none before its first generation.";
    Refusal::new(Class::NotFound, "VERSION_NOT_FOUND", message)
}

impl std::fmt::Debug for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Versions").finish_non_exhaustive()
    }
}

impl Versions {
    pub(crate) fn new(queue: Queue, objects: Objects, projects: Projects, max_versions: u64) -> Self {
        Self { queue, objects, projects, max_versions }
    }

    /// A project's versions, newest first, and their number, up to
    /// [`COUNT_LIMIT`](atelier_foundation::COUNT_LIMIT).
    pub async fn list(
        &self,
        actor: &Actor,
        id: ProjectId,
        page: Page,
    ) -> Result<(Vec<project_versions::Model>, u64), VersionError> {
        self.projects.get(actor, id).await?;
        let rows = project_versions::Entity::find_of(id).order_by_desc(project_versions::Column::Number);
        Ok(fetch(self.queue.db(), rows, page).await?)
    }

    /// The code of a version, the current one by default.
    pub async fn code(
        &self,
        actor: &Actor,
        id: ProjectId,
        version: Option<i32>,
    ) -> Result<(project_versions::Model, AppParts), VersionError> {
        let project = self.projects.get(actor, id).await?;
        let version = self.get_version(&project, version).await?;
        let files = files_of(self.queue.db(), version.id).await?;
        Ok((version, summarize(&files)))
    }

    /// A version as a ZIP file, the current one by default. The archive is created once and
    /// cached in the object store. A failure of the store only costs time.
    pub async fn zip(
        &self,
        actor: &Actor,
        id: ProjectId,
        version: Option<i32>,
    ) -> Result<ZipFile, VersionError> {
        let project = self.projects.get(actor, id).await?;
        let version = self.get_version(&project, version).await?;
        let file_name = format!("{}-v{}.zip", archive::slug(&project.title), version.number);
        let key = format!("{}/{}.zip", archive_folder(id), version.id);
        let kept = self.objects.get(&key).await.unwrap_or_else(|error| {
            tracing::warn!(%key, %error, "a cached archive was not read");
            None
        });
        if let Some((bytes, _)) = kept {
            return Ok(ZipFile { file_name, bytes, version: version.number });
        }
        let files = files_of(self.queue.db(), version.id).await?;
        let made = tokio::task::spawn_blocking(move || archive::zip(files)).await;
        let bytes = made.map_err(|error| VersionError::Archive(error.to_string()))?;
        let bytes = Bytes::from(bytes.map_err(|error| VersionError::Archive(error.to_string()))?);
        self.keep(&key, &version, bytes.clone()).await?;
        Ok(ZipFile { file_name, bytes, version: version.number })
    }

    /// Caches an archive. The version and its objects may have been deleted since the
    /// version was read, so this checks again after the put and removes the archive if it
    /// is late.
    async fn keep(
        &self,
        key: &str,
        version: &project_versions::Model,
        bytes: Bytes,
    ) -> Result<(), VersionError> {
        if let Err(error) = self.objects.put(key, bytes, "application/zip").await {
            // The object may exist nevertheless.
            tracing::warn!(%key, %error, "an archive was not cached");
        }
        let still = project_versions::Entity::find_by_id(version.id).one(self.queue.db()).await;
        if matches!(still, Ok(Some(_))) {
            return Ok(());
        }
        if let Err(error) = self.objects.delete(key).await {
            tracing::warn!(%key, %error, "the archive of a deleted version was not removed");
        }
        still?.map(drop).ok_or(VersionError::from(ProjectError::NotFound))
    }

    async fn get_version(
        &self,
        project: &projects::Model,
        number: Option<i32>,
    ) -> Result<project_versions::Model, VersionError> {
        let number = number.or(project.current_version).ok_or(VersionError::NotFound)?;
        let found = project_versions::Entity::find_numbered(project.id, number).one(self.queue.db()).await?;
        found.ok_or(VersionError::NotFound)
    }
}

/// The files of a version, by path.
async fn files_of(db: &impl ConnectionTrait, version: VersionId) -> Result<Vec<GeneratedFile>, DbErr> {
    let rows = project_files::Entity::find_of(version).all(db).await?;
    Ok(rows.into_iter().map(GeneratedFile::from).collect())
}

/// The folder of a project's archives in the object store.
pub(crate) fn archive_folder(id: ProjectId) -> String {
    format!("zips/{id}")
}

#[cfg(test)]
mod tests {
    use atelier_entities::{JobState, ProjectKind};
    use atelier_foundation::testing::acting;

    use super::*;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn a_project_without_a_generation_has_no_code() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;

        let code = fixture.services.builder.versions.code(&acting(ada.id), project.id, None).await;

        assert!(matches!(code, Err(VersionError::NotFound)));
    }

    #[tokio::test]
    async fn earlier_versions_can_be_read() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        fixture.store_version(&project, 1, &[("index.html", "<p>one</p>")]).await;
        fixture.store_version(&project, 2, &[("index.html", "<p>two</p>")]).await;
        let versions = &fixture.services.builder.versions;

        let (_, first) = versions.code(&acting(ada.id), project.id, Some(1)).await.expect("code");
        assert_eq!(first.html.as_deref(), Some("<p>one</p>"));
        let page = Page { number: 1, size: 1 };
        let (listed, total) = versions.list(&acting(ada.id), project.id, page).await.expect("listed");
        assert_eq!((listed[0].number, total), (2, 2));
    }

    #[tokio::test]
    async fn an_archive_that_is_put_after_the_deletion_of_its_project_is_removed() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        fixture.store_version(&project, 1, &[("index.html", "<p>one</p>")]).await;
        let (projects, versions) =
            (&fixture.services.foundation.projects, &fixture.services.builder.versions);
        let stored = projects.get(&acting(ada.id), project.id).await.expect("there");
        let version = versions.get_version(&stored, Some(1)).await.expect("there");
        projects.delete(&acting(ada.id), project.id).await.expect("deleted");
        fixture.work().await;

        let key = format!("{}/{}.zip", archive_folder(project.id), version.id);
        let late = versions.keep(&key, &version, Bytes::from_static(b"a ZIP")).await;

        assert!(matches!(late, Err(VersionError::Project(ProjectError::NotFound))), "{late:?}");
        assert!(fixture.objects.get(&key).await.expect("asked").is_none());
    }

    #[tokio::test]
    async fn an_object_that_is_put_during_its_removal_is_removed_again() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        fixture.services.foundation.projects.delete(&acting(ada.id), project.id).await.expect("deleted");
        fixture.work().await;
        let key = format!("{}/late.zip", archive_folder(project.id));
        fixture.objects.put(&key, Bytes::from_static(b"a ZIP"), "application/zip").await.expect("put");

        fixture.advance(11 * 60);
        fixture.work().await;

        assert!(fixture.objects.get(&key).await.expect("asked").is_none());
        let removals = fixture.jobs_of_kind("maintenance.remove_objects").await;
        assert_eq!(removals[0].state, JobState::Succeeded);
    }

    #[tokio::test]
    async fn a_version_has_the_same_archive_cached_or_not() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        let files = [("index.html", "<p>one</p>"), ("css/styles.css", "p { color: red }")];
        fixture.store_version(&project, 1, &files).await;
        let versions = &fixture.services.builder.versions;

        let made = versions.zip(&acting(ada.id), project.id, Some(1)).await.expect("a ZIP");
        let kept = versions.zip(&acting(ada.id), project.id, Some(1)).await.expect("a ZIP");
        fixture.objects.delete_prefix("zips").await.expect("forgotten");
        let again = versions.zip(&acting(ada.id), project.id, Some(1)).await.expect("a ZIP");

        assert_eq!(made.file_name, "reading-list-v1.zip");
        assert_eq!(made.bytes, kept.bytes);
        assert_eq!(made.bytes, again.bytes);
    }

    #[tokio::test]
    async fn deleting_a_project_deletes_its_data() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;

        fixture.services.foundation.projects.delete(&acting(ada.id), project.id).await.expect("deleted");

        assert!(matches!(
            fixture.services.foundation.projects.get(&acting(ada.id), project.id).await,
            Err(ProjectError::NotFound)
        ));
        let jobs = fixture.jobs_of_kind("maintenance.remove_objects").await;
        assert_eq!(jobs[0].args["prefixes"][0], format!("zips/{}", project.id));
    }
}
