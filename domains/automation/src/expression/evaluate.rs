//! The evaluation of a syntax tree.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{
    error::{Fault, Raised},
    functions,
    operators::{Numeric, apply, compare, is_true, type_name},
    session::{Session, size},
    syntax::{Binary, Call, Kind, Node},
};

type Evaluated<'a> = Result<Cow<'a, Value>, Raised>;

/// The value of an expression.
pub(super) fn evaluate<'a>(node: &'a Node, session: &Session<'a>) -> Evaluated<'a> {
    let fault = |fault: Fault| fault.at(node.at);
    session.charge(0).map_err(fault)?;
    match &node.kind {
        Kind::Constant(value) => Ok(Cow::Borrowed(value)),
        Kind::Name(name) => match session.context.root(name) {
            Some(value) => Ok(Cow::Borrowed(value)),
            None => Err(missing(node)),
        },
        Kind::Field(of, name) => {
            let found = match evaluate(of, session)? {
                Cow::Borrowed(value) => value.get(name).map(Cow::Borrowed),
                Cow::Owned(mut value) => value.get_mut(name).map(|found| Cow::Owned(found.take())),
            };
            found.ok_or_else(|| missing(node))
        }
        Kind::Item(of, key) => {
            let (of, key) = (evaluate(of, session)?, evaluate(key, session)?);
            item(of, &key).map_err(fault)?.ok_or_else(|| missing(node))
        }
        Kind::Slice(of, bounds) => {
            let value = evaluate(of, session)?;
            let bounds = [
                bound_of(&bounds[0], session)?,
                bound_of(&bounds[1], session)?,
                bound_of(&bounds[2], session)?,
            ];
            session.charge(size(&value)).map_err(fault)?;
            functions::slice(&value, bounds).map(Cow::Owned).map_err(fault)
        }
        Kind::Not(of) => Ok(Cow::Owned(Value::Bool(!is_true(&*evaluate(of, session)?)))),
        Kind::Negative(of) => negative(&*evaluate(of, session)?).map(Cow::Owned).map_err(fault),
        Kind::Binary(operator, left, right) => binary(node, *operator, [left, right], session),
        Kind::Compare(first, rest) => {
            let mut left = evaluate(first, session)?;
            for (comparison, right) in rest {
                let right = evaluate(right, session)?;
                session.charge(size(&left).min(size(&right))).map_err(fault)?;
                if !compare(*comparison, &left, &right).map_err(fault)? {
                    return Ok(Cow::Owned(Value::Bool(false)));
                }
                left = right;
            }
            Ok(Cow::Owned(Value::Bool(true)))
        }
        Kind::If { test, then, otherwise } => match (is_true(&*evaluate(test, session)?), otherwise) {
            (true, _) => evaluate(then, session),
            (false, Some(otherwise)) => evaluate(otherwise, session),
            (false, None) => Err(Fault::Missing { path: "an if without else".into() }.at(node.at)),
        },
        Kind::Call(call) => called(node, call, session),
        Kind::Test(call) => tested(node, call, session),
        Kind::List(_) | Kind::Object(_) => container(node, session).map(Cow::Owned),
    }
}

/// The value, or none where a part of its path is missing.
pub(super) fn evaluate_or_missing<'a>(
    node: &'a Node,
    session: &Session<'a>,
) -> Result<Option<Cow<'a, Value>>, Raised> {
    match evaluate(node, session) {
        Ok(value) => Ok(Some(value)),
        Err(Raised { fault: Fault::Missing { .. }, .. }) => Ok(None),
        Err(raised) => Err(raised),
    }
}

fn binary<'a>(
    node: &'a Node,
    operator: Binary,
    [left, right]: [&'a Node; 2],
    session: &Session<'a>,
) -> Evaluated<'a> {
    let left = evaluate(left, session)?;
    match operator {
        Binary::And if !is_true(&left) => return Ok(left),
        Binary::Or if is_true(&left) => return Ok(left),
        Binary::And | Binary::Or => return evaluate(right, session),
        _ => {}
    }
    let right = evaluate(right, session)?;
    session
        .charge(size(&left) + size(&right))
        .and_then(|()| apply(operator, &left, &right))
        .map(Cow::Owned)
        .map_err(|fault| fault.at(node.at))
}

fn called<'a>(node: &'a Node, call: &'a Call, session: &Session<'a>) -> Evaluated<'a> {
    let argument = |index: usize| call.arguments.get(index);
    match call.name.as_str() {
        "default" | "d" => {
            let subject = call.arguments.first().map(|of| evaluate_or_missing(of, session)).transpose()?;
            let also_empty = argument(2).map(|flag| evaluate(flag, session)).transpose()?;
            let also_empty = also_empty.is_some_and(|flag| is_true(&flag));
            match subject.flatten() {
                Some(value) if !also_empty || is_true(&value) => Ok(value),
                _ => match argument(1) {
                    Some(fallback) => evaluate(fallback, session),
                    None => Ok(Cow::Owned(Value::from(""))),
                },
            }
        }
        "coalesce" => {
            for argument in &call.arguments {
                match evaluate_or_missing(argument, session)? {
                    Some(value) if !value.is_null() => return Ok(value),
                    _ => {}
                }
            }
            Ok(Cow::Owned(Value::Null))
        }
        "if_else" => {
            let test = argument(0).map(|test| evaluate(test, session)).transpose()?;
            let chosen = if test.is_some_and(|test| is_true(&test)) { argument(1) } else { argument(2) };
            chosen.map_or_else(|| Err(missing(node)), |chosen| evaluate(chosen, session))
        }
        name => {
            let values = call.arguments.iter().map(|argument| evaluate(argument, session));
            let values: Vec<Cow<'a, Value>> = values.collect::<Result<_, _>>()?;
            let named = call.named.iter().map(|(name, value)| Ok((name.as_str(), evaluate(value, session)?)));
            let named: Vec<(&str, Cow<'a, Value>)> = named.collect::<Result<_, Raised>>()?;
            functions::call(name, &values, &named, session).map(Cow::Owned).map_err(|fault| fault.at(node.at))
        }
    }
}

fn tested<'a>(node: &'a Node, call: &'a Call, session: &Session<'a>) -> Evaluated<'a> {
    let fault = |fault: Fault| fault.at(node.at);
    let Some((subject, rest)) = call.arguments.split_first() else { return Err(missing(node)) };
    let passed = match call.name.as_str() {
        "defined" => evaluate_or_missing(subject, session)?.is_some(),
        "undefined" => evaluate_or_missing(subject, session)?.is_none(),
        name => {
            let subject = evaluate(subject, session)?;
            let other = rest.first().map(|other| evaluate(other, session)).transpose()?;
            session.charge(size(&subject)).map_err(fault)?;
            functions::test(name, &subject, other.as_deref()).map_err(fault)?
        }
    };
    Ok(Cow::Owned(Value::Bool(passed)))
}

fn container<'a>(node: &'a Node, session: &Session<'a>) -> Result<Value, Raised> {
    let owned = |of: &'a Node| -> Result<Value, Raised> {
        let value = evaluate(of, session)?;
        session.charge(size(&value)).map_err(|fault| fault.at(of.at))?;
        Ok(value.into_owned())
    };
    match &node.kind {
        Kind::List(items) => items.iter().map(owned).collect::<Result<_, _>>().map(Value::Array),
        Kind::Object(pairs) => {
            let mut fields = Map::new();
            for (key, value) in pairs {
                let Value::String(name) = owned(key)? else {
                    return Err(Fault::Type("a key must be text".into()).at(key.at));
                };
                fields.insert(name, owned(value)?);
            }
            Ok(Value::Object(fields))
        }
        _ => Err(missing(node)),
    }
}

/// An item of a list by its index, from the end if negative, or a field by its name.
fn item<'a>(of: Cow<'a, Value>, key: &Value) -> Result<Option<Cow<'a, Value>>, Fault> {
    if of.is_null() {
        return Ok(None);
    }
    let place: Result<usize, &str> = match (&*of, key) {
        (Value::Array(items), Value::Number(number)) => {
            let index = number.as_i64().ok_or_else(|| Fault::Type("an index must be an integer".into()))?;
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let index = if index < 0 { index.saturating_add(length) } else { index };
            match usize::try_from(index) {
                Ok(index) => Ok(index),
                Err(_) => return Ok(None),
            }
        }
        (Value::Object(_), Value::String(name)) => Err(name),
        _ => {
            let (of, key) = (type_name(&of), type_name(key));
            return Err(Fault::Type(format!("{of} has no item for {key}")));
        }
    };
    Ok(match (of, place) {
        (Cow::Borrowed(value), Ok(index)) => value.get(index).map(Cow::Borrowed),
        (Cow::Borrowed(value), Err(name)) => value.get(name).map(Cow::Borrowed),
        (Cow::Owned(mut value), Ok(index)) => value.get_mut(index).map(|found| Cow::Owned(found.take())),
        (Cow::Owned(mut value), Err(name)) => value.get_mut(name).map(|found| Cow::Owned(found.take())),
    })
}

fn bound_of<'a>(bound: &'a Option<Box<Node>>, session: &Session<'a>) -> Result<Option<i64>, Raised> {
    let Some(node) = bound else { return Ok(None) };
    let value = evaluate(node, session)?;
    match (&*value, value.as_i64()) {
        (Value::Null, _) => Ok(None),
        (_, Some(integer)) => Ok(Some(integer)),
        _ => Err(Fault::Type(format!("an index must be an integer, not {}", type_name(&value))).at(node.at)),
    }
}

fn negative(value: &Value) -> Result<Value, Fault> {
    match Numeric::of(value) {
        Some(Numeric::Integer(integer)) => Numeric::Integer(-integer).into_value(),
        Some(Numeric::Float(float)) => Numeric::Float(-float).into_value(),
        None => Err(Fault::Type(format!("{} has no negative", type_name(value)))),
    }
}

fn missing(node: &Node) -> Raised {
    Fault::Missing { path: node.path_text() }.at(node.at)
}

impl Node {
    /// The path as it is written, such as `input.items[0].name`.
    pub(super) fn path_text(&self) -> String {
        match &self.kind {
            Kind::Name(name) => name.clone(),
            Kind::Field(of, name) => format!("{}.{name}", of.path_text()),
            Kind::Item(of, key) => match &key.kind {
                Kind::Constant(key) => format!("{}[{key}]", of.path_text()),
                _ => format!("{}[...]", of.path_text()),
            },
            _ => "(...)".to_owned(),
        }
    }
}
