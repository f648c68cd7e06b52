//! Assembles the services of the product.

use std::sync::Arc;

use atelier_automation::Automation;
use atelier_billing::Billing;
use atelier_builder::Builder;
use atelier_foundation::{Foundation, Module, Ports};
use atelier_nocode::NoCode;
use atelier_queue::Queue;
use atelier_screentime::ScreenTime;

use crate::{
    Deps, ServiceOptions, Services, admin::Admin, maintenance::Maintenance, modules::modules, stats::Stats,
};

impl Services {
    /// Creates the services on this queue and its database.
    #[must_use]
    pub fn new(queue: Queue, deps: Deps, options: ServiceOptions) -> Self {
        let modules: Arc<[Module<Self>]> = modules(&(&options).into()).into();
        let retention = options.foundation.retention.jobs;
        let people = atelier_foundation::Deps {
            mailer: deps.mailer,
            objects: deps.objects.clone(),
            oauth: deps.oauth,
        };
        let foundation = Foundation::new(queue.clone(), people, options.foundation, Ports::of(&modules));
        let building = atelier_builder::Deps { model: deps.model.clone(), objects: deps.objects.clone() };
        let running = atelier_automation::Deps { model: deps.model, objects: deps.objects, http: deps.http };
        let builder = Builder::new(&foundation, building, options.builder);
        Self {
            builder,
            billing: Billing::new(&foundation),
            automation: Automation::new(&foundation, running),
            nocode: NoCode::new(&foundation),
            screentime: ScreenTime::new(&foundation),
            foundation,
            stats: Stats::new(queue.clone()),
            maintenance: Maintenance::new(queue.clone(), retention, &modules),
            admin: Admin::new(queue.clone()),
            modules,
            queue,
        }
    }
}
