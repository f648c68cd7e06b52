//! Functions of numbers.

use serde_json::Value;

use super::{Arguments, Function};
use crate::expression::{
    error::Fault,
    operators::{Numeric, order, type_name},
    session::bound,
};

/// Most digits after the point.
const MAX_PLACES: i64 = 15;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("int", &["value"], 1, int),
    Function::new("float", &["value"], 1, float),
    Function::new("round", &["number", "places"], 1, round),
    Function::new("floor", &["number"], 1, |args| whole(args.number(0)?, f64::floor)),
    Function::new("ceil", &["number"], 1, |args| whole(args.number(0)?, f64::ceil)),
    Function::new("abs", &["number"], 1, |args| match args.number(0)? {
        Numeric::Integer(integer) => Numeric::Integer(integer.abs()).into_value(),
        Numeric::Float(float) => Numeric::Float(float.abs()).into_value(),
    }),
    Function::new("min", &["list"], 1, |args| extreme(args, std::cmp::Ordering::is_lt)).with_rest(),
    Function::new("max", &["list"], 1, |args| extreme(args, std::cmp::Ordering::is_gt)).with_rest(),
    Function::new("format", &["number", "places", "point", "group"], 1, format),
];

fn int(args: &Arguments<'_>) -> Result<Value, Fault> {
    let value = args.value(0)?;
    match value {
        Value::Number(_) => whole(args.number(0)?, f64::trunc),
        Value::Bool(value) => Ok(Value::from(i64::from(*value))),
        Value::String(text) => match (text.trim().parse::<i128>(), text.trim().parse::<f64>()) {
            (Ok(integer), _) => Numeric::Integer(integer).into_value(),
            (_, Ok(float)) if float.is_finite() => whole(Numeric::Float(float), f64::trunc),
            _ => Err(Fault::Argument("the text is not a number".into())),
        },
        _ => Err(Fault::Type(format!("{} is not a number", type_name(value)))),
    }
}

fn float(args: &Arguments<'_>) -> Result<Value, Fault> {
    let value = args.value(0)?;
    match value {
        Value::Number(_) => Numeric::Float(args.number(0)?.as_float()).into_value(),
        Value::String(text) => {
            let parsed =
                text.trim().parse().map_err(|_| Fault::Argument("the text is not a number".into()))?;
            Numeric::Float(parsed).into_value()
        }
        _ => Err(Fault::Type(format!("{} is not a number", type_name(value)))),
    }
}

/// Rounds a number to an integer.
#[allow(clippy::cast_possible_truncation)]
fn whole(number: Numeric, rounded: fn(f64) -> f64) -> Result<Value, Fault> {
    match number {
        Numeric::Integer(_) => number.into_value(),
        Numeric::Float(float) if float.abs() < 1e19 => Numeric::Integer(rounded(float) as i128).into_value(),
        Numeric::Float(_) => Err(Fault::Overflow),
    }
}

fn places(args: &Arguments<'_>, place: usize, fallback: i64) -> Result<i64, Fault> {
    let places = args.integer_or(place, fallback)?;
    if (0..=MAX_PLACES).contains(&places) {
        return Ok(places);
    }
    Err(Fault::Argument(format!("places must lie between 0 and {MAX_PLACES}")))
}

/// Halves are rounded away from zero.
fn round(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (number, places) = (args.number(0)?, places(args, 1, 0)?);
    match number {
        Numeric::Float(float) if places > 0 => {
            let factor = 10_f64.powi(i32::try_from(places).unwrap_or_default());
            Numeric::Float((float * factor).round() / factor).into_value()
        }
        number => whole(number, f64::round),
    }
}

/// The least or greatest item of a list, or of all arguments.
fn extreme(args: &Arguments<'_>, replaces: fn(std::cmp::Ordering) -> bool) -> Result<Value, Fault> {
    let items: Vec<&Value> = match args.value(0)? {
        Value::Array(items) if args.rest.is_empty() => items.iter().collect(),
        first => std::iter::once(first).chain(args.rest.iter().copied()).collect(),
    };
    let mut found: Option<&Value> = None;
    for item in items {
        let replaced = match found {
            Some(found) => replaces(order(item, found)?),
            None => true,
        };
        if replaced {
            found = Some(item);
        }
    }
    found.cloned().ok_or_else(|| Fault::Argument(format!("{} of an empty list", args.function.name)))
}

fn format(args: &Arguments<'_>) -> Result<Value, Fault> {
    let (number, places) = (args.number(0)?, places(args, 1, 2)?);
    let (point, group) = (args.text_or(2, ".")?, args.text_or(3, "")?);
    let places = usize::try_from(places).unwrap_or_default();
    let digits = match number {
        Numeric::Integer(integer) if places == 0 => integer.to_string(),
        Numeric::Integer(integer) => format!("{integer}.{}", "0".repeat(places)),
        Numeric::Float(float) => format!("{float:.places$}"),
    };
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    bound(whole.len().saturating_mul(1 + group.len()) + point.len())?;
    let mut written = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            written.push_str(group);
        }
        written.push(digit);
    }
    if !fraction.is_empty() {
        written.push_str(point);
        written.push_str(fraction);
    }
    Ok(Value::from(written))
}
