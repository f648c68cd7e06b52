//! What a domain offers to the processes of the product, in one value: its kinds of jobs
//! with their handlers, effects and restarts, what comes by the clock, what expires, what it
//! holds about people, and its mails.

mod ports;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use atelier_entities::jobs;
use atelier_queue::{
    Effect, Effects, Handler, Job, JobContext, JobError, KindInfo, Observe, Outcome, Periodic, Queue,
    QueueError, Registry, schedule::Recurring,
};
use futures::future::BoxFuture;

use crate::{
    Actor, PersonalData, Problem,
    actions::Action,
    credits::CreditListener,
    job_ends::{Announced, EndListener},
    mail::Template,
    projects::{ProjectFolders, ProjectReferences},
};

pub use ports::EffectPorts;

/// Why a job was not restarted.
pub type RestartError = Box<dyn Problem>;

type Run<S, J> = for<'a> fn(&'a S, &'a JobContext, J) -> BoxFuture<'a, Result<Outcome, JobError>>;
type StartAnew<S> =
    for<'a> fn(&'a S, &'a Actor, &'a jobs::Model) -> BoxFuture<'a, Result<jobs::Model, RestartError>>;
type StartFrom<S> =
    dyn Fn(S, Actor, jobs::Model) -> BoxFuture<'static, Result<jobs::Model, RestartError>> + Send + Sync;
type Delete = for<'a> fn(&'a Queue, u32) -> BoxFuture<'a, Result<u64, QueueError>>;
type Register<S> = Arc<dyn Fn(&S, &mut Registry) -> Result<(), QueueError> + Send + Sync>;
type MakeEffect = Arc<dyn Fn(&EffectPorts) -> Arc<dyn Effect> + Send + Sync>;
type RegisterEffect = fn(&mut Effects, Arc<dyn Effect>) -> Result<(), QueueError>;

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
    /// What workflows may start in it.
    pub actions: Vec<Arc<dyn Action>>,
    /// What it does at the ends of jobs that are events.
    pub listeners: Vec<Arc<dyn EndListener>>,
    /// What it does where balances of credits change.
    pub credit_listeners: Vec<Arc<dyn CreditListener>>,
    /// What sets its gauges.
    pub observers: Vec<Observe>,
    /// What schedulers do for it again and again.
    pub periodic: Vec<Periodic>,
    /// Its tables of sealed rows.
    pub sealed_tables: Vec<&'static str>,
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
            actions: Vec::new(),
            listeners: Vec::new(),
            credit_listeners: Vec::new(),
            observers: Vec::new(),
            periodic: Vec::new(),
            sealed_tables: Vec::new(),
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

    /// Adds something that workflows may start.
    #[must_use]
    pub fn with_action(mut self, action: impl Action + 'static) -> Self {
        self.actions.push(Arc::new(action));
        self
    }

    /// Adds a listener to the ends of jobs that are events.
    #[must_use]
    pub fn with_listener(mut self, listener: impl EndListener + 'static) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Adds a listener to the changes of balances of credits.
    #[must_use]
    pub fn with_credit_listener(mut self, listener: impl CreditListener + 'static) -> Self {
        self.credit_listeners.push(Arc::new(listener));
        self
    }

    /// Adds gauges, which each scheduler sets from the database.
    #[must_use]
    pub fn with_gauges(mut self, observe: Observe) -> Self {
        self.observers.push(observe);
        self
    }

    /// Adds work that every scheduler does again and again.
    #[must_use]
    pub fn with_periodic(mut self, periodic: Periodic) -> Self {
        self.periodic.push(periodic);
        self
    }

    /// Adds a table of sealed rows, whose data keys a rotation encrypts again. It has the columns `id`,
    /// `sealed` and `key_id`.
    #[must_use]
    pub fn with_sealed(mut self, table: &'static str) -> Self {
        self.sealed_tables.push(table);
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
            actions: self.actions,
            listeners: self.listeners,
            credit_listeners: self.credit_listeners,
            observers: self.observers,
            periodic: self.periodic,
            sealed_tables: self.sealed_tables,
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
    /// What its ends are called as events, if they are events.
    pub topic: Option<&'static str>,
    register: Register<S>,
    effect: Option<MakeEffect>,
    register_effect: RegisterEffect,
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
        let register_effect = |effects: &mut Effects, effect: Arc<dyn Effect>| effects.register::<J>(effect);
        Self {
            info,
            restart: None,
            topic: None,
            register: Arc::new(register),
            effect: None,
            register_effect,
            names,
        }
    }

    /// Adds an effect.
    #[must_use]
    pub fn with_effect(self, effect: impl Effect) -> Self {
        let effect: Arc<dyn Effect> = Arc::new(effect);
        self.with_effect_of(move |_| effect.clone())
    }

    /// Adds an effect that uses what other domains offer.
    #[must_use]
    pub fn with_effect_of(
        mut self,
        make: impl Fn(&EffectPorts) -> Arc<dyn Effect> + Send + Sync + 'static,
    ) -> Self {
        self.effect = Some(Arc::new(make));
        self
    }

    /// Makes its ends events, named `topic.succeeded`, `topic.failed` and `topic.cancelled`. Its jobs may be
    /// awaited: see [`NewJob::awaited_by`](atelier_queue::NewJob::awaited_by).
    #[must_use]
    pub fn announced_as(mut self, topic: &'static str) -> Self {
        self.topic = Some(topic);
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

    /// Registers its effect, if it has one, and tells the listeners of its ends, if these are events.
    pub fn register_effect(&self, effects: &mut Effects, ports: &EffectPorts) -> Result<(), QueueError> {
        let effect = self.effect.as_ref().map(|make| make(ports));
        let effect = match self.topic {
            Some(topic) if !ports.listeners.is_empty() => {
                let announced = Announced { topic, listeners: ports.listeners.clone(), effect };
                Some(Arc::new(announced) as Arc<dyn Effect>)
            }
            _ => effect,
        };
        effect.map_or(Ok(()), |effect| (self.register_effect)(effects, effect))
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
            topic: self.topic,
            effect: self.effect,
            register_effect: self.register_effect,
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
