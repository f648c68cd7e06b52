//! Jobs with scripted handlers, and a record of their runs and effects.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use async_trait::async_trait;
use atelier_entities::{JobId, JobState};
use atelier_queue::{
    Backoff, Effect, EffectError, EndedJob, Handler, Job, JobContext, JobError, Lane, NewJob, Outcome,
    Policy, QueueName, Transaction,
};
use serde::{Deserialize, Serialize};

/// A job with a scripted handler.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Scripted {
    pub(super) name: String,
}

impl Job for Scripted {
    const KIND: &'static str = "test.scripted";
    const QUEUE: QueueName = QueueName::Stats;
    const ALIASES: &'static [&'static str] = &["test.earlier_name"];

    fn policy() -> Policy {
        Policy {
            max_attempts: 3,
            timeout: Duration::from_secs(20),
            backoff: Backoff::Fixed(Duration::from_millis(20)),
            lane: Lane::Normal,
        }
    }
}

/// A job whose end has an effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WithEffect {
    pub(super) name: String,
}

impl Job for WithEffect {
    const KIND: &'static str = "test.with_effect";
    const QUEUE: QueueName = QueueName::Stats;
    const ALIASES: &'static [&'static str] = &["test.with_earlier_effect"];

    fn policy() -> Policy {
        Scripted::policy()
    }
}

/// A job of a kind that only some workers know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Unknown {}

impl Job for Unknown {
    const KIND: &'static str = "test.novel";
    const QUEUE: QueueName = QueueName::Stats;

    fn policy() -> Policy {
        Scripted::policy()
    }
}

pub(super) fn scripted(name: &str) -> NewJob {
    NewJob::of(&Scripted { name: name.to_owned() })
}

pub(super) fn with_effect(name: &str) -> NewJob {
    NewJob::of(&WithEffect { name: name.to_owned() })
}

type Running = Pin<Box<dyn Future<Output = Result<Outcome, JobError>> + Send>>;
type Script = Arc<dyn Fn(JobContext) -> Running + Send + Sync>;

/// The scripts of handlers by the job's name, and the record of runs and effects.
#[derive(Clone, Default)]
pub(super) struct ScriptedHandlers {
    scripts: Arc<Mutex<HashMap<String, Script>>>,
    runs: Arc<Mutex<Vec<(String, JobId)>>>,
    effects: Arc<Mutex<Vec<(JobId, JobState)>>>,
    effect_batches: Arc<Mutex<Vec<Vec<JobId>>>>,
    failing_effects: Arc<Mutex<u32>>,
    failing_effect_of: Arc<Mutex<Option<JobId>>>,
    block: Arc<Mutex<Option<mpsc::Receiver<()>>>>,
}

impl ScriptedHandlers {
    /// Sets the script of jobs with this name. Jobs without a script succeed at once.
    pub(super) fn on<F, R>(&self, name: &str, script: F)
    where
        F: Fn(JobContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Outcome, JobError>> + Send + 'static,
    {
        let script: Script = Arc::new(move |ctx| Box::pin(script(ctx)));
        self.scripts.lock().expect("scripts").insert(name.to_owned(), script);
    }

    /// The names of started jobs, in the order of their starts.
    pub(super) fn order(&self) -> Vec<String> {
        self.runs.lock().expect("runs").iter().map(|(name, _)| name.clone()).collect()
    }

    /// How often the job was started.
    pub(super) fn starts(&self, id: JobId) -> usize {
        self.runs.lock().expect("runs").iter().filter(|(_, run)| *run == id).count()
    }

    /// The effects of the job's ends.
    pub(super) fn effects(&self, id: JobId) -> Vec<JobState> {
        let effects = self.effects.lock().expect("effects");
        effects.iter().filter(|(job, _)| *job == id).map(|(_, state)| *state).collect()
    }

    /// The jobs whose effects were applied together, in the order of their effects.
    pub(super) fn effect_batches(&self) -> Vec<Vec<JobId>> {
        self.effect_batches.lock().expect("effect batches").clone()
    }

    /// Makes every effect of that job fail from now on; none with `None`.
    pub(super) fn fail_effects_of(&self, job: Option<JobId>) {
        *self.failing_effect_of.lock().expect("failing effect") = job;
    }

    /// Makes the next effects fail, this many times.
    pub(super) fn fail_effects(&self, times: u32) {
        *self.failing_effects.lock().expect("failing effects") = times;
    }

    /// Blocks the thread of the next effect, within its transaction, until the returned sender
    /// is dropped.
    pub(super) fn block_next_effect(&self) -> mpsc::Sender<()> {
        let (unblock, unblocked) = mpsc::channel();
        *self.block.lock().expect("block") = Some(unblocked);
        unblock
    }

    /// Whether that effect has been reached.
    pub(super) fn is_blocked(&self) -> bool {
        self.block.lock().expect("block").is_none()
    }

    async fn run_script(&self, ctx: &JobContext, name: String) -> Result<Outcome, JobError> {
        self.runs.lock().expect("runs").push((name.clone(), ctx.id()));
        let script = self.scripts.lock().expect("scripts").get(&name).cloned();
        match script {
            Some(script) => script(ctx.clone()).await,
            None => Ok(Outcome::done()),
        }
    }
}

#[async_trait]
impl Handler<Scripted> for ScriptedHandlers {
    async fn run(&self, ctx: &JobContext, args: Scripted) -> Result<Outcome, JobError> {
        self.run_script(ctx, args.name).await
    }
}

#[async_trait]
impl Handler<WithEffect> for ScriptedHandlers {
    async fn run(&self, ctx: &JobContext, args: WithEffect) -> Result<Outcome, JobError> {
        self.run_script(ctx, args.name).await
    }
}

#[async_trait]
impl Handler<Unknown> for ScriptedHandlers {
    async fn run(&self, ctx: &JobContext, _: Unknown) -> Result<Outcome, JobError> {
        self.run_script(ctx, "novel".to_owned()).await
    }
}

#[async_trait]
impl Effect for ScriptedHandlers {
    async fn on_end(&self, _: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        let block = self.block.lock().expect("block").take();
        if let Some(unblocked) = block {
            let _dropped = unblocked.recv();
        }
        let mut failing = self.failing_effects.lock().expect("failing effects");
        if *failing > 0 {
            *failing -= 1;
            return Err("the effect fails on request".into());
        }
        if *self.failing_effect_of.lock().expect("failing effect") == Some(job.id) {
            return Err("the effect of this job fails on request".into());
        }
        self.effects.lock().expect("effects").push((job.id, job.state));
        Ok(())
    }

    async fn on_ends(&self, tx: &Transaction, jobs: &[EndedJob]) -> Result<(), EffectError> {
        // Nothing is recorded of a transaction that is rolled back.
        let failing = *self.failing_effect_of.lock().expect("failing effect");
        if let Some(job) = jobs.iter().find(|job| failing == Some(job.id)) {
            return self.on_end(tx, job).await;
        }
        for job in jobs {
            self.on_end(tx, job).await?;
        }
        let ids = jobs.iter().map(|job| job.id).collect();
        self.effect_batches.lock().expect("effect batches").push(ids);
        Ok(())
    }
}
