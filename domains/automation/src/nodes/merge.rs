//! Joins branches and their data. Branches that were not taken bring nothing.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition, ReadsInput},
    description::{Category, Description, Field, Widget, any, both, choice, list_of, strings},
    values::{MAX_FIELDS, MAX_ITEMS, bound, identity, present, wrong_type},
};
use crate::graph::{ConfigFault, MAIN, Shape, node_type::Config};

/// Most items that the product of lists may have.
const MAX_PAIRS: usize = 10_000;

/// What a `merge` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// What becomes of the data.
    #[serde(default)]
    pub mode: MergeMode,
    /// The fields that items are matched by. Values that are missing or null match nothing.
    #[serde(default)]
    pub fields: Vec<String>,
    /// What becomes of items without a partner.
    #[serde(default)]
    pub keep: MergeKeep,
}

/// What becomes of the data of several branches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeMode {
    /// One list after the other. What is no list is an item.
    #[default]
    Append,
    /// The items of the same place become one.
    Position,
    /// The items that agree in some fields become one.
    Fields,
    /// Each item of one list with each of the other.
    Pairs,
    /// The data of the first branch that was taken.
    Choose,
}

/// What becomes of items without a partner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeKeep {
    /// They are left out.
    #[default]
    Inner,
    /// Those of the first list stay.
    Left,
    /// All stay.
    Outer,
}

type Item = Map<String, Value>;

impl Config for Merge {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        let matches = self.mode == MergeMode::Fields;
        if matches && self.fields.is_empty() {
            return Err(ConfigFault::at("/fields", "must name a field in this mode"));
        }
        if !matches && !self.fields.is_empty() {
            return Err(ConfigFault::at("/fields", "belongs to the mode fields"));
        }
        if self.fields.len() > MAX_FIELDS {
            return Err(ConfigFault::at("/fields", format!("at most {MAX_FIELDS} fields are allowed")));
        }
        if !matches && self.mode != MergeMode::Position && self.keep != MergeKeep::Inner {
            return Err(ConfigFault::at("/keep", "belongs to the modes position and fields"));
        }
        Ok(Shape::work([MAIN]))
    }
}

impl Compute for Merge {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        let taken = work.branches.into_iter().filter_map(|branch| Some((branch.source, branch.value?)));
        let taken: Vec<(String, Value)> =
            taken.map(|(source, value)| (source, Arc::unwrap_or_clone(value))).collect();
        match self.mode {
            MergeMode::Choose => {
                let first = taken.into_iter().next().map(|(_, value)| value);
                return Ok(NodeOutput::Value(first.unwrap_or_default()));
            }
            MergeMode::Append => return append(taken).map(NodeOutput::Value),
            MergeMode::Position | MergeMode::Fields | MergeMode::Pairs => {}
        }
        let lists = taken.into_iter().map(|(source, value)| objects(&source, value));
        let mut lists = lists.collect::<Result<Vec<_>, _>>()?.into_iter();
        let mut merged = lists.next().unwrap_or_default();
        for next in lists {
            merged = match self.mode {
                MergeMode::Position => by_position(merged, next, self.keep),
                MergeMode::Fields => by_fields(merged, next, &self.fields, self.keep)?,
                _ => pairs(&merged, &next)?,
            };
        }
        Ok(NodeOutput::Value(merged.into_iter().map(Value::Object).collect()))
    }
}

fn append(taken: Vec<(String, Value)>) -> Result<Value, NodeFailure> {
    let mut all = Vec::new();
    for (_, value) in taken {
        match value {
            Value::Array(items) => all.extend(items),
            other => all.push(other),
        }
    }
    bound(all.len(), MAX_ITEMS)?;
    Ok(Value::Array(all))
}

/// The items of a branch, all of which must be objects. A single object is a list of one.
fn objects(source: &str, value: Value) -> Result<Vec<Item>, NodeFailure> {
    let items = match value {
        Value::Array(items) => items,
        other => vec![other],
    };
    bound(items.len(), MAX_ITEMS)?;
    let object = |(index, item)| match item {
        Value::Object(fields) => Ok(fields),
        other => {
            let failure = wrong_type(index, "an object", &other);
            Err(NodeFailure { message: format!("Branch {source}: {}", failure.message), ..failure })
        }
    };
    items.into_iter().enumerate().map(object).collect()
}

/// The fields of both items. Where both have a field, that of the later branch stands.
fn united(mut left: Item, right: Item) -> Item {
    left.extend(right);
    left
}

fn by_position(left: Vec<Item>, right: Vec<Item>, keep: MergeKeep) -> Vec<Item> {
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    let mut merged = Vec::new();
    loop {
        match (left.next(), right.next(), keep) {
            (Some(left), Some(right), _) => merged.push(united(left, right)),
            (Some(left), None, MergeKeep::Left | MergeKeep::Outer) => merged.push(left),
            (None, Some(right), MergeKeep::Outer) => merged.push(right),
            _ => return merged,
        }
    }
}

/// What an item is matched by; nothing where a value is missing or null.
fn key_of(item: &Item, fields: &[String]) -> Option<String> {
    let item = Value::Object(item.clone());
    let values: Option<Vec<Value>> = fields.iter().map(|field| present(&item, field).cloned()).collect();
    values.map(|values| identity(&Value::Array(values)))
}

/// Joins items that agree in all fields. Several matches give an item each.
fn by_fields(
    left: Vec<Item>,
    right: Vec<Item>,
    fields: &[String],
    keep: MergeKeep,
) -> Result<Vec<Item>, NodeFailure> {
    let mut partners: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, item) in right.iter().enumerate() {
        if let Some(key) = key_of(item, fields) {
            partners.entry(key).or_default().push(place);
        }
    }
    let mut is_matched = vec![false; right.len()];
    let mut merged = Vec::new();
    for item in left {
        let found = key_of(&item, fields).and_then(|key| partners.get(&key));
        match found {
            Some(places) => {
                bound(merged.len() + places.len(), MAX_ITEMS)?;
                for &place in places {
                    is_matched[place] = true;
                    merged.push(united(item.clone(), right[place].clone()));
                }
            }
            None if keep != MergeKeep::Inner => merged.push(item),
            None => {}
        }
    }
    if keep == MergeKeep::Outer {
        let alone = right.into_iter().zip(is_matched).filter(|(_, is_matched)| !is_matched);
        merged.extend(alone.map(|(item, _)| item));
    }
    bound(merged.len(), MAX_ITEMS)?;
    Ok(merged)
}

fn pairs(left: &[Item], right: &[Item]) -> Result<Vec<Item>, NodeFailure> {
    bound(left.len().saturating_mul(right.len()), MAX_PAIRS)?;
    let with_each = |first: &Item| {
        let first = first.clone();
        right.iter().map(move |second| united(first.clone(), second.clone()))
    };
    Ok(left.iter().flat_map(with_each).collect())
}

/// The type.
pub const DEFINITION: Definition =
    Definition::of_compute::<Merge>("merge", describe).reading_input(ReadsInput::Branches).joining();

fn describe() -> Description {
    let mode = choice(&["append", "position", "fields", "pairs", "choose"]);
    let keep = choice(&["inner", "left", "outer"]);
    let alone = both("Items without a partner", "Éléments sans partenaire");
    let fields = vec![
        Field::optional("mode", both("Mode", "Mode"), Widget::Select, mode),
        Field::optional(
            "fields",
            both("Fields to match", "Champs à comparer"),
            Widget::List,
            strings(MAX_FIELDS),
        ),
        Field::optional("keep", alone, Widget::Select, keep),
    ];
    Description::new(
        Category::Logic,
        both("Merge", "Fusion"),
        both(
            "Waits for several branches and joins their data: one list after the other, item by item, by fields, \
             every pair, or the data of the first branch that was taken.",
            "Attend plusieurs branches et joint leurs données : une liste après l'autre, élément par élément, \
             par champs, toutes les paires, ou les données de la première branche prise.",
        ),
        "M4 6h5l4 6h7M4 18h5l4-6M17 9l3 3l-3 3",
    )
    .with_config(fields, json!({"mode": "fields", "fields": ["id"], "keep": "left"}))
    .giving(list_of(any(), MAX_ITEMS), json!([{"id": 1, "name": "Ada", "total": 12}]))
}
