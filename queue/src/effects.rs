//! What a job's end changes in the product, exactly once: it happens in the same
//! transaction as the job's final state, whoever brings that about — the worker
//! that ran it, a rescuer, somebody who cancels it.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use atelier_entities::{JobId, JobState, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    enqueue::Transaction,
    error::{EffectError, QueueError},
    job::Job,
};

/// A job that ends in the transaction at hand.
#[derive(Clone, Debug)]
pub struct EndedJob {
    /// The job.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// Its args, as stored.
    pub args: Value,
    /// A terminal state.
    pub state: JobState,
    /// Its result, when it succeeded.
    pub result: Option<Value>,
    /// Its error, when it did not: `{code, message, details?}`.
    pub error: Option<Value>,
    /// Whose it is.
    pub owner: Option<UserId>,
    /// What it is about.
    pub subject: Option<Uuid>,
}

/// Changes the product when jobs of a kind end. It may write rows and enqueue jobs;
/// it must not speak to anything but the database, nor rest for a heartbeat between two
/// statements, since PostgreSQL takes it for dead then.
#[async_trait]
pub trait Effect: Send + Sync + 'static {
    /// Called once for each end of a job. An error undoes the job's end as well: it
    /// is tried again.
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError>;
}

/// The effects of every kind that has one.
#[derive(Clone, Default)]
pub struct Effects {
    by_kind: HashMap<&'static str, Arc<dyn Effect>>,
}

impl Effects {
    /// Adds the effect of `J`; a second one is an error of the program.
    pub fn register<J: Job>(&mut self, effect: impl Effect) -> Result<(), QueueError> {
        match self.by_kind.insert(J::KIND, Arc::new(effect)) {
            None => Ok(()),
            Some(_) => Err(QueueError::DuplicateKind(J::KIND)),
        }
    }

    /// Whether jobs of that kind have one.
    #[must_use]
    pub fn has(&self, kind: &str) -> bool {
        self.by_kind.contains_key(kind)
    }

    pub(crate) async fn apply(&self, tx: &Transaction, job: &EndedJob) -> Result<(), QueueError> {
        let Some(effect) = self.by_kind.get(job.kind.as_str()) else { return Ok(()) };
        effect.on_end(tx, job).await.map_err(|source| QueueError::Effect { kind: job.kind.clone(), source })
    }
}

impl std::fmt::Debug for Effects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_kind.keys()).finish()
    }
}
