use atelier_entities::{ProjectId, ProjectStatus, UserId, projects, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, DbErr, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait,
    QueryOrder, QuerySelect, QueryTrait, sea_query::SelectStatement,
};
use serde_json::json;

use super::{
    MAX_DESCRIPTION, MAX_TITLE, NewProject, ProjectChanges, ProjectError, Projects, folders_of,
    lock_references, project_target,
};
use crate::{Actor, FieldErrors, Page, audit, objects::enqueue_removal, paging::fetch, validation};

impl Projects {
    /// Creates a draft, if the person has fewer projects than the maximum.
    pub async fn create(&self, actor: &Actor, input: NewProject) -> Result<projects::Model, ProjectError> {
        let tx = self.queue.begin().await?;
        let project = create_project(&tx, actor, input, self.max_projects).await?;
        tx.commit().await?;
        Ok(project)
    }

    /// The person's projects, newest first, and their number, up to
    /// [`COUNT_LIMIT`](crate::COUNT_LIMIT).
    pub async fn list(&self, actor: &Actor, page: Page) -> Result<(Vec<projects::Model>, u64), ProjectError> {
        let user = actor.person()?;
        let rows = projects::Entity::find_owned(user)
            .order_by_desc(projects::Column::CreatedAt)
            .order_by_desc(projects::Column::Id);
        Ok(fetch(self.queue.db(), rows, page).await?)
    }

    /// A person's project.
    pub async fn get(&self, actor: &Actor, id: ProjectId) -> Result<projects::Model, ProjectError> {
        let user = actor.person()?;
        let found = projects::Entity::find_owned_by_id(user, id).one(self.queue.db()).await?;
        found.ok_or(ProjectError::NotFound)
    }

    /// Changes a project.
    pub async fn update(
        &self,
        actor: &Actor,
        id: ProjectId,
        changes: ProjectChanges,
    ) -> Result<projects::Model, ProjectError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let project = lock_owned(&tx, user, id).await?.ok_or(ProjectError::NotFound)?;
        let checked = check(changes, project.status)?;
        let mut row = project.into_active_model();
        let mut changed = Vec::new();
        if let Some(title) = checked.title {
            row.title = Set(title);
            changed.push("title");
        }
        if let Some(description) = checked.description {
            row.description = Set(description);
            changed.push("description");
        }
        if let Some(status) = checked.status {
            row.status = Set(status);
            changed.push("status");
        }
        row.updated_at = Set(tx.now());
        let project = row.update(&*tx).await?;
        audit::record(&tx, actor, "project.update", project_target(id), json!({"fields": changed})).await?;
        tx.commit().await?;
        Ok(project)
    }

    /// Deletes a project with its versions and its site, and cancels its jobs.
    pub async fn delete(&self, actor: &Actor, id: ProjectId) -> Result<(), ProjectError> {
        let user = actor.person()?;
        self.get(actor, id).await?;
        let tx = self.queue.begin().await?;
        // The order of locks: see `personal`.
        tx.cancel_about(&[id.0]).await?;
        lock_references(&self.references, &tx, &[id]).await?;
        let project = lock_owned(&tx, user, id).await?.ok_or(ProjectError::NotFound)?;
        let folders = folders_of(&self.folders, &tx, &[id]).await?;
        project.delete(&*tx).await?;
        enqueue_removal(&tx, folders).await?;
        audit::record(&tx, actor, "project.delete", project_target(id), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Creates a draft in a transaction, if the person has fewer projects than `most`. The account
/// is locked.
pub async fn create_project(
    tx: &Transaction,
    actor: &Actor,
    input: NewProject,
    most: u64,
) -> Result<projects::Model, ProjectError> {
    let user = actor.person()?;
    let mut errors = FieldErrors::default();
    let title = errors.take("title", validation::line(&input.title, 1, MAX_TITLE));
    let description = errors.take("description", validation::paragraph(&input.description, MAX_DESCRIPTION));
    let (title, description) = errors.finish(title.zip(description))?;
    ensure_below_limit(tx, user, most).await?;
    let row = projects::ActiveModel {
        id: Set(ProjectId::new()),
        user_id: Set(user),
        title: Set(title),
        description: Set(description),
        kind: Set(input.kind),
        status: Set(ProjectStatus::Draft),
        repository_url: Set(None),
        deployment_url: Set(None),
        config: Set(json!({})),
        current_version: Set(None),
        views: Set(0),
        created_at: Set(tx.now()),
        updated_at: Set(tx.now()),
    };
    let project = row.insert(&**tx).await?;
    audit::record(tx, actor, "project.create", project_target(project.id), json!({})).await?;
    Ok(project)
}

/// Refuses if the person has the maximum number of projects. The account stays locked, so that
/// two commands at once do not exceed it.
async fn ensure_below_limit(tx: &Transaction, user: UserId, most: u64) -> Result<(), ProjectError> {
    let account = users::Entity::find_by_id(user).lock_exclusive().one(&**tx).await?;
    account.ok_or(ProjectError::NotFound)?;
    let count = projects::Entity::find_owned(user).count(&**tx).await?;
    if count >= most { Err(ProjectError::TooMany(most)) } else { Ok(()) }
}

fn check(changes: ProjectChanges, status: ProjectStatus) -> Result<ProjectChanges, FieldErrors> {
    let mut errors = FieldErrors::default();
    let title = changes.title.map(|title| validation::line(&title, 1, MAX_TITLE)).transpose();
    let title = errors.take("title", title);
    let description =
        changes.description.map(|text| validation::paragraph(&text, MAX_DESCRIPTION)).transpose();
    let description = errors.take("description", description);
    let wanted = changes.status.filter(|wanted| *wanted != status);
    let status = errors.take("status", wanted.map(|wanted| check_status(status, wanted)).transpose());
    let checked = || Some(ProjectChanges { title: title?, description: description?, status: status? });
    let checked = checked();
    errors.finish(checked)
}

fn check_status(is: ProjectStatus, wanted: ProjectStatus) -> Result<ProjectStatus, String> {
    match (is, wanted) {
        (ProjectStatus::Generating, _) => Err("cannot be changed while a generation runs".to_owned()),
        (_, ProjectStatus::Generating | ProjectStatus::Error) => {
            Err("must be draft, building or completed".to_owned())
        }
        (_, wanted) => Ok(wanted),
    }
}

/// A person's project, locked for the rest of the transaction.
pub async fn lock_owned(
    tx: &Transaction,
    user: UserId,
    id: ProjectId,
) -> Result<Option<projects::Model>, DbErr> {
    projects::Entity::find_owned_by_id(user, id).lock_exclusive().one(&**tx).await
}

/// A subquery of the ids of a person's projects.
#[must_use]
pub fn own_projects(user: UserId) -> SelectStatement {
    projects::Entity::find_owned(user).select_only().column(projects::Column::Id).into_query()
}

/// Locks all projects of a person for the rest of the transaction, in the order of their
/// ids. Call it after jobs are locked and before an account is.
pub async fn lock_all_owned(tx: &Transaction, user: UserId) -> Result<Vec<ProjectId>, DbErr> {
    let own = projects::Entity::find_owned(user)
        .select_only()
        .column(projects::Column::Id)
        .order_by_asc(projects::Column::Id)
        .lock_exclusive();
    own.into_tuple().all(&**tx).await
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;

    use super::*;
    use crate::testing::{Fixture, acting, options};

    #[test]
    fn only_the_platform_sets_generating_and_error() {
        use ProjectStatus::{Building, Completed, Draft, Error, Generating};
        assert!(check_status(Draft, Building).is_ok() && check_status(Error, Completed).is_ok());
        assert!(check_status(Draft, Generating).is_err() && check_status(Draft, Error).is_err());
        assert!(check_status(Generating, Draft).is_err());
    }

    #[tokio::test]
    async fn another_persons_project_is_not_found() {
        let fixture = Fixture::new().await;
        let (ada, bob) =
            (fixture.register("ada@example.org").await, fixture.register("bob@example.org").await);
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        let projects = &fixture.services.projects;
        let changes = ProjectChanges { title: Some("Mine now".to_owned()), ..ProjectChanges::default() };

        assert!(matches!(projects.get(&acting(bob.id), project.id).await, Err(ProjectError::NotFound)));
        let updated = projects.update(&acting(bob.id), project.id, changes.clone()).await;
        assert!(matches!(updated, Err(ProjectError::NotFound)));
        assert!(matches!(projects.delete(&acting(bob.id), project.id).await, Err(ProjectError::NotFound)));
        let page = Page { number: 1, size: 20 };
        assert_eq!(projects.list(&acting(bob.id), page).await.expect("listed").1, 0);
        assert_eq!(
            projects.update(&acting(ada.id), project.id, changes).await.expect("hers").title,
            "Mine now"
        );
    }

    #[tokio::test]
    async fn the_number_of_projects_is_limited() {
        let mut options = options();
        options.max_projects = 2;
        let fixture = Fixture::with_options(options).await;
        let (ada, bob) =
            (fixture.register("ada@example.org").await, fixture.register("bob@example.org").await);
        let create = async |user: UserId| {
            let input = NewProject {
                title: "Reading list".to_owned(),
                description: String::new(),
                kind: ProjectKind::WebApp,
            };
            fixture.services.projects.create(&acting(user), input).await
        };
        let (first, second, third) = tokio::join!(create(ada.id), create(ada.id), create(ada.id));
        let made: Vec<_> = [first, second, third].into_iter().filter_map(Result::ok).collect();
        assert_eq!(made.len(), 2, "of three at once");

        let refused = create(ada.id).await;
        assert!(matches!(refused, Err(ProjectError::TooMany(2))), "{refused:?}");
        create(bob.id).await.expect("another person's are no matter");
        fixture.services.projects.delete(&acting(ada.id), made[0].id).await.expect("deleted");
        create(ada.id).await.expect("there is room again");
    }
}
