//! A job that nodes start in tests.

use std::time::Duration;

use async_trait::async_trait;
use atelier_entities::Timestamp;
use atelier_foundation::actions::{Action, ActionError, ActionRequest, StartedAction};
use atelier_queue::{Backoff, Job, JobError, Lane, NewJob, Outcome, Policy, QueueName, Transaction};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Scene;
use crate::runs::{ActionStart, NodeResult, WorkOutcome};

/// A job that nodes start in tests, by the action `deploy_app`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deed {
    /// What it gives, if it succeeds.
    #[serde(default)]
    pub gives: Option<Value>,
    /// The code of its failure, if it fails.
    #[serde(default)]
    pub fails: Option<String>,
    /// The code with which its start is refused, if it is.
    #[serde(default)]
    pub refused: Option<String>,
    /// In how many seconds it is due.
    #[serde(default)]
    pub after: i64,
}

impl Job for Deed {
    const KIND: &'static str = "scripted.do_deed";
    const QUEUE: QueueName = QueueName::Deployment;

    fn policy() -> Policy {
        Policy {
            max_attempts: 1,
            timeout: Duration::from_secs(60),
            backoff: Backoff::Fixed(Duration::ZERO),
            lane: Lane::Normal,
        }
    }
}

impl Deed {
    pub(super) async fn run(self) -> Result<Outcome, JobError> {
        match self.fails {
            Some(code) => Err(JobError::fail(code, "The deed failed.")),
            None => Ok(Outcome::Done(self.gives.unwrap_or_default())),
        }
    }
}

/// Starts a [`Deed`].
pub(super) struct StartDeed;

#[async_trait]
impl Action for StartDeed {
    fn name(&self) -> &'static str {
        "deploy_app"
    }

    async fn start(&self, tx: &Transaction, request: &ActionRequest) -> Result<StartedAction, ActionError> {
        let deed = Deed::deserialize(&request.params).map_err(|error| ActionError::of_params(&error))?;
        let job = NewJob::of(&deed).owned_by(request.owner).awaited_by(request.waiter);
        let job = if deed.after > 0 { job.at(tx.now() + TimeDelta::seconds(deed.after)) } else { job };
        let job = tx.enqueue(job).await?;
        match deed.refused {
            // What it wrote is undone.
            Some(code) => Err(ActionError::Refused {
                message: "The deed is refused.".to_owned(),
                is_retryable: code == "BUSY",
                code,
            }),
            None => Ok(StartedAction::Job(job.id)),
        }
    }
}

/// An attempt that starts a [`Deed`] of these fields.
///
/// # Errors
/// Never.
pub fn deed(params: Value, due: Option<Timestamp>) -> Scene {
    let start = ActionStart { action: "deploy_app".to_owned(), params, due };
    Ok(NodeResult { outcome: WorkOutcome::Start(start), output: None })
}
