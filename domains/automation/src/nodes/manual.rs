//! A trigger that a person or the API pulls.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `manual` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manual {}

/// The type.
pub const TYPE: NodeType = NodeType { name: "manual", version: 1, inputs: Inputs::None, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<Manual>(config).map(|_| Shape::trigger())
}
