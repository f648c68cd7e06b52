//! Statistics that workflows have computed.

use std::time::Duration;

use async_trait::async_trait;
use atelier_foundation::actions::{Action, ActionError, ActionRequest, StartedAction};
use atelier_queue::{NewJob, Transaction};
use serde_json::json;

use super::AggregateStats;

/// The shortest time between two computations that workflows ask for: the statistics are those of
/// the whole platform.
const PERIOD: Duration = Duration::from_secs(60);

/// Has the statistics computed. The workflow does not wait for it: the job may be one that others
/// asked for too.
#[derive(Clone, Copy, Debug)]
pub struct EnqueueStatistics;

#[async_trait]
impl Action for EnqueueStatistics {
    fn name(&self) -> &'static str {
        "enqueue_statistics"
    }

    async fn start(&self, tx: &Transaction, _request: &ActionRequest) -> Result<StartedAction, ActionError> {
        let job = NewJob::of(&AggregateStats {}).throttled("workflows", PERIOD);
        let enqueued = tx.enqueue(job).await?;
        Ok(StartedAction::Done(json!({"job_id": enqueued.id, "queued": !enqueued.duplicate})))
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::UserId;
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn workflows_have_statistics_computed_once_a_minute() {
        let fixture = Fixture::new().await;
        let ask = async || {
            let request = ActionRequest { owner: UserId::new(), waiter: Uuid::now_v7(), params: json!({}) };
            let tx = fixture.queue().begin().await.expect("begun");
            let started = EnqueueStatistics.start(&tx, &request).await.expect("started");
            tx.commit().await.expect("committed");
            let StartedAction::Done(output) = started else { panic!("{started:?}") };
            output
        };

        let (first, second) = (ask().await, ask().await);
        fixture.work().await;
        fixture.advance(61);
        let third = ask().await;

        assert_eq!(
            [&first["queued"], &second["queued"], &third["queued"]],
            [true, false, true].map(Value::from).each_ref()
        );
        assert_eq!(first["job_id"], second["job_id"]);
        assert_ne!(first["job_id"], third["job_id"]);
    }
}
