use atelier_entities::{
    DeploymentId, DeploymentStatus, JobId, JobState, ProjectId, UserId, deployments, job_events, jobs,
    project_versions, projects, published_sites,
};
use atelier_queue::{NewJob, QueueError, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, prelude::Uuid,
};
use serde_json::json;

use super::{DeploymentError, DeploymentInput, DeploymentLog, Deployments, PublishDeployment};
use crate::versions::slug;
use atelier_foundation::{Actor, FieldErrors, audit, projects::project_target};

/// Maximum number of log lines in a status.
const MAX_LOG_LINES: u64 = 200;

impl Deployments {
    /// Starts a deployment. A project has at most one that has not ended.
    pub async fn start(
        &self,
        actor: &Actor,
        project: ProjectId,
        input: DeploymentInput,
    ) -> Result<(deployments::Model, jobs::Model), DeploymentError> {
        let user = actor.person()?;
        let wanted =
            Wanted { platform: find_platform(&input.platform)?, version: input.version, waiter: None };
        let tx = self.queue.begin().await?;
        let started = start_in(&tx, actor, user, project, wanted).await?;
        tx.commit().await?;
        Ok(started)
    }

    /// Retries a deployment that ended without success, as a new deployment, since the
    /// files of the first one are being removed.
    pub(crate) async fn restart(
        &self,
        actor: &Actor,
        job: &jobs::Model,
    ) -> Result<jobs::Model, DeploymentError> {
        if !matches!(job.state, JobState::Failed | JobState::Cancelled | JobState::Discarded) {
            return Err(QueueError::WrongState { state: job.state, action: "retried" }.into());
        }
        let tx = self.queue.begin().await?;
        let ended = find_of_job(&*tx, job.id, job.subject_id).await?;
        let (Some(owner), Some(ended)) = (job.owner_id, ended) else { return Err(DeploymentError::NotFound) };
        let platform = find_platform(&ended.platform)?;
        let wanted = Wanted { platform, version: Some(ended.version_number), waiter: None };
        let (_, next) = start_in(&tx, actor, owner, ended.project_id, wanted).await?;
        audit::record_job(&tx, actor, "job.retry", job, json!({"owner": owner, "job": next.id})).await?;
        tx.commit().await?;
        Ok(next)
    }

    /// The latest deployment of a project with its log.
    pub async fn status(
        &self,
        actor: &Actor,
        project: ProjectId,
    ) -> Result<Option<(deployments::Model, Vec<DeploymentLog>)>, DeploymentError> {
        let user = actor.person()?;
        let db = self.queue.db();
        let project = projects::Entity::find_owned_by_id(user, project).one(db).await?;
        let project = project.ok_or(DeploymentError::NotFound)?;
        let latest =
            deployments::Entity::find_of(project.id).order_by_desc(deployments::Column::Id).one(db).await?;
        let Some(latest) = latest else { return Ok(None) };
        let mut log = Vec::new();
        if let Some(job) = latest.job_id {
            let events = job_events::Entity::find()
                .filter(job_events::Column::JobId.eq(job))
                .filter(job_events::Column::Kind.eq("log"))
                .order_by_asc(job_events::Column::Seq)
                .limit(MAX_LOG_LINES)
                .all(db)
                .await?;
            log.extend(events.into_iter().filter_map(log_line));
        }
        Ok(Some((latest, log)))
    }
}

/// The platform and version of a deployment.
pub(super) struct Wanted {
    pub(super) platform: &'static str,
    pub(super) version: Option<i32>,
    /// Who waits for its end.
    pub(super) waiter: Option<Uuid>,
}

/// Starts a deployment in a transaction.
pub(super) async fn start_in(
    tx: &Transaction,
    actor: &Actor,
    user: UserId,
    project: ProjectId,
    wanted: Wanted,
) -> Result<(deployments::Model, jobs::Model), DeploymentError> {
    let own = projects::Entity::find_owned_by_id(user, project);
    let project = own.clone().one(&**tx).await?.ok_or(DeploymentError::NotFound)?;
    let number = wanted.version.or(project.current_version).ok_or(DeploymentError::NoVersion)?;
    let version = project_versions::Entity::find_numbered(project.id, number).one(&**tx).await?;
    version.ok_or(DeploymentError::NoVersion)?;
    let id = DeploymentId::new();
    let job = NewJob::of(&PublishDeployment { deployment_id: id })
        .unique(format!("deployment:{}", project.id))
        .owned_by(user)
        .about(project.id.0)
        .from_origin(actor.origin.clone())
        .awaited_by(wanted.waiter);
    let enqueued = tx.enqueue(job).await?;
    if enqueued.duplicate {
        return Err(DeploymentError::AlreadyRunning(enqueued.id));
    }
    let job = enqueued.into_job()?;
    // Locks jobs before projects, as the effects of jobs do.
    own.lock_exclusive().one(&**tx).await?.ok_or(DeploymentError::NotFound)?;
    let slug = find_slug(tx, &project).await?;
    let platform = wanted.platform;
    let deployment = row(id, &project, Target { number, platform, slug, job: job.id }, tx);
    let deployment = deployment.insert(&**tx).await?;
    let context = json!({"deployment": id, "version": number, "platform": platform});
    audit::record(tx, actor, "deployment.start", project_target(project.id), context).await?;
    Ok((deployment, job))
}

/// The deployment of a job about that project.
pub(super) async fn find_of_job(
    db: &impl ConnectionTrait,
    job: JobId,
    project: Option<Uuid>,
) -> Result<Option<deployments::Model>, DbErr> {
    let Some(project) = project else { return Ok(None) };
    let of_job = deployments::Column::JobId.eq(job);
    deployments::Entity::find_of(ProjectId(project)).filter(of_job).one(db).await
}

pub(super) fn find_platform(id: &str) -> Result<&'static str, DeploymentError> {
    let platforms = Deployments::platforms();
    match platforms.iter().find(|platform| platform.id == id) {
        Some(platform) if platform.available => Ok(platform.id),
        Some(platform) => Err(DeploymentError::PlatformUnavailable(platform.id)),
        None => {
            let known: Vec<_> = platforms.iter().map(|platform| platform.id).collect();
            let problem = format!("must be one of {}", known.join(", "));
            Err(FieldErrors::of("platform", problem).into())
        }
    }
}

/// The slug of the project's site. A new one has the title and the random end of the
/// project's id.
async fn find_slug(tx: &Transaction, project: &projects::Model) -> Result<String, DbErr> {
    if let Some(site) = published_sites::Entity::find_of(project.id).one(&**tx).await? {
        return Ok(site.slug);
    }
    let earlier =
        deployments::Entity::find_of(project.id).order_by_asc(deployments::Column::Id).one(&**tx).await?;
    if let Some(earlier) = earlier {
        return Ok(earlier.slug);
    }
    let id = project.id.0.simple().to_string();
    Ok(format!("{}-{}", slug(&project.title), &id[id.len() - 10..]))
}

struct Target {
    number: i32,
    platform: &'static str,
    slug: String,
    job: JobId,
}

fn row(
    id: DeploymentId,
    project: &projects::Model,
    target: Target,
    tx: &Transaction,
) -> deployments::ActiveModel {
    deployments::ActiveModel {
        id: Set(id),
        project_id: Set(project.id),
        user_id: Set(project.user_id),
        version_number: Set(target.number),
        platform: Set(target.platform.to_owned()),
        status: Set(DeploymentStatus::Queued),
        slug: Set(target.slug),
        url: Set(None),
        job_id: Set(Some(target.job)),
        error: Set(None),
        created_at: Set(tx.now()),
        updated_at: Set(tx.now()),
        finished_at: Set(None),
    }
}

fn log_line(event: job_events::Model) -> Option<DeploymentLog> {
    let level = serde_json::from_value(event.data.get("level")?.clone()).ok()?;
    let message = event.data.get("message")?.as_str()?.to_owned();
    Some(DeploymentLog { at: event.created_at, level, message })
}
