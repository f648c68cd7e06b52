use std::{fmt, sync::Arc};

use atelier_providers::{mail::Mailer, object_store::Objects};
use atelier_queue::{Job, NewJob, Queue, schedule::Recurring};

use crate::{
    FoundationOptions, Kind, Module, PersonalData,
    audit::{ArchiveAudit, Audit, AuditTrail, EraseArchived},
    credits::{CreditHistory, Credits},
    idempotency::{self, Idempotency, KeptAnswers},
    identity::{self, Accounts, EraseAccount, Identity, OAuthSetup},
    links::LinkKey,
    mail::{self, DeliverMail, DeliveryEnded, Mail, PeoplesMails, Template, UnsubscribeKey},
    objects::{ObjectRemoval, RemoveObjects},
    personal::jobs::OwnedJobs,
    projects::{OwnedProjects, ProjectFolders, Projects},
};

/// Services of people and of what they own. Cheap to clone.
#[derive(Clone)]
pub struct Foundation {
    /// The job machine.
    pub queue: Queue,
    /// Accounts, sign-in and tokens.
    pub identity: Identity,
    /// Projects.
    pub projects: Projects,
    /// What people may spend.
    pub credits: Credits,
    /// Outgoing mail.
    pub mail: Mail,
    /// Answers kept for repeated requests.
    pub idempotency: Idempotency,
    /// Who did what.
    pub audit: Audit,
    /// Deleting of objects that belong to nothing any more.
    pub objects: ObjectRemoval,
}

/// What the foundation needs from outside.
#[derive(Clone)]
pub struct Deps {
    /// Sends or keeps mail.
    pub mailer: Arc<dyn Mailer>,
    /// Keeps archives and published sites.
    pub objects: Objects,
    /// Where else people may sign in.
    pub oauth: OAuthSetup,
}

/// What the foundation reads off the domains of the product.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Where they keep objects of projects.
    pub project_folders: Vec<ProjectFolders>,
    /// What they hold about people.
    pub personal_data: Vec<Arc<dyn PersonalData>>,
    /// What they mail.
    pub mail_templates: Vec<&'static Template>,
}

impl Ports {
    /// Those of these modules.
    #[must_use]
    pub fn of<S>(modules: &[Module<S>]) -> Self {
        Self {
            project_folders: modules.iter().flat_map(|module| module.project_folders.clone()).collect(),
            personal_data: modules.iter().flat_map(|module| module.personal_data.clone()).collect(),
            mail_templates: modules.iter().flat_map(|module| module.mail_templates.clone()).collect(),
        }
    }
}

impl Foundation {
    /// The services on this queue and its database.
    #[must_use]
    pub fn new(queue: Queue, deps: Deps, options: FoundationOptions, ports: Ports) -> Self {
        let FoundationOptions { auth, credits, max_projects, mail, retention } = options;
        let links = LinkKey::new(&auth.jwt_secret);
        let unsubscribing = UnsubscribeKey::new(&auth.jwt_secret);
        let folders: Arc<[ProjectFolders]> = ports.project_folders.into();
        Self {
            identity: Identity::new(
                queue.clone(),
                auth,
                credits.signup_grant,
                links.clone(),
                deps.oauth,
                ports.personal_data,
            ),
            projects: Projects::new(queue.clone(), max_projects, folders),
            credits: Credits::new(queue.clone(), credits),
            mail: Mail::new(queue.clone(), deps.mailer, mail, ports.mail_templates, (links, unsubscribing)),
            idempotency: Idempotency::new(queue.clone(), retention.idempotency),
            audit: Audit::new(queue.clone(), deps.objects.clone(), &retention),
            objects: ObjectRemoval::new(queue.clone(), deps.objects),
            queue,
        }
    }
}

impl fmt::Debug for Foundation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foundation").finish_non_exhaustive()
    }
}

/// What the foundation offers to the processes of the product.
#[must_use]
pub fn module() -> Module<Foundation> {
    let deliver =
        Kind::of::<DeliverMail>(|all: &Foundation, ctx, args| Box::pin(all.mail.deliver(ctx, args)));
    Module::new("foundation")
        .with_kind(deliver.with_effect::<DeliverMail>(DeliveryEnded))
        .with_kind(Kind::of::<RemoveObjects>(|all, ctx, args| Box::pin(all.objects.remove(ctx, args))))
        .with_kind(Kind::of::<EraseAccount>(|all, ctx, args| Box::pin(all.identity.erase(ctx, args))))
        .with_kind(Kind::of::<ArchiveAudit>(|all, ctx, args| Box::pin(all.audit.archive(ctx, args))))
        .with_kind(Kind::of::<EraseArchived>(|all, ctx, args| Box::pin(all.audit.erase_archived(ctx, args))))
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
        .with_personal_data(KeptAnswers)
        .with_personal_data(AuditTrail)
        .with_personal_data(PeoplesMails)
        .with_personal_data(CreditHistory)
        .with_personal_data(OwnedProjects)
        .with_personal_data(OwnedJobs)
}
