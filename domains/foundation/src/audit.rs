//! The audit log: who did what. An entry is written in the transaction of the change that
//! it reports. Administrators read the log, and old entries move to the object store.

mod anonymize;
mod archive;
mod erase;
mod export;
mod filter;
mod jobs;
mod list;
mod objects;
mod personal;
mod stats;

use std::time::Duration;

use atelier_entities::{AuditId, AuditLevel, JobId, Timestamp, UserId, audit_log, jobs::Model as Job};
use atelier_providers::object_store::Objects;
use atelier_queue::{Queue, QueueError, Transaction};
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::Value;

use crate::{Actor, FieldErrors, Problem, Refusal, RetentionOptions};

pub use export::{CSV_HEADER, EXPORT_LIMIT, Export, csv_line, json_line};
pub use filter::AuditFilter;
pub use jobs::{ArchiveAudit, EraseArchived};
pub use stats::{ActionCount, ArchiveStats, AuditStats, DayCount};

pub(crate) use anonymize::address_target;
pub(crate) use personal::AuditTrail;

use anonymize::ErasedPerson;

/// The audit log. Cheap to clone.
#[derive(Clone)]
pub struct Audit {
    queue: Queue,
    objects: Objects,
    retention: Retention,
    batch: u64,
}

/// Retention periods of entries; none keeps them forever.
#[derive(Clone, Copy)]
struct Retention {
    /// In the database.
    entries: Option<Duration>,
    /// In the object store, by the age of the entry.
    archives: Option<Duration>,
}

/// Why a command on the audit log failed.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Invalid fields.
    #[error("invalid input: {0}")]
    InvalidInput(#[from] FieldErrors),
    /// A cleanup with another bound is running as this job.
    #[error("another cleanup is running")]
    InProgress(JobId),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
}

impl Problem for AuditError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::InvalidInput(errors) => errors.refusal(),
            Self::InProgress(job) => {
                let message = "A cleanup to another bound is under way.";
                Refusal::in_progress("CLEANUP_IN_PROGRESS", message, *job)
            }
            Self::Queue(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
        }
    }
}

impl Audit {
    pub(crate) fn new(queue: Queue, objects: Objects, options: &RetentionOptions) -> Self {
        let retention = Retention { entries: options.audit, archives: options.audit_archives };
        Self { queue, objects, retention, batch: u64::from(options.jobs.batch).clamp(1, LARGEST_BATCH) }
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").finish_non_exhaustive()
    }
}

/// Maximum number of entries in one object. An entry may have a few KiB, and an object is
/// built in memory.
const LARGEST_BATCH: u64 = 5_000;

/// Records that `actor` did `action` (such as `project.create`) to `target` (such as
/// `project:0190…`). `context` must not contain a secret.
pub async fn record(
    tx: &Transaction,
    actor: &Actor,
    action: &str,
    target: Option<String>,
    context: Value,
) -> Result<(), DbErr> {
    write(tx, actor, AuditLevel::Info, entry(action, target, context)).await
}

/// Records an entry at the level warning.
pub async fn record_warning(
    tx: &Transaction,
    actor: &Actor,
    action: &str,
    target: Option<String>,
    context: Value,
) -> Result<(), DbErr> {
    write(tx, actor, AuditLevel::Warning, entry(action, target, context)).await
}

/// Records an entry at the level critical: a change of rights, or a removal of records.
pub async fn record_critical(
    tx: &Transaction,
    actor: &Actor,
    action: &str,
    target: Option<String>,
    context: Value,
) -> Result<(), DbErr> {
    write(tx, actor, AuditLevel::Critical, entry(action, target, context)).await
}

/// Records an action on a job.
pub async fn record_job(
    tx: &Transaction,
    actor: &Actor,
    action: &str,
    job: &Job,
    context: Value,
) -> Result<(), DbErr> {
    record(tx, actor, action, Some(format!("job:{}", job.id)), context).await
}

/// Whether it is recorded that the person did this action to this target after that moment.
pub(crate) async fn is_recorded(
    tx: &Transaction,
    user: UserId,
    (action, target): (&str, &str),
    after: Timestamp,
) -> Result<bool, DbErr> {
    let entries = audit_log::Entity::find()
        .filter(audit_log::Column::ActorId.eq(user))
        .filter(audit_log::Column::CreatedAt.gt(after))
        .filter(audit_log::Column::Action.eq(action))
        .filter(audit_log::Column::Target.eq(target));
    Ok(entries.count(&**tx).await? > 0)
}

struct Entry<'a> {
    action: &'a str,
    target: Option<String>,
    context: Value,
}

fn entry(action: &str, target: Option<String>, context: Value) -> Entry<'_> {
    Entry { action, target, context }
}

async fn write(tx: &Transaction, actor: &Actor, level: AuditLevel, entry: Entry<'_>) -> Result<(), DbErr> {
    let row = audit_log::ActiveModel {
        id: Set(AuditId::new()),
        level: Set(level),
        actor_id: Set(actor.user()),
        action: Set(entry.action.to_owned()),
        target: Set(entry.target),
        ip: Set(actor.client.ip.clone()),
        user_agent: Set(actor.client.user_agent.clone()),
        request_id: Set(actor.origin.request_id.clone()),
        context: Set(entry.context),
        created_at: Set(tx.now()),
    };
    audit_log::Entity::insert(row).exec_without_returning(&**tx).await.map(drop)
}

#[cfg(test)]
mod tests;
