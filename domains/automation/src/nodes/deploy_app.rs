//! Deploys the current version of a project.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `deploy_app` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployApp {
    /// The project.
    pub project: String,
    /// Where to.
    #[serde(default)]
    pub target: Option<String>,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "deploy_app", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<DeployApp>(config).map(|_| Shape::work([MAIN]))
}
