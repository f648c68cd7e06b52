//! Runs in memory, step by step. What is true of the field's bugs names the report in a comment.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    Command, Event, Moment, NodeAt, NodeError, NodeState, Outcome, Plan, Refusal, RunStatus, ScopePath,
    State, WaitKind, WaitRequest, may_spoil, step,
};
use crate::{
    graph::{Edge, Graph, Node},
    nodes::catalog,
};

mod admission;
mod cancel;
mod errors;
mod jobs;
mod joins;
mod loops;
mod property;
mod retries;
mod waits;

/// Makes a graph.
#[derive(Clone, Default)]
pub(crate) struct Flow(pub(crate) Graph);

impl Flow {
    /// A graph with the manual trigger `start`.
    pub(crate) fn new() -> Self {
        Self::default().add("start", "manual", json!({}))
    }

    /// The body of a loop.
    pub(crate) fn body() -> Self {
        Self::default()
    }

    pub(crate) fn add(mut self, key: &str, kind: &str, config: Value) -> Self {
        let node = json!({"key": key, "type": kind, "config": config});
        self.0.nodes.push(serde_json::from_value(node).unwrap());
        self
    }

    /// Nodes that do work.
    pub(crate) fn work(self, keys: &str) -> Self {
        keys.split(' ').fold(self, |flow, key| flow.add(key, "transform", json!({"fields": {}})))
    }

    pub(crate) fn condition(self, key: &str) -> Self {
        self.add(key, "condition", json!({"when": {"left": 1, "operator": "equals", "right": 1}}))
    }

    pub(crate) fn merge(self, key: &str) -> Self {
        self.add(key, "merge", json!({}))
    }

    pub(crate) fn each(self, key: &str, config: Value, body: Self) -> Self {
        let mut all = json!({"items": []});
        all.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        let mut flow = self.add(key, "loop", all);
        flow.node(key).body = Some(Box::new(body.0));
        flow
    }

    pub(crate) fn node(&mut self, key: &str) -> &mut Node {
        self.0.nodes.iter_mut().find(|node| node.key == key).unwrap()
    }

    pub(crate) fn policy(mut self, key: &str, policy: Value) -> Self {
        self.node(key).policy = serde_json::from_value(policy).unwrap();
        self
    }

    pub(crate) fn disabled(mut self, key: &str) -> Self {
        self.node(key).disabled = true;
        self
    }

    /// Edges such as `a>b` and `check.true>b`.
    pub(crate) fn edges(mut self, edges: &str) -> Self {
        self.0.edges.extend(edges.split(' ').map(|text| {
            let (from, to) = text.split_once('>').unwrap();
            let (from, port) = from.split_once('.').unwrap_or((from, "main"));
            Edge { from: from.into(), from_port: port.into(), to: to.into(), to_port: "in".into() }
        }));
        self
    }

    fn plan(&self) -> Plan {
        Plan::new(&self.0, &catalog()).unwrap()
    }

    fn start(&self) -> Sim {
        let mut sim = Sim::of(self.plan());
        let trigger = sim.plan.find_node("start").unwrap();
        sim.send(Event::Start { trigger }).unwrap();
        sim
    }
}

/// A run in memory. Nodes are named with their scope, such as `loop[3].send`.
#[derive(Clone)]
struct Sim {
    plan: Plan,
    state: State,
    now: DateTime<Utc>,
    jitter: f64,
    /// What the last event led to.
    commands: Vec<Command>,
}

impl Sim {
    fn of(plan: Plan) -> Self {
        let now = DateTime::UNIX_EPOCH;
        Self { plan, state: State::new(now), now, jitter: 0.0, commands: Vec::new() }
    }

    fn send(&mut self, event: Event) -> Result<(), Refusal> {
        let moment = Moment { now: self.now, jitter: self.jitter };
        let before = self.state.clone();
        let may_spoil = may_spoil(&self.plan, &event);
        let step = step(&self.plan, &mut self.state, event, moment).inspect_err(|refusal| {
            assert!(may_spoil || self.state == before, "{refusal} left something behind");
            self.state = before;
        })?;
        self.commands = step.commands;
        Ok(())
    }

    fn wait_seconds(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    fn place(&self, name: &str) -> (ScopePath, super::NodeId) {
        let (scope, key) = name.rsplit_once('.').unwrap_or(("", name));
        (scope.parse().unwrap(), self.plan.find_node(key).unwrap())
    }

    /// The current attempt of a node.
    fn at(&self, name: &str) -> NodeAt {
        let (scope, node) = self.place(name);
        let row = self.state.node(&scope, node).unwrap_or_else(|| panic!("{name} has no row"));
        NodeAt { scope, node, generation: row.generation, round: row.round, attempt: row.attempt }
    }

    fn end(&mut self, name: &str, outcome: Outcome) {
        let at = self.at(name);
        self.send(Event::Ended(at, outcome)).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    }

    fn done(&mut self, names: &str) {
        for name in names.split(' ') {
            self.end(name, Outcome::Done { port: None });
        }
    }

    fn choose(&mut self, name: &str, port: &str) {
        self.end(name, Outcome::Done { port: Some(port.into()) });
    }

    fn fail(&mut self, name: &str) {
        self.end(name, Outcome::Failed(NodeError::new("BROKEN", "It broke.")));
    }

    fn items(&mut self, name: &str, count: u32) {
        self.end(name, Outcome::Items { count });
    }

    fn wait(&mut self, name: &str, kind: WaitKind, key: Option<&str>, seconds: Option<i64>) {
        let due = seconds.map(|seconds| self.now + TimeDelta::seconds(seconds));
        self.end(name, Outcome::Wait(WaitRequest { kind, key: key.map(str::to_owned), due }));
    }

    fn node(&self, name: &str) -> Option<NodeState> {
        let (scope, node) = self.place(name);
        self.state.node(&scope, node).map(|row| row.state)
    }

    fn row(&self, name: &str) -> &super::NodeRun {
        let (scope, node) = self.place(name);
        self.state.node(&scope, node).unwrap()
    }

    /// Whether an edge such as `check.true>b` of the root was taken. Nothing if it is undecided.
    fn edge(&self, name: &str) -> Option<bool> {
        self.edge_row(name).map(|row| row.taken)
    }

    fn edge_row(&self, name: &str) -> Option<&super::EdgeRun> {
        let (from, to) = name.split_once('>').unwrap();
        let (from, port) = from.split_once('.').unwrap_or((from, "main"));
        let from = self.plan.find_node(from).unwrap();
        let to = self.plan.find_node(to).unwrap();
        let id = self.plan.outbound(from).iter().find(|id| self.plan.ends(**id) == (from, port, to));
        self.state.edge(&ScopePath::root(), *id.unwrap())
    }

    fn status(&self) -> RunStatus {
        self.state.run.status
    }

    /// The nodes that the last event wanted started, in order.
    fn started(&self) -> Vec<String> {
        let mut found: Vec<_> = self
            .commands
            .iter()
            .filter_map(|command| match command {
                Command::StartNode { at, .. } => Some(self.name(at)),
                _ => None,
            })
            .collect();
        found.sort();
        found
    }

    fn name(&self, at: &NodeAt) -> String {
        let key = self.plan.key(at.node);
        if at.scope.is_root() { key.to_owned() } else { format!("{}.{key}", at.scope) }
    }

    fn states(&self, names: &str) -> Vec<Option<NodeState>> {
        names.split(' ').map(|name| self.node(name)).collect()
    }
}

fn all(state: NodeState, count: usize) -> Vec<Option<NodeState>> {
    vec![Some(state); count]
}
