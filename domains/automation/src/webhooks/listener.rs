//! The ends of jobs as events.

use async_trait::async_trait;
use atelier_foundation::job_ends::{EndListener, Ended, event_of};
use atelier_queue::{EffectError, EndedJob, Transaction};
use serde_json::Value;

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
        let jobs = announce(tx, &events).await?;
        if !jobs.is_empty() {
            tx.enqueue_all(jobs).await?;
        }
        Ok(())
    }
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
