//! `email.deliver`: renders a mail and sends it.

use async_trait::async_trait;
use atelier_queue::{Handler, JobContext, JobError, Outcome};
use atelier_services::mail::{DeliverMail, Mail};

/// Handles [`DeliverMail`].
pub(crate) struct DeliverMailHandler(pub(crate) Mail);

#[async_trait]
impl Handler<DeliverMail> for DeliverMailHandler {
    async fn run(&self, ctx: &JobContext, args: DeliverMail) -> Result<Outcome, JobError> {
        self.0.deliver(ctx, args).await
    }
}
