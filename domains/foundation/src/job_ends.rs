//! Ends of jobs as events of the platform: who listens to them learns of them in the transaction of the end.

use std::{borrow::Cow, fmt, slice, sync::Arc};

use async_trait::async_trait;
use atelier_entities::{JobId, JobState, jobs};
use atelier_queue::{Effect, EffectError, EndedJob, Transaction};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Listens to the ends of the jobs that are events.
#[async_trait]
pub trait EndListener: Send + Sync {
    /// Called once for each end, with the ends of one kind that a transaction writes together, before the
    /// effect of the kind. The jobs are locked, nothing else is yet. `topic` is what the kind calls its
    /// events.
    ///
    /// # Errors
    /// An error rolls back the ends too, and both are tried again.
    async fn on_ends(
        &self,
        tx: &Transaction,
        topic: &'static str,
        jobs: &[EndedJob],
    ) -> Result<(), EffectError>;
}

impl fmt::Debug for dyn EndListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndListener")
    }
}

/// An ended job, whether it ends now or did so earlier.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// The job.
    pub id: JobId,
    /// Its kind.
    pub kind: &'a str,
    /// What it is about.
    pub subject: Option<Uuid>,
    /// How it ended.
    pub state: JobState,
    /// What it gave.
    pub result: Option<&'a Value>,
    /// Why it did not succeed.
    pub error: Option<&'a Value>,
}

impl<'a> From<&'a EndedJob> for Ended<'a> {
    fn from(job: &'a EndedJob) -> Self {
        let EndedJob { id, kind, state, subject, .. } = *job;
        Self { id, kind, subject, state, result: job.result.as_ref(), error: job.error.as_ref() }
    }
}

impl<'a> From<&'a jobs::Model> for Ended<'a> {
    fn from(job: &'a jobs::Model) -> Self {
        let (result, error) = (job.result.as_ref(), job.error.as_ref());
        Self { id: job.id, kind: &job.kind, subject: job.subject_id, state: job.state, result, error }
    }
}

impl Ended<'_> {
    /// What became of it, for those who waited for it: its ids, what it gave, and why it failed.
    #[must_use]
    pub fn outcome(self) -> Map<String, Value> {
        let mut outcome = match self.result {
            Some(Value::Object(result)) => result.clone(),
            Some(Value::Null) | None => Map::new(),
            Some(other) => Map::from_iter([("result".to_owned(), other.clone())]),
        };
        outcome.extend(self.ids());
        if let Some(error) = self.error {
            let error = json!({"code": error.get("code"), "message": error.get("message")});
            outcome.insert("error".to_owned(), error);
        }
        outcome
    }

    /// Only its ids.
    #[must_use]
    pub fn ids(self) -> Map<String, Value> {
        let ids =
            [("job_id", json!(self.id)), ("kind", json!(self.kind)), ("subject_id", json!(self.subject))];
        ids.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }
}

/// The last part of the name of the event.
#[must_use]
pub const fn event_of(state: JobState) -> &'static str {
    match state {
        JobState::Succeeded => "succeeded",
        JobState::Failed => "failed",
        _ => "cancelled",
    }
}

/// The effect of a kind whose ends are events.
pub(crate) struct Announced {
    pub(crate) topic: &'static str,
    pub(crate) listeners: Arc<[Arc<dyn EndListener>]>,
    pub(crate) effect: Option<Arc<dyn Effect>>,
}

#[async_trait]
impl Effect for Announced {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        self.on_ends(tx, slice::from_ref(job)).await
    }

    async fn on_ends(&self, tx: &Transaction, jobs: &[EndedJob]) -> Result<(), EffectError> {
        // Runs are locked before projects, which the effect locks.
        for listener in &*self.listeners {
            listener.on_ends(tx, self.topic, jobs).await?;
        }
        let Some(effect) = &self.effect else { return Ok(()) };
        let wanted = if jobs.iter().all(|job| effect.wants(job.state)) {
            Cow::Borrowed(jobs)
        } else {
            Cow::Owned(jobs.iter().filter(|job| effect.wants(job.state)).cloned().collect())
        };
        match &*wanted {
            [] => Ok(()),
            [job] => effect.on_end(tx, job).await,
            jobs => effect.on_ends(tx, jobs).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(state: JobState, result: Option<Value>, error: Option<Value>) -> EndedJob {
        EndedJob {
            id: JobId::new(),
            kind: "deployment.publish",
            args: Arc::new(json!({})),
            state,
            result,
            error,
            owner: None,
            subject: None,
        }
    }

    #[test]
    fn an_outcome_has_what_the_job_gave_and_why_it_failed() {
        let good = ended(JobState::Succeeded, Some(json!({"url": "https://a.example"})), None);
        let bad = ended(
            JobState::Failed,
            None,
            Some(json!({"code": "STORAGE", "message": "It is full.", "details": {"inner": 1}})),
        );

        let (good_outcome, bad_outcome) = (Ended::from(&good).outcome(), Ended::from(&bad).outcome());

        assert_eq!(good_outcome["url"], "https://a.example");
        assert_eq!(good_outcome["job_id"], json!(good.id));
        assert_eq!(bad_outcome["error"], json!({"code": "STORAGE", "message": "It is full."}));
        assert_eq!(bad_outcome["kind"], "deployment.publish");
    }

    #[test]
    fn an_operators_end_is_a_cancellation() {
        let names = [JobState::Succeeded, JobState::Failed, JobState::Cancelled, JobState::Discarded];
        assert_eq!(names.map(event_of), ["succeeded", "failed", "cancelled", "cancelled"]);
    }
}
