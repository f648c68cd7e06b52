use atelier_entities::{
    GenerationMode, JobState, ProjectId, ProjectStatus, UserId, jobs, project_versions, projects,
};
use atelier_queue::{NewJob, QueueError, Transaction};
use sea_orm::{
    ColumnTrait, ConnectionTrait, QuerySelect, QueryTrait,
    prelude::Uuid,
    sea_query::{Expr, Query},
};
use serde_json::json;

use super::{Generation, GenerationError, GenerationInput, RunGeneration, messages};
use crate::prompt::Prompt;
use atelier_foundation::{
    Actor, CreditOptions, audit,
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
        let args = RunGeneration { project_id: project, mode: input.mode, prompt, stack: input.stack };
        self.ensure_fits(user, &args).await?;
        let tx = self.queue.begin().await?;
        let job = self.terms().start(&tx, actor, user, Start { args: &args, waiter: None }).await?;
        tx.commit().await?;
        Ok(job)
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
        self.ensure_fits(owner, &args).await?;
        let tx = self.queue.begin().await?;
        let next = self.terms().start(&tx, actor, owner, Start { args: &args, waiter: None }).await?;
        audit::record_job(&tx, actor, "job.retry", job, json!({"owner": owner, "job": next.id})).await?;
        tx.commit().await?;
        Ok(next)
    }

    /// Refuses a generation that fits in the context of no model, before anything is charged.
    async fn ensure_fits(&self, user: UserId, args: &RunGeneration) -> Result<(), GenerationError> {
        let Some(most) = self.model.context_tokens() else { return Ok(()) };
        let own = projects::Entity::find_owned_by_id(user, args.project_id).one(self.queue.db()).await?;
        let project = own.ok_or(GenerationError::NotFound)?;
        let needed = self.least_tokens(&project, args).await?;
        if needed > most { Err(GenerationError::ContextTooLong { needed, most }) } else { Ok(()) }
    }

    const fn terms(&self) -> Terms {
        Terms { prices: self.prices, max_versions: self.options.max_versions }
    }
}

/// The terms on which generations start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) prices: CreditOptions,
    pub(crate) max_versions: u64,
}

/// A generation to be started.
pub(crate) struct Start<'a> {
    pub(crate) args: &'a RunGeneration,
    /// Who waits for its end.
    pub(crate) waiter: Option<Uuid>,
}

impl Terms {
    /// Starts a generation in a transaction.
    pub(crate) async fn start(
        self,
        tx: &Transaction,
        actor: &Actor,
        user: UserId,
        Start { args, waiter }: Start<'_>,
    ) -> Result<jobs::Model, GenerationError> {
        let (project, mode) = (args.project_id, args.mode);
        let job = NewJob::of(args).owned_by(user).about(project.0).from_origin(actor.origin.clone());
        let enqueued = tx.enqueue(job.awaited_by(waiter)).await?;
        if enqueued.duplicate {
            let own = projects::Entity::find_owned_by_id(user, project).one(&**tx).await?;
            return Err(match own {
                Some(_) => GenerationError::AlreadyRunning(enqueued.id),
                None => GenerationError::NotFound,
            });
        }
        let job = enqueued.into_job()?;
        // Jobs before projects, the order in which jobs' ends lock them. Another person's
        // project is not found here, and the job is undone.
        let versions = mark_generating(tx, user, project).await?;
        let most = self.max_versions;
        if versions >= most {
            return Err(GenerationError::TooManyVersions(most));
        }
        let needed = self.prices.price(mode);
        messages::insert(tx, &job, args).await?;
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
}

fn description(mode: GenerationMode) -> &'static str {
    match mode {
        GenerationMode::Quick => "Quick generation",
        GenerationMode::Advanced => "Advanced generation",
    }
}

/// Marks the project and answers how many versions it has. The number is that of the moment
/// before the project was locked. No other generation adds one meanwhile, since the one that was
/// enqueued is the only one of the project; an earlier version that is restored may.
async fn mark_generating(tx: &Transaction, user: UserId, project: ProjectId) -> Result<u64, GenerationError> {
    let count = project_versions::Entity::find_of(project)
        .select_only()
        .column_as(project_versions::Column::Id.count(), "versions")
        .into_query();
    let mark = Query::update()
        .table(projects::Entity)
        .value(projects::Column::Status, ProjectStatus::Generating)
        .value(projects::Column::UpdatedAt, tx.now())
        .and_where(projects::Column::Id.eq(project))
        .and_where(projects::Column::UserId.eq(user))
        .returning(Query::returning().expr(Expr::from(count)))
        .to_owned();
    let marked = tx.query_one(&mark).await?.ok_or(GenerationError::NotFound)?;
    let versions: i64 = marked.try_get_by_index(0)?;
    Ok(u64::try_from(versions).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;
    use atelier_foundation::testing::acting;

    use super::*;
    use crate::testing::{Fixture, options};

    #[tokio::test]
    async fn a_project_has_no_more_versions_than_the_settings_say() {
        let mut options = options();
        options.builder.generation.max_versions = 1;
        let fixture = Fixture::with_options(options).await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        fixture.store_version(&project, 1, &[("index.html", "<p>one</p>")]).await;
        let before = fixture.credits(ada.id).await;

        let input = GenerationInput { mode: GenerationMode::Quick, prompt: None, stack: None };
        let refused =
            fixture.services.builder.generation.start(&acting(ada.id), project.id, input).await.err();

        assert!(matches!(refused, Some(GenerationError::TooManyVersions(1))), "{refused:?}");
        assert_eq!(fixture.credits(ada.id).await, before);
        let project =
            fixture.services.foundation.projects.get(&acting(ada.id), project.id).await.expect("there");
        assert_ne!(project.status, ProjectStatus::Generating);
    }

    #[tokio::test]
    async fn another_persons_project_is_not_found_whether_it_is_generated_or_not() {
        let fixture = Fixture::new().await;
        let (ada, bob) =
            (fixture.register("ada@example.org").await, fixture.register("bob@example.org").await);
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        let generation = &fixture.services.builder.generation;
        let start = async |user| {
            let input = GenerationInput { mode: GenerationMode::Quick, prompt: None, stack: None };
            generation.start(&acting(user), project.id, input).await
        };
        let before = fixture.credits(bob.id).await;

        let first = start(bob.id).await;
        assert!(matches!(first, Err(GenerationError::NotFound)), "{first:?}");
        let job = start(ada.id).await.expect("nothing is left of the attempt before");
        let second = start(bob.id).await;
        assert!(matches!(second, Err(GenerationError::NotFound)), "{second:?}");

        let third = start(ada.id).await;
        assert!(matches!(third, Err(GenerationError::AlreadyRunning(id)) if id == job.id), "{third:?}");
        assert_eq!(fixture.credits(bob.id).await, before);
    }
}
