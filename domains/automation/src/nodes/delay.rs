//! Waits for some time.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Param;
use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `delay` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// How long.
    pub seconds: Param<u64>,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "delay", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<Delay>(config).map(|_| Shape::work([MAIN]))
}
