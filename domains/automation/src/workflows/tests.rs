use std::ops::Deref;

use atelier_entities::{UserId, WorkflowId, workflow_triggers, workflows};
use atelier_foundation::{
    Actor, Foundation, Page, Ports,
    testing::{self, Assembled, acting, effects_of, registry_of},
};
use atelier_providers::mail::fake::ScriptedMailer;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};

use super::*;
use crate::{
    Automation,
    graph::{Fault, Graph},
};

mod commands;
mod documented;
mod drafts;
mod imports;
mod publishing;
mod references;
mod transfer;

#[derive(Clone, Debug)]
struct Services {
    foundation: Foundation,
    automation: Automation,
}

/// Workflows on a database of their own, with a person.
struct Fixture {
    fixture: testing::Fixture<Services>,
    ada: Actor,
}

impl Deref for Fixture {
    type Target = testing::Fixture<Services>;

    fn deref(&self) -> &Self::Target {
        &self.fixture
    }
}

impl Fixture {
    async fn new() -> Self {
        let modules = [
            atelier_foundation::module().within(|all: &Services| &all.foundation),
            crate::module(&crate::testing::links()).within(|all: &Services| &all.automation),
        ];
        let mailer = ScriptedMailer::new([]);
        let fixture = testing::Fixture::assemble(mailer, effects_of(&modules), |queue, deps| {
            let objects = deps.objects.clone();
            let foundation = Foundation::new(queue, deps, testing::options(), Ports::of(&modules));
            let automation = Automation::new(&foundation, crate::testing::deps(objects));
            let services = Services { automation, foundation: foundation.clone() };
            let registry = registry_of(&modules, &services);
            Assembled { services, foundation, registry }
        })
        .await;
        let ada = acting(fixture.register("ada@example.org").await.id);
        Self { fixture, ada }
    }

    fn user(&self) -> UserId {
        self.ada.person().expect("a person")
    }

    async fn bob(&self) -> Actor {
        acting(self.register("bob@example.org").await.id)
    }

    fn workflows(&self) -> &Workflows {
        &self.services.automation.workflows
    }

    async fn create(&self, name: &str) -> workflows::Model {
        let input = NewWorkflow { name: name.to_owned(), ..NewWorkflow::default() };
        self.workflows().create(&self.ada, input).await.expect("created")
    }

    /// A workflow with this draft.
    async fn with_draft(&self, draft: Value) -> workflows::Model {
        let workflow = self.create("Weekly report").await;
        self.replace(workflow.id, draft).await;
        workflow
    }

    async fn replace(&self, id: WorkflowId, draft: Value) -> Draft {
        let replaced = self.workflows().replace_graph(&self.ada, id, Some(Expected::Any), graph(draft)).await;
        replaced.expect("replaced")
    }

    async fn get(&self, id: WorkflowId) -> workflows::Model {
        self.workflows().get(&self.ada, id).await.expect("there")
    }

    async fn draft(&self, id: WorkflowId) -> Graph {
        self.workflows().read_draft(&self.ada, id).await.expect("there").1
    }

    async fn publish(&self, id: WorkflowId) -> Result<i32, WorkflowError> {
        let version = self.workflows().publish(&self.ada, id, None, None).await?;
        Ok(version.number.expect("a number"))
    }

    /// The keys of the triggers that fire.
    async fn triggers(&self, id: WorkflowId) -> Vec<String> {
        workflow_triggers::Entity::find()
            .select_only()
            .column(workflow_triggers::Column::Node)
            .filter(workflow_triggers::Column::WorkflowId.eq(id))
            .order_by_asc(workflow_triggers::Column::Node)
            .into_tuple()
            .all(self.queue().db())
            .await
            .expect("listed")
    }

    async fn listed(&self, filter: WorkflowFilter) -> Vec<String> {
        let page = Page { number: 1, size: 50 };
        let (found, count) = self.workflows().list(&self.ada, filter, page).await.expect("listed");
        assert_eq!(found.len() as u64, count);
        found.into_iter().map(|workflow| workflow.name).collect()
    }
}

fn graph(value: Value) -> Graph {
    Graph::from_json(&value.to_string()).expect("a graph")
}

fn node(key: &str, kind: &str, config: Value) -> Value {
    json!({"key": key, "type": kind, "config": config})
}

fn start() -> Value {
    node("start", "manual", json!({}))
}

fn step(key: &str) -> Value {
    node(key, "transform", json!({"fields": {}}))
}

/// A draft without faults: a trigger, and steps in a row.
fn row(keys: &[&str]) -> Value {
    let nodes: Vec<_> = std::iter::once(start()).chain(keys.iter().map(|key| step(key))).collect();
    let all: Vec<_> = std::iter::once("start").chain(keys.iter().copied()).collect();
    let edges: Vec<_> = all.windows(2).map(|ends| json!({"from": ends[0], "to": ends[1]})).collect();
    json!({"nodes": nodes, "edges": edges})
}

/// A draft with a loop in a loop.
fn nested() -> Value {
    let inner = json!({
        "key": "inner", "type": "loop", "config": {"items": "{{ item }}"},
        "body": {"nodes": [step("deep"), step("deeper")], "edges": [{"from": "deep", "to": "deeper"}]}
    });
    let outer = json!({
        "key": "outer", "type": "loop", "name": "Each row", "position": {"x": 10.5, "y": -3.0},
        "config": {"items": "{{ input.rows }}", "concurrency": 3},
        "policy": {"retry": {"max_attempts": 5}, "join": {"mode": "any", "cancel_rest": true}},
        "body": {"nodes": [step("first"), inner], "edges": [{"from": "first", "to": "inner"}]}
    });
    json!({
        "nodes": [start(), outer, step("after")],
        "edges": [{"from": "start", "to": "outer"}, {"from": "outer", "from_port": "done", "to": "after"}]
    })
}

fn codes(faults: &[Fault]) -> Vec<&'static str> {
    faults.iter().map(|fault| fault.code.as_str()).collect()
}

/// The codes of a refused command.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, WorkflowError>) -> Vec<&'static str> {
    match result {
        Err(WorkflowError::Faulty(faults)) => codes(&faults),
        other => panic!("{other:?}"),
    }
}
