//! Gives the list that lies in a field of the input.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `list_split` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSplit {
    /// The list.
    pub items: Value,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "list_split", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<ListSplit>(config).map(|_| Shape::work([MAIN]))
}
