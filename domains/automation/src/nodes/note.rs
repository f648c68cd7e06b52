//! A text on the canvas.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `note` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The text.
    #[serde(default)]
    pub text: String,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "note", version: 1, inputs: Inputs::None, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<Note>(config).map(|_| Shape::note())
}
