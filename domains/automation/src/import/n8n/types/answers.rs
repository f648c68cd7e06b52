//! The answer to a webhook.

use serde_json::{Map, Value, json};

use crate::{
    import::n8n::{
        case::{Case, Translated},
        expression::Refused,
    },
    integrations::header,
};

pub(super) fn respond(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let status = case.whole("options.responseCode");
    let mut status = status.filter(|status| (100..1000).contains(status)).unwrap_or(200);
    let mut headers = Map::new();
    for entry in case.rows("options.responseHeaders.entries") {
        let Some(name) = entry.get("name").and_then(Value::as_str) else { continue };
        if header::check_name(name).is_err() {
            case.approximate(format!("The header {name} is left out"));
            continue;
        }
        let value = case.value(entry.get("value").unwrap_or(&Value::Null), "options.responseHeaders")?;
        headers.insert(name.to_ascii_lowercase(), value);
    }
    let first = format!("{{{{ {} }}}}", case.sight.input.at(0));
    let body = match case.choice("respondWith", "firstIncomingItem") {
        "firstIncomingItem" => Value::from(first),
        "allIncomingItems" => Value::from(case.items()),
        "noData" => Value::Null,
        "text" => Value::from(case.text("responseBody")?.unwrap_or_default()),
        "json" => match case.raw("responseBody") {
            Some(body) => case.json(body, "responseBody")?,
            None => json!({}),
        },
        "redirect" => {
            status = 302;
            let address = case.required("redirectURL")?;
            headers.insert("location".to_owned(), Value::from(address));
            Value::Null
        }
        other => return Err(Refused::new(format!("/parameters/respondWith: {other} is not imported"))),
    };
    let config = json!({"status": status, "headers": headers, "body": body});
    let gives = case.input.clone();
    Ok(Translated::new("webhook_response", config, gives))
}
