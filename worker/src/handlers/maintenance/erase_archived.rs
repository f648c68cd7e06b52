//! `maintenance.erase_archived`: takes erased people out of the archives.

use async_trait::async_trait;
use atelier_queue::{Handler, JobContext, JobError, Outcome};
use atelier_services::audit::{Audit, EraseArchived};

/// Handles [`EraseArchived`].
pub(crate) struct EraseArchivedHandler(pub(crate) Audit);

#[async_trait]
impl Handler<EraseArchived> for EraseArchivedHandler {
    async fn run(&self, ctx: &JobContext, args: EraseArchived) -> Result<Outcome, JobError> {
        self.0.erase_archived(ctx, args).await
    }
}
