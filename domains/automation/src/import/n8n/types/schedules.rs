//! Triggers by the clock. Their times become cron expressions, which the report lists.

use serde_json::{Map, Value, json};

use crate::import::n8n::{
    case::{Case, Translated},
    expression::Refused,
    sight::{Reading, View},
};

/// A cron expression, or why there is none; and whether it is not quite the same.
type Times = Result<(String, bool), String>;

pub(super) fn schedule(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let kind = case.node.kind;
    let times: Vec<Times> = if kind.ends_with(".cron") {
        case.rows("triggerTimes.item").map(of_cron).collect()
    } else if kind.ends_with(".interval") {
        let every = case.whole("interval").unwrap_or(1);
        vec![every_unit(case.choice("unit", "seconds"), every)]
    } else {
        case.rows("rule.interval").map(of_rule).collect()
    };
    if times.is_empty() {
        case.approximate("It names no time: create a schedule.");
    }
    for found in times {
        match found {
            Ok((cron, is_same)) => {
                if is_same {
                    case.remark(format!("Create a schedule with {cron}."));
                } else {
                    case.approximate(format!("Create a schedule; {cron} is nearly the same."));
                }
                case.crons.push(cron);
            }
            Err(reason) => case.approximate(format!("{reason}: create a schedule.")),
        }
    }
    let view = View::of(&["timestamp"], &["scheduled_at"]);
    Ok(Translated::new("schedule", json!({}), Reading::viewed(view)))
}

fn number(row: &Map<String, Value>, field: &str, fallback: u64) -> u64 {
    let value = row.get(field);
    let read = value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()));
    read.unwrap_or(fallback)
}

fn expression(row: &Map<String, Value>, field: &str) -> Times {
    let text = row.get(field).and_then(Value::as_str).map(|text| text.trim_start_matches('=').trim());
    match text {
        Some(text) if !text.is_empty() && !text.contains("{{") => Ok((text.to_owned(), true)),
        _ => Err("Its cron expression cannot be read".to_owned()),
    }
}

/// A rule of a schedule trigger.
fn of_rule(row: &Map<String, Value>) -> Times {
    let (hour, minute) = (number(row, "triggerAtHour", 0), number(row, "triggerAtMinute", 0));
    if hour > 23 || minute > 59 {
        return Err("Its time of the day cannot be read".to_owned());
    }
    match row.get("field").and_then(Value::as_str).unwrap_or("days") {
        "seconds" => every_unit("seconds", number(row, "secondsInterval", 30)),
        "minutes" => every_unit("minutes", number(row, "minutesInterval", 5)),
        "hours" => {
            let every = number(row, "hoursInterval", 1);
            let hours = if every == 1 { "*".to_owned() } else { format!("*/{every}") };
            if !(1..=23).contains(&every) {
                return Err(format!("It runs every {every} hours"));
            }
            Ok((format!("{minute} {hours} * * *"), 24 % every == 0))
        }
        "days" => match number(row, "daysInterval", 1) {
            1 => Ok((format!("{minute} {hour} * * *"), true)),
            every @ 2..=31 => Ok((format!("{minute} {hour} */{every} * *"), false)),
            every => Err(format!("It runs every {every} days")),
        },
        "weeks" => {
            let days = row.get("triggerAtDay").and_then(Value::as_array);
            let days: Vec<String> = days
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64)
                .map(|day| (day % 7).to_string())
                .collect();
            let days = if days.is_empty() { "0".to_owned() } else { days.join(",") };
            let every = number(row, "weeksInterval", 1);
            Ok((format!("{minute} {hour} * * {days}"), every == 1))
        }
        "months" => {
            let day = number(row, "triggerAtDayOfMonth", 1).clamp(1, 31);
            let (months, is_same) = match number(row, "monthsInterval", 1) {
                1 => ("*".to_owned(), true),
                every @ 2..=12 => (format!("*/{every}"), 12 % every == 0),
                every => return Err(format!("It runs every {every} months")),
            };
            Ok((format!("{minute} {hour} {day} {months} *"), is_same && day <= 28))
        }
        "cronExpression" => expression(row, "expression"),
        other => Err(format!("Its rule {other} is not imported")),
    }
}

/// A time of the older cron trigger.
fn of_cron(row: &Map<String, Value>) -> Times {
    let (hour, minute) = (number(row, "hour", 14), number(row, "minute", 0));
    if hour > 23 || minute > 59 {
        return Err("Its time of the day cannot be read".to_owned());
    }
    match row.get("mode").and_then(Value::as_str).unwrap_or("everyDay") {
        "everyMinute" => Ok(("* * * * *".to_owned(), true)),
        "everyHour" => Ok((format!("{minute} * * * *"), true)),
        "everyDay" => Ok((format!("{minute} {hour} * * *"), true)),
        "everyWeek" => Ok((format!("{minute} {hour} * * {}", number(row, "weekday", 1) % 7), true)),
        "everyMonth" => {
            let day = number(row, "dayOfMonth", 1).clamp(1, 31);
            Ok((format!("{minute} {hour} {day} * *"), true))
        }
        "everyX" => {
            let unit = row.get("unit").and_then(Value::as_str).unwrap_or("hours");
            every_unit(unit, number(row, "value", 2))
        }
        "custom" => expression(row, "cronExpression"),
        other => Err(format!("Its mode {other} is not imported")),
    }
}

fn every_unit(unit: &str, every: u64) -> Times {
    let (most, parts) = match unit {
        "seconds" => (60, ("*", " * * * * *")),
        "minutes" => (60, ("*", " * * * *")),
        "hours" => (24, ("0 *", " * * *")),
        _ => return Err(format!("It runs every {every} {unit}")),
    };
    match every {
        1 => Ok((format!("{}{}", parts.0, parts.1), true)),
        _ if every > 1 && every < most => Ok((format!("{}/{every}{}", parts.0, parts.1), most % every == 0)),
        _ => Err(format!("It runs every {every} {unit}")),
    }
}
