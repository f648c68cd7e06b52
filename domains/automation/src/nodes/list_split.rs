//! Gives the list that lies in a field of the input.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, list_of, or_expression},
    param::Param,
    values::{MAX_ITEMS, bound},
};
use crate::graph::node_type::Config;

/// What a `list_split` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSplit {
    /// The list.
    pub items: Param<Vec<Value>>,
}

impl Config for ListSplit {}

impl Compute for ListSplit {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        let items = self.items.value("/items")?;
        bound(items.len(), MAX_ITEMS)?;
        Ok(NodeOutput::Value(Value::Array(items)))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<ListSplit>("list_split", describe);

fn describe() -> Description {
    let items = or_expression(list_of(any(), MAX_ITEMS));
    Description::new(
        Category::Data,
        both("Split out a list", "Extraire une liste"),
        both(
            "Gives the list that lies in a field, so that what follows works on its items.",
            "Donne la liste qui se trouve dans un champ, pour que la suite travaille sur ses éléments.",
        ),
        "M4 12h5M9 12l4-6h7M9 12h11M9 12l4 6h7",
    )
    .with_config(
        vec![Field::required("items", both("List", "Liste"), Widget::Expression, items)],
        json!({"items": "{{ input.rows }}"}),
    )
    .giving(list_of(any(), MAX_ITEMS), json!([{"id": 1}, {"id": 2}]))
}
