//! Waits for somebody's decision, by a mailed link or the API.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Param;
use crate::graph::{
    ConfigFault, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `approval` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Who is asked by mail.
    #[serde(default)]
    pub to: Vec<String>,
    /// What they are asked.
    pub message: String,
    /// How long it waits. For ever where it is absent.
    #[serde(default)]
    pub timeout_seconds: Option<Param<u64>>,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "approval", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<Approval>(config).map(|_| Shape::choice(["approved", "rejected", "timeout"]))
}
