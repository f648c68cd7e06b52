//! What a domain offers to the processes of the product, in one value: its kinds of jobs
//! with their handlers, effects and restarts, what comes by the clock, what expires, what it
//! holds about people, and its mails.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use atelier_entities::jobs;
use atelier_queue::{
    Effect, Effects, Handler, Job, JobContext, JobError, KindInfo, Outcome, Queue, QueueError, Registry,
    schedule::Recurring,
};
use futures::future::BoxFuture;

use crate::{
    Actor, PersonalData, Problem,
    mail::Template,
    projects::{ProjectFolders, ProjectReferences},
};

/// Why a job was not restarted.
pub type RestartError = Box<dyn Problem>;

type Run<S, J> = for<'a> fn(&'a S, &'a JobContext, J) -> BoxFuture<'a, Result<Outcome, JobError>>;
type StartAnew<S> =
    for<'a> fn(&'a S, &'a Actor, &'a jobs::Model) -> BoxFuture<'a, Result<jobs::Model, RestartError>>;
type StartFrom<S> =
    dyn Fn(S, Actor, jobs::Model) -> BoxFuture<'static, Result<jobs::Model, RestartError>> + Send + Sync;
type Delete = for<'a> fn(&'a Queue, u32) -> BoxFuture<'a, Result<u64, QueueError>>;
type Register<S> = Arc<dyn Fn(&S, &mut Registry) -> Result<(), QueueError> + Send + Sync>;
type RegisterEffect = Arc<dyn Fn(&mut Effects) -> Result<(), QueueError> + Send + Sync>;

/// The module of a domain. `S` is the domain's services.
pub struct Module<S> {
    /// The domain's name.
    pub name: &'static str,
    /// Its kinds of jobs.
    pub kinds: Vec<Kind<S>>,
    /// Its recurring jobs. Schedules are in UTC.
    pub recurring: Vec<Recurring>,
    /// Its purges of expired rows.
    pub purges: Vec<Purge>,
    /// Its personal data. A part must come before the parts that depend on it: parts are
    /// erased in reverse order, from the last part of the last domain.
    pub personal_data: Vec<Arc<dyn PersonalData>>,
    /// Its folders for objects of projects.
    pub project_folders: Vec<ProjectFolders>,
    /// Its rows that outlive projects.
    pub project_references: Vec<ProjectReferences>,
    /// What it mails.
    pub mail_templates: Vec<&'static Template>,
}

impl<S: Clone + Send + Sync + 'static> Module<S> {
    /// An empty module.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            kinds: Vec::new(),
            recurring: Vec::new(),
            purges: Vec::new(),
            personal_data: Vec::new(),
            project_folders: Vec::new(),
            project_references: Vec::new(),
            mail_templates: Vec::new(),
        }
    }

    /// Adds a kind of job.
    #[must_use]
    pub fn with_kind(mut self, kind: Kind<S>) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Adds a recurring job.
    #[must_use]
    pub fn with_recurring(mut self, recurring: Recurring) -> Self {
        self.recurring.push(recurring);
        self
    }

    /// Adds rows that expire. `name` is their name in the result of
    /// `maintenance.purge_expired`; `delete` deletes them in batches of the given size and
    /// returns their number.
    #[must_use]
    pub fn with_purge(mut self, name: &'static str, delete: Delete) -> Self {
        self.purges.push(Purge { name, delete });
        self
    }

    /// Adds a part of personal data.
    #[must_use]
    pub fn with_personal_data(mut self, part: impl PersonalData + 'static) -> Self {
        self.personal_data.push(Arc::new(part));
        self
    }

    /// Adds folders in the object store that are removed with their projects.
    #[must_use]
    pub fn with_project_folders(mut self, folders: ProjectFolders) -> Self {
        self.project_folders.push(folders);
        self
    }

    /// Adds rows that outlive projects. They are locked before a project is deleted.
    #[must_use]
    pub fn with_project_references(mut self, references: ProjectReferences) -> Self {
        self.project_references.push(references);
        self
    }

    /// The same with more kinds of mail.
    #[must_use]
    pub fn with_mails(mut self, templates: &[&'static Template]) -> Self {
        self.mail_templates.extend(templates);
        self
    }

    /// The same module as a part of `T`, which holds the domain's services.
    #[must_use]
    pub fn within<T: Clone + Send + Sync + 'static>(self, part: for<'a> fn(&'a T) -> &'a S) -> Module<T> {
        let kinds = self.kinds.into_iter().map(|kind| kind.within(part)).collect();
        Module {
            name: self.name,
            kinds,
            recurring: self.recurring,
            purges: self.purges,
            personal_data: self.personal_data,
            project_folders: self.project_folders,
            project_references: self.project_references,
            mail_templates: self.mail_templates,
        }
    }
}

impl<S> fmt::Debug for Module<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.kinds.iter().map(|kind| kind.info.kind).collect();
        f.debug_struct("Module").field("name", &self.name).field("kinds", &kinds).finish_non_exhaustive()
    }
}

/// A purge of expired rows.
#[derive(Clone, Copy)]
pub struct Purge {
    /// The name in the job's result.
    pub name: &'static str,
    /// Deletes the rows in batches of the given size and returns their number.
    pub delete: Delete,
}

impl fmt::Debug for Purge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Purge").field(&self.name).finish()
    }
}

/// A kind of job with its handler, effect and restart.
pub struct Kind<S> {
    /// Its name, queue and policy.
    pub info: KindInfo,
    /// How its ended jobs are retried, if not as themselves.
    pub restart: Option<Restart<S>>,
    register: Register<S>,
    effect: Option<RegisterEffect>,
    names: Vec<&'static str>,
}

/// The restart of a kind: its ended jobs are retried as new jobs.
pub struct Restart<S> {
    /// The plural name of these jobs, such as `generations`.
    pub plural: &'static str,
    start: Arc<StartFrom<S>>,
}

impl<S: Clone + Send + Sync + 'static> Kind<S> {
    /// The kind `J` with the handler `run`. It may run more than once for a job, so its
    /// effects outside the database must be idempotent.
    #[must_use]
    pub fn of<J: Job>(run: Run<S, J>) -> Self {
        let register = move |services: &S, registry: &mut Registry| {
            registry.register::<J>(ByService { services: services.clone(), run }).map(drop)
        };
        let (info, names) = (KindInfo::of::<J>(), J::names());
        Self { info, restart: None, register: Arc::new(register), effect: None, names }
    }

    /// Adds an effect.
    #[must_use]
    pub fn with_effect<J: Job>(mut self, effect: impl Effect + Clone) -> Self {
        self.effect = Some(Arc::new(move |effects| effects.register::<J>(effect.clone())));
        self
    }

    /// Adds a restart: `start` starts a new job in place of an ended one.
    #[must_use]
    pub fn started_anew(mut self, plural: &'static str, start: StartAnew<S>) -> Self {
        let start = move |services: S, actor: Actor, job: jobs::Model| -> BoxFuture<'static, _> {
            Box::pin(async move { start(&services, &actor, &job).await })
        };
        self.restart = Some(Restart { plural, start: Arc::new(start) });
        self
    }

    /// Every name of the kind, aliases included.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Registers its handler.
    pub fn register(&self, services: &S, registry: &mut Registry) -> Result<(), QueueError> {
        (self.register)(services, registry)
    }

    /// Registers its effect, if it has one.
    pub fn register_effect(&self, effects: &mut Effects) -> Result<(), QueueError> {
        self.effect.as_ref().map_or(Ok(()), |register| register(effects))
    }

    fn within<T: Clone + Send + Sync + 'static>(self, part: for<'a> fn(&'a T) -> &'a S) -> Kind<T> {
        let register = self.register;
        let restart = self.restart.map(|restart| Restart {
            plural: restart.plural,
            start: Arc::new(move |services: T, actor, job| {
                (restart.start)(part(&services).clone(), actor, job)
            }),
        });
        Kind {
            info: self.info,
            restart,
            register: Arc::new(move |services: &T, registry: &mut Registry| {
                register(part(services), registry)
            }),
            effect: self.effect,
            names: self.names,
        }
    }
}

impl<S> Restart<S> {
    /// Starts a new job in place of `job` and returns it.
    pub async fn start(
        &self,
        services: S,
        actor: Actor,
        job: jobs::Model,
    ) -> Result<jobs::Model, RestartError> {
        (self.start)(services, actor, job).await
    }
}

impl<S> fmt::Debug for Kind<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kind").field(&self.info.kind).finish()
    }
}

impl<S> fmt::Debug for Restart<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Restart").field(&self.plural).finish()
    }
}

/// A handler that calls a service.
struct ByService<S, J> {
    services: S,
    run: Run<S, J>,
}

#[async_trait]
impl<S: Send + Sync + 'static, J: Job> Handler<J> for ByService<S, J> {
    async fn run(&self, ctx: &JobContext, args: J) -> Result<Outcome, JobError> {
        (self.run)(&self.services, ctx, args).await
    }
}
