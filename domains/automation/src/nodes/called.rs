//! A trigger that a sub-workflow node of another workflow pulls.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `called` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Called {}

/// The type.
pub const TYPE: NodeType = NodeType { name: "called", version: 1, inputs: Inputs::None, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<Called>(config).map(|_| Shape::trigger())
}
