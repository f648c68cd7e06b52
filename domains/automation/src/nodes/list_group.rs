//! Groups a list by a field.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `list_group` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListGroup {
    /// The list.
    pub items: Value,
    /// The field.
    pub by: String,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "list_group", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<ListGroup>(config).map(|_| Shape::work([MAIN]))
}
