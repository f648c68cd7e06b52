//! Has statistics computed.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `enqueue_statistics` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnqueueStatistics {}

/// The type.
pub const TYPE: NodeType = NodeType { name: "enqueue_statistics", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<EnqueueStatistics>(config).map(|_| Shape::work([MAIN]))
}
