//! Gives one value for a list.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `list_aggregate` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListAggregate {
    /// The list.
    pub items: Value,
    /// The field of each item that counts.
    #[serde(default)]
    pub field: Option<String>,
    /// What is done with the values.
    pub operation: Aggregation,
}

/// What is done with the values of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// How many there are.
    Count,
    /// Their sum.
    Sum,
    /// Their mean.
    Average,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// All of them, as a list.
    Collect,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "list_aggregate", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<ListAggregate>(config).map(|_| Shape::work([MAIN]))
}
