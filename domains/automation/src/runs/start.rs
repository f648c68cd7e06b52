//! Starting runs: by hand, and again from an earlier run.

use atelier_entities::{
    JobId, RunCause, RunId, WorkflowId, WorkflowVersionId, workflow_node_runs, workflow_runs,
    workflow_versions, workflows,
};
use atelier_foundation::{Actor, FieldErrors, audit};
use atelier_queue::Transaction;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};

use super::{
    MAX_INLINE_BYTES, RunError, Runs, Stored,
    admissions::Admissions,
    advance::{NewRun, find_trigger, insert_run, start_new},
    run_target,
};
use crate::{
    engine::Admission,
    graph::Behaviour,
    workflows::{
        Settings, Workflows,
        versions::{self, LoadedVersion},
    },
};

/// Most bytes of the input of a run that a person starts, as JSON: 1 MiB.
pub const MAX_INPUT_BYTES: usize = 1024 * 1024;

/// Which version a run walks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunVersion {
    /// The published version.
    #[default]
    Published,
    /// The draft as it is now. The run gets a copy of it.
    Draft,
    /// The published version of this number.
    Number(i32),
}

/// What a run begins with.
#[derive(Clone, Debug, Default)]
pub struct StartInput {
    /// The version.
    pub version: RunVersion,
    /// The key of the trigger. The manual one, or the only one, where it is absent.
    pub trigger: Option<String>,
    /// What the trigger gives.
    pub input: Value,
}

/// How a run is started again.
#[derive(Clone, Debug, Default)]
pub struct RerunInput {
    /// The version; that of the earlier run where it is absent.
    pub version: Option<RunVersion>,
    /// The input; that of the earlier run where it is absent.
    pub input: Option<Value>,
}

/// A run that was started.
#[derive(Clone, Debug, PartialEq)]
pub struct StartedRun {
    /// Its row.
    pub run: workflow_runs::Model,
    /// The job of its first node. None if the run is queued, or had nothing to do.
    pub job_id: Option<JobId>,
}

/// A run that is asked for.
struct Asked<'a> {
    id: RunId,
    workflow: WorkflowId,
    version: Which,
    trigger: Option<&'a str>,
    input: Stored,
    cause: RunCause,
    rerun_of: Option<RunId>,
}

enum Which {
    Chosen(RunVersion),
    Same(WorkflowVersionId),
}

impl Runs {
    /// Starts a run of a workflow by hand. A disabled workflow can be started so too: disabling it keeps its
    /// triggers from firing, and other workflows from running it.
    ///
    /// # Errors
    /// If the workflow has as many runs as it may, or nothing that could be run.
    pub async fn start(
        &self,
        actor: &Actor,
        workflow: WorkflowId,
        input: StartInput,
    ) -> Result<StartedRun, RunError> {
        let id = RunId::new();
        let stored = self.keep_input(id, &input.input).await?;
        let asked = Asked {
            id,
            workflow,
            version: Which::Chosen(input.version),
            trigger: input.trigger.as_deref(),
            input: stored,
            cause: RunCause::Manual,
            rerun_of: None,
        };
        self.start_asked(actor, asked).await
    }

    /// Starts a run of the draft from its webhook, for its owner.
    ///
    /// # Errors
    /// If the draft has errors, or the workflow has as many runs as it may.
    pub(crate) async fn start_test(
        &self,
        owner: &Actor,
        (workflow, node): (WorkflowId, &str),
        (id, input): (RunId, Value),
    ) -> Result<StartedRun, RunError> {
        let asked = Asked {
            id,
            workflow,
            version: Which::Chosen(RunVersion::Draft),
            trigger: Some(node),
            input: self.keep(id, input).await?,
            cause: RunCause::Webhook,
            rerun_of: None,
        };
        self.start_asked(owner, asked).await
    }

    /// Starts a run again from its trigger, with the same input or another one. The earlier run stays as it
    /// is.
    ///
    /// # Errors
    /// If there is no such run or version, or the workflow has as many runs as it may.
    pub async fn rerun(&self, actor: &Actor, run: RunId, input: RerunInput) -> Result<StartedRun, RunError> {
        let earlier = self.find_own(actor, run).await?;
        let id = RunId::new();
        let value = match input.input {
            Some(value) => value,
            None => self.reader().run_input(run).await?,
        };
        let stored = self.keep_input(id, &value).await?;
        let asked = Asked {
            id,
            workflow: earlier.workflow_id,
            version: input.version.map_or(Which::Same(earlier.version_id), Which::Chosen),
            trigger: Some(&earlier.trigger_node),
            input: stored,
            cause: RunCause::Rerun,
            rerun_of: Some(run),
        };
        self.start_asked(actor, asked).await
    }

    async fn start_asked(&self, actor: &Actor, asked: Asked<'_>) -> Result<StartedRun, RunError> {
        let stored = asked.input.object.is_some().then_some(asked.id);
        let started = async {
            let tx = self.queue.begin().await?;
            let run = self.start_in(&tx, actor, asked).await?;
            tx.commit().await?;
            Ok(run)
        }
        .await;
        if let (Err(_), Some(run)) = (&started, stored) {
            self.forget(run).await;
        }
        started
    }

    /// The input as a run keeps it: a large one is put into the object store.
    async fn keep_input(&self, id: RunId, input: &Value) -> Result<Stored, RunError> {
        let text = input.to_string();
        if text.len() > MAX_INPUT_BYTES {
            let problem = format!("has {} bytes; at most {MAX_INPUT_BYTES} are allowed", text.len());
            return Err(FieldErrors::of("input", problem).into());
        }
        self.keep(id, input.clone()).await
    }

    /// A value as the run keeps it: a large one is put into the object store.
    pub(crate) async fn keep(&self, id: RunId, value: Value) -> Result<Stored, RunError> {
        let text = value.to_string();
        if text.len() <= MAX_INLINE_BYTES {
            return Ok(Stored::inline(value));
        }
        Ok(self.values.put(id, value, text.into_bytes()).await?)
    }

    /// Deletes the objects of a run that was not started.
    pub(crate) async fn forget(&self, run: RunId) {
        if let Err(error) = self.values.delete_of(run).await {
            tracing::warn!(%error, %run, "the input of a run that was not started is left");
        }
    }
}

impl Runs {
    async fn start_in(
        &self,
        tx: &Transaction,
        actor: &Actor,
        asked: Asked<'_>,
    ) -> Result<StartedRun, RunError> {
        let workflow = lock_workflow(tx, actor, &asked).await?;
        let version = choose_version(&self.workflows, (tx, actor), &workflow, &asked.version).await?;
        let trigger = choose_trigger(&version, asked.trigger, asked.rerun_of.is_some())?;
        let mut admissions = Admissions::default();
        admissions.load(tx, [workflow.id]).await?;
        let admission = admissions.admit(workflow.id);
        let limits = admissions.concurrency(workflow.id);
        match admission {
            Admission::SkipLimit => return Err(RunError::Busy(limits.limit.unwrap_or_default())),
            Admission::SkipQueueFull => return Err(RunError::QueueFull(limits.max_queued)),
            Admission::Start | Admission::Queue | Admission::CancelOlder { .. } => {}
        }
        let new = NewRun {
            id: asked.id,
            cause: asked.cause,
            input: asked.input,
            rerun_of: asked.rerun_of,
            ..NewRun::of(&workflow, &version, &trigger)
        };
        insert_run(tx, &new).await?;
        let context = json!({"workflow": workflow.id, "version": version.number, "rerun_of": new.rerun_of});
        audit::record(tx, actor, "run.start", run_target(new.id), context).await?;
        match admission {
            Admission::Start => start_new(tx, new.id).await?,
            Admission::CancelOlder { .. } => {
                if let Some(job) = admissions.cancel_older(workflow.id, new.id) {
                    tx.enqueue(job).await?;
                }
            }
            _ => {}
        }
        let run = workflow_runs::Entity::find_by_id(new.id).one(&**tx).await?;
        let run = run.ok_or(RunError::NotFound("run"))?;
        Ok(StartedRun { job_id: find_first_job(tx, &run).await?, run })
    }
}

/// The workflow of the person, locked. Starts of a workflow that has no limit do not wait for each other: they
/// share the lock, by which the workflow is not changed or deleted meanwhile.
async fn lock_workflow(
    tx: &Transaction,
    actor: &Actor,
    asked: &Asked<'_>,
) -> Result<workflows::Model, RunError> {
    let user = actor.person()?;
    let own = workflows::Entity::find_by_id(asked.workflow)
        .filter(workflows::Column::UserId.eq(user))
        .filter(workflows::Column::DeletedAt.is_null());
    let found = own.clone().one(&**tx).await?.ok_or(RunError::NotFound("workflow"))?;
    let copies_draft = matches!(asked.version, Which::Chosen(RunVersion::Draft));
    let is_limited = Settings::known(&found).concurrency.limit.is_some();
    let locked = if copies_draft || is_limited { own.lock_exclusive() } else { own.lock_shared() };
    locked.one(&**tx).await?.ok_or(RunError::NotFound("workflow"))
}

/// The job of the first node of a run that was just started.
pub(crate) async fn find_first_job(
    tx: &Transaction,
    run: &workflow_runs::Model,
) -> Result<Option<JobId>, RunError> {
    if run.working == 0 {
        return Ok(None);
    }
    let first = workflow_node_runs::Entity::find()
        .select_only()
        .column(workflow_node_runs::Column::JobId)
        .filter(workflow_node_runs::Column::RunId.eq(run.id))
        .filter(workflow_node_runs::Column::JobId.is_not_null())
        .order_by_asc(workflow_node_runs::Column::JobId)
        .into_tuple::<Option<JobId>>();
    Ok(first.one(&**tx).await?.flatten())
}

async fn choose_version(
    workflows: &Workflows,
    (tx, actor): (&Transaction, &Actor),
    workflow: &workflows::Model,
    which: &Which,
) -> Result<std::sync::Arc<LoadedVersion>, RunError> {
    let id = match which {
        Which::Same(id) => *id,
        Which::Chosen(RunVersion::Published) => workflow.published_id.ok_or(RunError::Unpublished)?,
        Which::Chosen(RunVersion::Draft) => workflows.create_test(tx, actor, workflow).await?,
        Which::Chosen(RunVersion::Number(number)) => workflow_versions::Entity::find()
            .select_only()
            .column(workflow_versions::Column::Id)
            .filter(workflow_versions::Column::WorkflowId.eq(workflow.id))
            .filter(workflow_versions::Column::Number.eq(*number))
            .into_tuple()
            .one(&**tx)
            .await?
            .ok_or(RunError::NoVersion)?,
    };
    versions::load(&**tx, id).await?.ok_or(RunError::VersionMissing)
}

/// The trigger of that key. Otherwise the manual one, or the only one.
fn choose_trigger(
    version: &LoadedVersion,
    asked: Option<&str>,
    may_differ: bool,
) -> Result<String, RunError> {
    let plan = &version.plan;
    let is_trigger = |key: &str| {
        let node = plan.find_node(key);
        node.is_some_and(|node| plan.behaviour(node) == Behaviour::Trigger && !plan.is_disabled(node))
    };
    if let Some(key) = asked {
        if is_trigger(key) {
            return Ok(key.to_owned());
        }
        if !may_differ {
            return Err(FieldErrors::of("trigger", "names no enabled trigger of the version").into());
        }
    }
    let graph = &version.graph;
    let mut triggers = graph.nodes.iter().map(|node| node.key.as_str()).filter(|key| is_trigger(key));
    let only = match (triggers.next(), triggers.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    find_trigger(graph, "manual").or(only).map(str::to_owned).ok_or(RunError::NoTrigger)
}
