//! The accounts of a generation's requests to model servers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use atelier_entities::{JobId, LlmAttemptId, ProjectId, Timestamp, llm_attempts};
use atelier_providers::llm::Attempt;
use sea_orm::{ActiveValue::Set, DatabaseConnection, EntityTrait};

/// The requests that have ended and are not stored yet.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    attempts: Mutex<Vec<Attempt>>,
}

impl Ledger {
    /// Adds a request.
    pub(super) fn add(&self, attempt: Attempt) {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).push(attempt);
    }

    /// Stores the requests in one statement. A generation does not fail for its accounts: an
    /// error, as for a project that was deleted meanwhile, is only logged.
    pub(super) async fn store(
        &self,
        db: &DatabaseConnection,
        job: JobId,
        project: ProjectId,
        now: Timestamp,
    ) {
        let attempts = std::mem::take(&mut *self.attempts.lock().unwrap_or_else(PoisonError::into_inner));
        if attempts.is_empty() {
            return;
        }
        let rows = attempts.into_iter().map(|attempt| row(attempt, job, project, now));
        if let Err(error) = llm_attempts::Entity::insert_many(rows).exec_without_returning(db).await {
            tracing::warn!(job.id = %job, %error, "the accounts of a generation are not stored");
        }
    }
}

fn row(attempt: Attempt, job: JobId, project: ProjectId, now: Timestamp) -> llm_attempts::ActiveModel {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let millis = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    let usage = attempt.usage;
    llm_attempts::ActiveModel {
        id: Set(LlmAttemptId::new()),
        project_id: Set(project),
        job_id: Set(job),
        is_billable: Set(attempt.first_content.is_some() || !attempt.is_estimated),
        provider: Set(attempt.provider),
        model: Set(attempt.model),
        class: Set(attempt.class.to_owned()),
        input_tokens: Set(whole(usage.input_tokens)),
        output_tokens: Set(whole(usage.output_tokens)),
        cached_tokens: Set(whole(usage.cached_tokens)),
        thought_tokens: Set(whole(usage.thought_tokens)),
        is_estimated: Set(attempt.is_estimated),
        cost_micros: Set(whole(attempt.cost_micros)),
        first_content_ms: Set(attempt.first_content.map(millis)),
        total_ms: Set(millis(attempt.total)),
        request_id: Set(attempt.request_id),
        created_at: Set(now),
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::ProjectKind;
    use atelier_providers::llm::Usage;

    use super::*;
    use crate::testing::Fixture;

    fn attempt(class: &'static str, first_content: Option<Duration>) -> Attempt {
        Attempt {
            provider: "one".to_owned(),
            model: "small".to_owned(),
            class,
            usage: Usage { input_tokens: 10, output_tokens: 4, ..Usage::default() },
            is_estimated: class != "ok",
            cost_micros: 70,
            first_content,
            total: Duration::from_millis(900),
            request_id: Some("req_1".to_owned()),
        }
    }

    #[tokio::test]
    async fn each_request_has_a_row_and_is_billable_once_it_wrote() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        let (job, now) = (JobId::new(), fixture.queue().now());
        let ledger = Ledger::default();
        ledger.add(attempt("rate_limited", None));
        ledger.add(attempt("transient", Some(Duration::from_millis(5))));
        ledger.add(attempt("ok", Some(Duration::from_millis(5))));

        ledger.store(fixture.queue().db(), job, project.id, now).await;
        ledger.store(fixture.queue().db(), job, project.id, now).await;

        let rows = llm_attempts::Entity::find_of_job(job).all(fixture.queue().db()).await.expect("rows");
        let mut seen: Vec<_> = rows.iter().map(|row| (row.class.as_str(), row.is_billable)).collect();
        seen.sort_unstable();
        assert_eq!(seen, [("ok", true), ("rate_limited", false), ("transient", true)]);
        assert_eq!((rows[0].total_ms, rows[0].cost_micros), (900, 70));
    }

    #[tokio::test]
    async fn the_accounts_of_a_deleted_project_are_dropped() {
        let fixture = Fixture::new().await;
        let ledger = Ledger::default();
        ledger.add(attempt("ok", None));
        ledger.store(fixture.queue().db(), JobId::new(), ProjectId::new(), fixture.queue().now()).await;
        let rows = llm_attempts::Entity::find().all(fixture.queue().db()).await.expect("rows");
        assert_eq!(rows, []);
    }
}
