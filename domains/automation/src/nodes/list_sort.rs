//! Sorts a list.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `list_sort` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSort {
    /// The list.
    pub items: Value,
    /// The fields, the first one first.
    pub by: Vec<SortKey>,
}

/// A field that a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SortKey {
    /// The field.
    pub field: String,
    /// Whether the largest comes first.
    #[serde(default)]
    pub descending: bool,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "list_sort", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<ListSort>(config).map(|_| Shape::work([MAIN]))
}
