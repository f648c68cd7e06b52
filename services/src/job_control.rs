//! Commands on single jobs, each with its audit entry in the same transaction, and
//! explanations of their state.

use std::{error::Error, fmt};

use atelier_entities::{JobId, UserId, jobs, users};
use atelier_foundation::{
    Actor, NotSignedIn, Problem, Refusal, RestartError, audit,
    personal::{is_being_erased, is_withdrawn, of_present_owners},
};
use atelier_queue::{
    QueueError, Transaction,
    inspect::{JobFilter, Page, Why},
};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::Services;

/// Why a command on a job failed.
#[derive(Debug)]
pub enum JobControlError {
    /// No person is signed in.
    NotSignedIn(NotSignedIn),
    /// The queue failed, or the job's state does not allow the command.
    Queue(QueueError),
    /// The job that replaces it could not be started.
    Restart(RestartError),
}

impl JobControlError {
    fn problem(&self) -> &dyn Problem {
        match self {
            Self::NotSignedIn(error) => error,
            Self::Queue(error) => error,
            Self::Restart(error) => &**error,
        }
    }
}

impl From<NotSignedIn> for JobControlError {
    fn from(error: NotSignedIn) -> Self {
        Self::NotSignedIn(error)
    }
}

impl From<QueueError> for JobControlError {
    fn from(error: QueueError) -> Self {
        Self::Queue(error)
    }
}

impl fmt::Display for JobControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem())
    }
}

impl Error for JobControlError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.problem())
    }
}

impl Problem for JobControlError {
    fn refusal(&self) -> Refusal {
        self.problem().refusal()
    }
}

impl Services {
    /// A job that the actor may see. Nobody sees those of an account that is being erased.
    pub async fn get_job(&self, actor: &Actor, id: JobId) -> Result<jobs::Model, JobControlError> {
        let job = self.queue.find_job(id, actor.job_scope()?).await?.ok_or(QueueError::NotFound)?;
        self.ensure_visible(actor, job.owner_id).await?;
        Ok(job)
    }

    /// Refuses what belongs to an account that is being erased. The actor's own is not.
    pub async fn ensure_visible(&self, actor: &Actor, owner: Option<UserId>) -> Result<(), QueueError> {
        let Some(owner) = owner.filter(|owner| actor.user() != Some(*owner)) else { return Ok(()) };
        if is_withdrawn(self.queue.db(), owner).await? { Err(QueueError::NotFound) } else { Ok(()) }
    }

    /// A page of everybody's jobs, newest first, and their total number up to
    /// [`COUNT_LIMIT`](atelier_foundation::COUNT_LIMIT). Those of accounts that are being
    /// erased are left out.
    pub async fn list_all_jobs(
        &self,
        filter: JobFilter,
        page: Page,
    ) -> Result<(Vec<jobs::Model>, u64), QueueError> {
        self.queue.list_jobs(&of_present_owners(filter), page).await
    }

    /// Cancels a job: at once where it waits; where it runs, its worker is told to stop.
    pub async fn cancel_job(&self, actor: &Actor, id: JobId) -> Result<jobs::Model, JobControlError> {
        let owner = self.get_job(actor, id).await?.owner_id;
        let tx = self.queue.begin().await?;
        let job = cancel_in(&tx, actor, id, owner).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// Retries a failed or cancelled job: as itself, or as a new job if its kind has a
    /// restart, such as a generation, which was refunded when it ended.
    pub async fn retry_job(&self, actor: &Actor, id: JobId) -> Result<jobs::Model, JobControlError> {
        let job = self.get_job(actor, id).await?;
        let owner = job.owner_id;
        let kinds = self.modules.iter().flat_map(|module| &module.kinds);
        let mut kinds = kinds.filter(|kind| kind.names().contains(&job.kind.as_str()));
        if let Some(restart) = kinds.find_map(|kind| kind.restart.as_ref()) {
            let restarted = restart.start(self.clone(), actor.clone(), job).await;
            return restarted.map_err(JobControlError::Restart);
        }
        let tx = self.queue.begin().await?;
        let job = retry_in(&tx, actor, id, owner).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// Why a job does not run. Administrators also see which administrator paused the queue;
    /// others see only that one did.
    pub async fn why(&self, actor: &Actor, job: &jobs::Model) -> Result<Why, QueueError> {
        let mut why = self.queue.why(job).await?;
        if why.code == "QUEUE_PAUSED" {
            let by = self.who_paused(actor, why.by).await?;
            why.message = format!("{}, by {by}", why.message);
            if let Some(Value::Object(details)) = &mut why.details {
                details.insert("by".to_owned(), Value::from(by));
            }
        }
        Ok(why)
    }

    async fn who_paused(&self, actor: &Actor, by: Option<UserId>) -> Result<String, QueueError> {
        let Some(by) = by else { return Ok("an operator at the command line".to_owned()) };
        if !actor.may_administrate() {
            return Ok("an administrator".to_owned());
        }
        let user = users::Entity::find_by_id(by).one(self.queue.db()).await?;
        Ok(user
            .filter(|user| !is_being_erased(user))
            .map_or_else(|| format!("an administrator whose account is gone ({by})"), |user| user.email))
    }
}

async fn cancel_in(
    tx: &Transaction,
    actor: &Actor,
    id: JobId,
    owner: Option<UserId>,
) -> Result<jobs::Model, QueueError> {
    let job = tx.cancel(id, owner).await?;
    audit::record_job(tx, actor, "job.cancel", &job, json!({"owner": job.owner_id, "was": job.state}))
        .await?;
    find(tx, id).await
}

async fn retry_in(
    tx: &Transaction,
    actor: &Actor,
    id: JobId,
    owner: Option<UserId>,
) -> Result<jobs::Model, QueueError> {
    let job = tx.retry(id, owner).await?;
    audit::record_job(tx, actor, "job.retry", &job, json!({"owner": job.owner_id, "was": job.state})).await?;
    find(tx, id).await
}

async fn find(tx: &Transaction, id: JobId) -> Result<jobs::Model, QueueError> {
    jobs::Entity::find_by_id(id).one(&**tx).await?.ok_or(QueueError::NotFound)
}

#[cfg(test)]
mod tests {
    use atelier_entities::{JobState, ProjectKind, audit_log};
    use atelier_foundation::objects::RemoveObjects;
    use atelier_foundation::testing::acting;
    use atelier_queue::{NewJob, QueueName};
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

    use super::*;
    use crate::testing::Fixture;

    async fn entries(fixture: &Fixture) -> Vec<audit_log::Model> {
        let about_jobs = audit_log::Entity::find().filter(audit_log::Column::Action.starts_with("job."));
        let about_jobs = about_jobs.order_by_asc(audit_log::Column::Id);
        about_jobs.all(fixture.services.queue.db()).await.expect("listed")
    }

    #[tokio::test]
    async fn commands_on_a_job_are_recorded() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let (actor, somebody) = (acting(ada.id), acting(UserId::new()));
        let job = NewJob::of(&RemoveObjects { prefixes: Vec::new() }).owned_by(ada.id);
        let id = fixture.services.queue.enqueue(job).await.expect("enqueued").id;

        let cancelled = fixture.services.cancel_job(&actor, id).await.expect("cancelled");
        let refused = fixture.services.cancel_job(&actor, id).await;
        let elsewhere = fixture.services.cancel_job(&somebody, id).await;
        let not_hers = fixture.services.retry_job(&somebody, id).await;
        let again = fixture.services.retry_job(&actor, id).await.expect("run again");

        assert_eq!((cancelled.state, again.state), (JobState::Cancelled, JobState::Available));
        assert!(matches!(refused, Err(JobControlError::Queue(QueueError::WrongState { .. }))), "{refused:?}");
        assert!(matches!(elsewhere, Err(JobControlError::Queue(QueueError::NotFound))), "{elsewhere:?}");
        assert!(matches!(not_hers, Err(JobControlError::Queue(QueueError::NotFound))), "{not_hers:?}");
        let entries = entries(&fixture).await;
        let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["job.cancel", "job.retry"], "what was refused is not recorded");
        assert!(entries.iter().all(|entry| entry.actor_id == Some(ada.id)));
        assert_eq!(entries[0].target, Some(format!("job:{id}")));
        assert_eq!(entries[0].context["was"], "available");
    }

    #[tokio::test]
    async fn the_entry_of_a_retried_generation_names_the_new_job() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let actor = acting(ada.id);
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        let first = fixture.generate(ada.id, project.id, None).await;
        fixture.services.cancel_job(&actor, first.id).await.expect("cancelled");

        let second = fixture.services.retry_job(&actor, first.id).await.expect("again");

        let entries = entries(&fixture).await;
        assert_eq!(entries[1].action, "job.retry");
        assert_eq!(entries[1].target, Some(format!("job:{}", first.id)));
        assert_eq!(entries[1].context["job"], json!(second.id));
    }

    #[tokio::test]
    async fn operators_see_who_paused_a_queue_and_owners_only_that_somebody_did() {
        let fixture = Fixture::new().await;
        let root = fixture.register("root@example.org").await;
        let services = &fixture.services;
        let id = services.queue.enqueue(NewJob::of(&RemoveObjects { prefixes: Vec::new() })).await;
        let job = fixture.job(id.expect("enqueued").id).await;
        let pause = async |by| services.queue.pause(QueueName::Maintenance, by).await.expect("paused");
        let why = async |actor: Actor| services.why(&actor, &job).await.expect("a reason");

        pause(Some(root.id)).await;
        let (owner, operator) = (why(acting(root.id)).await, why(Actor::platform()).await);
        assert!(owner.message.ends_with(", by an administrator"), "{}", owner.message);
        assert!(operator.message.ends_with(", by root@example.org"), "{}", operator.message);
        assert_eq!(operator.details.expect("details")["by"], "root@example.org");

        pause(None).await;
        let operator = why(Actor::platform()).await;
        assert!(operator.message.ends_with("at the command line"), "{}", operator.message);
    }
}
