use std::{fmt, sync::Arc};

use atelier_automation::Automation;
use atelier_billing::Billing;
use atelier_builder::Builder;
use atelier_foundation::{Foundation, Module, identity::OAuthSetup};
use atelier_nocode::NoCode;
use atelier_providers::{llm::ChatModel, mail::Mailer, object_store::Objects};
use atelier_queue::Queue;
use atelier_screentime::ScreenTime;

use crate::{admin::Admin, maintenance::Maintenance, stats::Stats};

/// Every domain of the product. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The job machine.
    pub queue: Queue,
    /// People and what they own.
    pub foundation: Foundation,
    /// Writing and publishing applications.
    pub builder: Builder,
    /// Plans, purchases, subscriptions and invoices.
    pub billing: Billing,
    /// Workflows: graphs of steps that run durably, by schedule and by webhook.
    pub automation: Automation,
    /// The studio, tables at run time, and their insights.
    pub nocode: NoCode,
    /// Activities, blocking, challenges and reminders.
    pub screentime: ScreenTime,
    /// The platform's figures.
    pub stats: Stats,
    /// The platform's own upkeep.
    pub maintenance: Maintenance,
    /// What operators see of accounts and of the platform.
    pub admin: Admin,
    pub(crate) modules: Arc<[Module<Self>]>,
}

/// What the services need from outside.
#[derive(Clone)]
pub struct Deps {
    /// Writes applications.
    pub model: Arc<dyn ChatModel>,
    /// Sends or keeps mail.
    pub mailer: Arc<dyn Mailer>,
    /// Keeps archives and published sites.
    pub objects: Objects,
    /// Where else people may sign in.
    pub oauth: OAuthSetup,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}
