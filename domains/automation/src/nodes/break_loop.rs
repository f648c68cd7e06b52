//! Ends the loop around it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    Behaviour, ConfigFault, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `break` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakLoop {}

/// The type.
pub const TYPE: NodeType = NodeType { name: "break", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<BreakLoop>(config).map(|_| Shape::silent(Behaviour::Break))
}
