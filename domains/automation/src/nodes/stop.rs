//! Fails with an error.

use serde::Deserialize;
use serde_json::json;

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, both, text},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// Most characters of a code.
const MAX_CODE_CHARS: usize = 64;

/// What a `stop` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The stable name of the error.
    #[serde(default = "stopped")]
    pub code: String,
    /// What happened. It may hold expressions.
    pub message: String,
}

fn stopped() -> String {
    String::from("STOPPED")
}

impl Config for Stop {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        let is_code = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_';
        let starts_well = self.code.starts_with(|first: char| first.is_ascii_uppercase());
        if !starts_well || self.code.len() > MAX_CODE_CHARS || !self.code.chars().all(is_code) {
            let message = "must be capital letters, digits and _, such as NO_STOCK";
            return Err(ConfigFault::at("/code", message));
        }
        Ok(Shape::work([]))
    }
}

impl Compute for Stop {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        Err(NodeFailure::permanent(self.code, self.message))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<Stop>("stop", describe);

fn describe() -> Description {
    let fields = vec![
        Field::optional("code", both("Code", "Code"), Widget::Text, text()),
        Field::required("message", both("Message", "Message"), Widget::Textarea, text()),
    ];
    Description::new(
        Category::Logic,
        both("Stop with an error", "Arrêt avec erreur"),
        both(
            "Fails with this code and message. What follows is up to its policy, as for any failure.",
            "Échoue avec ce code et ce message. La suite dépend de sa politique, comme pour tout échec.",
        ),
        "M8 3h8l5 5v8l-5 5h-8l-5-5v-8zM9 9l6 6M15 9l-6 6",
    )
    .with_config(fields, json!({"code": "NO_STOCK", "message": "None of {{ input.sku }} is left."}))
}
