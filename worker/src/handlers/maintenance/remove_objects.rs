//! `maintenance.remove_objects`: deletes objects that belong to nothing any more.

use async_trait::async_trait;
use atelier_queue::{Handler, JobContext, JobError, Outcome};
use atelier_services::maintenance::{Maintenance, RemoveObjects};

/// Handles [`RemoveObjects`].
pub(crate) struct RemoveObjectsHandler(pub(crate) Maintenance);

#[async_trait]
impl Handler<RemoveObjects> for RemoveObjectsHandler {
    async fn run(&self, ctx: &JobContext, args: RemoveObjects) -> Result<Outcome, JobError> {
        self.0.remove_objects(ctx, args).await
    }
}
