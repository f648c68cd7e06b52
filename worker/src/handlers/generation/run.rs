//! `generation.run`: writes an application with a language model.

use async_trait::async_trait;
use atelier_queue::{Handler, JobContext, JobError, Outcome};
use atelier_services::generation::{Generation, RunGeneration};

/// Handles [`RunGeneration`].
pub(crate) struct RunGenerationHandler(pub(crate) Generation);

#[async_trait]
impl Handler<RunGeneration> for RunGenerationHandler {
    async fn run(&self, ctx: &JobContext, args: RunGeneration) -> Result<Outcome, JobError> {
        self.0.run(ctx, args).await
    }
}
