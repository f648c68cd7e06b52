use atelier_entities::{
    DeploymentId, DeploymentStatus, UserId, deployments, project_files, project_versions, projects,
};
use atelier_providers::object_store::{ObjectError, content_type_of};
use atelier_queue::{JobContext, JobError, LogLevel, Outcome};
use bytes::Bytes;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::{
    Deployments, PublishDeployment, UNDER_WAY, is_under_way,
    site::{Site, make_site},
    site_folder,
};
use crate::{fault::Fault, file::GeneratedFile, react::Place};
use atelier_foundation::identity::is_deactivated;

/// Most faults in the error of a deployment.
const MAX_FAULTS: usize = 5;

/// A deployment and the version that it publishes.
struct Source {
    deployment: deployments::Model,
    owner: UserId,
    title: String,
    files: Vec<GeneratedFile>,
}

impl Deployments {
    /// Copies the site of a version to the object store. The site goes live when the job
    /// succeeds. A repeated run writes the same files.
    pub async fn publish(&self, ctx: &JobContext, args: PublishDeployment) -> Result<Outcome, JobError> {
        ctx.progress(5, "preparing", "Reading the version").await;
        let Some(source) = self.load(args.deployment_id).await? else {
            return Ok(Outcome::Cancel("the project was deleted".to_owned()));
        };
        let Source { deployment, owner, title, files } = source;
        if is_deactivated(self.queue.db(), owner).await? {
            return Ok(Outcome::Cancel("the account is deactivated".to_owned()));
        }
        if !self.mark_publishing(args.deployment_id).await? {
            let message = "the deployment ended and what it had copied is removed; start another one";
            return Err(JobError::fail("DEPLOYMENT_ENDED", message));
        }
        let Site { files, notes } = self.make(title, files).await?;
        let version = deployment.version_number;
        ctx.log(LogLevel::Info, format!("publishing version {version}: {} files", files.len())).await;
        for note in notes {
            ctx.log(LogLevel::Warning, note.to_string()).await;
        }
        let (count, bytes) = (files.len(), files.iter().map(|(_, content)| content.len()).sum::<usize>());
        let copied = self.copy(ctx, deployment.id, files).await;
        self.remove_unwanted(deployment.id).await?;
        copied?;
        ctx.progress(95, "publishing", "Switching the address to this version").await;
        let url = self.addresses.of(&deployment.slug);
        ctx.log(LogLevel::Info, format!("copied {bytes} bytes; the site is at {url}")).await;
        ctx.progress(100, "done", "The site is online").await;
        Ok(Outcome::Done(json!({
            "deployment_id": deployment.id,
            "project_id": deployment.project_id,
            "version": version,
            "slug": deployment.slug,
            "url": url,
            "files": count,
            "bytes": bytes,
        })))
    }

    /// Makes the site on a blocking thread, since a React application is compiled.
    async fn make(&self, title: String, files: Vec<GeneratedFile>) -> Result<Site, JobError> {
        let place = if self.hosts().is_some() { Place::Host } else { Place::Folder };
        let made = tokio::task::spawn_blocking(move || make_site(&title, files, place)).await;
        let made =
            made.map_err(|_| JobError::retry("CHECK_FAILED", "the application could not be compiled"))?;
        made.map_err(|faults| not_compiled(&faults))
    }

    async fn load(&self, id: DeploymentId) -> Result<Option<Source>, DbErr> {
        let db = self.queue.db();
        let Some(deployment) = deployments::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
        let Some(project) = projects::Entity::find_by_id(deployment.project_id).one(db).await? else {
            return Ok(None);
        };
        let version = project_versions::Entity::find_numbered(project.id, deployment.version_number);
        let Some(version) = version.one(db).await? else { return Ok(None) };
        let rows = project_files::Entity::find_of(version.id).all(db).await?;
        let files = rows.into_iter().map(GeneratedFile::from).collect();
        Ok(Some(Source { deployment, owner: project.user_id, title: project.title, files }))
    }

    async fn copy(
        &self,
        ctx: &JobContext,
        id: DeploymentId,
        files: Vec<(String, String)>,
    ) -> Result<(), JobError> {
        let (folder, total) = (site_folder(id), files.len().max(1));
        for (at, (path, content)) in files.into_iter().enumerate() {
            let percent = u8::try_from(10 + 80 * at / total).unwrap_or(90);
            ctx.progress(percent, "copying", format!("Copying {path}")).await;
            // Storing progress checks the lease: after a stall, a lost lease is noticed
            // here.
            if ctx.stop().is_cancelled() {
                return Err(JobError::retry("STOPPED", "the deployment was stopped"));
            }
            let content_type = content_type_of(&path);
            self.objects
                .put(&format!("{folder}/{path}"), Bytes::from(content), &content_type)
                .await
                .map_err(storage)?;
        }
        Ok(())
    }

    /// Removes the copied files if the deployment was deleted or has ended without success.
    /// Its end removed earlier files, but these may be later ones.
    pub(super) async fn remove_unwanted(&self, id: DeploymentId) -> Result<(), JobError> {
        let deployment = deployments::Entity::find_by_id(id).one(self.queue.db()).await?;
        let is_wanted = |status| is_under_way(status) || status == DeploymentStatus::Live;
        if deployment.is_some_and(|deployment| is_wanted(deployment.status)) {
            return Ok(());
        }
        self.objects.delete_prefix(&site_folder(id)).await.map(drop).map_err(storage)
    }

    /// Marks the deployment as publishing. Returns false if it has ended.
    async fn mark_publishing(&self, id: DeploymentId) -> Result<bool, DbErr> {
        let marked = deployments::Entity::update_many()
            .col_expr(deployments::Column::Status, Expr::value(DeploymentStatus::Publishing))
            .col_expr(deployments::Column::UpdatedAt, Expr::value(self.queue.now()))
            .filter(deployments::Column::Id.eq(id))
            .filter(deployments::Column::Status.is_in(UNDER_WAY))
            .exec(self.queue.db())
            .await?;
        Ok(marked.rows_affected > 0)
    }
}

/// The error of a version that cannot be compiled, with its files and lines.
fn not_compiled(faults: &[Fault]) -> JobError {
    let lines: Vec<String> = faults.iter().take(MAX_FAULTS).map(ToString::to_string).collect();
    JobError::fail("NOT_COMPILED", format!("the application cannot be compiled: {}", lines.join("; ")))
}

fn storage(error: ObjectError) -> JobError {
    tracing::warn!(%error, "a file of a site was not copied");
    if error.is_retryable() {
        JobError::retry("STORAGE", "the object store did not take a file")
    } else {
        JobError::fail("STORAGE", "a file of the site cannot be stored under its name")
    }
}
