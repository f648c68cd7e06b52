//! The one list of what a worker can do.

use atelier_queue::{QueueError, Registry};
use atelier_services::Services;

use crate::handlers::{
    deployments::publish::PublishDeploymentHandler,
    generation::run::RunGenerationHandler,
    mail::deliver::DeliverMailHandler,
    maintenance::{
        archive_audit::ArchiveAuditHandler, erase_archived::EraseArchivedHandler,
        purge_expired::PurgeExpiredHandler, purge_jobs::PurgeJobsHandler,
        remove_objects::RemoveObjectsHandler, steer_jobs::SteerJobsHandler,
    },
    stats::aggregate::AggregateStatsHandler,
};

/// A handler for each kind of the product. Two for one kind are an error.
pub fn registry(services: &Services) -> Result<Registry, QueueError> {
    let mut registry = Registry::default();
    registry
        .register(RunGenerationHandler(services.generation.clone()))?
        .register(PublishDeploymentHandler(services.deployments.clone()))?
        .register(DeliverMailHandler(services.mail.clone()))?
        .register(AggregateStatsHandler(services.stats.clone()))?
        .register(PurgeJobsHandler(services.maintenance.clone()))?
        .register(PurgeExpiredHandler(services.maintenance.clone()))?
        .register(RemoveObjectsHandler(services.maintenance.clone()))?
        .register(SteerJobsHandler(services.maintenance.clone()))?
        .register(ArchiveAuditHandler(services.audit.clone()))?
        .register(EraseArchivedHandler(services.audit.clone()))?;
    Ok(registry)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use atelier_providers::{
        mail::captured::CapturedMailer,
        object_store::{ObjectStoreOptions, Objects},
    };
    use atelier_queue::{
        Queue, QueueOptions, bus::LocalBus, retention::RetentionRules, transport::InProcess,
    };
    use atelier_scaffold::Scaffold;
    use atelier_services::{
        AuthOptions, CreditOptions, Deps, GenerationOptions, MailOptions, RetentionOptions, ServiceOptions,
        database, effects, identity::OAuthSetup, kinds,
    };

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn options() -> ServiceOptions {
        let rules = RetentionRules { succeeded: DAY, failed: DAY, cancelled: DAY, batch: 100 };
        ServiceOptions {
            auth: AuthOptions {
                jwt_secret: "a signing secret for tests, used nowhere else".into(),
                access_token: DAY,
                refresh_token: DAY,
                refresh_grace: DAY,
                longest_sign_in: DAY,
                hash_concurrency: 1,
                require_verified_email: false,
                hide_registered_emails: false,
                issuer: "https://atelier.example".to_owned(),
                admin_email: None,
            },
            credits: CreditOptions { signup_grant: 10, quick_price: 2, advanced_price: 4 },
            generation: GenerationOptions {
                max_repairs: 1,
                longest_answer: DAY,
                max_files: 10,
                max_file_bytes: 1_000,
                max_total_bytes: 10_000,
                max_versions: 100,
            },
            max_projects: 100,
            mail: MailOptions {
                from: "a@localhost".to_owned(),
                reply_to: None,
                public_url: "http://localhost".to_owned(),
            },
            public_url: "http://localhost".to_owned(),
            retention: RetentionOptions { jobs: rules, idempotency: DAY, audit: None, audit_archives: None },
        }
    }

    async fn services(folder: &tempfile::TempDir) -> Services {
        let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
        let wait = Duration::from_secs(5);
        let db = database::connect(&url, 1, wait, wait).await.expect("a database");
        let effects = effects(&options()).expect("effects");
        let (transport, bus) = (Arc::new(InProcess::default()), Arc::new(LocalBus::default()));
        let queue = Queue::new(db, transport, bus, effects, QueueOptions::default());
        let objects =
            Objects::open(&ObjectStoreOptions::Folder(folder.path().join("objects"))).expect("a store");
        let oauth = OAuthSetup::default();
        let deps = Deps { model: Arc::new(Scaffold), mailer: Arc::new(CapturedMailer), objects, oauth };
        Services::new(queue, deps, options())
    }

    #[tokio::test]
    async fn every_kind_of_the_product_has_a_handler() {
        let folder = tempfile::tempdir().expect("a folder");
        let services = services(&folder).await;

        let registry = registry(&services).expect("one handler a kind");

        let handled: Vec<_> = registry.kinds().map(|info| info.kind).collect();
        let mut wanted: Vec<_> = kinds().iter().map(|info| info.kind).collect();
        wanted.sort_unstable();
        assert_eq!(handled, wanted);
    }
}
