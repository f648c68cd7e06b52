use std::{fmt, sync::Arc};

use atelier_providers::{llm::ChatModel, mail::Mailer, object_store::Objects};
use atelier_queue::{Queue, QueueError};

use crate::{
    ServiceOptions,
    admin::Admin,
    audit::Audit,
    credits::Credits,
    deployments::{DeploymentError, Deployments},
    generation::{Generation, GenerationError},
    idempotency::Idempotency,
    identity::{Identity, LinkKey, OAuthSetup},
    mail::{Mail, UnsubscribeKey},
    maintenance::Maintenance,
    projects::Projects,
    stats::Stats,
};

/// Every domain of the product. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The job machine.
    pub queue: Queue,
    /// Accounts, sign-in and tokens.
    pub identity: Identity,
    /// Projects, their versions and their code.
    pub projects: Projects,
    /// Writing applications.
    pub generation: Generation,
    /// Publishing applications.
    pub deployments: Deployments,
    /// What people may spend.
    pub credits: Credits,
    /// The platform's figures.
    pub stats: Stats,
    /// Outgoing mail.
    pub mail: Mail,
    /// Answers kept for repeated requests.
    pub idempotency: Idempotency,
    /// The platform's own upkeep.
    pub maintenance: Maintenance,
    /// What operators see of accounts and of the platform.
    pub admin: Admin,
    /// Who did what.
    pub audit: Audit,
}

/// What the services need from outside.
#[derive(Clone)]
pub struct Deps {
    /// Writes applications.
    pub model: Arc<dyn ChatModel>,
    /// Sends or keeps mail.
    pub mailer: Arc<dyn Mailer>,
    /// Keeps ZIPs and published sites.
    pub objects: Objects,
    /// Where else people may sign in.
    pub oauth: OAuthSetup,
}

/// Why a job was not run again.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// The queue did not do it, or the job's state does not allow it.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The generation could not be started again.
    #[error(transparent)]
    Generation(#[from] GenerationError),
    /// The deployment could not be started again.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
}

impl Services {
    /// The services on this queue and its database.
    #[must_use]
    pub fn new(queue: Queue, deps: Deps, options: ServiceOptions) -> Self {
        let ServiceOptions { auth, credits, generation, max_projects, mail, public_url, retention } = options;
        let links = LinkKey::new(&auth.jwt_secret);
        let unsubscribing = UnsubscribeKey::new(&auth.jwt_secret);
        Self {
            identity: Identity::new(queue.clone(), auth, credits.signup_grant, links.clone(), deps.oauth),
            projects: Projects::new(queue.clone(), deps.objects.clone(), max_projects),
            generation: Generation::new(queue.clone(), deps.model, generation, credits),
            deployments: Deployments::new(queue.clone(), deps.objects.clone(), &public_url),
            credits: Credits::new(queue.clone(), credits),
            stats: Stats::new(queue.clone()),
            mail: Mail::new(queue.clone(), deps.mailer, mail, links, unsubscribing),
            idempotency: Idempotency::new(queue.clone(), retention.idempotency),
            admin: Admin::new(queue.clone()),
            audit: Audit::new(queue.clone(), deps.objects.clone(), &retention),
            maintenance: Maintenance::new(queue.clone(), deps.objects, retention.jobs),
            queue,
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}
