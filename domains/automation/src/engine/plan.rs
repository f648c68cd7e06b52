//! A graph in the form in which a run walks it.

use std::collections::BTreeMap;

use super::{Place, ScopePath};
use crate::graph::{Behaviour, Catalog, Graph, Node, OnError, Policy, PortKind, Shape};

/// A node of a plan: its place among the nodes of the version, notes left out, from the outside in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// An edge of a plan: its place among the edges of the version, from the outside in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeId(pub u32);

/// A graph in the form in which a run walks it. It belongs to one version, which never changes.
#[derive(Clone, Debug)]
pub struct Plan {
    nodes: Vec<PlanNode>,
    edges: Vec<PlanEdge>,
    /// The nodes of the graph, and then those of each body.
    bodies: Vec<Vec<NodeId>>,
    keys: BTreeMap<String, NodeId>,
}

/// A node with what it is connected to.
#[derive(Clone, Debug)]
pub(super) struct PlanNode {
    pub(super) key: String,
    pub(super) shape: Shape,
    pub(super) policy: Policy,
    pub(super) disabled: bool,
    /// The place of its own body.
    pub(super) body: Option<usize>,
    /// The loops around it.
    depth: usize,
    pub(super) inbound: Vec<EdgeId>,
    pub(super) outbound: Vec<EdgeId>,
    /// Where its join cancels the rest: the nodes from which every way leads to it.
    pub(super) feeders: Vec<NodeId>,
}

/// An edge between nodes of one scope.
#[derive(Clone, Debug)]
pub(super) struct PlanEdge {
    pub(super) from: NodeId,
    pub(super) port: String,
    pub(super) to: NodeId,
}

/// A graph that no run can walk. Validation reports all of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The type or the config of a node is wrong.
    #[error("the type or the config of node {0} is wrong")]
    BadNode(String),
    /// Two nodes have the same key.
    #[error("two nodes have the key {0}")]
    DuplicateKey(String),
    /// An edge does not connect two nodes of its scope.
    #[error("the edge {0} does not connect two nodes of its scope")]
    BadEdge(String),
}

impl Plan {
    /// The plan of a graph that was validated.
    ///
    /// # Errors
    /// If an edge or a node does not resolve.
    pub fn new(graph: &Graph, catalog: &Catalog) -> Result<Self, PlanError> {
        let mut plan =
            Self { nodes: Vec::new(), edges: Vec::new(), bodies: Vec::new(), keys: BTreeMap::new() };
        plan.add_body(graph, 0, catalog)?;
        plan.find_feeders();
        Ok(plan)
    }

    fn add_body(&mut self, graph: &Graph, depth: usize, catalog: &Catalog) -> Result<usize, PlanError> {
        let place = self.bodies.len();
        self.bodies.push(Vec::new());
        let mut inner = Vec::new();
        for node in &graph.nodes {
            let shape = catalog
                .find(&node.kind, node.type_version)
                .and_then(|kind| (kind.read)(&node.config).ok())
                .ok_or_else(|| PlanError::BadNode(node.key.clone()))?;
            if shape.behaviour == Behaviour::Note {
                continue;
            }
            let id = self.add_node(node, shape, depth)?;
            self.bodies[place].push(id);
            if let Some(body) = node.body.as_deref() {
                inner.push((id, body));
            }
        }
        for edge in &graph.edges {
            let find = |key: &str| self.keys.get(key).copied().filter(|id| self.bodies[place].contains(id));
            let (Some(from), Some(to)) = (find(&edge.from), find(&edge.to)) else {
                return Err(PlanError::BadEdge(edge.id()));
            };
            if self.node(from).shape.output(&edge.from_port).is_none() {
                return Err(PlanError::BadEdge(edge.id()));
            }
            let id = EdgeId(index_of(self.edges.len()));
            self.edges.push(PlanEdge { from, port: edge.from_port.clone(), to });
            self.nodes[from.0 as usize].outbound.push(id);
            self.nodes[to.0 as usize].inbound.push(id);
        }
        for (id, body) in inner {
            self.nodes[id.0 as usize].body = Some(self.add_body(body, depth + 1, catalog)?);
        }
        Ok(place)
    }

    fn add_node(&mut self, node: &Node, shape: Shape, depth: usize) -> Result<NodeId, PlanError> {
        let id = NodeId(index_of(self.nodes.len()));
        if self.keys.insert(node.key.clone(), id).is_some() {
            return Err(PlanError::DuplicateKey(node.key.clone()));
        }
        self.nodes.push(PlanNode {
            key: node.key.clone(),
            shape,
            policy: node.policy.clone(),
            disabled: node.disabled,
            body: None,
            depth,
            inbound: Vec::new(),
            outbound: Vec::new(),
            feeders: Vec::new(),
        });
        Ok(id)
    }

    fn find_feeders(&mut self) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].policy.join.cancels_rest() {
                let join = NodeId(index_of(index));
                self.nodes[index].feeders = self.feeders_of(join);
            }
        }
    }

    /// The nodes from which every way leads to the join.
    fn feeders_of(&self, join: NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut open: Vec<_> = self.sources(join).collect();
        while let Some(node) = open.pop() {
            let leads_here = |edge: &EdgeId| {
                let to = self.edge(*edge).to;
                to == join || found.contains(&to)
            };
            let is_feeder = self.node(node).outbound.iter().all(leads_here);
            if is_feeder && !found.contains(&node) && self.node(node).shape.behaviour != Behaviour::Trigger {
                found.push(node);
                open.extend(self.sources(node));
            }
        }
        found
    }

    fn sources(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.node(node).inbound.iter().map(|edge| self.edge(*edge).from)
    }

    /// The node of a key.
    #[must_use]
    pub fn find_node(&self, key: &str) -> Option<NodeId> {
        self.keys.get(key).copied()
    }

    /// The key of a node.
    #[must_use]
    pub fn key(&self, node: NodeId) -> &str {
        &self.node(node).key
    }

    /// The ends of an edge: the node and port that it leaves, and the node that it leads to.
    #[must_use]
    pub fn ends(&self, edge: EdgeId) -> (NodeId, &str, NodeId) {
        let edge = self.edge(edge);
        (edge.from, &edge.port, edge.to)
    }

    /// The edges that lead to a node.
    #[must_use]
    pub fn inbound(&self, node: NodeId) -> &[EdgeId] {
        &self.node(node).inbound
    }

    /// The edges that leave a node.
    #[must_use]
    pub fn outbound(&self, node: NodeId) -> &[EdgeId] {
        &self.node(node).outbound
    }

    /// The policy of a node.
    #[must_use]
    pub fn policy(&self, node: NodeId) -> &Policy {
        &self.node(node).policy
    }

    /// Whether a node passes its input on because somebody disabled it.
    #[must_use]
    pub fn is_disabled(&self, node: NodeId) -> bool {
        self.node(node).disabled
    }

    /// What the engine does with a node.
    #[must_use]
    pub fn behaviour(&self, node: NodeId) -> Behaviour {
        self.node(node).shape.behaviour
    }

    /// The nodes that a scope has.
    #[must_use]
    pub fn nodes_of(&self, scope: &ScopePath) -> &[NodeId] {
        let body = match scope.steps().last() {
            None => Some(0),
            Some(step) => self.find_node(&step.node).and_then(|node| self.node(node).body),
        };
        body.map_or(&[], |body| &self.bodies[body])
    }

    /// Whether a node lies in a scope.
    #[must_use]
    pub fn holds(&self, scope: &ScopePath, node: NodeId) -> bool {
        self.nodes.get(node.0 as usize).is_some_and(|found| found.depth == scope.steps().len())
            && self.nodes_of(scope).contains(&node)
    }

    /// Whether a node gives its input on without an attempt.
    #[must_use]
    pub fn passes(&self, node: NodeId) -> bool {
        self.is_disabled(node) || self.behaviour(node) == Behaviour::Pass
    }

    /// Whether a node runs its body, so that its output is made of its items.
    #[must_use]
    pub fn iterates(&self, node: NodeId) -> bool {
        self.behaviour(node).has_body() && !self.passes(node)
    }

    /// Whether an edge may carry the error of the node that it leaves.
    #[must_use]
    pub fn may_carry_error(&self, node: NodeId) -> bool {
        self.policy(node).on_error != OnError::Stop
    }

    /// The nodes whose outputs are the result of a scope: those that no edge leaves.
    #[must_use]
    pub fn last_nodes(&self, scope: &ScopePath) -> Vec<NodeId> {
        let is_last =
            |node: &NodeId| self.outbound(*node).is_empty() && self.behaviour(*node) != Behaviour::Break;
        self.nodes_of(scope).iter().copied().filter(is_last).collect()
    }

    /// Whether a node has a body.
    #[must_use]
    pub const fn has_loops(&self) -> bool {
        self.bodies.len() > 1
    }

    /// The scope in which an expression of `scope` finds a node: its own, or one around it.
    #[must_use]
    pub fn scope_of(&self, scope: &ScopePath, node: NodeId) -> Option<ScopePath> {
        let mut current = scope.clone();
        while !self.holds(&current, node) {
            current = current.split()?.0;
        }
        Some(current)
    }

    /// The loop that a scope is an item of, in the scope around it, and the number of the item. None for the
    /// run.
    #[must_use]
    pub fn loop_of(&self, scope: &ScopePath) -> Option<(Place, u32)> {
        let (outer, step) = scope.split()?;
        Some(((outer, self.find_node(&step.node)?), step.item))
    }

    /// The first output that is not for errors.
    pub(super) fn first_output(&self, node: NodeId) -> Option<&str> {
        let mut outputs = self.node(node).shape.outputs.iter();
        outputs.find(|port| port.kind == PortKind::Main).map(|port| port.key.as_str())
    }

    pub(super) fn node(&self, node: NodeId) -> &PlanNode {
        &self.nodes[node.0 as usize]
    }

    pub(super) fn edge(&self, edge: EdgeId) -> &PlanEdge {
        &self.edges[edge.0 as usize]
    }
}

/// Graphs are bounded far below the largest number.
fn index_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
