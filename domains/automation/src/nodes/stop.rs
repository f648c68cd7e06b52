//! Fails with an error.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `stop` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The stable name of the error.
    #[serde(default = "stopped")]
    pub code: String,
    /// What happened.
    pub message: String,
}

fn stopped() -> String {
    String::from("STOPPED")
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "stop", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<Stop>(config).map(|_| Shape::work([]))
}
