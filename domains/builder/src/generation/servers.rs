//! Model servers and what they cost, for operators and for owners.

use atelier_entities::{ProjectId, llm_attempts, project_versions, projects};
use atelier_foundation::{Actor, Page, paging::fetch, projects::own_projects};
use atelier_providers::llm::ServerStatus;
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::{Generation, GenerationError};

/// The time whose requests are summed.
const SPENT_IN: TimeDelta = TimeDelta::days(1);
/// Most requests of a version that are listed.
const MAX_ATTEMPTS: u64 = 200;

/// The requests of the last day to one model.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub struct Spend {
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Requests.
    pub requests: i64,
    /// Tokens read.
    pub input_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// Millionths of the currency.
    pub cost_micros: i64,
}

/// A model server with what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReport {
    /// The model and its circuit.
    pub status: ServerStatus,
    /// The requests of the last day, of all efforts.
    pub spend: Spend,
}

impl Generation {
    /// The model servers in the order in which they are asked, with the requests of the last
    /// day. Empty for an installation without a model server.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_servers(&self) -> Result<Vec<ServerReport>, GenerationError> {
        use llm_attempts::Column as C;
        let sum = |column: C| Expr::col(column).sum().cast_as("bigint");
        let spent = llm_attempts::Entity::find()
            .select_only()
            .columns([C::Provider, C::Model])
            .expr_as(Expr::col(C::Id).count(), "requests")
            .expr_as(sum(C::InputTokens), "input_tokens")
            .expr_as(sum(C::OutputTokens), "output_tokens")
            .expr_as(sum(C::CostMicros), "cost_micros")
            .filter(C::CreatedAt.gte(self.queue.now() - SPENT_IN))
            .group_by(C::Provider)
            .group_by(C::Model);
        let spent: Vec<Spend> = spent.into_model().all(self.queue.db()).await?;
        let servers = self.model.list_servers().await.into_iter().map(|status| {
            let is_of = |spend: &&Spend| spend.provider == status.provider && spend.model == status.model;
            let spend = spent.iter().find(is_of).cloned().unwrap_or_default();
            ServerReport { status, spend }
        });
        Ok(servers.collect())
    }

    /// The requests to model servers of the actor's project, newest first, and their number, up to
    /// [`COUNT_LIMIT`](atelier_foundation::COUNT_LIMIT).
    ///
    /// # Errors
    /// If there is no such project, or the database fails.
    pub async fn list_usage(
        &self,
        actor: &Actor,
        project: ProjectId,
        page: Page,
    ) -> Result<(Vec<llm_attempts::Model>, u64), GenerationError> {
        let user = actor.person()?;
        let db = self.queue.db();
        let own = projects::Entity::find_owned_by_id(user, project).one(db).await?;
        own.ok_or(GenerationError::NotFound)?;
        let attempts = llm_attempts::Entity::find_of_project(project).order_by_desc(llm_attempts::Column::Id);
        Ok(fetch(db, attempts, page).await?)
    }

    /// The requests to model servers that a version of the actor's project took, in order.
    ///
    /// # Errors
    /// If there is no such version, or the database fails.
    pub async fn list_attempts(
        &self,
        actor: &Actor,
        project: ProjectId,
        version: i32,
    ) -> Result<Vec<llm_attempts::Model>, GenerationError> {
        let user = actor.person()?;
        let db = self.queue.db();
        let own = project_versions::Column::ProjectId.in_subquery(own_projects(user));
        let found = project_versions::Entity::find_numbered(project, version).filter(own).one(db).await?;
        let Some(job) = found.ok_or(GenerationError::NotFound)?.job_id else { return Ok(Vec::new()) };
        let attempts = llm_attempts::Entity::find_of_job(job).order_by_asc(llm_attempts::Column::Id);
        Ok(attempts.limit(MAX_ATTEMPTS).all(db).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use atelier_entities::{JobId, ProjectKind};
    use atelier_foundation::testing::acting;
    use atelier_providers::llm::{Attempt, Usage};

    use super::super::ledger::Ledger;
    use super::*;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn an_owner_sees_the_requests_of_a_version_and_nobody_else_does() {
        let fixture = Fixture::new().await;
        let (ada, eve) =
            (fixture.register("ada@example.org").await, fixture.register("eve@example.org").await);
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        let version = fixture.store_version(&project, 1, &[("index.html", "<p>")]).await;
        let job: JobId = version.job_id.expect("its job");
        let ledger = Ledger::default();
        ledger.add(Attempt {
            provider: "one".to_owned(),
            model: "small".to_owned(),
            class: "ok",
            usage: Usage::default(),
            is_estimated: false,
            cost_micros: 5,
            first_content: None,
            total: Duration::from_secs(1),
            request_id: None,
        });
        ledger.store(fixture.queue().db(), job, project.id, fixture.queue().now()).await;
        let generation = &fixture.services.builder.generation;

        let seen = generation.list_attempts(&acting(ada.id), project.id, 1).await.expect("its requests");
        let others = generation.list_attempts(&acting(eve.id), project.id, 1).await;
        let missing = generation.list_attempts(&acting(ada.id), project.id, 2).await;

        let page = Page { number: 1, size: 10 };
        let (usage, total) = generation.list_usage(&acting(ada.id), project.id, page).await.expect("usage");
        assert_eq!((usage.as_slice(), total), (seen.as_slice(), 1));
        let of_others = generation.list_usage(&acting(eve.id), project.id, page).await;
        assert!(matches!(of_others, Err(GenerationError::NotFound)), "{of_others:?}");
        assert_eq!((seen.len(), seen[0].cost_micros), (1, 5));
        assert!(matches!(others, Err(GenerationError::NotFound)), "{others:?}");
        assert!(matches!(missing, Err(GenerationError::NotFound)), "{missing:?}");
        assert_eq!(generation.list_servers().await.expect("servers"), [], "the scripted model has none");
    }
}
