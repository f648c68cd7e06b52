//! What jobs result in, by their kinds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{AnyOfBuilder, Object, ObjectBuilder, SchemaType, Type},
    },
};
use uuid::Uuid;

use super::{
    super::{free::JsonObject, sets},
    JobResult,
};

impl PartialSchema for JobResult {
    fn schema() -> RefOr<Schema> {
        let mut any = AnyOfBuilder::new().description(Some(
            "What a job resulted in. The schema for a kind is the field of that name of JobResults.",
        ));
        let RefOr::T(Schema::Object(Object { properties, .. })) = JobResults::schema() else {
            return any.into();
        };
        // Whoever shows a result says that it may be null.
        for result in properties.into_values().filter(|result| *result != no_result()) {
            any = any.item(result);
        }
        any.into()
    }
}

impl ToSchema for JobResult {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        JobResults::schemas(schemas);
    }
}

/// What jobs result in, by their kinds.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobResults {
    #[serde(rename = "generation.run")]
    generation: GenerationResult,
    #[serde(rename = "deployment.publish")]
    deployment: DeploymentResult,
    #[serde(rename = "email.deliver")]
    mail: MailResult,
    #[serde(rename = "stats.aggregate")]
    stats: StatsResult,
    #[serde(rename = "account.erase")]
    erased_account: ErasedAccountResult,
    #[serde(rename = "maintenance.purge_jobs")]
    purged_jobs: PurgedJobsResult,
    #[serde(rename = "maintenance.purge_expired")]
    purged_rows: PurgedRowsResult,
    #[serde(rename = "maintenance.remove_objects")]
    removed_objects: RemovedObjectsResult,
    #[serde(rename = "maintenance.steer_jobs")]
    steered_jobs: SteeredJobsResult,
    #[serde(rename = "maintenance.archive_audit")]
    archived: ArchivedResult,
    #[serde(rename = "maintenance.erase_archived")]
    erased: ErasedResult,
    #[serde(rename = "workflow.start_run")]
    started_run: NoResult,
    /// How an attempt of a node ended. What the node gave is kept with its run.
    #[serde(rename = "workflow.run_node")]
    #[schema(value_type = JsonObject)]
    node: serde_json::Map<String, serde_json::Value>,
    #[serde(rename = "workflow.wake_node")]
    woken_node: NoResult,
    #[serde(rename = "workflow.make_room")]
    cancelled_older: NoResult,
    #[serde(rename = "workflow.stop_jobs")]
    stopped_jobs: NoResult,
    #[serde(rename = "workflow.cancel_runs")]
    cancelled_runs: CancelledRunsResult,
    #[serde(rename = "workflow.reconcile")]
    reconciled: ReconciledResult,
    #[serde(rename = "workflow.settle_schedule")]
    settled_schedule: SettledScheduleResult,
    #[serde(rename = "workflow.recompute_schedules")]
    recomputed_schedules: RecomputedSchedulesResult,
    /// What the test found. Null where the integration was gone.
    #[serde(rename = "integration.test")]
    tested: IntegrationTestResult,
    /// What the attempt found. Null where nothing was to be sent any more.
    #[serde(rename = "webhook.deliver")]
    sent: WebhookAttemptResult,
    #[serde(rename = "credentials.rewrap")]
    rewrapped: RewrappedResult,
}

/// Nothing but that it is done.
#[derive(Serialize)]
pub(crate) struct NoResult;

impl PartialSchema for NoResult {
    fn schema() -> RefOr<Schema> {
        let null = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null));
        null.description(Some("Nothing but that it is done.")).into()
    }
}

impl ToSchema for NoResult {}

fn no_result() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(NoResult::name()))
}

/// An integration was tested.
#[derive(Serialize, ToSchema)]
pub(crate) struct IntegrationTestResult {
    /// Whether the service took the credentials.
    ok: bool,
    /// The HTTP status that it answered.
    status: Option<u16>,
    /// How long it took, in milliseconds.
    latency_ms: u64,
    /// Why it failed.
    reason: Option<String>,
    /// When it was tested.
    tested_at: DateTime<Utc>,
}

/// An event was sent to a webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookAttemptResult {
    /// The number of the attempt.
    number: i32,
    /// When it began.
    started_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    duration_ms: i64,
    /// The HTTP status of the answer.
    status: Option<u16>,
    /// The code of why it failed.
    error: Option<String>,
    /// The pause that the server asked for, in seconds.
    retry_after_secs: Option<i32>,
    /// Whether the server wants no more attempts.
    aborts: bool,
    /// The headers that were sent, without the signature.
    request_headers: BTreeMap<String, String>,
    /// The headers of the answer, without cookies.
    response_headers: Option<BTreeMap<String, String>>,
    /// The beginning of the body of the answer.
    response_body: Option<String>,
}

/// The keys of credentials were replaced.
#[derive(Serialize, ToSchema)]
pub(crate) struct RewrappedResult {
    /// Secrets whose data key was encrypted again.
    rewrapped: u64,
}

/// Fire times of a schedule that waited for the end of a run were handled. Null where the schedule was gone.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettledScheduleResult {
    /// Runs that were started.
    started: u64,
}

/// The next fire times of schedules were computed anew after the rules of time zones had changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecomputedSchedulesResult {
    /// Schedules whose next time changed.
    changed: u64,
}

/// Runs of workflows were repaired: those that a lost job or a limit had left behind.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReconciledResult {
    /// Runs that took longer than they may.
    timed_out: u64,
    /// Runs of deleted workflows that were cancelled.
    of_deleted_workflows: u64,
    /// Waits that got a job to wake them.
    waits: u64,
    /// Waits for jobs that had ended.
    ended_jobs: u64,
    /// Nodes that got a job.
    nodes: u64,
    /// Jobs of ended runs that were cancelled.
    jobs: u64,
    /// Workflows with queued runs that were looked at.
    queued_workflows: u64,
    /// Deliveries of webhooks that got a job.
    deliveries: u64,
}

/// The runs of a deleted workflow were cancelled.
#[derive(Serialize, ToSchema)]
pub(crate) struct CancelledRunsResult {
    /// Runs that had not ended.
    cancelled: u64,
}

/// An application was written.
#[derive(Serialize, ToSchema)]
pub(crate) struct GenerationResult {
    /// The project.
    project_id: Uuid,
    /// Number of the version that was kept.
    version: i32,
    /// Its files.
    files: i32,
    /// Bytes of all files.
    bytes: i64,
    /// Who wrote it, such as openai.
    provider: String,
    /// The model.
    model: String,
}

/// A version was published.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeploymentResult {
    /// The publication.
    deployment_id: Uuid,
    /// The project.
    project_id: Uuid,
    /// The version's number.
    version: i32,
    /// Its part of the address.
    slug: String,
    /// Where it runs.
    url: String,
    /// Files.
    files: u64,
    /// Bytes of all files.
    bytes: u64,
}

/// A mail was handed over, or was not to be. Null where the mail was gone.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailResult {
    /// What became of it.
    #[schema(value_type = sets::MailStatus)]
    status: String,
}

/// The platform's figures were counted.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsResult {
    /// Accounts.
    users: i64,
    /// Projects with at least one version.
    apps: i64,
    /// Countries of accounts.
    countries: i64,
    /// Accounts seen today (UTC).
    active_today: i64,
    /// Projects created today (UTC).
    created_today: i64,
}

/// What was left of a closed account was erased. Null where nothing was left.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErasedAccountResult {
    /// Rows of all parts.
    rows: u64,
    /// Rows by the name of the part, such as sessions or versions.
    by_part: BTreeMap<String, u64>,
}

/// Jobs that ended long ago were deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct PurgedJobsResult {
    /// How many.
    jobs: u64,
}

/// What had expired was deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct PurgedRowsResult {
    /// Sign-ins.
    sessions: u64,
    /// Kept answers.
    idempotency_keys: u64,
    /// Mailed links and API tokens.
    tokens: u64,
    /// Mails.
    mails: u64,
}

/// Objects that belonged to nothing were deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct RemovedObjectsResult {
    /// Prefixes that were emptied.
    prefixes: u64,
}

/// The same was done to many jobs.
#[derive(Serialize, ToSchema)]
pub(crate) struct SteeredJobsResult {
    /// Jobs to which it was done.
    done: u64,
    /// Jobs that were something else by then.
    skipped: u64,
    /// Generations that a replay leaves out.
    generations_left_out: u64,
    /// Deployments that a replay leaves out.
    deployments_left_out: u64,
}

/// Entries of the audit log were moved to the object store.
#[derive(Serialize, ToSchema)]
pub(crate) struct ArchivedResult {
    /// Entries that were moved.
    entries: u64,
    /// Objects that they were written to.
    objects: u64,
    /// Which entries: those before this moment; null where entries stay for good.
    before: Option<DateTime<Utc>>,
    /// Archives that were deleted since they were too old.
    expired: u64,
}

/// A person was taken out of the archives of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErasedResult {
    /// Objects that were written anew.
    objects: u64,
    /// Entries that were changed.
    entries: u64,
    /// Objects that are not there any more.
    lost: u64,
}
