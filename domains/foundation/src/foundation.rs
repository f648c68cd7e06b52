use std::{fmt, sync::Arc};

use atelier_providers::{mail::Mailer, object_store::Objects};
use atelier_queue::{Job, NewJob, Queue, schedule::Recurring};

use crate::{
    FoundationOptions, Kind, Module, PersonalData,
    audit::{ArchiveAudit, Audit, AuditTrail, EraseArchived},
    credits::{CreditHistory, Credits},
    idempotency::{self, Idempotency, StoredResponses},
    identity::{self, Accounts, EraseAccount, Identity, OAuthSetup},
    key_ring::KeyRing,
    key_rotation::{KeyRotation, RewrapCredentials},
    links::LinkKey,
    mail::{self, DeliverMail, DeliveryEnded, Mail, PeoplesMails, Template, UnsubscribeKey},
    objects::{ObjectRemoval, RemoveObjects},
    personal::jobs::OwnedJobs,
    projects::{OwnedProjects, ProjectFolders, ProjectReferences, Projects},
};

/// The services for people and what they own. Cheap to clone.
#[derive(Clone)]
pub struct Foundation {
    /// The job queue.
    pub queue: Queue,
    /// Accounts, sign-in and tokens.
    pub identity: Identity,
    /// Projects.
    pub projects: Projects,
    /// Credits.
    pub credits: Credits,
    /// Outgoing mail.
    pub mail: Mail,
    /// Responses stored for repeated requests.
    pub idempotency: Idempotency,
    /// The audit log.
    pub audit: Audit,
    /// Encrypts credentials.
    pub key_ring: KeyRing,
    /// Replaces the keys of sealed rows.
    pub key_rotation: KeyRotation,
    /// Removes objects that no row refers to any more.
    pub objects: ObjectRemoval,
}

/// The external dependencies of the foundation.
#[derive(Clone)]
pub struct Deps {
    /// Sends or captures mail.
    pub mailer: Arc<dyn Mailer>,
    /// Stores archives and published sites.
    pub objects: Objects,
    /// The sign-in providers.
    pub oauth: OAuthSetup,
}

/// What the foundation reads off the domains of the product.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Their folders for objects of projects.
    pub project_folders: Vec<ProjectFolders>,
    /// Their rows that outlive projects.
    pub project_references: Vec<ProjectReferences>,
    /// Their personal data.
    pub personal_data: Vec<Arc<dyn PersonalData>>,
    /// What they mail.
    pub mail_templates: Vec<&'static Template>,
    /// Their tables of sealed rows.
    pub sealed_tables: Vec<&'static str>,
}

impl Ports {
    /// Collects them from these modules.
    #[must_use]
    pub fn of<S>(modules: &[Module<S>]) -> Self {
        Self {
            project_folders: modules.iter().flat_map(|module| module.project_folders.clone()).collect(),
            project_references: modules.iter().flat_map(|module| module.project_references.clone()).collect(),
            personal_data: modules.iter().flat_map(|module| module.personal_data.clone()).collect(),
            mail_templates: modules.iter().flat_map(|module| module.mail_templates.clone()).collect(),
            sealed_tables: modules.iter().flat_map(|module| module.sealed_tables.clone()).collect(),
        }
    }
}

impl Foundation {
    /// Creates the services on this queue and its database.
    #[must_use]
    pub fn new(queue: Queue, deps: Deps, options: FoundationOptions, ports: Ports) -> Self {
        let FoundationOptions { auth, key_ring, credits, max_projects, mail, retention } = options;
        let links = LinkKey::new(&auth.jwt_secret);
        let unsubscribing = UnsubscribeKey::new(&auth.jwt_secret);
        let (folders, references) = (ports.project_folders.into(), ports.project_references.into());
        Self {
            identity: Identity::new(
                queue.clone(),
                auth,
                credits.signup_grant,
                links.clone(),
                deps.oauth,
                ports.personal_data,
            ),
            projects: Projects::new(queue.clone(), max_projects, folders, references),
            credits: Credits::new(queue.clone(), credits),
            mail: Mail::new(queue.clone(), deps.mailer, mail, ports.mail_templates, (links, unsubscribing)),
            idempotency: Idempotency::new(queue.clone(), retention.idempotency),
            audit: Audit::new(queue.clone(), deps.objects.clone(), &retention),
            objects: ObjectRemoval::new(queue.clone(), deps.objects),
            key_rotation: KeyRotation::new(queue.clone(), key_ring.clone(), ports.sealed_tables.into()),
            key_ring,
            queue,
        }
    }
}

impl fmt::Debug for Foundation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foundation").finish_non_exhaustive()
    }
}

/// The module of the foundation.
#[must_use]
pub fn module() -> Module<Foundation> {
    let deliver =
        Kind::of::<DeliverMail>(|all: &Foundation, ctx, args| Box::pin(all.mail.deliver(ctx, args)));
    Module::new("foundation")
        .with_kind(deliver.with_effect(DeliveryEnded))
        .with_kind(Kind::of::<RemoveObjects>(|all, ctx, args| Box::pin(all.objects.remove(ctx, args))))
        .with_kind(Kind::of::<EraseAccount>(|all, ctx, args| Box::pin(all.identity.erase(ctx, args))))
        .with_kind(Kind::of::<ArchiveAudit>(|all, ctx, args| Box::pin(all.audit.archive(ctx, args))))
        .with_kind(Kind::of::<EraseArchived>(|all, ctx, args| Box::pin(all.audit.erase_archived(ctx, args))))
        .with_kind(Kind::of::<RewrapCredentials>(|all, ctx, _args| Box::pin(all.key_rotation.rewrap(ctx))))
        .with_recurring(Recurring {
            name: ArchiveAudit::KIND,
            cron: "0 23 3 * * *",
            make: |_| NewJob::of(&ArchiveAudit { before: None }),
        })
        .with_purge("sessions", |queue, batch| Box::pin(identity::purge_sessions(queue, batch)))
        .with_purge("idempotency_keys", |queue, batch| Box::pin(idempotency::purge(queue, batch)))
        .with_purge("tokens", |queue, batch| Box::pin(identity::purge(queue, batch)))
        .with_purge("mails", |queue, batch| Box::pin(mail::purge(queue, batch)))
        .with_mails(&mail::templates::ALL)
        .with_personal_data(Accounts)
        .with_personal_data(StoredResponses)
        .with_personal_data(AuditTrail)
        .with_personal_data(PeoplesMails)
        .with_personal_data(CreditHistory)
        .with_personal_data(OwnedProjects)
        .with_personal_data(OwnedJobs)
}
