//! The closed sets of values that the document names, each made from what the code has.
//! Fields and parameters refer to them: `#[schema(value_type = sets::JobState)]`.

use std::collections::BTreeSet;

use atelier_builder::deployments::Deployments;
use atelier_entities as entities;
use atelier_foundation::mail::Template;
use atelier_queue::Fault;
use atelier_services::{
    admin::{self, Status},
    mail_templates,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

macro_rules! sets {
    ($($(#[doc = $meaning:literal])+ $name:ident = $values:expr;)+) => {
        $(
            $(#[doc = $meaning])+
            pub(crate) enum $name {}

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    one_of(concat!($($meaning),+).trim(), $values).into()
                }
            }

            impl ToSchema for $name {}
        )+

        /// Adds every set: parameters refer to them without adding them.
        pub(crate) fn add(components: &mut Components) {
            $(components.schemas.insert($name::name().into_owned(), $name::schema());)+
        }
    };
}

sets! {
    /// Where a job is in its life. `succeeded`, `failed`, `cancelled` and `discarded` are
    /// ends.
    JobState = names(entities::JobState::ALL, entities::JobState::as_str);
    /// How an attempt of a job ended.
    AttemptOutcome = names(entities::AttemptOutcome::ALL, entities::AttemptOutcome::as_str);
    /// What a job does, `domain.verb_object`.
    JobKind = atelier_services::kinds().into_iter().map(|info| info.kind);
    /// Why a job failed, or what its last attempt met.
    JobErrorCode = JOB_ERRORS;
    /// Why a job does not run.
    WaitCode = WAITS;
    /// Where a job waits.
    QueueName = names(&atelier_queue::QueueName::ALL, atelier_queue::QueueName::as_str);
    /// How urgent a job is.
    Lane = ["urgent", "normal", "bulk"];
    /// How much a line of a job's log matters.
    LogLevel = {
        use atelier_queue::LogLevel::{Error, Info, Warning};
        [Info, Warning, Error].map(|level| serde_json::to_value(level).unwrap_or_default())
    };
    /// What a project is.
    ProjectKind = names(entities::ProjectKind::ALL, entities::ProjectKind::as_str);
    /// How far a project is.
    ProjectStatus = names(entities::ProjectStatus::ALL, entities::ProjectStatus::as_str);
    /// What an owner may set a project's status to.
    SettableProjectStatus = {
        use entities::ProjectStatus::{Building, Completed, Draft};
        names(&[Draft, Building, Completed], entities::ProjectStatus::as_str)
    };
    /// How thoroughly an application is written.
    GenerationMode = names(entities::GenerationMode::ALL, entities::GenerationMode::as_str);
    /// Where applications are published.
    DeploymentPlatform = Deployments::platforms().into_iter().map(|platform| platform.id);
    /// What became of a publication.
    DeploymentStatus = names(entities::DeploymentStatus::ALL, entities::DeploymentStatus::as_str);
    /// What became of a project's latest publication.
    LatestDeploymentStatus = {
        let known = names(entities::DeploymentStatus::ALL, entities::DeploymentStatus::as_str);
        ["not_deployed"].into_iter().chain(known)
    };
    /// Why a balance changed.
    CreditKind = names(entities::CreditKind::ALL, entities::CreditKind::as_str);
    /// A language of the product.
    Locale = names(entities::Locale::ALL, entities::Locale::as_str);
    /// Who else people may sign in at.
    SignInProvider = names(entities::SignInProvider::ALL, entities::SignInProvider::as_str);
    /// How a person signs in.
    SignInMethod = {
        let known = names(entities::SignInProvider::ALL, entities::SignInProvider::as_str);
        ["email"].into_iter().chain(known)
    };
    /// How an access token is sent.
    TokenType = ["bearer"];
    /// What an API token may be used for.
    ApiScope = names(entities::ApiScope::ALL, entities::ApiScope::as_str);
    /// What a mailed link is good for.
    TokenPurpose = names(entities::TokenPurpose::ALL, entities::TokenPurpose::as_str);
    /// A kind of mail.
    MailTemplate = mail_templates().into_iter().map(Template::name);
    /// What became of a mail.
    MailStatus = names(entities::MailStatus::ALL, entities::MailStatus::as_str);
    /// What a mail is about that people can do without.
    MailCategory = names(entities::MailCategory::ALL, entities::MailCategory::as_str);
    /// How a mail is shown.
    PreviewFormat = ["json", "html", "text"];
    /// How much an entry of the audit log matters.
    AuditLevel = names(entities::AuditLevel::ALL, entities::AuditLevel::as_str);
    /// How an export of the audit log is written.
    LogExportFormat = ["ndjson", "csv"];
    /// Operators, or everybody else.
    AccountRole = ["admin", "user"];
    /// What accounts are sorted by.
    AccountSort = admin::AccountSort::ALL.map(|(name, _)| name);
    /// Smallest or largest first.
    SortOrder = ["asc", "desc"];
    /// What is counted together.
    GrowthPeriod = admin::GrowthPeriod::ALL.map(|(name, _)| name);
    /// How the load of queues is told.
    ScalingFormat = ["json", "text"];
    /// How a part of the platform is.
    PartHealth = names(&[Status::Ok, Status::Degraded, Status::Down], Status::as_str);
    /// What is wrong with a part of the platform.
    PartFaultCode = Fault::ALL.into_iter().map(Fault::code).chain(PART_FAULTS);
    /// An SQL database.
    DatabaseEngine = ["postgresql", "sqlite"];
    /// What carries ids of jobs to workers.
    Transport = ["redis", "in-process"];
    /// How the service is.
    ServiceHealth = ["ok", "degraded"];
    /// How the database is.
    DatabaseHealth = ["ok", "unavailable"];
    /// How jobs are.
    JobsHealth = ["ok", "delayed"];
    /// Whether a process takes requests.
    Readiness = ["ready", "unavailable", "draining"];
    /// How a check of a process went.
    CheckResult = ["ok", "warning", "failed"];
    /// A stable name of an error, for programs.
    ErrorCode = ANYWHERE;
}

/// What a request is answered that reaches no operation.
const ANYWHERE: [&str; 4] = ["ADDRESS_TOO_LONG", "HEADERS_TOO_LARGE", "METHOD_NOT_ALLOWED", "REFUSED"];

/// Adds the codes that operations answer to the set of all codes.
pub(crate) fn add_error_codes<'a>(components: &mut Components, codes: impl Iterator<Item = &'a str>) {
    let all: BTreeSet<_> = codes.chain(ANYWHERE).collect();
    let schema = one_of("A stable name of an error, for programs.", all);
    components.schemas.insert(ErrorCode::name().into_owned(), schema.into());
}

/// What jobs fail with: the machine's own errors, then those of handlers.
const JOB_ERRORS: [&str; 33] = [
    "CANCELLED",
    "DISCARDED",
    "EFFECT_FAILED",
    "EXPIRED",
    "PANICKED",
    "RESULT_TOO_LARGE",
    "TIMED_OUT",
    "UNDECODABLE_ARGS",
    "WORKER_LOST",
    "ARCHIVE_UNREADABLE",
    "CHECK_FAILED",
    "CIRCUIT_OPEN",
    "DATABASE",
    "DEPLOYMENT_ENDED",
    "GENERATION_FAULTY",
    "GENERATION_REFUNDED",
    "LLM_AUTH",
    "LLM_BAD_REQUEST",
    "LLM_CONTENT_FILTER",
    "LLM_CONTEXT_TOO_LONG",
    "LLM_QUOTA",
    "LLM_RATE_LIMITED",
    "LLM_TIMEOUT",
    "LLM_UNAVAILABLE",
    "MAIL_BOUNCED",
    "MAIL_INVALID",
    "MAIL_MISCONFIGURED",
    "MAIL_OBSOLETE",
    "MAIL_REJECTED",
    "MAIL_TEMPLATE",
    "MAIL_UNAVAILABLE",
    "STOPPED",
    "STORAGE",
];

/// What jobs wait for, and that they do not.
const WAITS: [&str; 15] = [
    "SCHEDULED",
    "QUEUE_PAUSED",
    "NO_WORKER",
    "KIND_UNKNOWN",
    "TRANSPORT_AWAY",
    "OWNER_LIMIT",
    "QUEUE_LIMIT",
    "RATE_LIMIT",
    "WAITING_TURN",
    "WAITING_TO_RETRY",
    "CIRCUIT_OPEN",
    "ARGS_UNREADABLE",
    "STOPPING",
    "RUNNING",
    "ENDED",
];

/// What else may be wrong with a part than what a process meets in its work.
const PART_FAULTS: [&str; 10] = [
    "LAGGING",
    "MAY_EVICT",
    "NO_CONNECTION",
    "NO_SCHEDULER",
    "NO_WORKER",
    "PAUSED",
    "SCARCE",
    "SLOW",
    "UNSERVED",
    "UNTOLD",
];

/// Text that is one of these values.
fn one_of<T: Into<serde_json::Value>>(meaning: &str, values: impl IntoIterator<Item = T>) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).description(Some(meaning)).enum_values(Some(values)).into()
}

fn names<T: Copy>(values: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    values.iter().map(|value| name(*value)).collect()
}
