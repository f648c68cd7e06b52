//! A workflow as a value: nodes, the edges between their ports, and the bodies of loops.
//!
//! A graph has no cycle. What repeats is a loop node with a body, which is a graph of its own. The key of a
//! node is unique in the whole graph, bodies included, so that an expression can name it from anywhere.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub mod drawing;
pub mod fault;
pub mod layout;
pub mod node_type;
pub mod policy;
pub mod validate;

pub use fault::{Fault, FaultCode, Severity};
pub use node_type::{Behaviour, Catalog, ConfigFault, NodeType, OutPort, PortKind, Shape};
pub use policy::{Backoff, Join, OnError, Policy, Retry};
pub use validate::validate;

/// The output port that most nodes have.
pub const MAIN: &str = "main";
/// The output port of a failed node under [`OnError::ErrorBranch`]. Every node that runs has it.
pub const ERROR: &str = "error";
/// The only input port of a node.
pub const INPUT: &str = "in";

/// The type of a trigger that calls from outside pull.
pub const WEBHOOK: &str = "webhook";
/// The type of a node that answers the caller of a webhook.
pub const WEBHOOK_RESPONSE: &str = "webhook_response";

/// Most nodes of a graph, bodies included.
pub const MAX_NODES: usize = 500;
/// Most edges of a graph, bodies included.
pub const MAX_EDGES: usize = 2_000;
/// How deep bodies may lie in each other.
pub const MAX_DEPTH: usize = 5;
/// Most bytes of a graph as JSON.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Most characters of a node's key.
pub const MAX_KEY_CHARS: usize = 64;
/// Most characters of a node's name.
pub const MAX_NAME_CHARS: usize = 200;

/// Nodes and edges of a workflow, or of the body of a loop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// The nodes, in the order in which they were made.
    #[serde(default)]
    pub nodes: Vec<Node>,
    /// The edges. Both ends lie in this graph.
    #[serde(default)]
    pub edges: Vec<Edge>,
}

/// A graph, or the body of a loop in it.
#[derive(Clone, Copy, Debug)]
pub struct GraphScope<'a> {
    /// The nodes and edges.
    pub graph: &'a Graph,
    /// The key of the loop whose body it is.
    pub owner: Option<&'a str>,
    /// How many loops are around it.
    pub depth: usize,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Names the node in edges and expressions: a letter, then letters, digits and `_`, in lower case.
    pub key: String,
    /// The type, such as `condition`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of the type that the node was made with. Later versions do not change how it behaves.
    #[serde(default = "first_version")]
    pub type_version: u32,
    /// What people read. The key where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where a person put it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// A disabled node passes its input through its first output. A disabled trigger fires nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// The config, which the type reads.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
    /// How failures, times and joins are treated.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
    /// The body of a loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<Graph>>,
}

/// A place on the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// A way from an output port to a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The key of the node that it leaves.
    pub from: String,
    /// The output port that it leaves by.
    #[serde(default = "main_port")]
    pub from_port: String,
    /// The key of the node that it leads to.
    pub to: String,
    /// The input port that it leads to.
    #[serde(default = "input_port")]
    pub to_port: String,
}

impl Edge {
    /// The edge as people write it, and as faults name it: `check.true>send.in`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}.{}>{}.{}", self.from, self.from_port, self.to, self.to_port)
    }
}

impl Graph {
    /// Reads a graph. Unknown fields are refused, and so is a text that is larger than a graph may be.
    ///
    /// # Errors
    /// One fault that names the place in the text.
    pub fn from_json(text: &str) -> Result<Self, Box<Fault>> {
        if text.len() > MAX_BYTES {
            let message = format!("The graph has {} bytes; at most {MAX_BYTES} are allowed.", text.len());
            return Err(Box::new(Fault::error(FaultCode::GraphTooLarge, message)));
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        let graph: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let pointer = pointer_of(error.path());
            Box::new(Fault::error(FaultCode::Malformed, error.inner().to_string()).at_pointer(pointer))
        })?;
        reader.end().map_err(|error| Box::new(Fault::error(FaultCode::Malformed, error.to_string())))?;
        Ok(graph)
    }

    /// The graph as JSON, in the form that [`Graph::from_json`] reads.
    ///
    /// # Errors
    /// If a number of the graph has no form in JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// The graph and the bodies in it, from the outside in.
    #[must_use]
    pub fn scopes(&self) -> Vec<GraphScope<'_>> {
        let mut found = vec![GraphScope { graph: self, owner: None, depth: 0 }];
        let mut next = 0;
        while let Some(&GraphScope { graph, depth, .. }) = found.get(next) {
            found.extend(graph.nodes.iter().filter_map(|node| {
                let graph = node.body.as_deref()?;
                Some(GraphScope { graph, owner: Some(&node.key), depth: depth + 1 })
            }));
            next += 1;
        }
        found
    }

    /// The nodes of the graph and of the bodies in it, from the outside in.
    pub fn all_nodes(&self) -> impl Iterator<Item = &Node> {
        self.scopes().into_iter().flat_map(|scope| &scope.graph.nodes)
    }

    /// The enabled trigger of a type and a key.
    #[must_use]
    pub fn find_trigger_of(&self, kind: &str, key: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.key == key && node.kind == kind && !node.disabled)
    }

    /// The node of a key, wherever it lies.
    #[must_use]
    pub fn find_node(&self, key: &str) -> Option<&Node> {
        self.all_nodes().find(|node| node.key == key)
    }
}

/// The JSON pointer of a path of serde.
pub(crate) fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::from("/?"),
        })
        .collect()
}

const fn first_version() -> u32 {
    1
}

fn main_port() -> String {
    MAIN.to_owned()
}

fn input_port() -> String {
    INPUT.to_owned()
}

const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests;
