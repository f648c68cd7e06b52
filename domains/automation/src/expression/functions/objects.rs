//! Functions of objects.

use serde_json::{Map, Value, json};

use super::{Arguments, Function, lists::at_path};
use crate::expression::error::Fault;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("keys", &["object"], 1, |args| {
        Ok(args.object(0)?.keys().cloned().map(Value::from).collect())
    }),
    Function::new("values", &["object"], 1, |args| Ok(args.object(0)?.values().cloned().collect())),
    Function::new("items", &["object"], 1, |args| {
        Ok(args.object(0)?.iter().map(|(key, value)| json!([key, value])).collect())
    }),
    Function::new("get", &["value", "path", "default"], 2, |args| {
        let found = at_path(args.value(0)?, args.text(1)?).or_else(|| args.optional(2));
        found.cloned().ok_or_else(|| Fault::Missing { path: args.text(1).unwrap_or_default().to_owned() })
    }),
    Function::new("merge", &["object"], 1, merge).with_rest(),
    Function::new("pick", &["object"], 1, |args| chosen(args, true)).with_rest(),
    Function::new("omit", &["object"], 1, |args| chosen(args, false)).with_rest(),
];

/// All fields; those of later objects replace earlier ones.
fn merge(args: &Arguments<'_>) -> Result<Value, Fault> {
    let mut merged = args.object(0)?.clone();
    for other in &args.rest {
        let Value::Object(fields) = other else { return Err(args.wrong(0, "objects", other)) };
        merged.extend(fields.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    Ok(Value::Object(merged))
}

/// The fields that are named, or all others. Names are texts or lists of texts.
fn chosen(args: &Arguments<'_>, picked: bool) -> Result<Value, Fault> {
    let mut names = Vec::new();
    for name in &args.rest {
        match name {
            Value::Array(more) => names.extend(more),
            name => names.push(name),
        }
    }
    if let Some(wrong) = names.iter().find(|name| !name.is_string()) {
        return Err(args.wrong(0, "names that are text", wrong));
    }
    let named = |key: &str| names.iter().any(|name| name.as_str() == Some(key));
    let fields = args.object(0)?.iter().filter(|(key, _)| named(key) == picked);
    Ok(Value::Object(fields.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>()))
}
