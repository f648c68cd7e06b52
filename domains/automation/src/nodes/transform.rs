//! Gives an object with these fields.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `transform` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    /// The fields. They may hold expressions.
    pub fields: BTreeMap<String, Value>,
    /// Whether the fields of the input stay.
    #[serde(default)]
    pub keep_input: bool,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "transform", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<Transform>(config).map(|_| Shape::work([MAIN]))
}
