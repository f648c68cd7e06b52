//! Leaves by the port of the first rule that holds, or by `default`.

use serde::Deserialize;
use serde_json::json;

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, conditions, list_of, object, text},
    param::When,
};
use crate::graph::{ConfigFault, ERROR, Shape, node_type::Config, validate::is_key};

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
    pub when: When,
}

/// Most rules of a switch.
const MAX_RULES: usize = 50;

/// The ports that no rule may take.
const RESERVED: [&str; 2] = [DEFAULT, ERROR];

/// The output port that is taken where no rule holds.
const DEFAULT: &str = "default";

impl Config for Switch {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if self.rules.len() > MAX_RULES {
            return Err(ConfigFault::at("/rules", format!("at most {MAX_RULES} rules are allowed")));
        }
        for (index, rule) in self.rules.iter().enumerate() {
            let is_taken = self.rules[..index].iter().any(|other| other.key == rule.key);
            if !is_key(&rule.key) || is_taken || RESERVED.contains(&rule.key.as_str()) {
                let message = format!("{:?} is no key of its own", rule.key);
                return Err(ConfigFault::at(format!("/rules/{index}/key"), message));
            }
            rule.when.check(&format!("/rules/{index}/when"))?;
        }
        Ok(Shape::choice(self.rules.iter().map(|rule| rule.key.as_str()).chain([DEFAULT])))
    }
}

impl Compute for Switch {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        for (index, rule) in self.rules.into_iter().enumerate() {
            let when = rule.when.prepare(&format!("/rules/{index}/when"))?;
            if when.holds(&work.context)? {
                return Ok(NodeOutput::Port(rule.key));
            }
        }
        Ok(NodeOutput::Port(DEFAULT.to_owned()))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<Switch>("switch", describe).deferring(&["rules"]);

fn describe() -> Description {
    let rule = object(json!({"key": text(), "when": conditions()}), &["key", "when"]);
    let rules = Field::required("rules", both("Rules", "Règles"), Widget::List, list_of(rule, MAX_RULES));
    let large = json!({"left": "{{ input.total }}", "operator": "at_least", "right": 1000});
    let description = Description::new(
        Category::Logic,
        both("Switch", "Aiguillage"),
        both(
            "Leaves by the port of the first rule that holds, or by default. Its output is its input.",
            "Sort par le port de la première règle vraie, ou par default. Sa sortie est son entrée.",
        ),
        "M4 12h6l6-7h4M10 12l6 7h4M10 12h10",
    )
    .with_config(vec![rules], json!({"rules": [{"key": "large", "when": large}]}))
    .giving(any(), json!({"total": 1200}));
    Description { dynamic_outputs: Some("/rules/*/key"), ..description }
}
