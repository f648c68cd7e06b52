//! Changes of balances as events of the platform: who listens to them learns of them in their transaction.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use atelier_entities::{CreditKind, CreditTransactionId, JobId, ProjectId, UserId};
use atelier_queue::{QueueError, Transaction};

/// A change of a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditChange<'a> {
    /// The row of the ledger.
    pub id: CreditTransactionId,
    /// Whose balance changes.
    pub user: UserId,
    /// By how much, up or down.
    pub amount: i64,
    /// Why.
    pub kind: CreditKind,
    /// The text in the person's history.
    pub description: &'a str,
    /// The project that it is about.
    pub project: Option<ProjectId>,
    /// The job that it pays for.
    pub job: Option<JobId>,
}

/// Listens to the changes of balances.
#[async_trait]
pub trait CreditListener: Send + Sync {
    /// Called once for each change. The account is locked.
    ///
    /// # Errors
    /// An error rolls back the change too.
    async fn on_change(&self, tx: &Transaction, change: &CreditChange<'_>) -> Result<(), QueueError>;
}

impl fmt::Debug for dyn CreditListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CreditListener")
    }
}

/// Who listens to the changes of balances.
#[derive(Clone, Debug)]
pub struct CreditListeners(pub(crate) Arc<[Arc<dyn CreditListener>]>);

/// Tells everybody who listens of a change.
pub(super) async fn tell(tx: &Transaction, change: &CreditChange<'_>) -> Result<(), QueueError> {
    let Some(CreditListeners(listeners)) = tx.find_port::<CreditListeners>() else { return Ok(()) };
    for listener in &**listeners {
        listener.on_change(tx, change).await?;
    }
    Ok(())
}
