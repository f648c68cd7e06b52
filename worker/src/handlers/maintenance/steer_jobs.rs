//! `maintenance.steer_jobs`: cancels, runs again or discards jobs by a filter.

use async_trait::async_trait;
use atelier_queue::{Handler, JobContext, JobError, Outcome};
use atelier_services::maintenance::{Maintenance, SteerJobs};

/// Handles [`SteerJobs`].
pub(crate) struct SteerJobsHandler(pub(crate) Maintenance);

#[async_trait]
impl Handler<SteerJobs> for SteerJobsHandler {
    async fn run(&self, ctx: &JobContext, args: SteerJobs) -> Result<Outcome, JobError> {
        self.0.steer_jobs(ctx, args).await
    }
}
