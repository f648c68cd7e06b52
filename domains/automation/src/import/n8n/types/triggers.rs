//! Triggers.

use serde_json::json;

use crate::import::n8n::{
    case::{Case, Translated},
    expression::Refused,
    sight::Reading,
};

/// The methods that a webhook of ours takes.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

fn plain(kind: &'static str) -> Translated {
    Translated::new(kind, json!({}), Reading::one())
}

pub(super) fn manual(_case: &mut Case<'_>) -> Result<Translated, Refused> {
    Ok(plain("manual"))
}

pub(super) fn called(case: &mut Case<'_>) -> Result<Translated, Refused> {
    if case.has("workflowInputs") || case.has("jsonExample") {
        case.remark("The fields of its input are not checked here.");
    }
    Ok(plain("called"))
}

pub(super) fn workflow_error(case: &mut Case<'_>) -> Result<Translated, Refused> {
    case.approximate("The input is that of our error workflows: node, attempt, error and run.");
    Ok(plain("workflow_error"))
}

pub(super) fn webhook(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let method = case.choice("httpMethod", "GET");
    if !METHODS.contains(&method) {
        return Err(Refused::new(format!("/parameters/httpMethod: {method} is not imported")));
    }
    case.remark("It has an address of its own here: give it to whoever calls it.");
    let response = match case.choice("responseMode", "onReceived") {
        "responseNode" => "answer",
        "lastNode" => {
            case.approximate("A webhook_response node answers here: add one at the end.");
            "answer"
        }
        "onReceived" => "accepted",
        other => {
            case.approximate(format!("The response mode {other} is not imported: it answers at once."));
            "accepted"
        }
    };
    if case.choice("authentication", "none") != "none" {
        case.approximate("Its authentication is not imported: choose how requests are verified.");
    }
    case.leaves_out(&["multipleMethods", "options"]);
    let config = json!({"methods": [method], "response": response, "verify": {"scheme": "none"}});
    Ok(Translated::new("webhook", config, Reading::one()))
}
