use atelier_entities::{
    GenerationMode, JobState, ProjectId, ProjectStatus, UserId, jobs, project_versions, projects,
};
use atelier_queue::{NewJob, QueueError, Transaction};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::{Generation, GenerationError, GenerationInput, RunGeneration};
use crate::prompt::Prompt;
use atelier_foundation::{
    Actor, audit,
    credits::{self, Price},
    projects::project_target,
};

impl Generation {
    /// Starts a generation: charges its price, marks the project and enqueues the job, in
    /// one transaction. A project has at most one generation that has not ended.
    pub async fn start(
        &self,
        actor: &Actor,
        project: ProjectId,
        input: GenerationInput,
    ) -> Result<jobs::Model, GenerationError> {
        let user = actor.person()?;
        let prompt = input.prompt.as_deref().map_or(Ok(None), Prompt::parse)?;
        let args = RunGeneration { project_id: project, mode: input.mode, prompt };
        let tx = self.queue.begin().await?;
        let job = self.start_in(&tx, actor, user, &args).await?;
        tx.commit().await?;
        Ok(job)
    }

    async fn start_in(
        &self,
        tx: &Transaction,
        actor: &Actor,
        user: UserId,
        args: &RunGeneration,
    ) -> Result<jobs::Model, GenerationError> {
        let (project, mode) = (args.project_id, args.mode);
        projects::Entity::find_owned_by_id(user, project)
            .one(&**tx)
            .await?
            .ok_or(GenerationError::NotFound)?;
        let job = NewJob::of(args).owned_by(user).about(project.0).from_origin(actor.origin.clone());
        let enqueued = tx.enqueue(job).await?;
        if enqueued.duplicate {
            return Err(GenerationError::AlreadyRunning(enqueued.id));
        }
        let job = enqueued.into_job()?;
        // Jobs before projects, the order in which jobs' ends lock them.
        mark_generating(tx, user, project).await?;
        self.ensure_room(tx, project).await?;
        let needed = self.prices.price(mode);
        let context = json!({"job": job.id, "mode": mode, "credits": needed});
        audit::record(tx, actor, "generation.start", project_target(project), context).await?;
        // Locks the account last: other commands of the person wait for it.
        let price = Price { amount: needed, description: description(mode) };
        if !credits::charge(tx, user, project, job.id, price).await? {
            let available = credits::balance(&**tx, user).await?;
            return Err(GenerationError::InsufficientCredits { needed, available });
        }
        Ok(job)
    }

    /// Refuses where the project, which is locked, has as many versions as it may. The one
    /// that is generated is the only one to come.
    async fn ensure_room(&self, tx: &Transaction, project: ProjectId) -> Result<(), GenerationError> {
        let most = self.options.max_versions;
        let count = project_versions::Entity::find_of(project).count(&**tx).await?;
        if count >= most { Err(GenerationError::TooManyVersions(most)) } else { Ok(()) }
    }

    /// Starts the generation of an ended job again: another job, charged anew, since
    /// the first one was refunded.
    pub(crate) async fn restart(
        &self,
        actor: &Actor,
        job: &jobs::Model,
    ) -> Result<jobs::Model, GenerationError> {
        if !matches!(job.state, JobState::Failed | JobState::Cancelled | JobState::Discarded) {
            return Err(QueueError::WrongState { state: job.state, action: "retried" }.into());
        }
        let args: Result<RunGeneration, _> = serde_json::from_value(job.args.clone());
        let (Some(owner), Ok(args)) = (job.owner_id, args) else { return Err(GenerationError::NotFound) };
        let tx = self.queue.begin().await?;
        let next = self.start_in(&tx, actor, owner, &args).await?;
        audit::record_job(&tx, actor, "job.retry", job, json!({"owner": owner, "job": next.id})).await?;
        tx.commit().await?;
        Ok(next)
    }
}

fn description(mode: GenerationMode) -> &'static str {
    match mode {
        GenerationMode::Quick => "Quick generation",
        GenerationMode::Advanced => "Advanced generation",
    }
}

async fn mark_generating(tx: &Transaction, user: UserId, project: ProjectId) -> Result<(), GenerationError> {
    let marked = projects::Entity::update_many()
        .col_expr(projects::Column::Status, Expr::value(ProjectStatus::Generating))
        .col_expr(projects::Column::UpdatedAt, Expr::value(tx.now()))
        .filter(projects::Column::Id.eq(project))
        .filter(projects::Column::UserId.eq(user))
        .exec(&**tx)
        .await?;
    if marked.rows_affected == 0 { Err(GenerationError::NotFound) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;
    use atelier_foundation::testing::acting;

    use super::*;
    use crate::testing::{Bench, options};

    #[tokio::test]
    async fn a_project_has_no_more_versions_than_the_settings_say() {
        let mut options = options();
        options.builder.generation.max_versions = 1;
        let bench = Bench::with_options(options).await;
        let ada = bench.register("ada@example.org").await;
        let project = bench.create_project(ada.id, ProjectKind::WebApp).await;
        bench.store_version(&project, 1, &[("index.html", "<p>one</p>")]).await;
        let before = bench.credits(ada.id).await;

        let input = GenerationInput { mode: GenerationMode::Quick, prompt: None };
        let refused = bench.services.builder.generation.start(&acting(ada.id), project.id, input).await.err();

        assert!(matches!(refused, Some(GenerationError::TooManyVersions(1))), "{refused:?}");
        assert_eq!(bench.credits(ada.id).await, before);
        let project =
            bench.services.foundation.projects.get(&acting(ada.id), project.id).await.expect("there");
        assert_ne!(project.status, ProjectStatus::Generating);
    }
}
