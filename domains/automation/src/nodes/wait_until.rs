//! Waits until a moment.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `wait_until` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitUntil {
    /// The moment, as RFC 3339 or an expression.
    pub at: String,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "wait_until", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<WaitUntil>(config).map(|_| Shape::work([MAIN]))
}
