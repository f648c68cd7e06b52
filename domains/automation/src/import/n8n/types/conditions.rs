//! Nodes that ask conditions.

use serde_json::{Value, json};

use super::operators::when;
use crate::import::n8n::{
    case::{Case, Translated},
    expression::Refused,
    sight::Reading,
};

fn conditions(case: &mut Case<'_>) -> Result<Value, Refused> {
    let Some(conditions) = case.raw("conditions") else { return Err(Refused::new("it has no condition")) };
    let is_loose = case.flag("looseTypeValidation", false) || case.flag("options.looseTypeValidation", false);
    when(case, conditions, is_loose)
}

fn ports(names: &[&str]) -> Vec<Vec<String>> {
    names.iter().map(|name| vec![(*name).to_owned()]).collect()
}

pub(super) fn choose(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let when = conditions(case)?;
    let gives = case.input.clone();
    Ok(Translated::new("condition", json!({"when": when}), gives).with_ports(ports(&["true", "false"])))
}

/// A list is filtered; one item is let through or not.
pub(super) fn filter(case: &mut Case<'_>) -> Result<Translated, Refused> {
    if !case.input.many {
        let when = conditions(case)?;
        let gives = case.input.clone();
        return Ok(
            Translated::new("condition", json!({"when": when}), gives).with_ports(ports(&["true", "false"]))
        );
    }
    let items = case.items();
    "item".clone_into(&mut case.sight.input.item);
    case.sight.is_item = true;
    let when = conditions(case)?;
    let gives = Reading::list(case.input.view.clone());
    Ok(Translated::new("filter", json!({"items": items, "when": when}), gives))
}
