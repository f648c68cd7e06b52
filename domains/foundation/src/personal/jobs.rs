//! People's jobs.

use async_trait::async_trait;
use atelier_entities::{
    JobId, JobState, UserId, job_attempts, job_events, jobs, queues, running_jobs, schedules,
};
use atelier_queue::{QueueError, Transaction, inspect::JobFilter, removal::delete_some};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Erased, Erasing, ExportList, Page, PersonalData, Rows, of_present};

/// The jobs that people own, and the queues and recurring jobs that they paused.
pub(crate) struct OwnedJobs;

#[async_trait]
impl PersonalData for OwnedJobs {
    fn name(&self) -> &'static str {
        "jobs"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["jobs", "job_attempts", "job_events", "queues", "schedules"]
    }

    fn lists(&self) -> &'static [ExportList] {
        &[ExportList { name: "jobs", position: 80 }]
    }

    async fn read(&self, db: &DatabaseConnection, _list: &str, page: Page) -> Result<Rows, DbErr> {
        let own = jobs::Entity::find().filter(jobs::Column::OwnerId.eq(page.user));
        Ok(Rows::new(page.fetch(db, own, jobs::Column::Id).await?, |job| job.id.0))
    }

    /// Deletes ended and waiting jobs. Their effects are not needed, since their data are
    /// erased too.
    async fn erase(&self, tx: &Transaction, person: &Erasing, batch: u32) -> Result<Erased, QueueError> {
        let own = jobs::Column::OwnerId.eq(person.user);
        let at_rest = Condition::all().add(own.clone()).add(jobs::Column::State.ne(JobState::Running));
        let rows = delete_some::<jobs::Entity>(tx, at_rest, batch).await?;
        if rows >= u64::from(batch) {
            return Ok(Erased { rows, is_done: false });
        }
        let running = jobs::Entity::find().filter(own.clone()).filter(is_running());
        let running = running.order_by_asc(jobs::Column::Id).limit(u64::from(batch)).all(&**tx).await?;
        let rows = rows + running.len() as u64;
        for job in running {
            detach(tx, job).await?;
        }
        unname_pauses(tx, person.user).await?;
        // Other transactions have locked the rest, such as a claim.
        let left = jobs::Entity::find().filter(own).select_only().column(jobs::Column::Id).limit(1);
        let left: Option<JobId> = left.into_tuple().one(&**tx).await?;
        Ok(Erased { rows, is_done: left.is_none() })
    }
}

/// The filter without the jobs of accounts that are being erased, which nobody sees.
#[must_use]
pub fn of_present_owners(filter: JobFilter) -> JobFilter {
    JobFilter { restriction: Some(of_present(jobs::Column::OwnerId)), ..filter }
}

fn is_running() -> sea_orm::sea_query::SimpleExpr {
    jobs::Column::State.eq(JobState::Running)
}

/// Asks a person's running jobs to stop and revokes their claims, so that late writes of
/// their workers do not count. Waiting jobs are cancelled when they start.
pub(crate) async fn stop_running(tx: &Transaction, user: UserId) -> Result<(), QueueError> {
    let running = running_jobs::Entity::find().filter(running_jobs::Column::OwnerId.eq(user));
    for job in running.order_by_asc(running_jobs::Column::Id).all(&**tx).await? {
        match tx.cancel(job.id, Some(user)).await {
            Ok(before) if before.state == JobState::Running => {
                tx.revoke_claim(job.id).await?;
            }
            // The job ended or was deleted meanwhile.
            Ok(_) | Err(QueueError::WrongState { .. } | QueueError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Deletes the jobs about these subjects. Running jobs are detached.
pub(crate) async fn delete_about(tx: &Transaction, subjects: &[Uuid]) -> Result<(), QueueError> {
    let running = tx.lock_about(subjects).await?.into_iter().filter(|job| job.state == JobState::Running);
    for job in running {
        detach(tx, job).await?;
    }
    jobs::Entity::delete_many()
        .filter(jobs::Column::SubjectId.is_not_null())
        .filter(jobs::Column::SubjectId.is_in(subjects.iter().copied()))
        .filter(jobs::Column::State.ne(JobState::Running))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Removes a person from a job that is being stopped, and from its attempts and events. The
/// job then has no owner, late writes of its attempt do not count, and retention deletes
/// it.
async fn detach(tx: &Transaction, job: jobs::Model) -> Result<(), QueueError> {
    if job.cancel_requested_at.is_none() {
        tx.cancel(job.id, None).await?;
    }
    tx.revoke_claim(job.id).await?;
    let nothing = Expr::value(Option::<Value>::None);
    job_attempts::Entity::update_many()
        .col_expr(job_attempts::Column::Error, nothing)
        .filter(job_attempts::Column::JobId.eq(job.id))
        .exec(&**tx)
        .await?;
    job_events::Entity::delete_many().filter(job_events::Column::JobId.eq(job.id)).exec(&**tx).await?;
    let mut row = job.into_active_model();
    row.owner_id = Set(None);
    // A person may have written some of them, and nothing reads them any more.
    row.args = Set(json!({}));
    row.error = Set(None);
    row.progress = Set(None);
    row.update(&**tx).await?;
    Ok(())
}

/// Takes a person out of the queues and recurring jobs that they paused, which stay paused.
async fn unname_pauses(tx: &Transaction, user: UserId) -> Result<(), DbErr> {
    let paused = queues::Column::PausedBy.eq(user);
    if queues::Entity::find().filter(paused.clone()).count(&**tx).await? > 0 {
        let nobody = Expr::value(Option::<Uuid>::None);
        let unnamed = queues::Entity::update_many().col_expr(queues::Column::PausedBy, nobody);
        unnamed.filter(paused).exec(&**tx).await?;
    }
    let paused = schedules::Column::PausedBy.eq(user);
    if schedules::Entity::find().filter(paused.clone()).count(&**tx).await? > 0 {
        let nobody = Expr::value(Option::<Uuid>::None);
        let unnamed = schedules::Entity::update_many().col_expr(schedules::Column::PausedBy, nobody);
        unnamed.filter(paused).exec(&**tx).await?;
    }
    Ok(())
}
