//! Generates an app.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `generate_app` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateApp {
    /// The project. A new one where it is absent.
    #[serde(default)]
    pub project: Option<String>,
    /// What the app is to do.
    pub prompt: String,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "generate_app", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<GenerateApp>(config).map(|_| Shape::work([MAIN]))
}
