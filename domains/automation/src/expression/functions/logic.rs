//! Choices and types.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Arguments, Function};
use crate::expression::{
    error::Fault,
    operators::{is_empty, is_true, text_of},
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("is_empty", &["value"], 1, |args| Ok(Value::Bool(is_empty(args.value(0)?)))),
    Function::new("type_of", &["value"], 1, |args| Ok(Value::from(type_of(args.value(0)?)))),
    Function::new("bool", &["value"], 1, |args| Ok(Value::Bool(is_true(args.value(0)?)))),
    Function::new("string", &["value"], 1, |args| Ok(Value::from(text_of(args.value(0)?)))),
    Function::new("uuid", &[], 0, uuid),
];

/// Stands for the functions that `evaluate` evaluates itself.
pub(super) fn never(args: &Arguments<'_>) -> Result<Value, Fault> {
    Err(Fault::Argument(format!("{} cannot be used here", args.function.name)))
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// An id made of the seed of the context and the number of the call: a retry gets the same.
fn uuid(args: &Arguments<'_>) -> Result<Value, Fault> {
    let mut hash = Sha256::new();
    hash.update(args.session.context.seed().as_bytes());
    hash.update(args.session.next_uuid().to_be_bytes());
    let digest = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Ok(Value::from(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()))
}
