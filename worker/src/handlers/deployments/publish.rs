//! `deployment.publish`: puts a version of a project where people can see it.

use async_trait::async_trait;
use atelier_queue::{Handler, JobContext, JobError, Outcome};
use atelier_services::deployments::{Deployments, PublishDeployment};

/// Handles [`PublishDeployment`].
pub(crate) struct PublishDeploymentHandler(pub(crate) Deployments);

#[async_trait]
impl Handler<PublishDeployment> for PublishDeploymentHandler {
    async fn run(&self, ctx: &JobContext, args: PublishDeployment) -> Result<Outcome, JobError> {
        self.0.publish(ctx, args).await
    }
}
