//! Every kind of job of the product in one place, for workers, schedulers and
//! documents.

use atelier_queue::{Effects, Job, KindInfo, NewJob, QueueError, schedule::Recurring};

use crate::{
    ServiceOptions,
    audit::{ArchiveAudit, EraseArchived},
    deployments::{DeploymentEnded, PublishDeployment},
    generation::{GenerationEnded, RunGeneration},
    mail::{DeliverMail, DeliveryEnded},
    maintenance::{PurgeExpired, PurgeJobs, RemoveObjects, SteerJobs},
    stats::AggregateStats,
};

/// Every kind of the product.
#[must_use]
pub fn kinds() -> Vec<KindInfo> {
    vec![
        KindInfo::of::<RunGeneration>(),
        KindInfo::of::<PublishDeployment>(),
        KindInfo::of::<DeliverMail>(),
        KindInfo::of::<AggregateStats>(),
        KindInfo::of::<PurgeJobs>(),
        KindInfo::of::<PurgeExpired>(),
        KindInfo::of::<RemoveObjects>(),
        KindInfo::of::<SteerJobs>(),
        KindInfo::of::<ArchiveAudit>(),
        KindInfo::of::<EraseArchived>(),
    ]
}

/// What the ends of jobs change in the product.
pub fn effects(options: &ServiceOptions) -> Result<Effects, QueueError> {
    let mut effects = Effects::default();
    effects.register::<RunGeneration>(GenerationEnded)?;
    effects.register::<PublishDeployment>(DeploymentEnded::new(&options.public_url))?;
    effects.register::<DeliverMail>(DeliveryEnded)?;
    Ok(effects)
}

/// The jobs that come by the clock, in UTC.
#[must_use]
pub fn recurring() -> Vec<Recurring> {
    vec![
        Recurring {
            name: AggregateStats::KIND,
            cron: "0 */5 * * * *",
            make: |_| NewJob::of(&AggregateStats {}),
        },
        Recurring { name: PurgeJobs::KIND, cron: "0 7 * * * *", make: |_| NewJob::of(&PurgeJobs {}) },
        Recurring { name: PurgeExpired::KIND, cron: "0 37 * * * *", make: |_| NewJob::of(&PurgeExpired {}) },
        Recurring {
            name: ArchiveAudit::KIND,
            cron: "0 23 3 * * *",
            make: |_| NewJob::of(&ArchiveAudit { before: None }),
        },
    ]
}

#[cfg(test)]
mod tests {
    use atelier_queue::schedule::next_after;

    use super::*;

    #[test]
    fn every_kind_is_named_once_after_its_domain() {
        let names: std::collections::BTreeSet<_> = kinds().iter().map(|info| info.kind).collect();

        assert_eq!(names.len(), kinds().len());
        assert!(names.iter().all(|name| name.split('.').count() == 2));
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
}
