//! The effect of a deployment job.

use async_trait::async_trait;
use atelier_entities::{DeploymentStatus, JobState, deployments, projects, published_sites, users};
use atelier_queue::{Effect, EffectError, EndedJob, Transaction};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde::Deserialize;
use serde_json::json;

use super::{PublishDeployment, commands::find_of_job, hosts::Addresses, is_under_way, site_folder};
use crate::mail::DEPLOYMENT_FINISHED;
use atelier_foundation::{mail::queue_mail, objects::enqueue_removal};

/// Switches the site to the deployment, or stores why it failed.
#[derive(Clone, Debug)]
pub struct DeploymentEnded {
    addresses: Addresses,
}

impl DeploymentEnded {
    pub(crate) fn new(public_url: &str, preview_url: &str) -> Self {
        Self { addresses: Addresses::new(public_url, preview_url) }
    }
}

#[async_trait]
impl Effect for DeploymentEnded {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        // Found by its row: args that this version cannot decode must not block the effect.
        let found = find_of_job(&**tx, job.id, job.subject).await?;
        let project = match &found {
            Some(deployment) => {
                projects::Entity::find_by_id(deployment.project_id).lock_exclusive().one(&**tx).await?
            }
            None => None,
        };
        let (Some(deployment), Some(project)) = (found, project) else {
            // The project was deleted: removes files that were copied afterwards. A job
            // whose args cannot be decoded has copied nothing.
            let args = PublishDeployment::deserialize(&*job.args);
            let copied = args.into_iter().map(|args| site_folder(args.deployment_id)).collect();
            enqueue_removal(tx, copied).await?;
            return Ok(());
        };
        if job.state == JobState::Succeeded {
            self.go_live(tx, project, deployment).await
        } else {
            mark_ended(tx, deployment, job).await
        }
    }
}

impl DeploymentEnded {
    async fn go_live(
        &self,
        tx: &Transaction,
        project: projects::Model,
        deployment: deployments::Model,
    ) -> Result<(), EffectError> {
        let url = self.addresses.of(&deployment.slug);
        let before = published_sites::Entity::find_of(project.id).one(&**tx).await?;
        switch_site(tx, &deployment).await?;
        supersede_others(tx, &deployment).await?;
        if let Some(before) = before.filter(|before| before.deployment_id != deployment.id) {
            enqueue_removal(tx, vec![site_folder(before.deployment_id)]).await?;
        }
        let cause = deployment.id.to_string();
        let mut row = deployment.into_active_model();
        row.status = Set(DeploymentStatus::Live);
        row.url = Set(Some(url.clone()));
        row.error = Set(None);
        row.finished_at = Set(Some(tx.now()));
        row.updated_at = Set(tx.now());
        row.update(&**tx).await?;
        let data = json!({"project_id": project.id, "project_title": project.title, "url": url});
        let owner = project.user_id;
        let mut row = project.into_active_model();
        row.deployment_url = Set(Some(url));
        row.updated_at = Set(tx.now());
        row.update(&**tx).await?;
        if let Some(user) = users::Entity::find_by_id(owner).one(&**tx).await? {
            queue_mail(tx, &DEPLOYMENT_FINISHED, &user, &cause, data).await?;
        }
        Ok(())
    }
}

async fn switch_site(tx: &Transaction, deployment: &deployments::Model) -> Result<(), DbErr> {
    let row = published_sites::ActiveModel {
        slug: Set(deployment.slug.clone()),
        project_id: Set(deployment.project_id),
        deployment_id: Set(deployment.id),
        views: Set(0),
        updated_at: Set(tx.now()),
    };
    let switch = OnConflict::column(published_sites::Column::ProjectId)
        .update_columns([published_sites::Column::DeploymentId, published_sites::Column::UpdatedAt])
        .to_owned();
    published_sites::Entity::insert(row).on_conflict(switch).exec_without_returning(&**tx).await?;
    Ok(())
}

async fn supersede_others(tx: &Transaction, deployment: &deployments::Model) -> Result<(), DbErr> {
    deployments::Entity::update_many()
        .col_expr(deployments::Column::Status, Expr::value(DeploymentStatus::Superseded))
        .col_expr(deployments::Column::UpdatedAt, Expr::value(tx.now()))
        .filter(deployments::Column::ProjectId.eq(deployment.project_id))
        .filter(deployments::Column::Platform.eq(&deployment.platform))
        .filter(deployments::Column::Status.eq(DeploymentStatus::Live))
        .filter(deployments::Column::Id.ne(deployment.id))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Stores the failure and removes the copied files. A deployment that had ended before
/// keeps its status.
async fn mark_ended(
    tx: &Transaction,
    deployment: deployments::Model,
    job: &EndedJob,
) -> Result<(), EffectError> {
    let message = job.error.as_ref().and_then(|error| error.get("message")).and_then(|text| text.as_str());
    let (status, error) = match job.state {
        JobState::Failed => (DeploymentStatus::Failed, Some(message.unwrap_or("it failed").to_owned())),
        _ => (DeploymentStatus::Cancelled, None),
    };
    enqueue_removal(tx, vec![site_folder(deployment.id)]).await?;
    if !is_under_way(deployment.status) {
        return Ok(());
    }
    let mut row = deployment.into_active_model();
    row.status = Set(status);
    row.error = Set(error);
    row.finished_at = Set(Some(tx.now()));
    row.updated_at = Set(tx.now());
    row.update(&**tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
