//! Sorts a list.

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{
        Category, Description, Field, Widget, any, boolean, both, list_of, object, or_expression, text,
    },
    param::Param,
    values::{MAX_FIELDS, MAX_ITEMS, bound, present, total_order},
};
use crate::{
    expression::{Fault, order},
    graph::{ConfigFault, MAIN, Shape, node_type::Config},
};

/// What a `list_sort` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSort {
    /// The list.
    pub items: Param<Vec<Value>>,
    /// The fields, the first one first. The items themselves are compared where there are none.
    /// Values that are missing or null come last.
    #[serde(default)]
    pub by: Vec<SortKey>,
    /// Whether the largest item comes first, where there are no fields.
    #[serde(default)]
    pub descending: bool,
}

/// A field that a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SortKey {
    /// The field.
    pub field: String,
    /// Whether the largest comes first.
    #[serde(default)]
    pub descending: bool,
}

impl Config for ListSort {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if self.by.len() > MAX_FIELDS {
            return Err(ConfigFault::at("/by", format!("at most {MAX_FIELDS} fields are allowed")));
        }
        if self.descending && !self.by.is_empty() {
            return Err(ConfigFault::at("/descending", "belongs to each field where there are fields"));
        }
        Ok(Shape::work([MAIN]))
    }
}

impl Compute for ListSort {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        let mut items = self.items.value("/items")?;
        bound(items.len(), MAX_ITEMS)?;
        if self.by.is_empty() {
            check_types(&items, not_null)?;
            items.sort_by(|left, right| compare(not_null(left), not_null(right), self.descending));
        } else {
            for SortKey { field, .. } in &self.by {
                check_types(&items, |item| present(item, field)).map_err(|failure| {
                    NodeFailure::of_data(format!("Field {field:?}: {}", failure.message))
                })?;
            }
            items.sort_by(|left, right| by_fields(&self.by, left, right));
        }
        Ok(NodeOutput::Value(Value::Array(items)))
    }
}

fn not_null(item: &Value) -> Option<&Value> {
    Some(item).filter(|item| !item.is_null())
}

/// Refuses values that have no order among each other.
fn check_types<'a>(
    items: &'a [Value],
    value_of: impl Fn(&'a Value) -> Option<&'a Value>,
) -> Result<(), NodeFailure> {
    let mut values = items.iter().enumerate().filter_map(|(index, item)| Some((index, value_of(item)?)));
    let Some((index, first)) = values.next() else { return Ok(()) };
    let refused = |index: usize, fault: Fault| NodeFailure::of_data(format!("Item {index}: {fault}."));
    order(first, first).map_err(|fault| refused(index, fault))?;
    for (index, value) in values {
        order(first, value).map_err(|fault| refused(index, fault))?;
    }
    Ok(())
}

fn by_fields(keys: &[SortKey], left: &Value, right: &Value) -> Ordering {
    let orderings = keys.iter().map(|SortKey { field, descending }| {
        compare(present(left, field), present(right, field), *descending)
    });
    orderings.fold(Ordering::Equal, Ordering::then)
}

/// The order of two values. One that is not there comes last, whatever the direction.
fn compare(left: Option<&Value>, right: Option<&Value>, descending: bool) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) if descending => total_order(right, left),
        (Some(left), Some(right)) => total_order(left, right),
        (left, right) => left.is_none().cmp(&right.is_none()),
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<ListSort>("list_sort", describe);

fn describe() -> Description {
    let items = or_expression(list_of(any(), MAX_ITEMS));
    let key = object(json!({"field": text(), "descending": boolean()}), &["field"]);
    let descending = both("Largest first", "Le plus grand d'abord");
    let fields = vec![
        Field::required("items", both("List", "Liste"), Widget::Expression, items),
        Field::optional("by", both("Fields", "Champs"), Widget::List, list_of(key, MAX_FIELDS)),
        Field::optional("descending", descending, Widget::Checkbox, boolean()),
    ];
    Description::new(
        Category::Data,
        both("Sort", "Tri"),
        both(
            "Sorts a list by fields of its items. Items that are equal keep their order; missing values come last.",
            "Trie une liste selon des champs de ses éléments. Les éléments égaux gardent leur ordre ; les valeurs absentes viennent à la fin.",
        ),
        "M7 4v16M3 16l4 4l4-4M14 6h7M14 12h5M14 18h3",
    )
    .with_config(fields, json!({"items": "{{ input.lines }}", "by": [{"field": "price", "descending": true}]}))
    .giving(list_of(any(), MAX_ITEMS), json!([{"price": 4}, {"price": 1.5}]))
}
