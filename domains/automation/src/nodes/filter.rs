//! Gives the items of a list that a condition holds for.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `filter` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The list.
    pub items: Value,
    /// What is compared, for each `item`.
    pub when: Map<String, Value>,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "filter", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<Filter>(config).map(|_| Shape::work([MAIN]))
}
