//! Stores a version in one transaction, at most once per job.

use atelier_entities::{
    GenerationMode, JobId, JobState, ProjectId, ProjectStack, VersionId, jobs, llm_attempts,
    project_versions, projects,
};
use atelier_queue::{Queue, QueueError, Transaction};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    DbErr, EntityTrait, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde_json::Value;

use crate::file::{GeneratedFile, insert_files, next_number};

/// A version to store.
pub(super) struct NewVersion {
    pub(super) job: JobId,
    pub(super) project: ProjectId,
    pub(super) mode: GenerationMode,
    pub(super) stack: ProjectStack,
    pub(super) prompt: String,
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) summary: String,
    pub(super) plan: Option<Value>,
    pub(super) notes: Value,
    pub(super) changes: Value,
    pub(super) files: Vec<GeneratedFile>,
}

/// The result of storing a version.
#[derive(Debug)]
pub(super) enum Stored {
    /// The job's version: this one, or the one that another attempt stored first.
    Version(Box<project_versions::Model>),
    /// The project was deleted.
    ProjectGone,
    /// The job ended meanwhile without a version.
    JobEnded,
}

/// Stores the version and its files. It locks the project first, as the job's effect does,
/// so that a job that ended otherwise leaves no version.
pub(super) async fn store(queue: &Queue, new: NewVersion) -> Result<Stored, QueueError> {
    let tx = queue.begin().await?;
    let project = projects::Entity::find_by_id(new.project).lock_exclusive().one(&*tx).await?;
    if project.is_none() {
        return Ok(Stored::ProjectGone);
    }
    if let Some(version) = project_versions::Entity::find_by_job(new.job).one(&*tx).await? {
        return Ok(Stored::Version(Box::new(version)));
    }
    let job = jobs::Entity::find_by_id(new.job).one(&*tx).await?;
    if job.is_none_or(|job| job.state != JobState::Running) {
        return Ok(Stored::JobEnded);
    }
    let version = insert(&tx, new).await?;
    tx.commit().await?;
    Ok(Stored::Version(Box::new(version)))
}

/// Inserts the version with the next number and its files.
async fn insert(tx: &Transaction, new: NewVersion) -> Result<project_versions::Model, DbErr> {
    let cost = cost_of(tx, new.job).await?;
    let bytes: usize = new.files.iter().map(|file| file.content.len()).sum();
    let row = project_versions::ActiveModel {
        id: Set(VersionId::new()),
        project_id: Set(new.project),
        number: Set(next_number(tx, new.project).await?),
        job_id: Set(Some(new.job)),
        provider: Set(new.provider),
        model: Set(new.model),
        mode: Set(new.mode),
        prompt: Set(new.prompt),
        summary: Set(new.summary),
        file_count: Set(i32::try_from(new.files.len()).unwrap_or(i32::MAX)),
        total_bytes: Set(i64::try_from(bytes).unwrap_or(i64::MAX)),
        created_at: Set(tx.now()),
        stack: Set(Some(new.stack)),
        plan: Set(new.plan),
        notes: Set(Some(new.notes)),
        changes: Set(Some(new.changes)),
        cost_micros: Set(cost),
        restored_from: Set(None),
    };
    let version = row.insert(&**tx).await?;
    insert_files(tx, version.id, new.files).await?;
    Ok(version)
}

/// What the requests of a job cost so far; none of a job without requests.
async fn cost_of(tx: &Transaction, job: JobId) -> Result<Option<i64>, DbErr> {
    let sum = Expr::col(llm_attempts::Column::CostMicros).sum().cast_as("bigint");
    let cost = llm_attempts::Entity::find_of_job(job).select_only().expr_as(sum, "cost");
    let cost: Option<Option<i64>> = cost.into_tuple().one(&**tx).await?;
    Ok(cost.flatten())
}

/// Stores a version of that job.
#[cfg(any(test, feature = "testing"))]
pub(crate) async fn store_for_tests(
    queue: &Queue,
    project: ProjectId,
    job: JobId,
    files: Vec<GeneratedFile>,
) -> project_versions::Model {
    let tx = queue.begin().await.expect("begun");
    let new = NewVersion {
        job,
        project,
        mode: GenerationMode::Quick,
        stack: ProjectStack::Plain,
        prompt: String::new(),
        provider: "test".to_owned(),
        model: "test".to_owned(),
        summary: String::new(),
        plan: None,
        notes: Value::Array(Vec::new()),
        changes: Value::Null,
        files,
    };
    let version = insert(&tx, new).await.expect("stored");
    tx.commit().await.expect("committed");
    version
}
