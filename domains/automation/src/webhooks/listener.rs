//! The ends of jobs and the changes of balances as events.

use async_trait::async_trait;
use atelier_foundation::{
    credits::{CreditChange, CreditListener},
    job_ends::{EndListener, Ended, event_of},
};
use atelier_queue::{EffectError, EndedJob, QueueError, Transaction};
use serde_json::{Value, json};

use super::{NewEvent, announce};

/// Announces the ends of jobs to the webhooks of their owners.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobsAnnounced;

#[async_trait]
impl EndListener for JobsAnnounced {
    async fn on_ends(
        &self,
        tx: &Transaction,
        topic: &'static str,
        jobs: &[EndedJob],
    ) -> Result<(), EffectError> {
        let events: Vec<NewEvent> = jobs.iter().filter_map(|job| event(topic, job)).collect();
        Ok(send(tx, &events).await?)
    }
}

/// Announces the changes of balances to the webhooks of their owners.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CreditsAnnounced;

#[async_trait]
impl CreditListener for CreditsAnnounced {
    async fn on_change(&self, tx: &Transaction, change: &CreditChange<'_>) -> Result<(), QueueError> {
        let CreditChange { id, user, amount, kind, description, project, job } = *change;
        let data = json!({
            "transaction_id": id,
            "amount": amount,
            "kind": kind,
            "description": description,
            "project_id": project,
            "job_id": job,
        });
        let names = vec!["credits.changed".to_owned()];
        let brief = json!({"transaction_id": id, "amount": amount});
        send(tx, &[NewEvent { owner: user, names, data, brief }]).await
    }
}

/// Writes the deliveries of events with their first jobs.
async fn send(tx: &Transaction, events: &[NewEvent]) -> Result<(), QueueError> {
    let jobs = announce(tx, events).await?;
    if !jobs.is_empty() {
        tx.enqueue_all(jobs).await?;
    }
    Ok(())
}

fn event(topic: &str, job: &EndedJob) -> Option<NewEvent> {
    let owner = job.owner?;
    let name = event_of(job.state);
    let ended = Ended::from(job);
    Some(NewEvent {
        owner,
        names: vec![format!("{topic}.{name}"), format!("job.{name}")],
        data: Value::Object(ended.outcome()),
        brief: Value::Object(ended.ids()),
    })
}
