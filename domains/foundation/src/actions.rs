//! Actions that workflows start as jobs. The domain that owns a kind of job offers the action; the domain
//! that runs workflows starts it, and knows no other domain.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use atelier_entities::{JobId, UserId};
use atelier_queue::{QueueError, Transaction};
use sea_orm::DbErr;
use serde_json::Value;
use uuid::Uuid;

use crate::{Class, Refusal};

/// Something that a workflow may start.
#[async_trait]
pub trait Action: Send + Sync {
    /// Its stable name.
    fn name(&self) -> &'static str;

    /// Checks, charges and enqueues it, in a savepoint of the transaction that ends the node. It locks jobs
    /// before projects, and projects before the account. It reads nothing but the database.
    ///
    /// # Errors
    /// Why it was not started. What it wrote is undone.
    async fn start(&self, tx: &Transaction, request: &ActionRequest) -> Result<StartedAction, ActionError>;
}

/// A start that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionRequest {
    /// The person whose workflow asks for it.
    pub owner: UserId,
    /// The run that waits for the end of the job: see
    /// [`NewJob::awaited_by`](atelier_queue::NewJob::awaited_by).
    pub waiter: Uuid,
    /// What is to be done, as the action reads it.
    pub params: Value,
}

/// A start that was made.
#[derive(Clone, Debug, PartialEq)]
pub enum StartedAction {
    /// A job that names the waiter: its end is awaited.
    Job(JobId),
    /// Nothing to wait for. This is what the node gives.
    Done(Value),
}

/// Why an action was not started.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The request cannot be fulfilled.
    #[error("{code}: {message}")]
    Refused {
        /// The stable name.
        code: String,
        /// A sentence for people.
        message: String,
        /// Whether another start may succeed.
        is_retryable: bool,
    },
    /// The database or the queue failed: the whole transaction is to be repeated.
    #[error(transparent)]
    Failed(#[from] QueueError),
}

impl ActionError {
    /// A refusal that another start would get too, with the errors of its fields.
    #[must_use]
    pub fn refused(refusal: Refusal) -> Self {
        let Refusal { class, code, message, details, .. } = refusal;
        let fields: Vec<String> = details
            .iter()
            .filter_map(|(field, problem)| Some(format!("{field}: {}", problem.as_str()?)))
            .collect();
        let message = if class == Class::Invalid && !fields.is_empty() {
            fields.join("; ")
        } else {
            message.into_owned()
        };
        Self::Refused { code: code.to_owned(), message, is_retryable: false }
    }

    /// The same where another start may succeed.
    #[must_use]
    pub fn retryable(self) -> Self {
        match self {
            Self::Refused { code, message, .. } => Self::Refused { code, message, is_retryable: true },
            failed @ Self::Failed(_) => failed,
        }
    }

    /// Params that the action cannot read.
    #[must_use]
    pub fn of_params(error: &serde_json::Error) -> Self {
        Self::Refused { code: "CONFIG_INVALID".to_owned(), message: error.to_string(), is_retryable: false }
    }
}

impl From<DbErr> for ActionError {
    fn from(error: DbErr) -> Self {
        Self::Failed(error.into())
    }
}

/// The actions of an installation, by their names. Cheap to clone.
#[derive(Clone, Default)]
pub struct Actions(Arc<BTreeMap<&'static str, Arc<dyn Action>>>);

impl Actions {
    /// The action of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&dyn Action> {
        self.0.get(name).map(AsRef::as_ref)
    }
}

impl FromIterator<Arc<dyn Action>> for Actions {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Action>>>(actions: I) -> Self {
        Self(Arc::new(actions.into_iter().map(|action| (action.name(), action)).collect()))
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_fields_that_are_wrong() {
        let refusal = Refusal::invalid([("prompt", "must not be empty"), ("title", "is too long")]);

        let error = ActionError::refused(refusal);

        assert_eq!(error.to_string(), "VALIDATION_FAILED: prompt: must not be empty; title: is too long");
    }

    #[test]
    fn only_refusals_can_be_made_retryable() {
        let refused = ActionError::refused(Refusal::not_found("project")).retryable();
        let failed = ActionError::from(QueueError::NotFound).retryable();

        assert!(matches!(refused, ActionError::Refused { is_retryable: true, .. }), "{refused:?}");
        assert!(matches!(failed, ActionError::Failed(QueueError::NotFound)), "{failed:?}");
    }
}
