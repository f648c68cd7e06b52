//! Gives a part of a list.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{
        Category, Description, Field, Widget, any, boolean, both, integer, list_of, or_expression,
    },
    param::Param,
    values::{MAX_ITEMS, bound},
};
use crate::graph::node_type::Config;

/// What a `list_limit` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListLimit {
    /// The list.
    pub items: Param<Vec<Value>>,
    /// How many items stay.
    pub count: Param<u32>,
    /// Whether the last ones stay.
    #[serde(default)]
    pub from_end: bool,
}

impl Config for ListLimit {}

impl Compute for ListLimit {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        let mut items = self.items.value("/items")?;
        bound(items.len(), MAX_ITEMS)?;
        let count = usize::try_from(self.count.value("/count")?).unwrap_or(usize::MAX);
        if self.from_end {
            items.drain(..items.len().saturating_sub(count));
        } else {
            items.truncate(count);
        }
        Ok(NodeOutput::Value(Value::Array(items)))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<ListLimit>("list_limit", describe);

fn describe() -> Description {
    let items = or_expression(list_of(any(), MAX_ITEMS));
    let count = or_expression(integer(0, u64::from(u32::MAX)));
    let from_end = both("The last ones", "Les derniers");
    let fields = vec![
        Field::required("items", both("List", "Liste"), Widget::Expression, items),
        Field::required("count", both("How many", "Combien"), Widget::Expression, count),
        Field::optional("from_end", from_end, Widget::Checkbox, boolean()),
    ];
    Description::new(
        Category::Data,
        both("Limit", "Limite"),
        both(
            "Gives the first items of a list, or the last ones.",
            "Donne les premiers éléments d'une liste, ou les derniers.",
        ),
        "M4 6h16M4 12h16M8 18h8",
    )
    .with_config(fields, json!({"items": "{{ input.lines }}", "count": 10}))
    .giving(list_of(any(), MAX_ITEMS), json!([{"id": 1}]))
}
