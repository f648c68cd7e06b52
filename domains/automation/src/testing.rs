//! Workflows for tests: nodes whose results are scripted, and rows of published versions.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use atelier_entities::{
    UserId, VersionKind, WaitKind, WorkflowId, WorkflowVersionId, workflow_edges, workflow_nodes,
    workflow_runs, workflow_triggers, workflow_versions, workflows,
};
use atelier_foundation::{Foundation, Kind, LinkKey, Module};
use atelier_providers::{
    http::{GuardedClient, HttpOptions},
    llm::fake::ScriptedModel,
    object_store::Objects,
};
use atelier_queue::{JobError, Outcome, Queue};
use sea_orm::{ActiveValue::Set, DbErr, EntityTrait};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    Automation, Deps,
    graph::{Graph, Node},
    runs::{ChildRequest, NodeResult, RunNode, Stored, WorkOutcome, node_kind},
};

mod deed;
#[cfg(test)]
mod mail_server;

use deed::StartDeed;
pub use deed::{Deed, deed};
#[cfg(test)]
pub(crate) use mail_server::MailServer;

/// Services whose nodes do what their script says.
#[derive(Clone)]
pub struct Scripted {
    /// The foundation.
    pub foundation: Foundation,
    /// The services under test.
    pub automation: Automation,
    /// What the nodes give.
    pub script: Script,
}

/// The modules of these services.
#[must_use]
pub fn modules() -> [Module<Scripted>; 3] {
    [
        atelier_foundation::module().within(|all: &Scripted| &all.foundation),
        crate::automation::module_without_nodes().within(|all: &Scripted| &all.automation),
        Module::new("scripted")
            .with_kind(Kind::of::<Deed>(|_, _, args| Box::pin(args.run())).announced_as("deployment"))
            .with_action(StartDeed)
            .with_kind(node_kind::<Scripted>(|all, _, args| Box::pin(all.run_node(args)), &links())),
    ]
}

/// External dependencies that no test asks anything: a model without a script, and a client that may send
/// requests to the outside only.
///
/// # Panics
/// If this machine has no certificates.
#[must_use]
pub fn deps(objects: Objects) -> Deps {
    let http = GuardedClient::new(HttpOptions::default()).expect("a client");
    Deps { model: Arc::new(ScriptedModel::new([])), objects, http }
}

/// The key of the links in mails of tests.
#[must_use]
pub fn links() -> LinkKey {
    LinkKey::new(&atelier_foundation::testing::options().auth.jwt_secret)
}

/// The result of an attempt.
pub type Scene = Result<NodeResult, JobError>;

/// What nodes give, by their keys, in order. A node without a script gives `{"from": its key}`.
#[derive(Clone, Default)]
pub struct Script {
    played: Arc<Mutex<Played>>,
    released: Arc<Notify>,
}

#[derive(Default)]
struct Played {
    scenes: HashMap<String, VecDeque<Scene>>,
    ran: Vec<String>,
    held: BTreeSet<String>,
}

impl Script {
    fn lock(&self) -> MutexGuard<'_, Played> {
        self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what a node gives next.
    pub fn add(&self, node: &str, scenes: impl IntoIterator<Item = Scene>) {
        self.lock().scenes.entry(node.to_owned()).or_default().extend(scenes);
    }

    /// Keeps the attempts of a node from ending once they have begun, until it is released.
    pub fn hold(&self, node: &str) {
        self.lock().held.insert(node.to_owned());
    }

    /// Lets the attempts of a node end, also those that were held.
    pub fn release(&self, node: &str) {
        self.lock().held.remove(node);
        self.released.notify_waiters();
    }

    async fn until_released(&self, node: &str) {
        loop {
            let released = self.released.notified();
            if !self.lock().held.contains(node) {
                return;
            }
            released.await;
        }
    }

    /// The nodes that ran, such as `each[0].a`, sorted.
    #[must_use]
    pub fn ran(&self) -> Vec<String> {
        let mut ran = self.lock().ran.clone();
        ran.sort();
        ran
    }
}

impl Scripted {
    async fn run_node(&self, args: RunNode) -> Result<Outcome, JobError> {
        let run = workflow_runs::Entity::find_by_id(args.run_id).one(self.foundation.queue.db()).await?;
        let scene = if run.is_none_or(|run| run.paused || run.status.is_final()) {
            Ok(NodeResult { outcome: WorkOutcome::Held, output: None })
        } else {
            self.script.lock().ran.push(place_name(&args.scope, &args.node));
            self.script.until_released(&args.node).await;
            let next = self.script.lock().scenes.get_mut(&args.node).and_then(VecDeque::pop_front);
            next.unwrap_or_else(|| Ok(done(json!({"from": args.node}))))
        };
        Ok(Outcome::Done(serde_json::to_value(scene?).unwrap_or_default()))
    }
}

/// A node with the items around it, such as `each[0].a`.
#[must_use]
pub fn place_name(scope: &str, node: &str) -> String {
    if scope.is_empty() { node.to_owned() } else { format!("{scope}.{node}") }
}

/// An attempt that is done with an output.
#[must_use]
pub fn done(output: Value) -> NodeResult {
    NodeResult { outcome: WorkOutcome::Done { port: None }, output: Some(Stored::inline(output)) }
}

/// The code of an attempt that fails by its script.
const BROKEN: &str = "BROKEN";

/// An attempt that fails.
///
/// # Errors
/// Always.
pub fn broken() -> Scene {
    Err(JobError::fail(BROKEN, "It broke."))
}

/// The list of a loop.
///
/// # Errors
/// Never.
pub fn items(list: &[Value]) -> Scene {
    let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
    let output = Some(Stored::inline(Value::Array(list.to_vec())));
    Ok(NodeResult { outcome: WorkOutcome::Items { count }, output })
}

/// An attempt that waits.
///
/// # Errors
/// Never.
pub fn waiting(kind: WaitKind, key: Option<&str>, due: Option<atelier_entities::Timestamp>) -> Scene {
    let question = Some(json!({"message": "Really?"})).filter(|_| kind == WaitKind::Approval);
    let outcome = WorkOutcome::Wait { kind, key: key.map(str::to_owned), due, question };
    Ok(NodeResult { outcome, output: None })
}

/// An attempt that asks for a child run.
///
/// # Errors
/// Never.
pub fn child(workflow: WorkflowId, input: Value) -> Scene {
    let request = ChildRequest { workflow_id: workflow, input: Stored::inline(input) };
    Ok(NodeResult { outcome: WorkOutcome::Child(request), output: None })
}

/// Writes an enabled workflow of a person whose draft and published version are this graph. `change` changes
/// its row before it is written.
///
/// # Errors
/// If the database fails.
pub async fn publish(
    queue: &Queue,
    user: UserId,
    graph: &Graph,
    change: impl FnOnce(&mut workflows::ActiveModel),
) -> Result<WorkflowId, DbErr> {
    let (id, version, now) = (WorkflowId::new(), WorkflowVersionId::new(), queue.now());
    let mut row = workflows::ActiveModel {
        id: Set(id),
        user_id: Set(user),
        project_id: Set(None),
        name: Set("Flow".to_owned()),
        description: Set(String::new()),
        enabled: Set(true),
        settings: Set(json!({})),
        error_workflow_id: Set(None),
        draft_id: Set(version),
        published_id: Set(Some(version)),
        last_number: Set(1),
        revision: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        deleted_at: Set(None),
    };
    change(&mut row);
    let db = queue.db();
    workflows::Entity::insert(row).exec_without_returning(db).await?;
    let row = workflow_versions::ActiveModel {
        id: Set(version),
        workflow_id: Set(id),
        kind: Set(VersionKind::Published),
        number: Set(Some(1)),
        note: Set(None),
        created_by: Set(user),
        created_at: Set(now),
    };
    workflow_versions::Entity::insert(row).exec_without_returning(db).await?;
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    collect(version, graph, None, &mut nodes, &mut edges);
    let triggers: Vec<_> = graph.nodes.iter().filter_map(|node| trigger_row(id, user, node)).collect();
    if !triggers.is_empty() {
        workflow_triggers::Entity::insert_many(triggers).exec_without_returning(db).await?;
    }
    workflow_nodes::Entity::insert_many(nodes).exec_without_returning(db).await?;
    workflow_edges::Entity::insert_many(edges).exec_without_returning(db).await?;
    Ok(id)
}

/// The row of a trigger that events of the platform pull.
fn trigger_row(workflow: WorkflowId, user: UserId, node: &Node) -> Option<workflow_triggers::ActiveModel> {
    let event = node.config.get("event").filter(|_| node.kind == "platform_event")?;
    Some(workflow_triggers::ActiveModel {
        workflow_id: Set(workflow),
        node: Set(node.key.clone()),
        user_id: Set(user),
        kind: Set(node.kind.clone()),
        event: Set(event.as_str().map(str::to_owned)),
        config: Set(Value::Object(node.config.clone())),
    })
}

fn collect(
    version: WorkflowVersionId,
    graph: &Graph,
    parent: Option<&str>,
    nodes: &mut Vec<workflow_nodes::ActiveModel>,
    edges: &mut Vec<workflow_edges::ActiveModel>,
) {
    let place = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    for node in &graph.nodes {
        nodes.push(workflow_nodes::ActiveModel {
            version_id: Set(version),
            key: Set(node.key.clone()),
            position: Set(place(nodes.len())),
            parent: Set(parent.map(str::to_owned)),
            kind: Set(node.kind.clone()),
            type_version: Set(1),
            name: Set(None),
            x: Set(None),
            y: Set(None),
            disabled: Set(node.disabled),
            config: Set(Value::Object(node.config.clone())),
            policy: Set(serde_json::to_value(&node.policy).unwrap_or_default()),
        });
        if let Some(body) = &node.body {
            collect(version, body, Some(&node.key), nodes, edges);
        }
    }
    for edge in &graph.edges {
        edges.push(workflow_edges::ActiveModel {
            version_id: Set(version),
            position: Set(place(edges.len())),
            parent: Set(parent.map(str::to_owned)),
            from_node: Set(edge.from.clone()),
            from_port: Set(edge.from_port.clone()),
            to_node: Set(edge.to.clone()),
            to_port: Set(edge.to_port.clone()),
        });
    }
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripted").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ran()).finish()
    }
}
