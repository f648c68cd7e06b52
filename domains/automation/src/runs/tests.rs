//! Runs over SQLite, with a worker and nodes whose results are scripted.

use std::collections::BTreeMap;

use atelier_entities::{
    NodeState, RunId, RunStatus, UserId, WorkflowId, WorkflowVersionId, workflow_node_runs, workflow_nodes,
    workflow_runs, workflows,
};
use atelier_foundation::{
    Actor, Foundation, Ports,
    testing::{self, Assembled, acting, effects_of, options, registry_of},
};
use atelier_providers::mail::fake::ScriptedMailer;
use atelier_queue::{JobError, Queue};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::{Value, json};

use super::{NodeResult, RunNode, Runs, StartInput, WorkOutcome};
use crate::{
    Automation,
    engine::tests::Flow,
    testing::{
        Scene, Script, Scripted, broken, child, done, items, modules, place_name as name, publish, waiting,
    },
};

mod actions;
mod chains;
mod children;
mod closed;
mod events;
mod limits;
mod questions;
mod repairs;
mod retries;
mod views;
mod waits;

/// A fixture with a person and their workflows.
pub(crate) struct Fixture {
    pub(crate) fixture: testing::Fixture<Scripted>,
    pub(crate) user: UserId,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let modules = modules();
        let fixture = testing::Fixture::assemble(
            ScriptedMailer::new([]),
            effects_of(&modules),
            |queue: Queue, deps| {
                let objects = deps.objects.clone();
                let foundation = Foundation::new(queue, deps, options(), Ports::of(&modules));
                let automation = Automation::new(&foundation, crate::testing::deps(objects));
                let script = Script::default();
                let services = Scripted { foundation: foundation.clone(), automation, script };
                let registry = registry_of(&modules, &services);
                Assembled { services, foundation, registry }
            },
        )
        .await;
        let user = fixture.register("ada@example.org").await.id;
        Self { fixture, user }
    }

    pub(crate) fn actor(&self) -> Actor {
        acting(self.user)
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.fixture.services.automation.runs
    }

    /// Writes a published workflow.
    pub(crate) async fn publish(&self, flow: &Flow) -> WorkflowId {
        self.publish_with(flow, json!({}), |_| {}).await
    }

    /// Writes a published workflow with these settings.
    pub(crate) async fn publish_with(
        &self,
        flow: &Flow,
        settings: Value,
        change: impl FnOnce(&mut workflows::ActiveModel),
    ) -> WorkflowId {
        let change = |row: &mut workflows::ActiveModel| {
            row.settings = Set(settings);
            change(row);
        };
        publish(self.fixture.queue(), self.user, &flow.0, change).await.expect("published")
    }

    pub(crate) async fn change_settings(&self, workflow: WorkflowId, settings: Value) {
        let db = self.fixture.queue().db();
        let row = workflows::Entity::find_by_id(workflow).one(db).await.expect("asked").expect("there");
        let mut row = row.into_active_model();
        row.settings = Set(settings);
        let this = workflows::Column::Id.eq(workflow);
        workflows::Entity::update_many().set(row).filter(this).exec(db).await.expect("changed");
    }

    /// Starts a run with an input.
    pub(crate) async fn start(&self, workflow: WorkflowId) -> RunId {
        let input = StartInput { input: json!({"n": 7}), ..StartInput::default() };
        self.runs().start(&self.actor(), workflow, input).await.expect("started").run.id
    }

    /// Starts a run and runs every due job.
    pub(crate) async fn run(&self, workflow: WorkflowId) -> RunId {
        let run = self.start(workflow).await;
        self.fixture.work().await;
        run
    }

    pub(crate) fn script(&self, node: &str, scenes: impl IntoIterator<Item = Scene>) {
        self.fixture.services.script.add(node, scenes);
    }

    /// The nodes that ran, sorted.
    pub(crate) fn ran(&self) -> Vec<String> {
        self.fixture.services.script.ran()
    }

    pub(crate) async fn row(&self, run: RunId) -> workflow_runs::Model {
        let row = workflow_runs::Entity::find_by_id(run).one(self.fixture.queue().db()).await;
        row.expect("asked").expect("there")
    }

    pub(crate) async fn status(&self, run: RunId) -> RunStatus {
        self.row(run).await.status
    }

    pub(crate) async fn failure(&self, run: RunId) -> String {
        let failure = self.row(run).await.failure.expect("a failure");
        failure["code"].as_str().expect("a code").to_owned()
    }

    pub(crate) async fn nodes(&self, run: RunId) -> BTreeMap<String, workflow_node_runs::Model> {
        let rows = workflow_node_runs::Entity::find().filter(workflow_node_runs::Column::RunId.eq(run));
        let rows = rows.all(self.fixture.queue().db()).await.expect("listed");
        rows.into_iter().map(|row| (name(&row.scope, &row.node), row)).collect()
    }

    /// The states of nodes of a run, such as `each[0].a`.
    pub(crate) async fn states(&self, run: RunId, names: &str) -> Vec<Option<NodeState>> {
        let nodes = self.nodes(run).await;
        names.split(' ').map(|name| nodes.get(name).map(|row| row.state)).collect()
    }

    pub(crate) async fn count_unfinished_jobs(&self, run: RunId) -> usize {
        let tx = self.fixture.queue().begin().await.expect("begun");
        tx.lock_about(&[run.0]).await.expect("listed").len()
    }

    pub(crate) async fn reconcile(&self) -> Value {
        let queue = self.fixture.queue();
        let job = queue.enqueue(atelier_queue::NewJob::of(&super::ReconcileRuns {})).await.expect("enqueued");
        self.fixture.work().await;
        self.fixture.job(job.id).await.result.expect("a result")
    }
}
