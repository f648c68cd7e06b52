//! Leaves by `true` or by `false`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `condition` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What is compared.
    pub when: Map<String, Value>,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "condition", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<Condition>(config).map(|_| Shape::choice(["true", "false"]))
}
