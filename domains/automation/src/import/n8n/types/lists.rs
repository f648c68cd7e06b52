//! Nodes that work on lists and branches.

use serde_json::{Map, Value, json};

use crate::import::n8n::{
    case::{Case, Translated},
    expression::{Refused, quoted},
    sight::{Reading, View},
};

/// Most fields that a node names.
const MAX_FIELDS: usize = 20;

/// Names of fields, separated by commas.
fn names(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).take(MAX_FIELDS).collect()
}

fn names_of(case: &Case<'_>, path: &str) -> Vec<String> {
    match case.raw(path) {
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).take(MAX_FIELDS).map(str::to_owned).collect()
        }
        Some(Value::String(text)) => {
            names(text.trim_start_matches('=')).into_iter().map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// The path of a field in the items here. Dots separate its parts.
fn path_of(case: &Case<'_>, name: &str) -> String {
    use crate::import::n8n::sight::Step;
    let steps: Vec<Step> = name.split('.').map(|part| Step::Field(part.to_owned())).collect();
    let parts = case.input.view.apply(&steps).into_iter().map(|step| match step {
        Step::Field(name) => name,
        Step::Place(place) => place.to_string(),
    });
    parts.collect::<Vec<_>>().join(".")
}

/// The values of a field of all items.
fn values(case: &mut Case<'_>, name: &str) -> Result<String, Refused> {
    if case.input.many {
        let path = quoted(&path_of(case, name));
        return Ok(format!("map({}, attribute={path})", case.sight.input.all()));
    }
    Ok(format!("[{}]", field(case, name)?))
}

/// A field of the only item.
fn field(case: &mut Case<'_>, name: &str) -> Result<String, Refused> {
    let path: String =
        name.split('.').map(|part| format!("[{}]", Value::from(part))).collect::<Vec<_>>().concat();
    let source = Value::from(format!("={{{{ $json{path} }}}}"));
    case.expression(&source, "field").map(|written| written.text)
}

pub(super) fn split_out(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let found = names_of(case, "fieldToSplitOut");
    let [name] = &found[..] else { return Err(Refused::new("it splits out several fields, or none")) };
    let name = name.strip_prefix("$json.").unwrap_or(name);
    if name.contains("{{") || name.len() > 500 {
        return Err(Refused::new("the field to split out is an expression"));
    }
    if case.choice("include", "noOtherFields") != "noOtherFields" {
        case.approximate("The other fields are left out.");
    }
    let items = if case.input.many {
        format!("{{{{ flatten({}) }}}}", values(case, name)?)
    } else {
        format!("{{{{ {} }}}}", field(case, name)?)
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    let target = case.choice("options.destinationFieldName", last);
    // An item that is no object lies in a field there.
    let gives = Reading::list(View::of(&[target], &[]));
    Ok(Translated::new("list_split", json!({"items": items}), gives))
}

pub(super) fn aggregate(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let mut fields = Map::new();
    if case.choice("aggregate", "aggregateIndividualFields") == "aggregateAllItemData" {
        if case.choice("include", "allFields") != "allFields" {
            case.approximate("All fields stay, not the chosen ones.");
        }
        let name = case.choice("destinationFieldName", "data");
        fields.insert(name.to_owned(), Value::from(case.items()));
    } else {
        for row in case.rows("fieldsToAggregate.fieldToAggregate").take(MAX_FIELDS) {
            let text = |field: &str| row.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
            let Some(name) = text("fieldToAggregate") else { continue };
            if name.len() > 500 {
                return Err(Refused::new("the name of a field is too long"));
            }
            let last = name.rsplit('.').next().unwrap_or(name);
            let renamed = row.get("renameField") == Some(&Value::Bool(true));
            let target = text("outputFieldName").filter(|_| renamed).unwrap_or(last);
            let list = values(case, name)?;
            fields.insert(target.to_owned(), Value::from(format!("{{{{ {list} }}}}")));
        }
        case.leaves_out(&["options.disableDotNotation", "options.mergeLists", "options.includeBinaries"]);
    }
    if fields.is_empty() {
        return Err(Refused::new("it aggregates no field"));
    }
    Ok(Translated::new("transform", json!({"fields": fields}), Reading::one()))
}

fn list(case: &Case<'_>) -> Reading {
    Reading::list(case.input.view.clone())
}

pub(super) fn limit(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let count = match case.raw("maxItems") {
        Some(Value::String(_)) => Value::from(case.required("maxItems")?),
        _ => Value::from(case.whole("maxItems").unwrap_or(1)),
    };
    let from_end = case.choice("keep", "firstItems") == "lastItems";
    let config = json!({"items": case.items(), "count": count, "from_end": from_end});
    Ok(Translated::new("list_limit", config, list(case)))
}

pub(super) fn sort(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let kind = case.choice("type", "simple");
    if kind != "simple" {
        return Err(Refused::new(format!("the order {kind} is not imported")));
    }
    let mut by = Vec::new();
    for row in case.rows("sortFieldsUi.sortField").take(MAX_FIELDS) {
        let Some(name) = row.get("fieldName").and_then(Value::as_str) else { continue };
        let descending = row.get("order").and_then(Value::as_str) == Some("descending");
        by.push(json!({"field": path_of(case, name), "descending": descending}));
    }
    if by.is_empty() {
        return Err(Refused::new("it sorts by no field"));
    }
    Ok(Translated::new("list_sort", json!({"items": case.items(), "by": by}), list(case)))
}

pub(super) fn remove_duplicates(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let operation = case.choice("operation", "removeDuplicateInputItems");
    if operation != "removeDuplicateInputItems" {
        return Err(Refused::new(format!("the operation {operation} is not imported")));
    }
    let by: Vec<String> = match case.choice("compare", "allFields") {
        "allFields" => Vec::new(),
        "selectedFields" => {
            names_of(case, "fieldsToCompare").iter().map(|name| path_of(case, name)).collect()
        }
        other => return Err(Refused::new(format!("the comparison {other} is not imported"))),
    };
    Ok(Translated::new("list_dedupe", json!({"items": case.items(), "by": by}), list(case)))
}

/// What splits into batches without a way back gives the list as it is.
pub(super) fn batches(case: &mut Case<'_>) -> Result<Translated, Refused> {
    case.approximate("Nothing leads back to it: what follows gets all items at once.");
    let output = vec!["main".to_owned()];
    let gives = case.input.clone();
    Ok(Translated::new("no_op", json!({}), gives).with_ports(vec![output.clone(), output]))
}

pub(super) fn merge(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let mode = case.choice("mode", "append");
    let combined = if case.node.version >= 3.0 {
        case.choice("combineBy", "combineByFields")
    } else {
        case.choice("combinationMode", "mergeByFields")
    };
    let mode = if mode == "combine" { combined } else { mode };
    let config = match mode {
        "append" => json!({"mode": "append"}),
        "combineByPosition" | "mergeByPosition" | "mergeByIndex" => {
            let keep = if case.flag("options.includeUnpaired", false) { "outer" } else { "inner" };
            json!({"mode": "position", "keep": keep})
        }
        "combineAll" | "multiplex" => json!({"mode": "pairs"}),
        "combineByFields" | "mergeByFields" | "mergeByKey" => by_fields(case)?,
        "chooseBranch" | "passThrough" | "wait" => {
            case.approximate("It gives the data of the first branch that was taken.");
            json!({"mode": "choose"})
        }
        other => return Err(Refused::new(format!("the mode {other} is not imported"))),
    };
    if case.inbound < 2 {
        case.approximate("One branch leads to it alone.");
    }
    case.leaves_out(&["options.fuzzyCompare", "options.clashHandling", "options.multipleMatches"]);
    let many = config["mode"] != "choose";
    let gives = if many { Reading::list(View::default()) } else { case.input.clone() };
    Ok(Translated::new("merge", config, gives))
}

fn by_fields(case: &mut Case<'_>) -> Result<Value, Refused> {
    let mut fields = names_of(case, "fieldsToMatchString");
    let old = case.choice("propertyName1", "");
    if fields.is_empty() && !old.is_empty() && case.choice("propertyName2", "") == old {
        fields.push(old.to_owned());
    }
    for row in case.rows("mergeByFields.values").take(MAX_FIELDS) {
        let text = |field: &str| row.get(field).and_then(Value::as_str).unwrap_or_default();
        if text("field1") != text("field2") || text("field1").is_empty() {
            return Err(Refused::new("it matches fields of different names"));
        }
        fields.push(text("field1").to_owned());
    }
    if fields.is_empty() {
        return Err(Refused::new("it matches no field"));
    }
    let keep = match case.choice("joinMode", "keepMatches") {
        "keepMatches" => "inner",
        "enrichInput1" => "left",
        "keepEverything" => "outer",
        other => return Err(Refused::new(format!("the join {other} is not imported"))),
    };
    Ok(json!({"mode": "fields", "fields": fields, "keep": keep}))
}
