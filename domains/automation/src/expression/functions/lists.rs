//! Functions of lists.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Value, json};

use super::{Arguments, Function, call, test};
use crate::expression::{
    error::Fault,
    operators::{Numeric, apply, is_true, order, type_name},
    session::size,
    syntax::Binary,
};

/// Longest range.
const MAX_RANGE: usize = 10_000;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("first", &["list"], 1, |args| end_of(args, <[Value]>::first)),
    Function::new("last", &["list"], 1, |args| end_of(args, <[Value]>::last)),
    Function::new("length", &["value"], 1, length),
    Function::new("count", &["value"], 1, length),
    Function::new("list", &["value"], 1, to_list),
    Function::new("slice", &["value", "start", "stop", "step"], 1, |args| {
        let place = |place| args.optional(place).map(|_| args.integer(place)).transpose();
        slice(args.value(0)?, [place(1)?, place(2)?, place(3)?])
    }),
    Function::new("sum", &["list", "attribute"], 1, |args| total(args).map(|(sum, _)| sum)),
    Function::new("avg", &["list", "attribute"], 1, |args| {
        let (sum, count) = total(args)?;
        if count == 0 {
            return Err(Fault::Argument("avg of an empty list".into()));
        }
        apply(Binary::Divide, &sum, &Value::from(count))
    }),
    Function::new("unique", &["list", "attribute"], 1, unique),
    Function::new("sort", &["list", "attribute", "reverse"], 1, sort),
    Function::new("reverse", &["value"], 1, |args| match args.value(0)? {
        Value::String(text) => Ok(Value::from(text.chars().rev().collect::<String>())),
        _ => Ok(args.list(0)?.iter().rev().cloned().collect()),
    }),
    Function::new("flatten", &["list", "depth"], 1, |args| {
        let mut flat = Vec::new();
        flatten(args.list(0)?, args.integer_or(1, 1)?, &mut flat);
        Ok(Value::Array(flat))
    }),
    Function::new("chunk", &["list", "size"], 2, chunk),
    Function::new("batch", &["list", "size"], 2, chunk),
    Function::new("groupby", &["list", "attribute"], 2, groupby),
    Function::new("map", &["list", "function"], 1, map).with_rest().with_named(&["attribute", "default"]),
    Function::new("select", &["list", "test", "value"], 1, |args| filter(args, Filter::items(true))),
    Function::new("reject", &["list", "test", "value"], 1, |args| filter(args, Filter::items(false))),
    Function::new("selectattr", &["list", "attribute", "test", "value"], 2, |args| {
        filter(args, Filter::attributes(true))
    }),
    Function::new("rejectattr", &["list", "attribute", "test", "value"], 2, |args| {
        filter(args, Filter::attributes(false))
    }),
    Function::new("zip", &["list", "other"], 2, |args| {
        let pairs = args.list(0)?.iter().zip(args.list(1)?);
        Ok(pairs.map(|(left, right)| json!([left, right])).collect())
    }),
    Function::new("range", &["start", "stop", "step"], 1, range),
];

fn end_of(args: &Arguments<'_>, end: fn(&[Value]) -> Option<&Value>) -> Result<Value, Fault> {
    if let Some(text) = args.value(0)?.as_str() {
        let place = if args.function.name == "first" { text.chars().next() } else { text.chars().last() };
        let character = place.map(|character| Value::from(character.to_string()));
        return character
            .ok_or_else(|| Fault::Missing { path: format!("the {} of an empty text", args.function.name) });
    }
    let found = end(args.list(0)?).cloned();
    found.ok_or_else(|| Fault::Missing { path: format!("the {} of an empty list", args.function.name) })
}

fn length(args: &Arguments<'_>) -> Result<Value, Fault> {
    let value = args.value(0)?;
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => return Err(Fault::Type(format!("{} has no length", type_name(value)))),
    };
    Ok(Value::from(length))
}

fn to_list(args: &Arguments<'_>) -> Result<Value, Fault> {
    Ok(match args.value(0)? {
        Value::Null => Value::Array(Vec::new()),
        Value::Array(items) => Value::Array(items.clone()),
        Value::String(text) => text.chars().map(|character| Value::from(character.to_string())).collect(),
        Value::Object(fields) => fields.keys().cloned().map(Value::from).collect(),
        value => Value::Array(vec![value.clone()]),
    })
}

/// A part of a list or a text. Places count from the end if negative.
pub(in crate::expression) fn slice(value: &Value, bounds: [Option<i64>; 3]) -> Result<Value, Fault> {
    let [start, stop, step] = bounds;
    let step = match usize::try_from(step.unwrap_or(1)) {
        Ok(step) if step > 0 => step,
        _ => return Err(Fault::Argument("the step of a slice must be greater than 0".into())),
    };
    let place = |bound: Option<i64>, fallback: usize, length: usize| match bound {
        None => fallback,
        Some(bound) if bound < 0 => {
            length.saturating_sub(usize::try_from(bound.unsigned_abs()).unwrap_or(usize::MAX))
        }
        Some(bound) => usize::try_from(bound).unwrap_or(usize::MAX).min(length),
    };
    match value {
        Value::Array(items) => {
            let (start, stop) = (place(start, 0, items.len()), place(stop, items.len(), items.len()));
            Ok(items.iter().take(stop).skip(start).step_by(step).cloned().collect())
        }
        Value::String(text) => {
            let length = text.chars().count();
            let (start, stop) = (place(start, 0, length), place(stop, length, length));
            Ok(Value::from(text.chars().take(stop).skip(start).step_by(step).collect::<String>()))
        }
        _ => Err(Fault::Type(format!("{} has no slices", type_name(value)))),
    }
}

/// The value at a path such as `address.city` or `lines.0.price`.
pub(super) fn at_path<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        value => value.get(part),
    })
}

/// The attribute of an item, or the item itself where no attribute is named.
fn attribute_of<'v>(item: &'v Value, attribute: Option<&str>) -> Result<&'v Value, Fault> {
    let Some(path) = attribute else { return Ok(item) };
    at_path(item, path).ok_or_else(|| Fault::Missing { path: format!("the attribute {path} of an item") })
}

fn optional_text<'a>(args: &Arguments<'a>, place: usize) -> Result<Option<&'a str>, Fault> {
    args.optional(place).map(|_| args.text(place)).transpose()
}

fn total(args: &Arguments<'_>) -> Result<(Value, usize), Fault> {
    let (items, attribute) = (args.list(0)?, optional_text(args, 1)?);
    let mut sum = Value::from(0);
    for item in items {
        let number = attribute_of(item, attribute)?;
        if Numeric::of(number).is_none() {
            return Err(Fault::Type(format!("{} cannot be added up", type_name(number))));
        }
        sum = apply(Binary::Add, &sum, number)?;
    }
    Ok((sum, items.len()))
}

fn unique(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (items, attribute) = (args.list(0)?, optional_text(args, 1)?);
    let mut seen = std::collections::HashSet::new();
    let mut kept = Vec::new();
    for item in items {
        if seen.insert(identity(attribute_of(item, attribute)?)) {
            kept.push(item.clone());
        }
    }
    Ok(Value::Array(kept))
}

/// A text that equal values share.
fn identity(value: &Value) -> String {
    match Numeric::of(value) {
        Some(Numeric::Float(float)) if float.fract() == 0.0 && float.abs() < 1e15 => format!("{float:.0}"),
        _ => value.to_string(),
    }
}

fn sort(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (items, attribute) = (args.list(0)?, optional_text(args, 1)?);
    let reversed = args.optional(2).is_some_and(is_true);
    let keyed = items.iter().map(|item| Ok((attribute_of(item, attribute)?, item)));
    let mut keyed: Vec<(&Value, &Value)> = keyed.collect::<Result<_, Fault>>()?;
    for pair in keyed.windows(2) {
        order(pair[0].0, pair[1].0)?;
    }
    keyed.sort_by(|(left, _), (right, _)| {
        let ordering = order(left, right).unwrap_or(Ordering::Equal);
        if reversed { ordering.reverse() } else { ordering }
    });
    Ok(keyed.into_iter().map(|(_, item)| item.clone()).collect())
}

fn flatten(items: &[Value], depth: i64, flat: &mut Vec<Value>) {
    for item in items {
        match item {
            Value::Array(inner) if depth > 0 => flatten(inner, depth - 1, flat),
            item => flat.push(item.clone()),
        }
    }
}

fn chunk(args: &Arguments<'_>) -> Result<Value, Fault> {
    let items = args.list(0)?;
    match usize::try_from(args.integer(1)?) {
        Ok(size) if size > 0 => Ok(items.chunks(size).map(|chunk| Value::Array(chunk.to_vec())).collect()),
        _ => Err(Fault::Argument("the size of a chunk must be greater than 0".into())),
    }
}

/// Groups in the order in which their keys come first, each as `{"key": …, "items": […]}`.
fn groupby(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (items, attribute) = (args.list(0)?, args.text(1)?);
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in items {
        let key = attribute_of(item, Some(attribute))?;
        let place = *places.entry(identity(key)).or_insert(groups.len());
        if place == groups.len() {
            groups.push((key.clone(), Vec::new()));
        }
        groups[place].1.push(item.clone());
    }
    Ok(groups.into_iter().map(|(key, items)| json!({"key": key, "items": items})).collect())
}

/// An attribute of each item, or the result of a function for each item.
fn map(args: &Arguments<'_>) -> Result<Value, Fault> {
    let items = args.list(0)?;
    if args.optional(2).is_some() {
        let (path, fallback) = (args.text(2)?, args.optional(3));
        let attribute = |item| match (at_path(item, path), fallback) {
            (Some(found), _) | (None, Some(found)) => Ok(found.clone()),
            (None, None) => attribute_of(item, Some(path)).cloned(),
        };
        return items.iter().map(attribute).collect();
    }
    let name = args.text(1)?;
    if name == "map" {
        return Err(Fault::Argument("map cannot call itself".into()));
    }
    let apply = |item| {
        let further = args.rest.iter().copied();
        let values: Vec<Cow<'_, Value>> = std::iter::once(item).chain(further).map(Cow::Borrowed).collect();
        call(name, &values, &[], args.session)
    };
    items.iter().map(apply).collect()
}

/// Which items are kept.
struct Filter {
    keeps: bool,
    by_attribute: bool,
}

impl Filter {
    const fn items(keeps: bool) -> Self {
        Self { keeps, by_attribute: false }
    }

    const fn attributes(keeps: bool) -> Self {
        Self { keeps, by_attribute: true }
    }
}

fn filter(args: &Arguments<'_>, filter: Filter) -> Result<Value, Fault> {
    let first = usize::from(filter.by_attribute);
    let attribute = if filter.by_attribute { optional_text(args, 1)? } else { None };
    let name = optional_text(args, first + 1)?;
    let other = args.optional(first + 2);
    let mut kept = Vec::new();
    for item in args.list(0)? {
        let absent = attribute.is_some_and(|path| at_path(item, path).is_none());
        let passed = match name {
            Some("defined") => !absent,
            Some("undefined") => absent,
            Some(name) => {
                args.session.charge(other.map_or(0, size))?;
                test(name, attribute_of(item, attribute)?, other)?
            }
            None => !absent && is_true(attribute_of(item, attribute)?),
        };
        if passed == filter.keeps {
            kept.push(item.clone());
        }
    }
    Ok(Value::Array(kept))
}

fn range(args: &Arguments<'_>) -> Result<Value, Fault> {
    let first = args.integer(0)?;
    let (start, stop) = if args.optional(1).is_some() { (first, args.integer(1)?) } else { (0, first) };
    let step = args.integer_or(2, 1)?;
    let mut numbers = Vec::new();
    let mut next = start;
    while (step > 0 && next < stop) || (step < 0 && next > stop) {
        if numbers.len() == MAX_RANGE {
            return Err(Fault::Argument(format!("a range has at most {MAX_RANGE} numbers")));
        }
        numbers.push(Value::from(next));
        next = next.checked_add(step).ok_or(Fault::Overflow)?;
    }
    if step == 0 {
        return Err(Fault::Argument("the step of a range must not be 0".into()));
    }
    Ok(Value::Array(numbers))
}
