//! Leaves by the port of the first rule that holds, or by `default`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, ERROR, NodeType, Shape,
    node_type::{Inputs, read_config},
    validate::is_key,
};

/// What a `switch` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// The rules, in the order in which they are tried.
    pub rules: Vec<Rule>,
}

/// A rule of a switch.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The output port.
    pub key: String,
    /// What is compared.
    pub when: Map<String, Value>,
}

/// Most rules of a switch.
const MAX_RULES: usize = 50;

/// The ports that no rule may take.
const RESERVED: [&str; 2] = [DEFAULT, ERROR];

/// The output port that is taken where no rule holds.
const DEFAULT: &str = "default";

fn check(config: &Switch) -> Result<(), ConfigFault> {
    if config.rules.len() > MAX_RULES {
        return Err(ConfigFault::at("/rules", format!("at most {MAX_RULES} rules are allowed")));
    }
    for (index, rule) in config.rules.iter().enumerate() {
        let is_taken = config.rules[..index].iter().any(|other| other.key == rule.key);
        if !is_key(&rule.key) || is_taken || RESERVED.contains(&rule.key.as_str()) {
            let message = format!("{:?} is no key of its own", rule.key);
            return Err(ConfigFault::at(format!("/rules/{index}/key"), message));
        }
    }
    Ok(())
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "switch", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    let config: Switch = read_config(config)?;
    check(&config)?;
    Ok(Shape::choice(config.rules.iter().map(|rule| rule.key.as_str()).chain([DEFAULT])))
}
