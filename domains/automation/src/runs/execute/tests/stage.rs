//! A run whose rows are written by hand, and a worker that runs its attempts.

use std::{sync::Arc, time::Duration};

use atelier_entities::{
    ItemState, NodeState, RunId, RunStatus, VersionKind, WorkflowId, WorkflowVersionId, account_erasures,
    jobs, users, workflow_edge_runs, workflow_edges, workflow_item_runs, workflow_loop_runs,
    workflow_node_runs, workflow_nodes, workflow_runs, workflow_versions, workflows,
};
use atelier_foundation::{
    Foundation, Kind, Module, Ports,
    testing::{Assembled, Fixture, effects_of, options, registry_of},
};
use atelier_providers::{
    http::{GuardedClient, HttpOptions},
    llm::fake::ScriptedModel,
    mail::fake::ScriptedMailer,
};
use atelier_queue::NewJob;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::{Value, json};

use super::super::{
    super::{NodeResult, StoredValues},
    Execution, RunNode,
};
use crate::{graph::Graph, integrations::Credentials, mail, nodes::Services};

mod rows;

pub(super) use rows::NodeRow;
use rows::{moment, node_row, run_row, workflow_row};

/// A node.
pub(super) fn node(key: &str, kind: &str, config: Value) -> Value {
    json!({"key": key, "type": kind, "config": config})
}

/// A loop with its body.
pub(super) fn with_body(mut node: Value, body: Value) -> Value {
    node["body"] = body;
    node
}

/// A node with a policy.
pub(super) fn with_policy(mut node: Value, policy: Value) -> Value {
    node["policy"] = policy;
    node
}

#[derive(Clone)]
pub(super) struct All {
    foundation: Foundation,
    execution: Execution,
}

/// A run of a graph.
pub(super) struct Stage {
    pub(super) fixture: Fixture<All>,
    pub(super) model: Arc<ScriptedModel>,
    pub(super) owner: users::Model,
    pub(super) run_id: RunId,
}

impl Stage {
    /// A run that has begun with the trigger `start` and this input.
    pub(super) async fn new(graph: Value, input: Value) -> Self {
        let graph: Graph = Graph::from_json(&graph.to_string()).unwrap();
        let running = Module::new("automation")
            .with_kind(Kind::of::<RunNode>(|all: &Execution, ctx, args| Box::pin(all.run_node(ctx, args))))
            .with_mails(&mail::TEMPLATES);
        let modules = [
            atelier_foundation::module().within(|all: &All| &all.foundation),
            running.within(|all: &All| &all.execution),
        ];
        let model = Arc::new(ScriptedModel::new([]));
        let asked = model.clone();
        let fixture = Fixture::assemble(ScriptedMailer::new([]), effects_of(&modules), |queue, deps| {
            let objects = deps.objects.clone();
            let foundation = Foundation::new(queue.clone(), deps, options(), Ports::of(&modules));
            let http = GuardedClient::new(HttpOptions::default()).unwrap();
            let credentials = Credentials::new(queue.clone(), options().key_ring, http.clone());
            let services = Services { queue, http, model: asked, credentials };
            let execution = Execution::new(services, StoredValues::new(objects));
            let services = All { foundation: foundation.clone(), execution };
            let registry = registry_of(&modules, &services);
            Assembled { services, foundation, registry }
        })
        .await;
        let owner = fixture.register("ada@example.org").await;
        let stage = Self { fixture, model, owner, run_id: RunId::new() };
        let version_id = stage.insert_version(&graph).await;
        stage.insert_run(version_id, input).await;
        stage.add(NodeRow { attempt: 0, ..NodeRow::bare("start", NodeState::Succeeded) }).await;
        stage
    }

    async fn insert_version(&self, graph: &Graph) -> WorkflowVersionId {
        let db = self.fixture.queue().db();
        let (id, version_id) = (WorkflowId::new(), WorkflowVersionId::new());
        let workflow = workflow_row(id, self.owner.id, version_id);
        workflows::Entity::insert(workflow.into_active_model()).exec_without_returning(db).await.unwrap();
        let version = workflow_versions::ActiveModel {
            id: Set(version_id),
            workflow_id: Set(id),
            kind: Set(VersionKind::Published),
            number: Set(Some(1)),
            note: Set(None),
            created_by: Set(self.owner.id),
            created_at: Set(moment()),
        };
        workflow_versions::Entity::insert(version).exec_without_returning(db).await.unwrap();
        let mut position = 0;
        self.insert_graph(version_id, graph, None, &mut position).await;
        version_id
    }

    async fn insert_graph(
        &self,
        version_id: WorkflowVersionId,
        graph: &Graph,
        parent: Option<&str>,
        position: &mut i32,
    ) {
        let db = self.fixture.queue().db();
        for node in &graph.nodes {
            *position += 1;
            let row = node_row(version_id, node, parent, *position);
            workflow_nodes::Entity::insert(row).exec_without_returning(db).await.unwrap();
            if let Some(body) = node.body.as_deref() {
                Box::pin(self.insert_graph(version_id, body, Some(&node.key), position)).await;
            }
        }
        for edge in &graph.edges {
            *position += 1;
            let row = workflow_edges::ActiveModel {
                version_id: Set(version_id),
                position: Set(*position),
                parent: Set(parent.map(str::to_owned)),
                from_node: Set(edge.from.clone()),
                from_port: Set(edge.from_port.clone()),
                to_node: Set(edge.to.clone()),
                to_port: Set(edge.to_port.clone()),
            };
            workflow_edges::Entity::insert(row).exec_without_returning(db).await.unwrap();
        }
    }

    async fn insert_run(&self, version_id: WorkflowVersionId, input: Value) {
        let db = self.fixture.queue().db();
        let version = workflow_versions::Entity::find_by_id(version_id).one(db).await.unwrap().unwrap();
        let run = run_row(self.run_id, &version, self.owner.id, input);
        workflow_runs::Entity::insert(run.into_active_model()).exec_without_returning(db).await.unwrap();
    }

    /// Writes the row of a node in place of the one that there is.
    pub(super) async fn add(&self, row: NodeRow) {
        let db = self.fixture.queue().db();
        let key = (self.run_id, row.scope.clone(), row.node.clone());
        workflow_node_runs::Entity::delete_by_id(key).exec(db).await.unwrap();
        let row = row.into_model(self.run_id);
        workflow_node_runs::Entity::insert(row.into_active_model()).exec_without_returning(db).await.unwrap();
    }

    pub(super) async fn decide(&self, scope: &str, edge: &str, taken: bool, error: bool) {
        self.add_edge(scope, edge, (taken, error, false)).await;
    }

    pub(super) async fn add_edge(&self, scope: &str, edge: &str, (taken, error, late): (bool, bool, bool)) {
        let row = workflow_edge_runs::ActiveModel {
            run_id: Set(self.run_id),
            scope: Set(scope.to_owned()),
            edge: Set(edge.to_owned()),
            taken: Set(taken),
            error: Set(error),
            late: Set(late),
        };
        let insert = workflow_edge_runs::Entity::insert(row);
        insert.exec_without_returning(self.fixture.queue().db()).await.unwrap();
    }

    /// Writes the row of a loop: with a short list, with the key and the length of a long one, or with none.
    pub(super) async fn add_list(
        &self,
        scope: &str,
        node: &str,
        items: Option<Value>,
        object: Option<(String, i32)>,
    ) {
        let short = items.as_ref().and_then(|items| i32::try_from(items.as_array()?.len()).ok());
        let total = short.or(object.as_ref().map(|(_, total)| *total));
        let row = workflow_loop_runs::ActiveModel {
            run_id: Set(self.run_id),
            scope: Set(scope.to_owned()),
            node: Set(node.to_owned()),
            total: Set(total),
            next: Set(0),
            active: Set(0),
            parked: Set(0),
            failed: Set(0),
            queued: Set(0),
            closing: Set(None),
            items: Set(items),
            items_object: Set(object.map(|(key, _)| key)),
        };
        let insert = workflow_loop_runs::Entity::insert(row);
        insert.exec_without_returning(self.fixture.queue().db()).await.unwrap();
    }

    /// Writes the row of an item in place of the one that there is.
    pub(super) async fn add_item(&self, loop_scope: &str, loop_node: &str, item: i32, state: ItemState) {
        let db = self.fixture.queue().db();
        let dot = if loop_scope.is_empty() { "" } else { "." };
        let scope = format!("{loop_scope}{dot}{loop_node}[{item}]");
        workflow_item_runs::Entity::delete_by_id((self.run_id, scope.clone())).exec(db).await.unwrap();
        let failure = json!({"code": "BROKEN", "message": "No.", "node": "inner", "attempt": 1});
        let row = workflow_item_runs::ActiveModel {
            run_id: Set(self.run_id),
            scope: Set(scope),
            loop_scope: Set(loop_scope.to_owned()),
            loop_node: Set(loop_node.to_owned()),
            item: Set(item),
            state: Set(state),
            working: Set(0),
            waiting: Set(0),
            failure: Set((state == ItemState::Failed).then_some(failure)),
            cause: Set(None),
            revision: Set(1),
            started_at: Set(moment()),
            finished_at: Set(None),
        };
        workflow_item_runs::Entity::insert(row).exec_without_returning(db).await.unwrap();
    }

    pub(super) async fn put(&self, key: &str, value: &Value) {
        self.fixture.objects.put(key, value.to_string().into(), "application/json").await.unwrap();
    }

    async fn change_run(&self, change: impl FnOnce(&mut workflow_runs::ActiveModel)) {
        let db = self.fixture.queue().db();
        let row = workflow_runs::Entity::find_by_id(self.run_id).one(db).await.unwrap().unwrap();
        let mut row = row.into_active_model();
        change(&mut row);
        let this = workflow_runs::Column::Id.eq(self.run_id);
        workflow_runs::Entity::update_many().set(row).filter(this).exec(db).await.unwrap();
    }

    pub(super) async fn set_run(&mut self, paused: bool, status: RunStatus) {
        self.change_run(|row| {
            row.paused = Set(paused);
            row.status = Set(status);
        })
        .await;
    }

    /// Writes the row by which the owner's account is closed.
    pub(super) async fn close_account(&self) {
        let row = account_erasures::Model {
            user_id: self.owner.id,
            addresses: json!([]),
            since: moment(),
            erased: json!({}),
            created_at: moment(),
        };
        let insert = account_erasures::Entity::insert(row.into_active_model());
        insert.exec_without_returning(self.fixture.queue().db()).await.unwrap();
    }

    pub(super) async fn set_input_object(&self, key: &str) {
        self.change_run(|row| {
            row.input = Set(None);
            row.input_object = Set(Some(key.to_owned()));
        })
        .await;
    }

    pub(super) async fn set_output_bytes(&self, bytes: i64) {
        self.change_run(|row| row.output_bytes = Set(bytes)).await;
    }

    /// The first attempt of a node of the run.
    pub(super) fn args(&self, node: &str) -> RunNode {
        let (scope, node) = (String::new(), node.to_owned());
        RunNode { run_id: self.run_id, scope, node, generation: 0, round: 0, attempt: 1 }
    }

    /// Runs the job of an attempt, and gives its row.
    pub(super) async fn work(&self, args: &RunNode) -> jobs::Model {
        self.work_within(args, Duration::from_secs(60)).await
    }

    pub(super) async fn work_within(&self, args: &RunNode, timeout: Duration) -> jobs::Model {
        let job = NewJob::of(args).owned_by(self.owner.id).about(self.run_id.0).with_limits(5, timeout);
        let job = self.fixture.queue().enqueue(job).await.unwrap();
        self.fixture.work().await;
        self.fixture.job(job.id).await
    }

    /// The result of an attempt, or the error of its job.
    pub(super) async fn end(&self, args: &RunNode) -> Result<NodeResult, Value> {
        let job = self.work(args).await;
        match job.result {
            Some(result) => Ok(serde_json::from_value(result).unwrap()),
            None => Err(job.error.unwrap_or_default()),
        }
    }

    /// The result of the first attempt of a node of the run.
    pub(super) async fn run(&self, node: &str) -> NodeResult {
        self.add(NodeRow::ready(node)).await;
        self.end(&self.args(node)).await.unwrap()
    }
}
