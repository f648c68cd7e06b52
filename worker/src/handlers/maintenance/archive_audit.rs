//! `maintenance.archive_audit`: moves old entries of the audit log to the object store.

use async_trait::async_trait;
use atelier_queue::{Handler, JobContext, JobError, Outcome};
use atelier_services::audit::{ArchiveAudit, Audit};

/// Handles [`ArchiveAudit`].
pub(crate) struct ArchiveAuditHandler(pub(crate) Audit);

#[async_trait]
impl Handler<ArchiveAudit> for ArchiveAuditHandler {
    async fn run(&self, ctx: &JobContext, args: ArchiveAudit) -> Result<Outcome, JobError> {
        self.0.archive(ctx, args).await
    }
}
