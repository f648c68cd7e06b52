//! The effect of a generation job.

use async_trait::async_trait;
use atelier_entities::{JobState, ProjectId, ProjectStatus, project_versions, projects, users};
use atelier_queue::{Effect, EffectError, EndedJob, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect,
};
use serde_json::{Value, json};

use atelier_foundation::{credits, mail::queue_mail};

use super::messages;
use crate::mail::{GENERATION_FAILED, GENERATION_FINISHED};

/// Makes the version current or refunds the credits, and mails the person.
#[derive(Clone, Copy, Debug)]
pub struct GenerationEnded;

#[async_trait]
impl Effect for GenerationEnded {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        let project = lock_project(tx, job).await?;
        if job.state != JobState::Succeeded {
            let by_job = project_versions::Column::JobId.eq(job.id);
            project_versions::Entity::delete_many().filter(by_job).exec(&**tx).await?;
            messages::fail(tx, job).await?;
            credits::refund(tx, job.id, "Refund: the generation did not succeed").await?;
        }
        let Some(project) = project else { return Ok(()) };
        let version = made_version(job);
        let status = next_status(&project, job.state);
        if let Some(status) = status {
            set_status(tx, &project, status, version).await?;
        }
        queue_result_mail(tx, &project, job, version).await
    }
}

/// The project of the job. It is found by the job's subject: args that this version cannot
/// decode must not block the effect.
async fn lock_project(tx: &Transaction, job: &EndedJob) -> Result<Option<projects::Model>, DbErr> {
    let Some(id) = job.subject.map(ProjectId) else { return Ok(None) };
    projects::Entity::find_by_id(id).lock_exclusive().one(&**tx).await
}

fn made_version(job: &EndedJob) -> Option<i32> {
    let number = job.result.as_ref()?.get("version")?.as_i64()?;
    i32::try_from(number).ok()
}

/// The project's status after the generation; none if it does not change.
fn next_status(project: &projects::Model, ended: JobState) -> Option<ProjectStatus> {
    if ended == JobState::Succeeded {
        return Some(ProjectStatus::Completed);
    }
    if project.status != ProjectStatus::Generating {
        return None;
    }
    Some(match (project.current_version, ended) {
        (Some(_), _) => ProjectStatus::Completed,
        (None, JobState::Failed) => ProjectStatus::Error,
        (None, _) => ProjectStatus::Draft,
    })
}

async fn set_status(
    tx: &Transaction,
    project: &projects::Model,
    status: ProjectStatus,
    version: Option<i32>,
) -> Result<(), DbErr> {
    let mut row = project.clone().into_active_model();
    row.status = Set(status);
    if version.is_some() {
        row.current_version = Set(version);
    }
    row.updated_at = Set(tx.now());
    row.update(&**tx).await?;
    Ok(())
}

/// Mails the result, except of a cancelled job.
async fn queue_result_mail(
    tx: &Transaction,
    project: &projects::Model,
    job: &EndedJob,
    version: Option<i32>,
) -> Result<(), EffectError> {
    let common = json!({"project_id": project.id, "project_title": project.title});
    let (template, mut data) = match job.state {
        JobState::Succeeded => (&GENERATION_FINISHED, common),
        JobState::Failed => (&GENERATION_FAILED, common),
        _ => return Ok(()),
    };
    if let Some(version) = version {
        data["version"] = Value::from(version);
    }
    if let Some(files) = job.result.as_ref().and_then(|result| result.get("files")) {
        data["files"] = files.clone();
    }
    if let Some(reason) = job.error.as_ref().and_then(|error| error.get("message")) {
        data["reason"] = reason.clone();
    }
    let Some(user) = users::Entity::find_by_id(project.user_id).one(&**tx).await? else { return Ok(()) };
    queue_mail(tx, template, &user, &job.id.to_string(), data).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
