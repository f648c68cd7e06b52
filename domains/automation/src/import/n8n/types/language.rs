//! Language models. The models that serve a node become its fields.

use serde_json::{Value, json};

use crate::import::n8n::{
    case::{Case, Translated},
    expression::{Refused, is_template},
    sight::{Reading, View},
};

/// The service that is the model of a node.
pub(in crate::import::n8n) const MODEL: &str = "ai_languageModel";

/// The output of a type of model node: the path there.
fn gives(path: &[&str]) -> Reading {
    Reading::viewed(View::of(path, &["text"]))
}

pub(super) fn prompt(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let other = case.services.iter().find(|(kind, _)| *kind != MODEL).map(|(kind, node)| (*kind, node.name));
    if let Some((kind, name)) = other {
        let what = kind.trim_start_matches("ai_");
        return Err(Refused::new(format!("a node with {what} is not imported ({name:?} serves it)")));
    }
    let kind = case.node.kind;
    let (prompt, system, reading) = if kind.ends_with(".agent") {
        let system = case.text("options.systemMessage")?;
        (asked(case)?, system, gives(&["output"]))
    } else if kind.ends_with(".chainLlm") {
        let asked = asked(case)?;
        chain(case, asked)?
    } else {
        chat(case)?
    };
    model(case);
    let mut config = json!({"prompt": prompt});
    if let Some(system) = system.filter(|system| !system.is_empty()) {
        config["system"] = Value::from(system);
    }
    Ok(Translated::new("llm_prompt", config, reading))
}

/// Says which model answers.
fn model(case: &mut Case<'_>) {
    let of_service = case.services.iter().find_map(|(_, node)| node.parameters.get("model"));
    let own = case.raw("modelId").or_else(|| case.raw("model")).or_else(|| case.raw("chatModel"));
    let named = of_service.or(own).and_then(|model| model.as_str().or_else(|| model.get("value")?.as_str()));
    let there =
        named.filter(|name| !is_template(name)).map(|name| format!(" ({name} there)")).unwrap_or_default();
    case.approximate(format!(
        "The model of the platform answers{there}: choose an integration and a model for another one."
    ));
    case.leaves_out(&["options.temperature", "options.maxTokens", "jsonOutput", "hasOutputParser"]);
}

/// What a chain or an agent is asked.
fn asked(case: &mut Case<'_>) -> Result<String, Refused> {
    for field in ["text", "prompt"] {
        if case.has(field) && case.choice("promptType", "define") != "auto" {
            return case.required(field);
        }
    }
    case.template("={{ $json.chatInput }}", "text")
}

type Asked = (String, Option<String>, Reading);

fn chain(case: &mut Case<'_>, prompt: String) -> Result<Asked, Refused> {
    let mut system = Vec::new();
    for row in case.rows("messages.messageValues") {
        let kind = row.get("type").and_then(Value::as_str).unwrap_or("SystemMessagePromptTemplate");
        if !kind.starts_with("System") {
            return Err(Refused::new("a conversation as a prompt is not imported"));
        }
        let message = row.get("message").and_then(Value::as_str).unwrap_or_default();
        system.push(case.template(message, "messages")?);
    }
    Ok((prompt, Some(system.join("\n\n")), gives(&["text"])))
}

/// A request to the chat of a model.
fn chat(case: &mut Case<'_>) -> Result<Asked, Refused> {
    let is_older = case.node.kind.starts_with("n8n-nodes-base.");
    let resource = case.choice("resource", "text");
    let operation = case.choice("operation", if is_older { "complete" } else { "message" });
    if !matches!(resource, "text" | "chat") || !matches!(operation, "message" | "complete" | "response") {
        return Err(Refused::new(format!("the operation {resource} {operation} is not imported")));
    }
    let rows = case.rows("messages.values").chain(case.rows("messages.messages"));
    let rows: Vec<_> =
        rows.chain(case.rows("prompt.messages")).chain(case.rows("responses.values")).collect();
    let (mut prompt, mut system) = (Vec::new(), Vec::new());
    for row in rows {
        let content = row.get("content").and_then(Value::as_str).unwrap_or_default();
        let content = case.template(content, "messages")?;
        match row.get("role").and_then(Value::as_str).unwrap_or("user") {
            "system" => system.push(content),
            "user" => prompt.push(content),
            role => return Err(Refused::new(format!("a message of the role {role} is not imported"))),
        }
    }
    if prompt.is_empty() && system.is_empty() {
        prompt.push(case.required("prompt")?);
    }
    if prompt.is_empty() {
        prompt.append(&mut system);
    }
    let reading = Reading::viewed(
        View::of(&["message", "content"], &["text"]).with(&["content"], &["text"]).with(&["text"], &["text"]),
    );
    Ok((prompt.join("\n\n"), Some(system.join("\n\n")), reading))
}
