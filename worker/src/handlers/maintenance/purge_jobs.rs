//! `maintenance.purge_jobs`: deletes jobs that ended long ago.

use async_trait::async_trait;
use atelier_queue::{Handler, JobContext, JobError, Outcome};
use atelier_services::maintenance::{Maintenance, PurgeJobs};

/// Handles [`PurgeJobs`].
pub(crate) struct PurgeJobsHandler(pub(crate) Maintenance);

#[async_trait]
impl Handler<PurgeJobs> for PurgeJobsHandler {
    async fn run(&self, ctx: &JobContext, _args: PurgeJobs) -> Result<Outcome, JobError> {
        self.0.purge_jobs(ctx).await
    }
}
