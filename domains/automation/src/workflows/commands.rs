use atelier_entities::{
    ProjectId, UserId, VersionKind, WorkflowId, WorkflowVersionId, users, workflow_schedules,
    workflow_versions, workflows,
};
use atelier_foundation::{Actor, FieldErrors, audit, projects::lock_owned, validation};
use atelier_queue::{NewJob, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;

use super::{
    CancelRuns, MAX_DESCRIPTION, MAX_NAME, MAX_WORKFLOWS, Settings, WorkflowError, Workflows, rows,
    triggers::clear_triggers, workflow_target,
};

/// The input for a new workflow.
#[derive(Clone, Debug, Default)]
pub struct NewWorkflow {
    /// 1 to [`MAX_NAME`] characters.
    pub name: String,
    /// At most [`MAX_DESCRIPTION`] characters.
    pub description: String,
    /// The project that it belongs to, if it belongs to one.
    pub project: Option<ProjectId>,
    /// Limits and variables.
    pub settings: Settings,
}

/// The changes of a workflow. A field that is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct WorkflowChanges {
    /// 1 to [`MAX_NAME`] characters.
    pub name: Option<String>,
    /// At most [`MAX_DESCRIPTION`] characters.
    pub description: Option<String>,
    /// The project, or none to take the workflow out of its project.
    pub project: Option<Option<ProjectId>>,
    /// All limits and variables.
    pub settings: Option<Settings>,
}

impl Workflows {
    /// Creates a disabled workflow with an empty draft.
    ///
    /// # Errors
    /// If a field is invalid, or the project or the person has the maximum number of workflows.
    pub async fn create(&self, actor: &Actor, input: NewWorkflow) -> Result<workflows::Model, WorkflowError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        let workflow = create_in(&tx, user, input).await?;
        let context = json!({"project": workflow.project_id});
        audit::record(&tx, actor, "workflow.create", workflow_target(workflow.id), context).await?;
        tx.commit().await?;
        Ok(workflow)
    }

    /// A person's workflow.
    ///
    /// # Errors
    /// If there is none.
    pub async fn get(&self, actor: &Actor, id: WorkflowId) -> Result<workflows::Model, WorkflowError> {
        find(self.queue.db(), actor.person()?, id).await
    }

    /// Changes a workflow. Its draft and its versions stay as they are.
    ///
    /// # Errors
    /// If a field is invalid, or the other project has the maximum number of workflows.
    pub async fn update(
        &self,
        actor: &Actor,
        id: WorkflowId,
        changes: WorkflowChanges,
    ) -> Result<workflows::Model, WorkflowError> {
        let user = actor.person()?;
        let changes = check(changes)?;
        let tx = self.queue.begin().await?;
        let workflow = lock(&tx, user, id).await?;
        if changes.project.is_some_and(|wanted| wanted != workflow.project_id) {
            ensure_room(&tx, user, changes.project.flatten()).await?;
        }
        let mut row = workflow.into_active_model();
        let mut changed = Vec::new();
        if let Some(name) = changes.name {
            row.name = Set(name);
            changed.push("name");
        }
        if let Some(description) = changes.description {
            row.description = Set(description);
            changed.push("description");
        }
        if let Some(project) = changes.project {
            row.project_id = Set(project);
            changed.push("project_id");
        }
        if let Some(settings) = changes.settings {
            ensure_error_workflow(&*tx, user, Some(id), &settings).await?;
            row.settings = Set(settings.column()?);
            row.error_workflow_id = Set(settings.error_workflow_id);
            changed.push("settings");
        }
        row.updated_at = Set(tx.now());
        let workflow = row.update(&*tx).await?;
        audit::record(&tx, actor, "workflow.update", workflow_target(id), json!({"fields": changed})).await?;
        tx.commit().await?;
        Ok(workflow)
    }

    /// Deletes a workflow: its triggers fire no more, its schedules are gone, it is in no list, and its runs are cancelled. Its versions
    /// are kept as long as its runs.
    ///
    /// # Errors
    /// If there is none.
    pub async fn delete(&self, actor: &Actor, id: WorkflowId) -> Result<(), WorkflowError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        // Schedules are locked before workflows.
        workflow_schedules::Entity::delete_many()
            .filter(workflow_schedules::Column::WorkflowId.eq(id))
            .filter(workflow_schedules::Column::UserId.eq(user))
            .exec(&*tx)
            .await?;
        // Those that run this one after a failure are changed too: all are locked in their order.
        let both =
            Condition::any().add(workflows::Column::Id.eq(id)).add(workflows::Column::ErrorWorkflowId.eq(id));
        let locked = workflows::Entity::find_owned(user)
            .filter(both)
            .order_by_asc(workflows::Column::Id)
            .lock_exclusive()
            .all(&*tx)
            .await?;
        let workflow = locked.into_iter().find(|workflow| workflow.id == id);
        let mut row = workflow.ok_or(WorkflowError::NotFound)?.into_active_model();
        clear_triggers(&tx, id).await?;
        workflows::Entity::update_many()
            .col_expr(workflows::Column::ErrorWorkflowId, Expr::value(None::<WorkflowId>))
            .filter(workflows::Column::UserId.eq(user))
            .filter(workflows::Column::ErrorWorkflowId.eq(id))
            .exec(&*tx)
            .await?;
        row.enabled = Set(false);
        row.deleted_at = Set(Some(tx.now()));
        row.updated_at = Set(tx.now());
        row.update(&*tx).await?;
        tx.enqueue(NewJob::of(&CancelRuns { workflow_id: id }).owned_by(user)).await?;
        audit::record(&tx, actor, "workflow.delete", workflow_target(id), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Creates a disabled workflow with a copy of another one's draft and settings, in the same project.
    ///
    /// # Errors
    /// If the project or the person has the maximum number of workflows.
    pub async fn duplicate(&self, actor: &Actor, id: WorkflowId) -> Result<workflows::Model, WorkflowError> {
        let user = actor.person()?;
        let tx = self.queue.begin().await?;
        // The draft does not change meanwhile.
        let original = lock(&tx, user, id).await?;
        ensure_room(&tx, user, original.project_id).await?;
        let input = NewWorkflow {
            name: copy_name(&original.name),
            description: original.description.clone(),
            project: original.project_id,
            settings: Settings::of(&original)?,
        };
        let copy = insert(&tx, user, input).await?;
        rows::copy(&*tx, original.draft_id, copy.draft_id).await?;
        let context = json!({"of": id});
        audit::record(&tx, actor, "workflow.duplicate", workflow_target(copy.id), context).await?;
        tx.commit().await?;
        Ok(copy)
    }
}

/// Locks the workflows of projects for the rest of the transaction, in the order of their ids.
pub(super) async fn lock_of_projects(tx: &Transaction, projects: &[ProjectId]) -> Result<(), DbErr> {
    let of_projects = workflows::Entity::find()
        .select_only()
        .column(workflows::Column::Id)
        .filter(workflows::Column::ProjectId.is_in(projects.iter().copied()))
        .order_by_asc(workflows::Column::Id)
        .lock_exclusive();
    of_projects.into_tuple::<WorkflowId>().all(&**tx).await.map(drop)
}

/// Creates a workflow with an empty draft in a transaction.
pub(super) async fn create_in(
    tx: &Transaction,
    user: UserId,
    input: NewWorkflow,
) -> Result<workflows::Model, WorkflowError> {
    let input = check_new(input)?;
    ensure_room(tx, user, input.project).await?;
    ensure_error_workflow(&**tx, user, None, &input.settings).await?;
    insert(tx, user, input).await
}

async fn insert(
    tx: &Transaction,
    user: UserId,
    input: NewWorkflow,
) -> Result<workflows::Model, WorkflowError> {
    let (id, draft) = (WorkflowId::new(), WorkflowVersionId::new());
    let row = workflows::ActiveModel {
        id: Set(id),
        user_id: Set(user),
        project_id: Set(input.project),
        name: Set(input.name),
        description: Set(input.description),
        enabled: Set(false),
        settings: Set(input.settings.column()?),
        error_workflow_id: Set(input.settings.error_workflow_id),
        draft_id: Set(draft),
        published_id: Set(None),
        last_number: Set(0),
        revision: Set(1),
        created_at: Set(tx.now()),
        updated_at: Set(tx.now()),
        deleted_at: Set(None),
    };
    let workflow = row.insert(&**tx).await?;
    let version = workflow_versions::ActiveModel {
        id: Set(draft),
        workflow_id: Set(id),
        kind: Set(VersionKind::Draft),
        number: Set(None),
        note: Set(None),
        created_by: Set(user),
        created_at: Set(tx.now()),
    };
    workflow_versions::Entity::insert(version).exec_without_returning(&**tx).await?;
    Ok(workflow)
}

/// A person's workflow, locked for the rest of the transaction.
///
/// # Errors
/// If there is none.
pub(super) async fn lock(
    tx: &Transaction,
    user: UserId,
    id: WorkflowId,
) -> Result<workflows::Model, WorkflowError> {
    let found = workflows::Entity::find_owned_by_id(user, id).lock_exclusive().one(&**tx).await?;
    found.ok_or(WorkflowError::NotFound)
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    user: UserId,
    id: WorkflowId,
) -> Result<workflows::Model, WorkflowError> {
    workflows::Entity::find_owned_by_id(user, id).one(db).await?.ok_or(WorkflowError::NotFound)
}

/// Refuses if there are as many workflows as there may be. The project, or else the account, stays locked, so
/// that two commands at once do not exceed the limit.
async fn ensure_room(
    tx: &Transaction,
    user: UserId,
    project: Option<ProjectId>,
) -> Result<(), WorkflowError> {
    let of_same = match project {
        Some(project) => {
            let found = lock_owned(tx, user, project).await?;
            found.ok_or_else(|| FieldErrors::of("project_id", "is no project of yours"))?;
            workflows::Column::ProjectId.eq(project)
        }
        None => {
            lock_account(tx, user).await?;
            workflows::Column::ProjectId.is_null()
        }
    };
    let count = workflows::Entity::find_owned(user).filter(of_same).count(&**tx).await?;
    if count >= MAX_WORKFLOWS { Err(WorkflowError::TooMany) } else { Ok(()) }
}

/// Locks the account of a person for the rest of the transaction.
pub(crate) async fn lock_account(tx: &Transaction, user: UserId) -> Result<(), WorkflowError> {
    let account = users::Entity::find_by_id(user).lock_exclusive().one(&**tx).await?;
    account.map(drop).ok_or(WorkflowError::NotFound)
}

/// Refuses an error workflow that is not the person's, or the workflow itself.
async fn ensure_error_workflow(
    db: &impl ConnectionTrait,
    user: UserId,
    of: Option<WorkflowId>,
    settings: &Settings,
) -> Result<(), WorkflowError> {
    const FIELD: &str = "settings.error_workflow_id";
    let Some(wanted) = settings.error_workflow_id else { return Ok(()) };
    if of == Some(wanted) {
        return Err(FieldErrors::of(FIELD, "must be another workflow").into());
    }
    match workflows::Entity::find_owned_by_id(user, wanted).count(db).await? {
        0 => Err(FieldErrors::of(FIELD, "is no workflow of yours").into()),
        _ => Ok(()),
    }
}

fn check_new(input: NewWorkflow) -> Result<NewWorkflow, FieldErrors> {
    let changes = WorkflowChanges {
        name: Some(input.name),
        description: Some(input.description),
        project: None,
        settings: Some(input.settings),
    };
    let checked = check(changes)?;
    Ok(NewWorkflow {
        name: checked.name.unwrap_or_default(),
        description: checked.description.unwrap_or_default(),
        project: input.project,
        settings: checked.settings.unwrap_or_default(),
    })
}

fn check(changes: WorkflowChanges) -> Result<WorkflowChanges, FieldErrors> {
    let mut errors = FieldErrors::default();
    let name = changes.name.map(|name| validation::line(&name, 1, MAX_NAME)).transpose();
    let name = errors.take("name", name);
    let description =
        changes.description.map(|text| validation::paragraph(&text, MAX_DESCRIPTION)).transpose();
    let description = errors.take("description", description);
    if let Some(settings) = &changes.settings {
        settings.check(&mut errors);
    }
    let checked = name.zip(description).map(|(name, description)| WorkflowChanges {
        name,
        description,
        project: changes.project,
        settings: changes.settings,
    });
    errors.finish(checked)
}

/// The name with "(copy)" behind it, cut so that both fit.
fn copy_name(name: &str) -> String {
    const SUFFIX: &str = " (copy)";
    let kept: String = name.chars().take(MAX_NAME - SUFFIX.len()).collect();
    format!("{}{SUFFIX}", kept.trim_end())
}
