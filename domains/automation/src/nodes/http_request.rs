//! Sends a request and gives the answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `http_request` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// The address. It may hold expressions.
    pub url: String,
    /// What is added to the address.
    #[serde(default)]
    pub query: BTreeMap<String, Value>,
    /// The headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// The body, sent as JSON.
    #[serde(default)]
    pub body: Option<Value>,
    /// The name of the credential that signs it.
    #[serde(default)]
    pub credential: Option<String>,
}

/// The method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Reads the headers alone.
    Head,
    /// Makes or does.
    Post,
    /// Replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "http_request", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<HttpRequest>(config).map(|_| Shape::work([MAIN]))
}
