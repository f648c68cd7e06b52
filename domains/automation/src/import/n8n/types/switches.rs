//! Nodes that choose one of several outputs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::operators;
use crate::import::n8n::{
    case::{Case, Translated},
    expression::Refused,
};

/// Most rules of a switch.
const MAX_RULES: usize = 50;
/// The port that is taken where no rule holds.
const DEFAULT: &str = "default";

pub(super) fn switch(case: &mut Case<'_>) -> Result<Translated, Refused> {
    if case.choice("mode", "rules") == "expression" {
        return by_expression(case);
    }
    if case.flag("options.allMatchingOutputs", false) {
        return Err(Refused::new("several outputs at once are not imported"));
    }
    if case.node.version < 3.0 { older(case) } else { by_rules(case) }
}

fn key(output: usize) -> String {
    format!("rule_{output}")
}

/// A switch of rules, each with its output, and what becomes of the rest.
fn made(
    case: &Case<'_>,
    rules: Vec<(usize, Value)>,
    count: usize,
    rest: Option<usize>,
) -> Result<Translated, Refused> {
    if rules.is_empty() || rules.len() > MAX_RULES || count > MAX_RULES {
        return Err(Refused::new(format!("it has {} rules", rules.len())));
    }
    let mut ports: Vec<Vec<String>> = (0..count).map(|output| vec![key(output)]).collect();
    match rest {
        Some(output) if output < count => ports[output].push(DEFAULT.to_owned()),
        Some(_) => ports.push(vec![DEFAULT.to_owned()]),
        None => {}
    }
    let rules: Vec<Value> =
        rules.into_iter().map(|(output, when)| json!({"key": key(output), "when": when})).collect();
    let gives = case.input.clone();
    Ok(Translated::new("switch", json!({"rules": rules}), gives).with_ports(ports))
}

fn by_rules(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let rows: Vec<_> =
        case.rows("rules.values").chain(case.rows("rules.rules")).take(MAX_RULES + 1).collect();
    let is_loose = case.flag("options.looseTypeValidation", false) || case.flag("looseTypeValidation", false);
    let mut rules = Vec::new();
    for (output, row) in rows.iter().enumerate() {
        let conditions = row.get("conditions").unwrap_or(&Value::Null);
        rules.push((output, operators::when(case, conditions, is_loose)?));
    }
    let count = rules.len();
    let rest = match case.raw("options.fallbackOutput") {
        Some(Value::String(text)) if text == "extra" => Some(count),
        Some(Value::Number(output)) => output.as_u64().and_then(|output| usize::try_from(output).ok()),
        _ => None,
    };
    made(case, rules, count, rest)
}

/// The first two versions: one value, and rules with the number of their output.
fn older(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let kind = case.choice("dataType", "number");
    let left = case.raw("value1").cloned().unwrap_or(Value::Null);
    let fallback = if kind == "number" { "smaller" } else { "equal" };
    let rows: Vec<_> = case.rows("rules.rules").take(MAX_RULES + 1).collect();
    let mut by_output: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        let given = row.get("output").and_then(Value::as_u64).and_then(|output| usize::try_from(output).ok());
        let output = if case.node.version >= 2.0 { place } else { given.unwrap_or_default() };
        if output >= MAX_RULES {
            return Err(Refused::new(format!("a rule names the output {output}")));
        }
        let right = row.get("value2").unwrap_or(&Value::Null);
        let operation = row.get("operation").and_then(Value::as_str).unwrap_or(fallback);
        let when = operators::rule(case, (&left, right), kind, operation)?;
        by_output.entry(output).or_default().push(when);
    }
    case.approximate("Types are not converted before they are compared.");
    let count = by_output.keys().max().map_or(0, |most| most + 1);
    let rules = by_output.into_iter().map(|(output, mut conditions)| {
        let when = match conditions.len() {
            1 => conditions.remove(0),
            _ => json!({"combinator": "any", "conditions": conditions}),
        };
        (output, when)
    });
    let rest = case.raw("fallbackOutput").and_then(Value::as_u64).and_then(|rest| usize::try_from(rest).ok());
    made(case, rules.collect(), count, rest)
}

fn by_expression(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let count = case.whole("numberOutputs").or_else(|| case.whole("outputsAmount")).unwrap_or(4);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > MAX_RULES {
        return Err(Refused::new(format!("it has {count} outputs")));
    }
    let left = case.required("output")?;
    let rule = |output: usize| (output, json!({"left": left, "operator": "equals", "right": output}));
    made(case, (0..count).map(rule).collect(), count, None)
}
