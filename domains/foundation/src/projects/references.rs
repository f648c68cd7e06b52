use std::fmt;

use atelier_entities::ProjectId;
use atelier_queue::Transaction;
use futures::future::BoxFuture;
use sea_orm::DbErr;

type Lock = for<'a> fn(&'a Transaction, &'a [ProjectId]) -> BoxFuture<'a, Result<(), DbErr>>;

/// A domain's rows that outlive their projects: the database takes the project out of them. The domain locks
/// such rows before projects, so they are locked before a project is deleted.
#[derive(Clone, Copy)]
pub struct ProjectReferences(Lock);

impl ProjectReferences {
    /// `lock` locks the rows of the given projects, in the order of their ids.
    #[must_use]
    pub const fn new(lock: Lock) -> Self {
        Self(lock)
    }
}

impl fmt::Debug for ProjectReferences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProjectReferences")
    }
}

/// Locks all rows that outlive these projects.
pub(crate) async fn lock_references(
    of_domains: &[ProjectReferences],
    tx: &Transaction,
    projects: &[ProjectId],
) -> Result<(), DbErr> {
    for ProjectReferences(lock) in of_domains {
        lock(tx, projects).await?;
    }
    Ok(())
}
