//! The closed sets of values that the document names, each made from what the code has.
//! Fields and parameters refer to them: `#[schema(value_type = sets::JobState)]`.

#[cfg(test)]
mod values;

#[cfg(test)]
pub(crate) use {described::add, values::add_error_codes};

macro_rules! sets {
    ($($(#[doc = $meaning:literal])+ $name:ident = $values:expr;)+) => {
        $(
            $(#[doc = $meaning])+
            pub(crate) enum $name {}
        )+

        // Some are named only by the routes of `openapi::plain`.
        const _: Option<($($name,)+)> = None;

        /// The schemas of the sets.
        #[cfg(test)]
        mod described {
            use super::{$($name,)+ values::*};

            $(
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
    /// Whether requests are made to a model server.
    CircuitState = ["closed", "half_open", "open"];
    /// How a request to a model server ended.
    ModelRequestClass = MODEL_REQUESTS;
    /// How far a file of a generation is.
    FileState = atelier_builder::generation::FILE_STATES;
    /// What an application is written with.
    ProjectStack = names(entities::ProjectStack::ALL, entities::ProjectStack::as_str);
    /// What became of a file between two versions.
    FileChange = atelier_builder::versions::FILE_CHANGES;
    /// What is worth knowing of a generated application, or wrong with it.
    GeneratedFaultCode =
        names(atelier_builder::fault::FaultCode::ALL, atelier_builder::fault::FaultCode::as_str);
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
    /// What started a run of a workflow.
    RunCause = names(entities::RunCause::ALL, entities::RunCause::as_str);
    /// Where a run of a workflow is in its life. `succeeded`, `failed`, `cancelled` and `timed_out` are ends.
    RunStatus = names(entities::RunStatus::ALL, entities::RunStatus::as_str);
    /// What becomes of a fire time of a schedule while one of its runs is under way.
    ScheduleOverlap = names(entities::ScheduleOverlap::ALL, entities::ScheduleOverlap::as_str);
    /// What became of a fire time of a schedule.
    TickOutcome = names(entities::TickOutcome::ALL, entities::TickOutcome::as_str);
    /// Whether a webhook gets events.
    WebhookStatus = names(entities::WebhookStatus::ALL, entities::WebhookStatus::as_str);
    /// What a person may set the status of a webhook to.
    SettableWebhookStatus = {
        use entities::WebhookStatus::{Enabled, Paused};
        names(&[Enabled, Paused], entities::WebhookStatus::as_str)
    };
    /// Why the platform disabled a webhook.
    WebhookDisabledReason = webhooks::DISABLED_REASONS;
    /// What happens to what a person owns.
    WebhookEvent = webhooks::EVENTS.into_iter().chain([webhooks::PING]);
    /// What a person subscribes to: an event, or all of them.
    SubscribedEvent = webhooks::EVENTS.into_iter().chain([webhooks::EVERY_EVENT]);
    /// What became of an event for a webhook.
    DeliveryState = names(entities::DeliveryState::ALL, entities::DeliveryState::as_str);
    /// What becomes of a civil time that a change of the clock leaves out.
    ClockGap = names(entities::ClockGap::ALL, entities::ClockGap::as_str);
    /// What becomes of a civil time that a change of the clock repeats.
    ClockFold = names(entities::ClockFold::ALL, entities::ClockFold::as_str);
    /// What people may read otherwise in a cron expression.
    ScheduleWarningCode = SCHEDULE_WARNINGS.map(atelier_foundation::schedule::Warning::code);
    /// How a node of a run is. `succeeded`, `failed`, `skipped` and `cancelled` are ends.
    RunNodeState = names(entities::NodeState::ALL, entities::NodeState::as_str);
    /// What a node of a run waits for.
    RunWaitKind = names(entities::WaitKind::ALL, entities::WaitKind::as_str);
    /// Why a node of a run was cancelled.
    RunCancelCause = names(entities::CancelCause::ALL, entities::CancelCause::as_str);
    /// Why a run, or one of its nodes, does not go on.
    RunReasonCode = {
        let of_runs = RUN_REASONS.into_iter().filter(|code| !WAITS.contains(code));
        WAITS.into_iter().chain(of_runs)
    };
    /// Why a schedule starts no run now.
    ScheduleReasonCode =
        names(schedules::ScheduleReasonCode::ALL, schedules::ScheduleReasonCode::as_str);
    /// A type of nodes.
    NodeType = nodes::TYPES.map(|definition| definition.kind.name);
    /// How the calls of a webhook are proven.
    HookScheme = names(&nodes::webhook::Scheme::ALL, nodes::webhook::Scheme::as_str);
    /// A type of integrations.
    IntegrationType = integrations::kinds::ALL.map(|kind| kind.name);
    /// Where a type of nodes stands in the palette of an editor.
    NodeCategory = {
        use nodes::Category::{Action, Canvas, Data, Logic, Trigger, Wait};
        serialized([Trigger, Logic, Data, Wait, Action, Canvas])
    };
    /// What happens outside a run when an attempt is repeated.
    NodeEffects = {
        use nodes::Effects::{Idempotent, None, Unsafe};
        serialized([None, Idempotent, Unsafe])
    };
    /// How an editor asks for a field.
    NodeWidget = {
        use nodes::Widget::{
            Checkbox, Condition, Duration, Expression, Integration, Json, Keyvalue, List, Select, Text, Textarea,
        };
        serialized([
            Text, Textarea, Json, Expression, Duration, Keyvalue, Condition, Select, Checkbox, List, Integration,
        ])
    };
    /// How many inbound edges a node takes.
    NodeInputs = {
        use graph::node_type::Inputs::{Any, None, Several};
        serialized([None, Any, Several])
    };
    /// What leaves by an output port.
    OutputPortKind = serialized([graph::PortKind::Main, graph::PortKind::Error]);
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
    /// What becomes of a run beyond the limit of its workflow.
    WhenFull = {
        use engine::WhenFull::{CancelOlder, Queue, Skip};
        serialized([Skip, Queue, CancelOlder])
    };
    /// What follows after the last attempt of a node failed.
    OnError = {
        use graph::OnError::{Continue, ErrorBranch, Stop};
        serialized([Stop, Continue, ErrorBranch])
    };
    /// How the pauses between the attempts of a node grow.
    NodeBackoff = serialized([graph::Backoff::Fixed, graph::Backoff::Exponential]);
    /// Which inbound edges a node takes before it runs.
    JoinMode = ["all", "any", "quorum"];
    /// What is wrong with a draft.
    GraphFaultCode = names(graph::FaultCode::ALL, graph::FaultCode::as_str);
    /// How bad a fault of a draft is.
    FaultSeverity = serialized([graph::Severity::Error, graph::Severity::Warning]);
    /// What became of a node of another program.
    ImportStatus = serialized(atelier_automation::import::n8n::ImportStatus::ALL);
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
