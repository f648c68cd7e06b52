//! Gives one value for a list.

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, choice, list_of, or_expression, text},
    param::Param,
    values::{MAX_ITEMS, bound, present, wrong_type},
};
use crate::{
    expression::{Numeric, order},
    graph::node_type::Config,
};

/// What a `list_aggregate` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListAggregate {
    /// The list.
    pub items: Param<Vec<Value>>,
    /// The field of each item that counts; the item itself where it is absent. Values that are
    /// missing or null do not count.
    #[serde(default)]
    pub field: Option<String>,
    /// What is done with the values.
    pub operation: Aggregation,
}

/// What is done with the values of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// How many there are.
    Count,
    /// Their sum; 0 where there are none.
    Sum,
    /// Their mean; null where there are none.
    Average,
    /// The smallest; null where there are none.
    Min,
    /// The largest; null where there are none.
    Max,
    /// All of them, as a list.
    Collect,
}

impl Config for ListAggregate {}

impl Compute for ListAggregate {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        let items = self.items.value("/items")?;
        bound(items.len(), MAX_ITEMS)?;
        let value_of = |item| match &self.field {
            Some(field) => present(item, field),
            None => Some(item).filter(|item| !item.is_null()),
        };
        let values: Vec<(usize, &Value)> =
            items.iter().enumerate().filter_map(|(index, item)| Some((index, value_of(item)?))).collect();
        let found = match self.operation {
            Aggregation::Count => Value::from(values.len()),
            Aggregation::Collect => values.into_iter().map(|(_, value)| value.clone()).collect(),
            Aggregation::Sum => sum(&values)?,
            Aggregation::Average => average(&values)?,
            Aggregation::Min => extreme(&values, Ordering::Less)?,
            Aggregation::Max => extreme(&values, Ordering::Greater)?,
        };
        Ok(NodeOutput::Value(found))
    }
}

fn numbers(values: &[(usize, &Value)]) -> Result<Vec<Numeric>, NodeFailure> {
    let number = |(index, value): &(usize, &Value)| {
        Numeric::of(value).ok_or_else(|| wrong_type(*index, "a number", value))
    };
    values.iter().map(number).collect()
}

fn sum(values: &[(usize, &Value)]) -> Result<Value, NodeFailure> {
    let numbers = numbers(values)?;
    let exact = numbers.iter().try_fold(0_i128, |sum, number| match number {
        Numeric::Integer(integer) => sum.checked_add(*integer),
        Numeric::Float(_) => None,
    });
    let sum = match exact {
        Some(sum) => Numeric::Integer(sum),
        None => Numeric::Float(numbers.iter().map(|number| number.as_float()).sum()),
    };
    sum.into_value().map_err(|fault| NodeFailure::of_data(fault.to_string()))
}

#[allow(clippy::cast_precision_loss)]
fn average(values: &[(usize, &Value)]) -> Result<Value, NodeFailure> {
    if values.is_empty() {
        return Ok(Value::Null);
    }
    let sum: f64 = numbers(values)?.iter().map(|number| number.as_float()).sum();
    let mean = Numeric::Float(sum / values.len() as f64);
    mean.into_value().map_err(|fault| NodeFailure::of_data(fault.to_string()))
}

/// The first value that lies on that side of all others.
fn extreme(values: &[(usize, &Value)], side: Ordering) -> Result<Value, NodeFailure> {
    let mut values = values.iter();
    let Some((_, first)) = values.next() else { return Ok(Value::Null) };
    let mut found: &Value = first;
    if order(found, found).is_err() {
        return Err(wrong_type(0, "a number or a text", found));
    }
    for (index, value) in values {
        let ordering = order(value, found);
        let ordering = ordering.map_err(|fault| NodeFailure::of_data(format!("Item {index}: {fault}.")))?;
        if ordering == side {
            found = value;
        }
    }
    Ok(found.clone())
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<ListAggregate>("list_aggregate", describe);

fn describe() -> Description {
    let items = or_expression(list_of(any(), MAX_ITEMS));
    let operation = choice(&["count", "sum", "average", "min", "max", "collect"]);
    let fields = vec![
        Field::required("items", both("List", "Liste"), Widget::Expression, items),
        Field::required("operation", both("Operation", "Opération"), Widget::Select, operation),
        Field::optional("field", both("Field", "Champ"), Widget::Text, text()),
    ];
    Description::new(
        Category::Data,
        both("Aggregate", "Agrégation"),
        both(
            "Gives one value for a list: the number of its values, their sum, mean, smallest or largest, or all.",
            "Donne une valeur pour une liste : le nombre de ses valeurs, leur somme, moyenne, minimum, maximum, ou toutes.",
        ),
        "M6 4h12l-7 8l7 8h-12",
    )
    .with_config(fields, json!({"items": "{{ input.lines }}", "operation": "sum", "field": "price"}))
    .giving(any(), json!(12.5))
}
