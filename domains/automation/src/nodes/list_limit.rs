//! Gives a part of a list.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Param;
use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `list_limit` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListLimit {
    /// The list.
    pub items: Value,
    /// How many items stay.
    pub count: Param<u32>,
    /// Whether the last ones stay.
    #[serde(default)]
    pub from_end: bool,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "list_limit", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<ListLimit>(config).map(|_| Shape::work([MAIN]))
}
