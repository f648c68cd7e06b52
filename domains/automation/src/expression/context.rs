//! What an expression can see.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A name that paths can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// The input of the node.
    Input,
    /// The inputs of a node with several, by source: `inputs.KEY.taken`.
    Inputs,
    /// Nodes that have run: `nodes.KEY.output`.
    Nodes,
    /// The item of the loop.
    Item,
    /// The index of the item.
    Index,
    /// The loop: `loop.first`, `loop.last`, `loop.length`.
    Loop,
    /// The run: `run.id`, `run.started_at`, `run.trigger`, `run.attempt`.
    Run,
    /// The workflow: `workflow.id`, `workflow.name`, `workflow.version`.
    Workflow,
    /// The variables of the workflow.
    Vars,
}

impl Root {
    /// All roots.
    pub const ALL: [Self; 9] = [
        Self::Input,
        Self::Inputs,
        Self::Nodes,
        Self::Item,
        Self::Index,
        Self::Loop,
        Self::Run,
        Self::Workflow,
        Self::Vars,
    ];

    /// The name in expressions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Inputs => "inputs",
            Self::Nodes => "nodes",
            Self::Item => "item",
            Self::Index => "index",
            Self::Loop => "loop",
            Self::Run => "run",
            Self::Workflow => "workflow",
            Self::Vars => "vars",
        }
    }
}

/// The values that an expression can see, and its clock.
#[derive(Debug, Clone)]
pub struct Context {
    roots: Map<String, Value>,
    now: DateTime<Utc>,
    seed: Uuid,
}

impl Context {
    /// A context without values. `now` is the recorded start of the node and `seed` its id,
    /// so that `now()` and `uuid()` answer a retry as before.
    #[must_use]
    pub fn new(now: DateTime<Utc>, seed: Uuid) -> Self {
        Self { roots: Map::new(), now, seed }
    }

    /// The context with this value.
    #[must_use]
    pub fn with(mut self, root: Root, value: Value) -> Self {
        self.roots.insert(root.name().to_owned(), value);
        self
    }

    /// The context with the output of a node.
    #[must_use]
    pub fn with_output(mut self, node: &str, output: Value) -> Self {
        let nodes = self.roots.entry(Root::Nodes.name()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(nodes) = nodes {
            let fields = Map::from_iter([("output".to_owned(), output)]);
            nodes.insert(node.to_owned(), Value::Object(fields));
        }
        self
    }

    pub(super) fn root(&self, name: &str) -> Option<&Value> {
        self.roots.get(name)
    }

    pub(super) const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub(super) const fn seed(&self) -> Uuid {
        self.seed
    }
}
