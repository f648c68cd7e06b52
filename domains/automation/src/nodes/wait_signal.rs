//! Waits for a signal to the run.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Param;
use crate::graph::{
    ConfigFault, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `wait_signal` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitSignal {
    /// What the signal is called. It may hold expressions.
    pub signal: String,
    /// How long it waits. For ever where it is absent.
    #[serde(default)]
    pub timeout_seconds: Option<Param<u64>>,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "wait_signal", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<WaitSignal>(config).map(|_| Shape::choice(["received", "timeout"]))
}
