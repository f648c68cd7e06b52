//! Leaves out items that were there before.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, list_of, or_expression, strings},
    param::Param,
    values::{MAX_FIELDS, MAX_ITEMS, bound, field, identity},
};
use crate::graph::{ConfigFault, MAIN, Shape, node_type::Config};

/// What a `list_dedupe` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListDedupe {
    /// The list.
    pub items: Param<Vec<Value>>,
    /// The fields that make two items the same. The whole item where there are none. A missing
    /// field is the same as null.
    #[serde(default)]
    pub by: Vec<String>,
}

impl Config for ListDedupe {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if self.by.len() > MAX_FIELDS {
            return Err(ConfigFault::at("/by", format!("at most {MAX_FIELDS} fields are allowed")));
        }
        Ok(Shape::work([MAIN]))
    }
}

impl Compute for ListDedupe {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        let mut items = self.items.value("/items")?;
        bound(items.len(), MAX_ITEMS)?;
        let mut seen = HashSet::new();
        items.retain(|item| {
            let key = if self.by.is_empty() {
                identity(item)
            } else {
                let values = self.by.iter().map(|path| field(item, path).cloned().unwrap_or_default());
                identity(&values.collect())
            };
            seen.insert(key)
        });
        Ok(NodeOutput::Value(Value::Array(items)))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<ListDedupe>("list_dedupe", describe);

fn describe() -> Description {
    let items = or_expression(list_of(any(), MAX_ITEMS));
    let fields = vec![
        Field::required("items", both("List", "Liste"), Widget::Expression, items),
        Field::optional("by", both("Fields", "Champs"), Widget::List, strings(MAX_FIELDS)),
    ];
    Description::new(
        Category::Data,
        both("Remove duplicates", "Sans doublons"),
        both(
            "Keeps the first of the items that are the same in these fields, or as a whole.",
            "Garde le premier des éléments identiques par ces champs, ou en entier.",
        ),
        "M4 4h11v11h-11zM9 18v2h11v-11h-2",
    )
    .with_config(fields, json!({"items": "{{ input.people }}", "by": ["email"]}))
    .giving(list_of(any(), MAX_ITEMS), json!([{"email": "ada@example.com"}]))
}
