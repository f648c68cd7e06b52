//! Gives an object with these fields.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition, ReadsInput},
    description::{Category, Description, Field, Widget, any, boolean, both},
};
use crate::{expression::type_name, graph::node_type::Config};

/// What a `transform` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    /// The fields. They may hold expressions.
    pub fields: BTreeMap<String, Value>,
    /// Whether the fields of the input stay.
    #[serde(default)]
    pub keep_input: bool,
}

impl Config for Transform {}

impl Compute for Transform {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        let mut fields = match (self.keep_input, work.take_input()) {
            (false, _) | (true, Value::Null) => Map::new(),
            (true, Value::Object(fields)) => fields,
            (true, other) => {
                let message = format!("The input is {}: it has no fields to keep.", type_name(&other));
                return Err(NodeFailure::of_data(message));
            }
        };
        fields.extend(self.fields);
        Ok(NodeOutput::Value(Value::Object(fields)))
    }
}

/// The type.
pub const DEFINITION: Definition =
    Definition::of_compute::<Transform>("transform", describe).reading_input(ReadsInput::If("keep_input"));

fn describe() -> Description {
    let keep_input = both("Keep the fields of the input", "Garder les champs de l'entrée");
    let fields = vec![
        Field::required("fields", both("Fields", "Champs"), Widget::Keyvalue, json!({"type": "object"})),
        Field::optional("keep_input", keep_input, Widget::Checkbox, boolean()),
    ];
    Description::new(
        Category::Data,
        both("Transform", "Transformation"),
        both(
            "Gives an object with these fields, beside those of the input if they stay.",
            "Donne un objet avec ces champs, à côté de ceux de l'entrée s'ils restent.",
        ),
        "M4 7h11M11 3l4 4l-4 4M20 17h-11M13 13l-4 4l4 4",
    )
    .with_config(
        fields,
        json!({"fields": {"name": "{{ input.first }} {{ input.last }}"}, "keep_input": false}),
    )
    .giving(any(), json!({"name": "Ada Lovelace"}))
}
