use std::{fmt, sync::Arc};

use atelier_automation::Automation;
use atelier_billing::Billing;
use atelier_builder::Builder;
use atelier_foundation::{Foundation, Module, identity::OAuthSetup};
use atelier_nocode::NoCode;
use atelier_providers::{http::GuardedClient, llm::ChatModel, mail::Mailer, object_store::Objects};
use atelier_queue::Queue;
use atelier_screentime::ScreenTime;

use crate::{admin::Admin, maintenance::Maintenance, stats::Stats};

/// The services of every domain. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The job queue.
    pub queue: Queue,
    /// People and what they own.
    pub foundation: Foundation,
    /// Generating and publishing applications.
    pub builder: Builder,
    /// Plans, purchases, subscriptions and invoices.
    pub billing: Billing,
    /// Workflows: graphs of steps that run durably, by schedule and by webhook.
    pub automation: Automation,
    /// The studio, dynamic tables, and their insights.
    pub nocode: NoCode,
    /// Activities, blocking, challenges and reminders.
    pub screentime: ScreenTime,
    /// The platform's statistics.
    pub stats: Stats,
    /// The platform's maintenance.
    pub maintenance: Maintenance,
    /// Administrators' views of accounts and the platform.
    pub admin: Admin,
    pub(crate) modules: Arc<[Module<Self>]>,
}

/// The external dependencies of the services.
#[derive(Clone)]
pub struct Deps {
    /// The language model.
    pub model: Arc<dyn ChatModel>,
    /// Sends or captures mail.
    pub mailer: Arc<dyn Mailer>,
    /// Stores archives and published sites.
    pub objects: Objects,
    /// The sign-in providers.
    pub oauth: OAuthSetup,
    /// Sends the requests of workflows.
    pub http: GuardedClient,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}
