//! `maintenance.purge_expired`: deletes sessions and idempotency keys past their time.

use async_trait::async_trait;
use atelier_queue::{Handler, JobContext, JobError, Outcome};
use atelier_services::maintenance::{Maintenance, PurgeExpired};

/// Handles [`PurgeExpired`].
pub(crate) struct PurgeExpiredHandler(pub(crate) Maintenance);

#[async_trait]
impl Handler<PurgeExpired> for PurgeExpiredHandler {
    async fn run(&self, ctx: &JobContext, _args: PurgeExpired) -> Result<Outcome, JobError> {
        self.0.purge_expired(ctx).await
    }
}
