//! `stats.aggregate`: counts the platform's figures.

use async_trait::async_trait;
use atelier_queue::{Handler, JobContext, JobError, Outcome};
use atelier_services::stats::{AggregateStats, Stats};

/// Handles [`AggregateStats`].
pub(crate) struct AggregateStatsHandler(pub(crate) Stats);

#[async_trait]
impl Handler<AggregateStats> for AggregateStatsHandler {
    async fn run(&self, ctx: &JobContext, _args: AggregateStats) -> Result<Outcome, JobError> {
        self.0.aggregate(ctx).await
    }
}
