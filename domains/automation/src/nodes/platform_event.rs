//! A trigger that an event of the platform pulls.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `platform_event` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformEvent {
    /// The event, such as `deployment.succeeded`.
    pub event: String,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "platform_event", version: 1, inputs: Inputs::None, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<PlatformEvent>(config).map(|_| Shape::trigger())
}
