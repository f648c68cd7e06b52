//! Groups a list by a field.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, list_of, object, or_expression, text},
    param::Param,
    values::{MAX_ITEMS, bound, field, identity},
};
use crate::graph::node_type::Config;

/// What a `list_group` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListGroup {
    /// The list.
    pub items: Param<Vec<Value>>,
    /// The field. A missing one is the same as null.
    pub by: String,
}

impl Config for ListGroup {}

impl Compute for ListGroup {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        let items = self.items.value("/items")?;
        bound(items.len(), MAX_ITEMS)?;
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
        for item in items {
            let key = field(&item, &self.by).cloned().unwrap_or_default();
            let place = *places.entry(identity(&key)).or_insert_with(|| {
                groups.push((key, Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(item);
        }
        let groups = groups.into_iter().map(|(key, items)| json!({"key": key, "items": items}));
        Ok(NodeOutput::Value(groups.collect()))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<ListGroup>("list_group", describe);

fn describe() -> Description {
    let items = or_expression(list_of(any(), MAX_ITEMS));
    let fields = vec![
        Field::required("items", both("List", "Liste"), Widget::Expression, items),
        Field::required("by", both("Field", "Champ"), Widget::Text, text()),
    ];
    let group = object(json!({"key": any(), "items": list_of(any(), MAX_ITEMS)}), &["key", "items"]);
    Description::new(
        Category::Data,
        both("Group", "Groupement"),
        both(
            "Gives a list of groups with their key and items, in the order in which the keys come.",
            "Donne une liste de groupes avec leur clé et leurs éléments, dans l'ordre d'apparition des clés.",
        ),
        "M4 4h6v6h-6zM14 4h6v6h-6zM4 14h6v6h-6zM14 14h6v6h-6z",
    )
    .with_config(fields, json!({"items": "{{ input.people }}", "by": "country"}))
    .giving(list_of(group, MAX_ITEMS), json!([{"key": "FR", "items": [{"name": "Ada", "country": "FR"}]}]))
}
