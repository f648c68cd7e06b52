//! Documents that break one rule each.

use serde_json::{Value, json};

use super::RULES;

/// The name of a rule, a document that breaks it, and where.
type Example = (&'static str, Value, &'static str);

fn examples() -> Vec<Example> {
    [of_schemas(), of_directions(), of_operations(), of_errors()].concat()
}

/// An operation with this answer.
fn answer(content: Value) -> Value {
    json!({"paths": {"/x": {"get": {"responses": {"200": content}}}}})
}

/// A schema with this field.
fn field(field: Value) -> Value {
    json!({"components": {"schemas": {"XView": {"type": "object", "properties": {"x": field}}}}})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn of_schemas() -> Vec<Example> {
    vec![
        (
            "closed sets are enums",
            json!({"components": {"schemas": {"XView": {"properties": {"status": text()}}}}}),
            "XView/status",
        ),
        (
            "closed sets are enums",
            field(
                json!({"type": ["string", "null"], "description": "asc, desc or none; none where it is null."}),
            ),
            "XView/x",
        ),
        (
            "closed sets are enums",
            json!({"paths": {"/x": {"get": {"parameters": [{"name": "sort", "schema": text()}]}}}}),
            "get /x sort",
        ),
        (
            "closed sets are enums",
            field(json!({"type": "string", "enum": ["a"]})),
            "XView/x is not a set of its own",
        ),
    ]
}

fn of_directions() -> Vec<Example> {
    vec![
        ("null is told from silence", field(json!({"type": ["string", "null"]})), "XView/x"),
        (
            "null is told from silence",
            field(json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Y"}]})),
            "XView/x",
        ),
        (
            "null is told from silence",
            json!({
                "paths": {"/x": {"post": {"requestBody": {"$ref": "#/components/schemas/XInput"}}}},
                "components": {"schemas": {
                    "XInput": {"properties": {"x": {"type": ["string", "null"], "description": "Its name."}}}
                }}
            }),
            "XInput/x",
        ),
        (
            "null is told from silence",
            json!({
                "paths": {"/x": {"post": {
                    "requestBody": {"$ref": "#/components/schemas/Both"},
                    "responses": {"200": {"$ref": "#/components/schemas/Both"}}
                }}},
                "components": {"schemas": {"Both": {"properties": {"x": text()}}}}
            }),
            "Both/x",
        ),
        (
            "objects say what is in them",
            field(json!({"type": ["object", "null"]})),
            "/components/schemas/XView/properties/x",
        ),
    ]
}

fn of_operations() -> Vec<Example> {
    vec![
        (
            "files are binary",
            answer(json!({"content": {"application/zip": {"schema": {"type": "array"}}}})),
            "get /x 200 application/zip",
        ),
        (
            "streams say their events",
            answer(json!({"content": {"text/event-stream": {"schema": text()}}})),
            "get /x",
        ),
        (
            "results have a schema by kind",
            json!({"components": {"schemas": {"JobKind": {"enum": ["a.b"]}, "JobResults": {"properties": {}}}}}),
            "a.b",
        ),
        (
            "headers are shared",
            answer(json!({"headers": {"X-Total-Count": {"schema": {"type": "integer"}}}})),
            "get /x 200 X-Total-Count",
        ),
        ("headers are shared", answer(json!({"headers": {}})), "get /x 200 X-Request-Id"),
    ]
}

fn of_errors() -> Vec<Example> {
    vec![
        (
            "operations say their error codes",
            answer(
                json!({"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}}),
            ),
            "get /x 200",
        ),
        (
            "operations say their error codes",
            answer(json!({"content": {"application/json": {"schema": {"allOf": [
                {"$ref": "#/components/schemas/ErrorBody"}, {"properties": {"code": {"enum": ["NEVER_HEARD_OF"]}}}
            ]}}}})),
            "get /x 200",
        ),
        (
            "parameters have no null",
            json!({"paths": {"/x": {"get": {"parameters": [
                {"name": "If-None-Match", "schema": {"type": ["string", "null"]}}
            ]}}}}),
            "get /x \"If-None-Match\"",
        ),
        (
            "names leak no generics",
            json!({"components": {"schemas": {"PartView_Vec_QueueView": {}}}}),
            "PartView_Vec_QueueView",
        ),
        (
            "operations are functions",
            json!({"paths": {"/x": {"get": {"operationId": "x", "tags": ["Jobs"]}}}}),
            "get /x x",
        ),
        (
            "operations are functions",
            json!({"paths": {"/x": {"get": {"operationId": "get_x", "tags": ["Others"]}}}}),
            "get /x get_x",
        ),
    ]
}

#[test]
fn each_rule_finds_what_breaks_it() {
    for (name, document, place) in examples() {
        let rule = RULES.iter().find(|(known, _)| *known == name).expect("a rule").1;
        let faults = rule(&document);
        assert!(faults.iter().any(|fault| fault == place), "{name}: {place} is not in {faults:?}");
    }
}

#[test]
fn every_rule_has_an_example() {
    let examples = examples();
    for (name, _) in RULES {
        assert!(examples.iter().any(|(broken, ..)| *broken == name), "{name}");
    }
}
