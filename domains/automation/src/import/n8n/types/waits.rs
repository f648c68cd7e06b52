//! Nodes that wait, end a branch, or do nothing.

use serde_json::{Value, json};

use crate::import::n8n::{
    case::{Case, Translated},
    expression::Refused,
};

/// The longest wait, in seconds.
const MAX_SECONDS: u64 = 30 * 24 * 60 * 60;

pub(super) fn wait(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let gives = case.input.clone();
    match case.choice("resume", "timeInterval") {
        "timeInterval" => {
            let is_first = case.node.version < 1.1;
            let unit = match case.choice("unit", if is_first { "hours" } else { "seconds" }) {
                "seconds" => 1,
                "minutes" => 60,
                "hours" => 60 * 60,
                "days" => 24 * 60 * 60,
                other => return Err(Refused::new(format!("the unit {other} is not imported"))),
            };
            let seconds = seconds(case, if is_first { 1 } else { 5 }, unit)?;
            Ok(Translated::new("delay", json!({"seconds": seconds}), gives))
        }
        "specificTime" => {
            let at = case.required("dateTime")?;
            if !at.contains("{{") && chrono::DateTime::parse_from_rfc3339(at.trim()).is_err() {
                return Err(Refused::new("dateTime names no time zone"));
            }
            Ok(Translated::new("wait_until", json!({"at": at}), gives))
        }
        "webhook" => {
            case.approximate("It waits for a signal: send it in place of the request.");
            let made = Translated::new("wait_signal", json!({"signal": "resume"}), gives);
            Ok(made.with_ports(vec![vec!["received".to_owned()]]))
        }
        other => Err(Refused::new(format!("a wait for {other} is not imported"))),
    }
}

fn seconds(case: &mut Case<'_>, fallback: u64, unit: u64) -> Result<Value, Refused> {
    let Some(amount) = case.raw("amount") else { return Ok(Value::from(fallback * unit)) };
    if let Some(amount) = amount.as_f64() {
        let whole = case.whole("amount").and_then(|amount| amount.checked_mul(unit));
        return match whole {
            Some(seconds) if seconds <= MAX_SECONDS => Ok(Value::from(seconds)),
            _ => Err(Refused::new(format!("a wait of {amount} is not imported"))),
        };
    }
    let written = case.expression(amount, "amount")?;
    Ok(Value::from(format!("{{{{ int({}) * {unit} }}}}", written.text)))
}

pub(super) fn stop(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let message = if case.choice("errorType", "errorMessage") == "errorObject" {
        case.approximate("The error is a text.");
        case.text("errorObject")?
    } else {
        case.text("errorMessage")?
    };
    let message = message.filter(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| "The workflow was stopped.".to_owned());
    let gives = case.input.clone();
    Ok(Translated::new("stop", json!({"message": message}), gives).with_ports(Vec::new()))
}

pub(super) fn no_op(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let gives = case.input.clone();
    Ok(Translated::new("no_op", json!({}), gives))
}

pub(super) fn note(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let text = case.raw("content").and_then(Value::as_str).unwrap_or_default();
    let gives = case.input.clone();
    Ok(Translated::new("note", json!({"text": text}), gives).with_ports(Vec::new()))
}
