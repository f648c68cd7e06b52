//! Deleting an account: its jobs, its objects, its rows.

mod mails;

use std::time::Duration;

use atelier_entities::{JobState, ProjectId, UserId, job_attempts, job_events, jobs};
use atelier_queue::{
    QueueError, Transaction,
    inspect::{BulkAction, JobFilter},
    removal::delete_in_batches,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel,
    ModelTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use serde_json::{Value, json};

use super::{
    Identity, IdentityError,
    accounts::lock_user,
    admins::{ensure_other_admin, lock_admins},
    attempts,
    profile::list_own_projects,
    user_target,
};
use crate::{
    Actor, audit,
    objects::enqueue_removal,
    projects::{folders_of, lock_all_owned},
};

/// Jobs cancelled or deleted in one step.
const STEP: u32 = 100;
/// What is recorded about an account may be older than its row by what clocks differ.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

impl Identity {
    /// Deletes the actor's own account. It asks for the password, or in its place for a
    /// sign-in of the last minutes at another provider; where there is no password, any
    /// sign-in of the last minutes will do.
    pub async fn delete_account(&self, actor: &Actor, password: &str) -> Result<(), IdentityError> {
        let user = actor.person()?;
        let is_fresh = match actor.session() {
            Some(family) if password.is_empty() => self.came_by_provider(family).await?,
            _ => false,
        };
        if !is_fresh {
            self.reauthenticate(actor, password).await?;
        }
        self.erase_account(actor, user).await
    }

    /// Deletes an account with everything that is the person's: cancels their jobs,
    /// erases their rows, and has their objects removed. The audit log keeps what
    /// happened, without saying who it was.
    pub async fn erase_account(&self, actor: &Actor, user: UserId) -> Result<(), IdentityError> {
        let account = self.get_user(user).await?;
        if account.is_admin && account.is_active {
            let tx = self.queue.begin().await?;
            ensure_other_admin(&tx, user).await?;
        }
        self.cancel_jobs(&JobFilter { owner: Some(user), ..JobFilter::default() }).await?;
        // Most of them before the transaction: they may be more than one statement can do.
        delete_in_batches::<jobs::Entity>(&self.queue, ended_jobs(user), STEP).await?;
        let tx = self.queue.begin().await?;
        let projects = cancel_work(&tx, user).await?;
        if account.is_admin {
            lock_admins(&tx).await?;
        }
        let account = lock_user(&tx, user).await?.ok_or(IdentityError::NotFound)?;
        if account.is_admin && account.is_active {
            ensure_other_admin(&tx, user).await?;
        }
        let folders = folders_of(&self.project_folders, &tx, &projects).await?;
        let addresses = mails::lock_addresses(&tx, &account).await?;
        forget_jobs(&tx, user).await?;
        mails::forget_deliveries(&tx, user).await?;
        mails::forget_suppressions(&tx, user, &addresses).await?;
        attempts::forget_account(&tx, &account).await?;
        let since = account.created_at - MARGIN;
        account.delete(&*tx).await?;
        tx.note_access_change(user);
        enqueue_removal(&tx, folders).await?;
        audit::forget_person(&tx, user, since, &addresses).await?;
        record(&tx, actor, user, projects.len()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Cancels jobs step by step, each in a transaction of its own.
    pub(super) async fn cancel_jobs(&self, filter: &JobFilter) -> Result<(), IdentityError> {
        let mut after = None;
        loop {
            let step = self.queue.bulk_step(filter, BulkAction::Cancel, after, u64::from(STEP)).await?;
            if step.last.is_none() {
                return Ok(());
            }
            after = step.last;
        }
    }
}

/// Cancels the jobs about a person's projects and mails, and answers the projects.
///
/// Jobs are locked before projects and those before accounts, each in the order of their
/// ids: the order in which jobs' ends lock them.
async fn cancel_work(tx: &Transaction, user: UserId) -> Result<Vec<ProjectId>, IdentityError> {
    let projects = list_own_projects(&**tx, user).await?;
    let mut subjects: Vec<_> = projects.iter().map(|project| project.0).collect();
    subjects.extend(mails::list_queued(tx, user).await?.into_iter().map(|mail| mail.0));
    tx.lock_about(&subjects).await?;
    let projects = lock_all_owned(tx, user).await?;
    tx.cancel_about(&subjects).await?;
    Ok(projects)
}

/// Deletes a person's jobs. One that a worker still stops belongs to nobody from now
/// on and has lost what the person wrote, and what its attempt still writes does not
/// count; retention takes the rest.
async fn forget_jobs(tx: &Transaction, user: UserId) -> Result<(), QueueError> {
    jobs::Entity::delete_many().filter(ended_jobs(user)).exec(&**tx).await?;
    let of_person = jobs::Entity::find().filter(jobs::Column::OwnerId.eq(user));
    for job in of_person.order_by_asc(jobs::Column::Id).all(&**tx).await? {
        forget_unfinished(tx, job).await?;
    }
    Ok(())
}

fn ended_jobs(user: UserId) -> Condition {
    Condition::all().add(jobs::Column::OwnerId.eq(user)).add(jobs::Column::State.is_in(JobState::TERMINAL))
}

/// Takes a person out of a job that is still being stopped, and out of what was noted
/// while it ran. Its handler may go on for a moment: it writes nothing any more.
async fn forget_unfinished(tx: &Transaction, job: jobs::Model) -> Result<(), QueueError> {
    tx.revoke_claim(job.id).await?;
    let nothing = Expr::value(Option::<Value>::None);
    job_attempts::Entity::update_many()
        .col_expr(job_attempts::Column::Error, nothing)
        .filter(job_attempts::Column::JobId.eq(job.id))
        .exec(&**tx)
        .await?;
    job_events::Entity::delete_many().filter(job_events::Column::JobId.eq(job.id)).exec(&**tx).await?;
    let args = without_prose(job.args.clone());
    let mut row = job.into_active_model();
    row.owner_id = Set(None);
    row.args = Set(args);
    row.error = Set(None);
    row.progress = Set(None);
    row.update(&**tx).await?;
    Ok(())
}

/// Args without what a person wrote in them.
fn without_prose(mut args: Value) -> Value {
    if let Value::Object(fields) = &mut args {
        fields.remove("prompt");
    }
    args
}

/// Notes the deletion: by nobody where it was the person, else by whom.
async fn record(tx: &Transaction, actor: &Actor, user: UserId, projects: usize) -> Result<(), DbErr> {
    let by_self = actor.user() == Some(user);
    let actor = if by_self { Actor::anonymous().with_origin(actor.origin.clone()) } else { actor.clone() };
    let target = if by_self { None } else { user_target(user) };
    audit::record_warning(tx, &actor, "account.delete", target, json!({"projects": projects})).await
}
