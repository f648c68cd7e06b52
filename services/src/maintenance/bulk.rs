//! Bulk actions: cancels, replays or discards many jobs, as a job with progress.

use atelier_entities::{JobId, Timestamp, jobs};
use atelier_foundation::{Actor, FieldErrors, Problem, Refusal, audit, personal::of_present_owners};
use atelier_queue::{
    JobContext, JobError, NewJob, Outcome, QueueError,
    inspect::{BulkAction, JobFilter},
};
use sea_orm::DbErr;
use serde_json::{Map, Value, json};

use super::{ApplyBulkAction, Maintenance, Restarted};

/// Jobs of one step. The stop signal is checked between steps.
const STEP: usize = 100;

/// Jobs that one query selects: each query reads all jobs that match the filter.
const JOBS_PER_QUERY: u64 = 5_000;

/// Why a bulk action or a command on a queue failed.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// An invalid filter.
    #[error("invalid input: {0}")]
    InvalidInput(#[from] FieldErrors),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
}

impl Problem for MaintenanceError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::InvalidInput(errors) => errors.refusal(),
            Self::Queue(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
        }
    }
}

impl Maintenance {
    /// The number of jobs that an action would affect now.
    pub async fn count_bulk_action(
        &self,
        action: BulkAction,
        filter: JobFilter,
    ) -> Result<u64, MaintenanceError> {
        let filter = bounded(action, filter, self.queue.now(), &self.restarted_names())?;
        Ok(self.queue.count_bulk(&of_present_owners(filter), action).await?)
    }

    /// Enqueues a job that applies the action to every job that matches the filter now.
    /// Jobs that are enqueued later, or fail again after their replay, are not affected.
    pub async fn start_bulk_action(
        &self,
        actor: &Actor,
        action: BulkAction,
        filter: JobFilter,
    ) -> Result<jobs::Model, MaintenanceError> {
        let tx = self.queue.begin().await?;
        let filter = bounded(action, filter, tx.now(), &self.restarted_names())?;
        let mut job =
            NewJob::of(&ApplyBulkAction { action, filter: filter.clone() }).from_origin(actor.origin.clone());
        if let Some(user) = actor.user() {
            job = job.owned_by(user);
        }
        let job = tx.enqueue(job).await?.into_job()?;
        let context = json!({"job": job.id, "filter": filter});
        audit::record(&tx, actor, &format!("jobs.{}", verb(action)), None, context).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// Applies the action, oldest job first. A later attempt continues where an interrupted
    /// one stopped, and counts only its own jobs.
    pub async fn apply_bulk_action(
        &self,
        ctx: &JobContext,
        args: ApplyBulkAction,
    ) -> Result<Outcome, JobError> {
        let ApplyBulkAction { action, filter } = args;
        let filter = of_present_owners(filter);
        let total = self.queue.count_bulk(&filter, action).await?;
        let mut result = Map::new();
        for kind in self.restarted.iter() {
            let left_out = self.count_left_out(action, &filter, &kind.names).await?;
            result.insert(format!("{}_left_out", kind.plural), Value::from(left_out));
        }
        let (mut done, mut skipped, mut after) = (0, 0, None::<JobId>);
        loop {
            let selected = self.queue.select_bulk(&filter, action, after, JOBS_PER_QUERY).await?;
            let Some(last) = selected.last() else { break };
            after = Some(*last);
            for ids in selected.chunks(STEP) {
                if ctx.stop().is_cancelled() {
                    return Err(JobError::retry("STOPPED", "stopped before every job was looked at"));
                }
                ctx.progress(percent(done + skipped, total), verb(action), format!("{done} of {total} jobs"))
                    .await;
                let step = self.queue.bulk(action, ids).await?;
                done += step.done;
                skipped += step.skipped;
            }
        }
        ctx.progress(100, verb(action), format!("{done} of {total} jobs")).await;
        result.extend([("done".to_owned(), Value::from(done)), ("skipped".to_owned(), Value::from(skipped))]);
        Ok(Outcome::Done(Value::Object(result)))
    }

    /// Every name of the kinds whose jobs are never run again as themselves.
    fn restarted_names(&self) -> Vec<&'static str> {
        self.restarted.iter().flat_map(|Restarted { names, .. }| names.iter().copied()).collect()
    }

    /// Counts the jobs of these kinds that a replay leaves out.
    async fn count_left_out(
        &self,
        action: BulkAction,
        filter: &JobFilter,
        kinds: &[&str],
    ) -> Result<u64, QueueError> {
        // A filter that names one of these kinds is refused.
        if action != BulkAction::Replay || filter.kind.is_some() {
            return Ok(0);
        }
        let mut left_out = 0;
        for kind in kinds {
            let kind = Some((*kind).to_owned());
            let of_kind = JobFilter { kind, except_kinds: Vec::new(), ..filter.clone() };
            left_out += self.queue.count_bulk(&of_kind, action).await?;
        }
        Ok(left_out)
    }
}

/// Bounds a filter to jobs that exist at that time. A replay leaves out the kinds that are
/// restarted as new jobs.
fn bounded(
    action: BulkAction,
    mut filter: JobFilter,
    now: Timestamp,
    started_anew: &[&str],
) -> Result<JobFilter, FieldErrors> {
    if filter == JobFilter::default() {
        let fault = "must name at least one of kind, queue, status, owner, project, error_code, created_from, created_before";
        return Err(FieldErrors::of("filter", fault));
    }
    filter.created_before = Some(filter.created_before.map_or(now, |before| before.min(now)));
    if action == BulkAction::Replay {
        if filter.kind.as_deref().is_some_and(|kind| started_anew.contains(&kind)) {
            let fault = "generations and deployments are started anew: they are retried one by one, as POST /api/jobs/{id}/retry does";
            return Err(FieldErrors::of("kind", fault));
        }
        filter.finished_before = Some(now);
        filter.except_kinds = started_anew.iter().map(|kind| (*kind).to_owned()).collect();
    }
    Ok(filter)
}

fn verb(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Cancel => "cancel",
        BulkAction::Replay => "replay",
        BulkAction::Discard => "discard",
    }
}

fn percent(looked_at: u64, total: u64) -> u8 {
    u8::try_from((looked_at * 100).checked_div(total).unwrap_or(100).min(99)).unwrap_or(99)
}

#[cfg(test)]
mod tests {
    use atelier_builder::{
        deployments::{DeploymentInput, PublishDeployment},
        generation::RunGeneration,
    };
    use atelier_entities::{JobState, ProjectKind, audit_log};
    use atelier_foundation::objects::RemoveObjects;
    use atelier_foundation::testing::acting;
    use atelier_queue::Job;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

    use super::*;
    use crate::testing::Fixture;

    const ANEW: [&str; 2] = [RunGeneration::KIND, PublishDeployment::KIND];

    fn of_kind(kind: &str) -> JobFilter {
        JobFilter { kind: Some(kind.to_owned()), ..JobFilter::default() }
    }

    async fn enqueue_removals(fixture: &Fixture, count: usize) -> Vec<JobId> {
        let tx = fixture.services.queue.begin().await.expect("a transaction");
        let jobs = (0..count).map(|_| NewJob::of(&RemoveObjects { prefixes: Vec::new() })).collect();
        let ids = tx.enqueue_all(jobs).await.expect("enqueued").iter().map(|job| job.id).collect();
        tx.commit().await.expect("committed");
        ids
    }

    #[test]
    fn a_filter_is_bounded_to_existing_jobs() {
        let now = Timestamp::from_timestamp(1_000, 0).expect("a time");
        let earlier = Timestamp::from_timestamp(10, 0).expect("a time");

        let cancel = bounded(BulkAction::Cancel, of_kind("a.b"), now, &ANEW).expect("a filter");
        assert_eq!((cancel.created_before, cancel.finished_before), (Some(now), None));

        let before = JobFilter { created_before: Some(earlier), ..JobFilter::default() };
        let replay = bounded(BulkAction::Replay, before, now, &ANEW).expect("a filter");
        assert_eq!((replay.created_before, replay.finished_before), (Some(earlier), Some(now)));
        assert_eq!(replay.except_kinds, [RunGeneration::KIND, PublishDeployment::KIND]);
    }

    #[test]
    fn an_empty_filter_and_a_replay_of_restarted_kinds_are_refused() {
        let now = Timestamp::UNIX_EPOCH;
        let everything = bounded(BulkAction::Discard, JobFilter::default(), now, &ANEW).expect_err("refused");

        assert_eq!(everything.0.keys().collect::<Vec<_>>(), [&"filter"]);
        for kind in ANEW {
            let refused = bounded(BulkAction::Replay, of_kind(kind), now, &ANEW).expect_err("refused");
            assert_eq!(refused.0.keys().collect::<Vec<_>>(), [&"kind"]);
        }
    }

    #[test]
    fn progress_stays_below_100_percent() {
        for (looked_at, total, expected) in [(0, 0, 99), (0, 3, 0), (1, 3, 33), (3, 3, 99), (9, 3, 99)] {
            assert_eq!(percent(looked_at, total), expected, "{looked_at} of {total}");
        }
    }

    #[tokio::test]
    async fn a_bulk_cancel_affects_neither_itself_nor_later_jobs() {
        let fixture = Fixture::new().await;
        let admin = fixture.register("root@example.org").await;
        let actor = acting(admin.id);
        let ids = enqueue_removals(&fixture, 3).await;
        let maintenance = &fixture.services.maintenance;
        let filter = JobFilter { queue: Some(ApplyBulkAction::QUEUE), ..JobFilter::default() };

        let counted =
            maintenance.count_bulk_action(BulkAction::Cancel, filter.clone()).await.expect("counted");
        let job = maintenance.start_bulk_action(&actor, BulkAction::Cancel, filter).await.expect("started");
        let later = enqueue_removals(&fixture, 1).await;
        fixture.work().await;

        assert_eq!(counted, 3);
        let job = fixture.job(job.id).await;
        assert_eq!((job.state, job.owner_id), (JobState::Succeeded, Some(admin.id)));
        let result = job.result.expect("a result");
        let sum = result["done"].as_u64().expect("a number") + result["skipped"].as_u64().expect("a number");
        // The worker may have run some of them first.
        assert!(sum <= 3, "{result}");
        for id in ids {
            assert!(fixture.job(id).await.state.is_terminal());
        }
        assert_eq!(fixture.job(later[0]).await.state, JobState::Succeeded);
        let entries = audit_log::Entity::find().filter(audit_log::Column::Action.eq("jobs.cancel"));
        let entry = entries.one(fixture.services.queue.db()).await.expect("asked").expect("an entry");
        assert_eq!((entry.actor_id, &entry.context["job"]), (Some(admin.id), &json!(job.id)));
    }

    #[tokio::test]
    async fn a_replay_leaves_out_restarted_kinds() {
        let fixture = Fixture::new().await;
        let user = fixture.register("ada@example.org").await;
        let project = fixture.create_project(user.id, ProjectKind::WebApp).await;
        let generation = fixture.generate(user.id, project.id, None).await;
        fixture.store_version(&project, 1, &[("index.html", "<p>Books</p>")]).await;
        let site = DeploymentInput { platform: "preview".to_owned(), version: Some(1) };
        let deployments = &fixture.services.builder.deployments;
        let (_, deployment) = deployments.start(&acting(user.id), project.id, site).await.expect("started");
        let ids = enqueue_removals(&fixture, 2).await;
        let queue = &fixture.services.queue;
        for id in ids.iter().chain([&generation.id, &deployment.id]) {
            queue.cancel(*id, None).await.expect("cancelled");
        }
        let balance = fixture.credits(user.id).await;
        let filter = JobFilter { state: Some(JobState::Cancelled), ..JobFilter::default() };

        let actor = Actor::anonymous();
        let steering = fixture.services.maintenance.start_bulk_action(&actor, BulkAction::Replay, filter);
        let job = steering.await.expect("started");
        fixture.work().await;

        let result = fixture.job(job.id).await.result.expect("a result");
        let left_out = json!({"generations_left_out": 1, "deployments_left_out": 1});
        assert_eq!((&result["done"], &result["skipped"]), (&json!(2), &json!(0)));
        for (key, count) in left_out.as_object().expect("an object") {
            assert_eq!(&result[key], count, "{key}");
        }
        for id in ids {
            assert_eq!(fixture.job(id).await.state, JobState::Succeeded);
        }
        for id in [generation.id, deployment.id] {
            assert_eq!(fixture.job(id).await.state, JobState::Cancelled);
        }
        assert_eq!(fixture.credits(user.id).await, balance);
    }
}
