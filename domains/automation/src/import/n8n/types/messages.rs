//! Nodes that send something, or run another workflow.

use serde_json::{Value, json};

use crate::import::n8n::{
    case::{Case, Translated},
    expression::Refused,
    sight::Reading,
};

pub(super) fn sub_workflow(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let source = case.choice("source", "database");
    if source != "database" {
        return Err(Refused::new(format!("a workflow from {source} is not imported")));
    }
    let named = case.raw("workflowId.cachedResultName").or_else(|| case.raw("workflowId.value"));
    let named = named.or_else(|| case.raw("workflowId")).and_then(Value::as_str).unwrap_or_default();
    case.approximate(format!("Choose the workflow that it runs: {named:?} there."));
    if case.raw("options.waitForSubWorkflow") == Some(&Value::Bool(false)) {
        case.approximate("It waits for the end of the workflow.");
    }
    let mut config = json!({"workflow": ""});
    if let Some(input) = case.raw("workflowInputs.value").filter(|_| case.has("workflowInputs.value")) {
        config["input"] = case.value(input, "workflowInputs")?;
    }
    Ok(Translated::new("sub_workflow", config, Reading::one()))
}

/// The address of a text such as `Ada <ada@example.org>`.
fn address(text: &str) -> &str {
    let inner = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or(text, |(address, _)| address).trim()
}

/// A mail goes to its owner only.
pub(super) fn send_mail(case: &mut Case<'_>) -> Result<Translated, Refused> {
    if !matches!(case.choice("operation", "send"), "send") {
        return Err(Refused::new("a mail that waits for an answer is not imported"));
    }
    let to = case.raw("toEmail").and_then(Value::as_str).unwrap_or_default();
    let addresses: Vec<&str> = to.split([',', ';']).map(address).filter(|text| !text.is_empty()).collect();
    let is_own = |to: &&str| case.owner.iter().any(|own| own.eq_ignore_ascii_case(to));
    if addresses.is_empty() || !addresses.iter().all(is_own) {
        return Err(Refused::new("workflows write to the verified address of their owner only"));
    }
    if case.has("ccEmail")
        || case.has("bccEmail")
        || case.has("options.ccEmail")
        || case.has("options.bccEmail")
    {
        return Err(Refused::new("a mail goes to the owner only, without copies"));
    }
    let subject = case.required("subject")?;
    let text = match case.text("text")?.filter(|text| !text.is_empty()) {
        Some(text) => text,
        None => case.required("html")?,
    };
    if case.has("html") {
        case.approximate("The mail is a text, not HTML.");
    }
    case.approximate("The mail comes from the platform.");
    case.leaves_out(&["attachments", "options.attachments", "options.replyTo"]);
    let config = json!({"to": addresses, "subject": subject, "text": text});
    Ok(Translated::new("send_mail", config, Reading::one()))
}

pub(super) fn slack(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let (resource, operation) = (case.choice("resource", "message"), case.choice("operation", "post"));
    if resource != "message" || operation != "post" {
        return Err(Refused::new(format!("the operation {resource} {operation} is not imported")));
    }
    if case.choice("messageType", "text") != "text" || case.has("blocksUi.blocksValues") {
        return Err(Refused::new("a message that is no text is not imported"));
    }
    let text = case.required("text")?;
    case.approximate("Choose an integration with an incoming webhook of the channel.");
    case.leaves_out(&["attachments", "otherOptions"]);
    Ok(Translated::new("slack_message", json!({"integration": "", "text": text}), Reading::one()))
}
