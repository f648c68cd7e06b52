//! Leaves out items that were there before.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `list_dedupe` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListDedupe {
    /// The list.
    pub items: Value,
    /// The fields that make two items the same. The whole item where there are none.
    #[serde(default)]
    pub by: Vec<String>,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "list_dedupe", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<ListDedupe>(config).map(|_| Shape::work([MAIN]))
}
