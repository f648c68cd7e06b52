//! The list of the product's domains, and what workers, schedulers and documents need of
//! it.

use atelier_foundation::{EffectPorts, Kind, Module, mail::Template};
use atelier_queue::{
    Effects, Job, KindInfo, NewJob, Observe, Periodic, QueueError, Registry, schedule::Recurring,
};

use crate::{
    ModuleOptions, Services,
    maintenance::{ApplyBulkAction, PurgeExpired, PurgeJobs},
    stats::{AggregateStats, EnqueueStatistics},
};

/// Every domain of the product.
#[must_use]
pub fn modules(options: &ModuleOptions) -> Vec<Module<Services>> {
    vec![
        atelier_foundation::module().within(|all: &Services| &all.foundation),
        atelier_builder::module(&options.builder).within(|all: &Services| &all.builder),
        atelier_automation::module(&options.links).within(|all: &Services| &all.automation),
        atelier_nocode::module().within(|all: &Services| &all.nocode),
        atelier_screentime::module().within(|all: &Services| &all.screentime),
        atelier_billing::module().within(|all: &Services| &all.billing),
        platform(),
    ]
}

/// The platform's own module.
fn platform() -> Module<Services> {
    Module::new("platform")
        .with_kind(Kind::of::<AggregateStats>(|all: &Services, ctx, _args| {
            Box::pin(all.stats.aggregate(ctx))
        }))
        .with_kind(Kind::of::<PurgeJobs>(|all: &Services, ctx, _args| {
            Box::pin(all.maintenance.purge_jobs(ctx))
        }))
        .with_kind(Kind::of::<PurgeExpired>(|all: &Services, ctx, _args| {
            Box::pin(all.maintenance.purge_expired(ctx))
        }))
        .with_kind(Kind::of::<ApplyBulkAction>(|all: &Services, ctx, args| {
            Box::pin(all.maintenance.apply_bulk_action(ctx, args))
        }))
        .with_recurring(Recurring {
            name: AggregateStats::KIND,
            cron: "0 */5 * * * *",
            make: |_| NewJob::of(&AggregateStats {}),
        })
        .with_recurring(Recurring {
            name: PurgeJobs::KIND,
            cron: "0 7 * * * *",
            make: |_| NewJob::of(&PurgeJobs {}),
        })
        .with_recurring(Recurring {
            name: PurgeExpired::KIND,
            cron: "0 37 * * * *",
            make: |_| NewJob::of(&PurgeExpired {}),
        })
        .with_action(EnqueueStatistics)
}

/// Every kind of the product.
#[must_use]
pub fn kinds() -> Vec<KindInfo> {
    modules(&ModuleOptions::default())
        .into_iter()
        .flat_map(|module| module.kinds)
        .map(|kind| kind.info)
        .collect()
}

/// Every kind of mail of the product.
#[must_use]
pub fn mail_templates() -> Vec<&'static Template> {
    modules(&ModuleOptions::default()).into_iter().flat_map(|module| module.mail_templates).collect()
}

/// What the ends of jobs change in the product. Two effects for one kind are an error.
pub fn effects(options: &ModuleOptions) -> Result<Effects, QueueError> {
    let modules = modules(options);
    let (mut effects, ports) = (Effects::default(), EffectPorts::of(&modules));
    ports.offer_to(&mut effects);
    for kind in modules.iter().flat_map(|module| &module.kinds) {
        kind.register_effect(&mut effects, &ports)?;
    }
    Ok(effects)
}

/// The handlers of all kinds. Two handlers for one kind are an error.
pub fn registry(services: &Services) -> Result<Registry, QueueError> {
    let mut registry = Registry::default();
    for kind in services.modules.iter().flat_map(|module| &module.kinds) {
        kind.register(services, &mut registry)?;
    }
    Ok(registry)
}

/// All recurring jobs. Schedules are in UTC.
#[must_use]
pub fn recurring() -> Vec<Recurring> {
    modules(&ModuleOptions::default()).into_iter().flat_map(|module| module.recurring).collect()
}

/// What sets the gauges of the domains.
#[must_use]
pub fn observers() -> Vec<Observe> {
    modules(&ModuleOptions::default()).into_iter().flat_map(|module| module.observers).collect()
}

/// What schedulers do for the domains again and again.
#[must_use]
pub fn periodic() -> Vec<Periodic> {
    modules(&ModuleOptions::default()).into_iter().flat_map(|module| module.periodic).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use atelier_queue::schedule::next_after;

    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn every_kind_is_named_once_after_its_domain() {
        let names: BTreeSet<_> = kinds().iter().map(|info| info.kind).collect();

        assert_eq!(names.len(), kinds().len());
        assert!(names.iter().all(|name| name.split('.').count() == 2));
    }

    #[test]
    fn every_module_is_named_once() {
        let names: Vec<_> = modules(&ModuleOptions::default()).iter().map(|module| module.name).collect();
        let unique: BTreeSet<_> = names.iter().collect();

        assert_eq!(unique.len(), names.len());
    }

    #[test]
    fn every_domain_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../domains");
        let folders = std::fs::read_dir(folder).expect("the domains").map(|entry| entry.expect("a domain"));
        let mut domains: Vec<_> =
            folders.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
        domains.push("platform".to_owned());
        domains.sort();

        let mut listed: Vec<_> =
            modules(&ModuleOptions::default()).iter().map(|module| module.name).collect();
        listed.sort_unstable();
        assert_eq!(listed, domains);
    }

    #[test]
    fn recurring_jobs_are_kinds() {
        let names: Vec<_> = kinds().iter().map(|info| info.kind).collect();

        for recurring in recurring() {
            assert!(names.contains(&recurring.name));
            next_after(recurring.name, recurring.cron, atelier_entities::Timestamp::UNIX_EPOCH)
                .expect("a cron");
        }
    }

    #[tokio::test]
    async fn every_kind_of_the_product_has_a_handler() {
        let fixture = Fixture::new().await;

        let registry = registry(&fixture.services).expect("one handler a kind");

        let handled: Vec<_> = registry.kinds().map(|info| info.kind).collect();
        let mut wanted: Vec<_> = kinds().iter().map(|info| info.kind).collect();
        wanted.sort_unstable();
        assert_eq!(handled, wanted);
    }
}
