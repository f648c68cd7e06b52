//! The services of the domain, and its module.

use std::{fmt, sync::Arc, time::Duration};

use atelier_foundation::{Foundation, Kind, LinkKey, Module};
use atelier_providers::{http::GuardedClient, llm::ChatModel, object_store::Objects};
use atelier_queue::{Job, NewJob, Outcome, Periodic, schedule::Recurring};

use crate::{
    hooks::{self, Hooks, OwnedHooks},
    integrations::{Credentials, Integrations, OwnedIntegrations, TestIntegration},
    mail,
    nodes::Services,
    runs::{
        self, CancelOlder, Execution, JobsEnded, OwnedRuns, RecomputeSchedules, ReconcileRuns, Runs,
        SettleSchedule, StartEnded, StartRun, StopJobs, StoredValues, WakeEnded, WakeNode,
    },
    schedules::{self, OwnedSchedules, Schedules},
    webhooks::{
        self, AttemptEnded, CreditsAnnounced, DeliverWebhook, JobsAnnounced, OwnedWebhooks, Webhooks,
    },
    workflows::{self, CancelRuns, OwnedWorkflows, Workflows},
};

/// Services of this domain. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Automation {
    /// Workflows, their drafts and their versions.
    pub workflows: Workflows,
    /// Runs of workflows.
    pub runs: Runs,
    /// Runs attempts of nodes.
    pub execution: Execution,
    /// Access to services outside.
    pub integrations: Integrations,
    /// Opens the credentials of integrations, in workers.
    pub credentials: Credentials,
    /// Schedules.
    pub schedules: Schedules,
    /// Webhooks out.
    pub webhooks: Webhooks,
    /// Webhooks.
    pub hooks: Hooks,
}

/// The external dependencies of this domain.
#[derive(Clone)]
pub struct Deps {
    /// The language model.
    pub model: Arc<dyn ChatModel>,
    /// Stores large inputs and outputs of runs.
    pub objects: Objects,
    /// Sends the requests of nodes.
    pub http: GuardedClient,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}

impl Automation {
    /// The services on this foundation.
    #[must_use]
    pub fn new(foundation: &Foundation, deps: Deps) -> Self {
        let Deps { model, objects, http } = deps;
        let queue = &foundation.queue;
        let workflows = Workflows::new(queue.clone());
        let ring = &foundation.key_ring;
        let credentials = Credentials::new(queue.clone(), ring.clone(), http.clone());
        let webhooks = Webhooks::new(queue.clone(), ring.clone(), http.clone());
        let services = Services { queue: queue.clone(), http, model, credentials: credentials.clone() };
        let values = StoredValues::new(objects);
        let runs = Runs::new(queue.clone(), values.clone(), workflows.clone());
        Self {
            hooks: Hooks::new(queue.clone(), ring.clone(), runs.clone()),
            integrations: Integrations::new(queue.clone(), ring.clone()),
            credentials,
            runs,
            execution: Execution::new(services, values),
            schedules: Schedules::new(queue.clone()),
            webhooks,
            workflows,
        }
    }
}

/// What this domain offers to the processes of the product. `links` makes the links of its mails.
#[must_use]
pub fn module(links: &LinkKey) -> Module<Automation> {
    let run_node =
        runs::node_kind(|all: &Automation, ctx, args| Box::pin(all.execution.run_node(ctx, args)), links);
    module_without_nodes().with_kind(run_node)
}

/// The module without the kind that runs attempts of nodes.
pub(crate) fn module_without_nodes() -> Module<Automation> {
    let start = Kind::of::<StartRun>(|_, _, _| Box::pin(async { Ok(Outcome::done()) }));
    let wake = Kind::of::<WakeNode>(|_, _, _| Box::pin(async { Ok(Outcome::done()) }));
    with_webhooks(Module::new("automation"))
        .with_kind(start.with_effect(StartEnded))
        .with_kind(wake.with_effect(WakeEnded))
        .with_kind(Kind::of::<CancelOlder>(|all: &Automation, ctx, args| {
            Box::pin(all.runs.cancel_older(ctx, args))
        }))
        .with_kind(Kind::of::<StopJobs>(|all: &Automation, ctx, args| {
            Box::pin(all.runs.stop_jobs(ctx, args))
        }))
        .with_kind(Kind::of::<CancelRuns>(|all: &Automation, ctx, args| {
            Box::pin(all.runs.cancel_of_workflow(ctx, args))
        }))
        .with_kind(Kind::of::<TestIntegration>(|all: &Automation, ctx, args| {
            Box::pin(all.credentials.test(ctx, args))
        }))
        .with_kind(Kind::of::<SettleSchedule>(|all: &Automation, ctx, args| {
            Box::pin(all.schedules.settle(ctx, args))
        }))
        .with_kind(Kind::of::<RecomputeSchedules>(|all: &Automation, ctx, args| {
            Box::pin(all.schedules.recompute(ctx, args))
        }))
        .with_kind(Kind::of::<ReconcileRuns>(|all, ctx, args| Box::pin(all.runs.reconcile(ctx, args))))
        .with_recurring(Recurring {
            name: ReconcileRuns::KIND,
            cron: "30 * * * * *",
            make: |_| NewJob::of(&ReconcileRuns {}),
        })
        .with_recurring(Recurring {
            name: RecomputeSchedules::KIND,
            cron: "0 43 * * * *",
            make: |_| NewJob::of(&RecomputeSchedules {}),
        })
        .with_listener(JobsEnded)
        .with_listener(JobsAnnounced)
        .with_gauges(|queue| Box::pin(runs::observe(queue)))
        .with_gauges(|queue| Box::pin(schedules::observe(queue)))
        .with_periodic(Periodic {
            name: "schedules",
            interval: Duration::from_millis(250),
            run: |queue| Box::pin(schedules::fire_due(queue)),
        })
        .with_mails(&mail::TEMPLATES)
        .with_sealed("integration_secrets")
        .with_sealed("workflow_hook_secrets")
        .with_purge("workflow_runs", |queue, batch| Box::pin(runs::purge_runs(queue, batch)))
        .with_purge("workflow_schedule_ticks", |queue, batch| Box::pin(schedules::purge_ticks(queue, batch)))
        .with_purge("workflow_hooks", |queue, batch| Box::pin(hooks::purge(queue, batch)))
        .with_purge("workflows", |queue, batch| Box::pin(workflows::purge_deleted(queue, batch)))
        .with_project_references(workflows::project_references())
        .with_personal_data(OwnedWorkflows)
        .with_personal_data(OwnedRuns)
        .with_personal_data(OwnedIntegrations)
        .with_personal_data(OwnedHooks)
        .with_personal_data(OwnedSchedules)
}

/// Adds what webhooks offer. Their rows are locked after those of runs and workflows, so that their personal data
/// come first: see `personal` of the foundation.
fn with_webhooks(module: Module<Automation>) -> Module<Automation> {
    let deliver =
        Kind::of::<DeliverWebhook>(|all: &Automation, ctx, args| Box::pin(all.webhooks.deliver(ctx, args)));
    module
        .with_kind(deliver.with_effect(AttemptEnded))
        .with_credit_listener(CreditsAnnounced)
        .with_gauges(|queue| Box::pin(webhooks::observe(queue)))
        .with_sealed("webhook_secrets")
        .with_purge("webhook_deliveries", |queue, batch| Box::pin(webhooks::purge(queue, batch)))
        .with_personal_data(OwnedWebhooks)
}
