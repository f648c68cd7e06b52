//! Brings the files of an earlier version back, as a new version.

use atelier_entities::{ProjectId, ProjectStatus, VersionId, project_versions, projects};
use atelier_foundation::{
    Actor, audit,
    projects::{ProjectError, lock_owned, project_target},
};
use atelier_queue::Transaction;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel, PaginatorTrait};
use serde_json::json;

use super::{VersionError, Versions, files_of};
use crate::file::{FileChanges, insert_files, next_number};

impl Versions {
    /// Makes the files of an earlier version current again, as a new version, so that the
    /// numbers tell the course of the project. Nothing changes where it is the current version.
    pub async fn restore(
        &self,
        actor: &Actor,
        id: ProjectId,
        number: i32,
    ) -> Result<projects::Model, VersionError> {
        let user = actor.person().map_err(ProjectError::from)?;
        let tx = self.queue.begin().await?;
        let project = lock_owned(&tx, user, id).await?.ok_or(VersionError::from(ProjectError::NotFound))?;
        let version = project_versions::Entity::find_numbered(id, number).one(&*tx).await?;
        let version = version.ok_or(VersionError::NotFound)?;
        if project.current_version == Some(number) {
            return Ok(project);
        }
        let restored = self.copy(&tx, &project, version).await?;
        let generating = project.status == ProjectStatus::Generating;
        let mut row = project.into_active_model();
        row.current_version = Set(Some(restored));
        if !generating {
            row.status = Set(ProjectStatus::Completed);
        }
        row.updated_at = Set(tx.now());
        let project = row.update(&*tx).await?;
        let context = json!({"version": number, "as": restored});
        audit::record(&tx, actor, "project.restore_version", project_target(id), context).await?;
        tx.commit().await?;
        Ok(project)
    }

    /// Stores a version with the files of another one. Returns its number.
    async fn copy(
        &self,
        tx: &Transaction,
        project: &projects::Model,
        version: project_versions::Model,
    ) -> Result<i32, VersionError> {
        if project_versions::Entity::find_of(project.id).count(&**tx).await? >= self.max_versions {
            return Err(VersionError::TooMany(self.max_versions));
        }
        let files = files_of(&**tx, version.id).await?;
        let current = match project.current_version {
            Some(number) => project_versions::Entity::find_numbered(project.id, number).one(&**tx).await?,
            None => None,
        };
        let current = match current {
            Some(current) => files_of(&**tx, current.id).await?,
            None => Vec::new(),
        };
        let changes = serde_json::to_value(FileChanges::between(&current, &files)).unwrap_or_default();
        let (number, from) = (next_number(tx, project.id).await?, version.number);
        let mut row = version.into_active_model().reset_all();
        row.id = Set(VersionId::new());
        row.number = Set(number);
        row.job_id = Set(None);
        row.changes = Set(Some(changes));
        row.cost_micros = Set(None);
        row.restored_from = Set(Some(from));
        row.created_at = Set(tx.now());
        let restored = row.insert(&**tx).await?;
        insert_files(tx, restored.id, files).await?;
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;
    use atelier_foundation::testing::acting;

    use super::*;
    use crate::testing::{Fixture, options};

    #[tokio::test]
    async fn an_earlier_version_comes_back_as_a_new_one() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        let actor = acting(ada.id);
        fixture.store_version(&project, 1, &[("index.html", "<p>one</p>"), ("a.css", "a")]).await;
        fixture.store_version(&project, 2, &[("index.html", "<p>two</p>"), ("b.css", "b")]).await;
        let versions = &fixture.services.builder.versions;

        let first = versions.restore(&actor, project.id, 2).await.expect("restored");
        assert_eq!(first.current_version, Some(3), "no version was current");
        let restored = versions.restore(&actor, project.id, 1).await.expect("restored");
        assert_eq!((restored.current_version, restored.status), (Some(4), ProjectStatus::Completed));
        let (version, code) = versions.code(&actor, project.id, None).await.expect("code");
        assert_eq!((version.restored_from, version.job_id), (Some(1), None));
        assert_eq!(code.html.as_deref(), Some("<p>one</p>"));
        let changes = json!({"added": ["a.css"], "changed": ["index.html"], "removed": ["b.css"]});
        assert_eq!(version.changes, Some(changes));
        let same = versions.restore(&actor, project.id, 4).await.expect("nothing to do");
        assert_eq!(same.current_version, Some(4));
        let gone = versions.restore(&actor, project.id, 9).await;
        assert!(matches!(gone, Err(VersionError::NotFound)), "{gone:?}");
    }

    #[tokio::test]
    async fn a_project_with_the_most_versions_restores_none() {
        let mut options = options();
        options.builder.generation.max_versions = 2;
        let fixture = Fixture::with_options(options).await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        fixture.store_version(&project, 1, &[("index.html", "<p>one</p>")]).await;
        fixture.store_version(&project, 2, &[("index.html", "<p>two</p>")]).await;
        let refused = fixture.services.builder.versions.restore(&acting(ada.id), project.id, 1).await;
        assert!(matches!(refused, Err(VersionError::TooMany(2))), "{refused:?}");
    }
}
