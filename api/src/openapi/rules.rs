//! What clients are made from: rules that hold over the whole document, each with an
//! example that breaks it.

mod broken;
mod reading;

use std::collections::BTreeSet;

use serde_json::Value;

use self::reading::{
    array, codes_of, document, is_nullable, is_open_text, lists_values, members, name_of, object, operations,
    reachable, responses, schemas, texts, visit,
};
use super::{TAGS, errors};

/// What breaks a rule, each with its place.
type Rule = fn(&Value) -> Vec<String>;

/// The words that the names of operations begin with.
const VERBS: &str = "activate backfill begin cancel change clean create deactivate decide delete deploy \
    disable discard duplicate enable end export finish forgot generate get import list login logout pause \
    preview publish refresh register repeat replace replay resend reset restore resume retry run send \
    show start stream test unlink unsubscribe update validate verify";

/// Fields and parameters that are text of a closed set wherever they occur.
const CLOSED: [&str; 24] = [
    "category",
    "database",
    "engine",
    "format",
    "jobs",
    "kind",
    "lane",
    "level",
    "locale",
    "mode",
    "order",
    "outcome",
    "period",
    "platform",
    "provider",
    "purpose",
    "queue",
    "role",
    "sort",
    "status",
    "template",
    "token_type",
    "transport",
    "type",
];

/// Those of them that are open here: filters that take any text, the model's provider, types of nodes that a
/// draft may name before there are any, those of n8n.
const OPEN: [&str; 19] = [
    "AttemptAccountView/provider",
    "CreateNodeInput/type",
    "GenerationResult/provider",
    "ImportedCredentialView/type",
    "ImportedNodeView/type",
    "JobRestartedEvent/provider",
    "LivenessView/status",
    "NodeInput/type",
    "NodeView/type",
    "PlannedFileView/purpose",
    "ProviderView/provider",
    "SteeringBody/kind",
    "VersionView/provider",
    "get /api/admin/jobs kind",
    "get /api/admin/mails template",
    "get /api/admin/users provider",
    "get /api/jobs kind",
    "CheckFaultView/code",
    "OAuthInput/code",
];

fn closed_sets_are_enums(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (place, name, schema, description) in members(document) {
        let said = description.as_str().is_some_and(lists_values);
        let closed = CLOSED.contains(&name) && !OPEN.contains(&place.as_str());
        if is_open_text(schema) && (said || closed) {
            faults.push(place);
        }
    }
    for (schema, value) in schemas(document) {
        for (name, field) in object(&value["properties"]) {
            if field["enum"].is_array() {
                faults.push(format!("{schema}/{name} is not a set of its own"));
            }
        }
    }
    faults
}

fn null_is_told_from_silence(document: &Value) -> Vec<String> {
    let bodies: Vec<_> = operations(document).map(|(_, operation)| &operation["requestBody"]).collect();
    let answers = operations(document).map(|(_, operation)| &operation["responses"]);
    let (inputs, answers) = (reachable(document, bodies.into_iter()), reachable(document, answers));
    let mut faults = Vec::new();
    for (name, schema) in schemas(document) {
        let (is_input, is_answer) = (inputs.contains(name.as_str()), answers.contains(name.as_str()));
        visit(name, schema, &mut |_, part| {
            let required = part.get("required").map(texts).unwrap_or_default();
            for (field, value) in part.get("properties").into_iter().flat_map(object) {
                let (required, nullable) = (required.contains(field.as_str()), is_nullable(value));
                let said = value.to_string().to_lowercase().contains("null ");
                let holds = match (is_input, is_answer) {
                    (true, true) => required && !nullable,
                    (true, false) => !nullable || !required && said,
                    (false, _) => required || !nullable,
                };
                if !holds {
                    faults.push(format!("{name}/{field}"));
                }
            }
        });
    }
    faults
}

fn objects_say_what_is_in_them(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    visit("", document, &mut |place, fields| {
        let is_object =
            fields.get("type").is_some_and(|kind| kind == "object" || texts(kind).contains("object"));
        if is_object && !fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
            faults.push(place.to_owned());
        }
    });
    faults
}

fn files_are_binary(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (operation, value) in operations(document) {
        for (status, response) in object(&value["responses"]) {
            for (kind, content) in object(&response["content"]) {
                let is_text =
                    kind.starts_with("text/") || kind.ends_with("json") || kind.contains("x-www-form");
                let is_bytes =
                    content["schema"]["type"] == "string" && content["schema"]["format"] == "binary";
                if !is_text && !is_bytes {
                    faults.push(format!("{operation} {status} {kind}"));
                }
            }
        }
    }
    faults
}

fn streams_say_their_events(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let schemas = &document["components"]["schemas"];
    for (operation, value) in operations(document) {
        let is_stream = responses(value).any(|response| response["content"]["text/event-stream"].is_object());
        let said = &value["x-sse-events"];
        let is_of = |name: &str| {
            let events = &schemas[name]["properties"];
            let same = |(name, event): (&String, &Value)| {
                name_of(event).is_some() && name_of(event) == name_of(&events[name])
            };
            said.is_object() && object(said).count() == object(events).count() && object(said).all(same)
        };
        if is_stream && !["JobEvents", "RunEvents"].into_iter().any(is_of) {
            faults.push(operation);
        }
    }
    faults
}

fn results_have_a_schema_by_kind(document: &Value) -> Vec<String> {
    let schemas = &document["components"]["schemas"];
    let described: BTreeSet<_> =
        object(&schemas["JobResults"]["properties"]).map(|(kind, _)| kind.as_str()).collect();
    let kinds = texts(&schemas["JobKind"]["enum"]);
    kinds.symmetric_difference(&described).map(|kind| (*kind).to_owned()).collect()
}

fn headers_are_shared(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let known = &document["components"]["headers"];
    let of_operations = operations(document).flat_map(|(operation, value)| {
        object(&value["responses"]).map(move |(status, response)| (format!("{operation} {status}"), response))
    });
    let shared =
        object(&document["components"]["responses"]).map(|(name, response)| (name.clone(), response));
    for (place, response) in of_operations.chain(shared) {
        for (name, header) in object(&response["headers"]) {
            if name_of(header) != Some(name) || known[name].is_null() {
                faults.push(format!("{place} {name}"));
            }
        }
        if response["$ref"].is_null() && response["headers"]["X-Request-Id"].is_null() {
            faults.push(format!("{place} X-Request-Id"));
        }
    }
    faults
}

fn operations_say_their_error_codes(document: &Value) -> Vec<String> {
    let known = texts(&document["components"]["schemas"]["ErrorCode"]["enum"]);
    let mut faults = Vec::new();
    for (operation, value) in operations(document) {
        let mut all = BTreeSet::new();
        for (status, response) in object(&value["responses"]) {
            let Some(codes) = codes_of(document, response) else { continue };
            if codes.is_empty() || !codes.is_subset(&known) {
                faults.push(format!("{operation} {status}"));
            }
            all.extend(codes);
        }
        if all.is_empty() || texts(&value[errors::CODES]) != all {
            faults.push(operation);
        }
    }
    faults
}

fn parameters_have_no_null(document: &Value) -> Vec<String> {
    let of = |(operation, value): (String, &Value)| {
        let nullable = array(&value["parameters"]).filter(|parameter| is_nullable(&parameter["schema"]));
        nullable.map(|parameter| format!("{operation} {}", parameter["name"])).collect::<Vec<_>>()
    };
    operations(document).flat_map(of).collect()
}

fn names_leak_no_generics(document: &Value) -> Vec<String> {
    let is_plain = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
    };
    schemas(document).map(|(name, _)| name.clone()).filter(|name| !is_plain(name)).collect()
}

fn operations_are_functions(document: &Value) -> Vec<String> {
    let mut names = BTreeSet::new();
    let tags: BTreeSet<_> = TAGS.iter().map(|(name, _)| *name).collect();
    let is_name = |name: &str| {
        let verb = name.split('_').next().unwrap_or_default();
        VERBS.split(' ').any(|known| known == verb)
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let mut faults = Vec::new();
    for (operation, value) in operations(document) {
        let name = value["operationId"].as_str().unwrap_or_default();
        let tagged = texts(&value["tags"]);
        if !is_name(name) || !names.insert(name) || tagged.len() != 1 || !tagged.is_subset(&tags) {
            faults.push(format!("{operation} {name}"));
        }
    }
    faults
}

const RULES: [(&str, Rule); 11] = [
    ("closed sets are enums", closed_sets_are_enums),
    ("null is told from silence", null_is_told_from_silence),
    ("objects say what is in them", objects_say_what_is_in_them),
    ("files are binary", files_are_binary),
    ("streams say their events", streams_say_their_events),
    ("results have a schema by kind", results_have_a_schema_by_kind),
    ("headers are shared", headers_are_shared),
    ("operations say their error codes", operations_say_their_error_codes),
    ("parameters have no null", parameters_have_no_null),
    ("names leak no generics", names_leak_no_generics),
    ("operations are functions", operations_are_functions),
];

#[test]
fn the_document_keeps_every_rule() {
    let document = document();
    for (name, rule) in RULES {
        let faults = rule(&document);
        assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    }
}

#[test]
fn what_is_open_is_there() {
    let document = document();
    let places: BTreeSet<_> = members(&document).into_iter().map(|(place, ..)| place).collect();
    for place in OPEN {
        assert!(places.contains(place), "{place}");
    }
}
