use std::{fmt, sync::Arc};

use atelier_builder::Builder;
use atelier_foundation::{Foundation, Module, Ports, identity::OAuthSetup};
use atelier_providers::{llm::ChatModel, mail::Mailer, object_store::Objects};
use atelier_queue::Queue;

use crate::{ServiceOptions, admin::Admin, maintenance::Maintenance, modules::modules, stats::Stats};

/// Every domain of the product. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The job machine.
    pub queue: Queue,
    /// People and what they own.
    pub foundation: Foundation,
    /// Writing and publishing applications.
    pub builder: Builder,
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

impl Services {
    /// The services on this queue and its database.
    #[must_use]
    pub fn new(queue: Queue, deps: Deps, options: ServiceOptions) -> Self {
        let modules: Arc<[Module<Self>]> = modules(&options.builder.public_url).into();
        let retention = options.foundation.retention.jobs;
        let people = atelier_foundation::Deps {
            mailer: deps.mailer,
            objects: deps.objects.clone(),
            oauth: deps.oauth,
        };
        let foundation = Foundation::new(queue.clone(), people, options.foundation, Ports::of(&modules));
        let building = atelier_builder::Deps { model: deps.model, objects: deps.objects };
        let builder = Builder::new(&foundation, building, options.builder);
        Self {
            foundation,
            builder,
            stats: Stats::new(queue.clone()),
            maintenance: Maintenance::new(queue.clone(), retention, &modules),
            admin: Admin::new(queue.clone()),
            modules,
            queue,
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}
