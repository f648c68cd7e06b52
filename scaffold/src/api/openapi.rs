//! The OpenAPI document of a generated API.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::example::example;
use crate::brief::AppBrief;
use crate::schema::{Entity, Field, FieldKind};

type Words = BTreeMap<String, String>;

/// The whole document, OpenAPI 3.1. Its summaries are in the language of the application.
pub(super) fn document(brief: &AppBrief, words: &Words) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for entity in &brief.entities {
        let base = format!("/api/{}", entity.path);
        paths.insert(base.clone(), collection(entity, brief.advanced, words));
        paths.insert(format!("{base}/{{id}}"), single(entity, words));
        if brief.advanced {
            paths.insert(format!("{base}/stats"), json!({ "get": operation(entity, "stats", &summary(words, "stats", &entity.plural), &json!({ "200": { "description": "The figures" } })) }));
            let csv = json!({ "200": { "description": "The list", "content": { "text/csv": {} } } });
            paths.insert(
                format!("{base}/export.csv"),
                json!({ "get": operation(entity, "export", &summary(words, "csv", &entity.plural), &csv) }),
            );
        }
        schemas.insert(entity.key.clone(), record(entity));
        schemas.insert(format!("{}_input", entity.key), input(entity));
    }
    schemas.insert("error".to_owned(), error());
    paths.insert("/health".to_owned(), json!({ "get": { "summary": "Whether the server runs", "operationId": "health", "responses": { "200": { "description": "It runs" } } } }));
    json!({
        "openapi": "3.1.0",
        "info": { "title": brief.title, "version": "1.0.0", "description": brief.tagline, "x-generator": "atelier/scaffold" },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

fn summary(words: &Words, verb: &str, name: &str) -> String {
    format!("{}: {name}", words.get(verb).map_or(verb, String::as_str))
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn body(entity: &Entity) -> Value {
    let schema = reference(&format!("{}_input", entity.key));
    json!({ "required": true, "content": { "application/json": { "schema": schema, "example": example(entity) } } })
}

fn operation(entity: &Entity, verb: &str, summary: &str, responses: &Value) -> Value {
    json!({ "operationId": format!("{verb}_{}", entity.path.replace('-', "_")), "summary": summary, "tags": [entity.plural], "responses": responses })
}

fn with(mut operation: Value, key: &str, value: Value) -> Value {
    operation[key] = value;
    operation
}

fn collection(entity: &Entity, advanced: bool, words: &Words) -> Value {
    let query = |name: &str, schema: Value| json!({ "name": name, "in": "query", "schema": schema });
    let mut parameters = vec![
        query("q", json!({ "type": "string" })),
        query(
            "sort",
            json!({ "type": "string", "description": "A field's name, with a leading - for descending" }),
        ),
        query("limit", json!({ "type": "integer", "minimum": 0, "maximum": 100, "default": 20 })),
        query("offset", json!({ "type": "integer", "minimum": 0, "default": 0 })),
    ];
    if advanced {
        parameters.extend(entity.fields.iter().map(|field| query(&field.name, json!({ "type": "string" }))));
    }
    let page = json!({
        "type": "object",
        "required": ["items", "total", "limit", "offset"],
        "properties": {
            "items": { "type": "array", "items": reference(&entity.key) },
            "total": { "type": "integer" },
            "limit": { "type": "integer" },
            "offset": { "type": "integer" },
        },
    });
    let error = reference("error");
    let listed = json!({ "200": answer("One page", &page), "400": answer("The query is not valid", &error) });
    let created = json!({ "201": answer("Created", &reference(&entity.key)), "422": answer("Some fields are not valid", &error) });
    json!({
        "get": with(operation(entity, "list", &summary(words, "list", &entity.plural), &listed), "parameters", json!(parameters)),
        "post": with(operation(entity, "create", &summary(words, "create", &entity.name), &created), "requestBody", body(entity)),
    })
}

fn single(entity: &Entity, words: &Words) -> Value {
    let found = answer("The record", &reference(&entity.key));
    let missing = answer("There is none", &reference("error"));
    let invalid = answer("Some fields are not valid", &reference("error"));
    let read = json!({ "200": found, "404": missing });
    let changed = json!({ "200": found, "404": missing, "422": invalid });
    let removed = json!({ "204": { "description": "Deleted" }, "404": missing });
    json!({
        "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
        "get": operation(entity, "read", &summary(words, "read", &entity.name), &read),
        "put": with(operation(entity, "replace", &summary(words, "replace", &entity.name), &changed), "requestBody", body(entity)),
        "patch": with(operation(entity, "change", &summary(words, "change", &entity.name), &changed), "requestBody", json!({
            "required": true,
            "content": { "application/json": { "schema": { "type": "object", "properties": properties(entity) } } },
        })),
        "delete": operation(entity, "delete", &summary(words, "remove", &entity.name), &removed),
    })
}

fn properties(entity: &Entity) -> Map<String, Value> {
    entity.fields.iter().map(|field| (field.name.clone(), property(field))).collect()
}

fn property(field: &Field) -> Value {
    let mut schema = match &field.kind {
        FieldKind::Text | FieldKind::Tags | FieldKind::Phone => json!({ "type": "string", "maxLength": 500 }),
        FieldKind::LongText => json!({ "type": "string", "maxLength": 10_000 }),
        FieldKind::Number | FieldKind::Money => json!({ "type": "number" }),
        FieldKind::Rating => json!({ "type": "integer", "minimum": 1, "maximum": 5 }),
        FieldKind::Date => json!({ "type": "string", "format": "date" }),
        FieldKind::Boolean => json!({ "type": "boolean" }),
        FieldKind::Email => json!({ "type": "string", "format": "email" }),
        FieldKind::Url => json!({ "type": "string", "format": "uri" }),
        FieldKind::Choice(options) => json!({ "type": "string", "enum": options }),
        FieldKind::Reference(entity) => {
            json!({ "type": "string", "description": format!("The id of a {entity}") })
        }
    };
    schema["title"] = json!(field.label);
    schema
}

fn input(entity: &Entity) -> Value {
    let first: Vec<&str> = entity.fields.iter().take(1).map(|field| field.name.as_str()).collect();
    json!({ "type": "object", "required": first, "properties": properties(entity) })
}

fn record(entity: &Entity) -> Value {
    let mut all = properties(entity);
    all.insert("id".to_owned(), json!({ "type": "string", "format": "uuid" }));
    for name in ["created_at", "updated_at"] {
        all.insert(name.to_owned(), json!({ "type": "string", "format": "date-time" }));
    }
    json!({ "type": "object", "title": entity.name, "required": ["id", "created_at", "updated_at"], "properties": all })
}

fn error() -> Value {
    json!({
        "type": "object",
        "required": ["error", "code"],
        "properties": { "error": { "type": "string" }, "code": { "type": "string" }, "details": { "type": "object" } },
    })
}
