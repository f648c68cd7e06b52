//! An API: a Node server without dependencies, its tests and its documents.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::brief::AppBrief;
use crate::render::{File, json_file, palette_of, render};
use crate::schema::{Entity, Field, FieldKind};
use crate::texts::{strings, texts};
use example::example;

mod example;
mod openapi;

/// The files of an API, without the documents that every kind has.
pub(crate) fn files(brief: &AppBrief) -> Result<Vec<File>, minijinja::Error> {
    let words = texts(include_str!("templates/api/words.json"), brief.language);
    let flags = json!({ "advanced": brief.advanced });
    let style = json!({ "palette": palette_of(brief) });
    let mut files = vec![
        page(brief, &words)?,
        File::new("styles.css", render("styles.css", include_str!("templates/api/styles.css"), style)?),
        File::new("server.js", render("server.js", include_str!("templates/api/server.js"), &flags)?),
        File::new("store.js", include_str!("templates/api/store.js")),
        File::new("validate.js", include_str!("templates/api/validate.js")),
        File::new("test.js", render("test.js", include_str!("templates/api/test.js"), &flags)?),
        json_file("schema.json", &schema(brief)),
        json_file("openapi.json", &openapi::document(brief, &words)),
        json_file("package.json", &package(brief)),
    ];
    if brief.advanced {
        files.push(File::new("insights.js", include_str!("templates/api/insights.js")));
    }
    Ok(files)
}

fn schema(brief: &AppBrief) -> Value {
    let entity = |entity: &Entity| json!({ "key": entity.key, "name": entity.name, "path": entity.path, "fields": entity.fields });
    json!({ "title": brief.title, "entities": brief.entities.iter().map(entity).collect::<Vec<_>>() })
}

fn package(brief: &AppBrief) -> Value {
    json!({
        "name": brief.slug,
        "version": "1.0.0",
        "private": true,
        "description": brief.tagline,
        "main": "server.js",
        "scripts": { "start": "node server.js", "test": "node --test" },
        "engines": { "node": ">=20" },
    })
}

fn page(brief: &AppBrief, words: &BTreeMap<String, String>) -> Result<File, minijinja::Error> {
    let values = json!({
        "title": brief.title,
        "tagline": brief.tagline,
        "language": brief.language,
        "strings": strings(brief.language),
        "main": { "path": brief.main_entity().path },
        "resources": brief.entities.iter().map(|entity| resource(entity, brief, words)).collect::<Vec<_>>(),
        "words": words,
    });
    Ok(File::new("index.html", render("index.html", include_str!("templates/api/index.html"), values)?))
}

fn resource(entity: &Entity, brief: &AppBrief, words: &BTreeMap<String, String>) -> Value {
    let (all, one) = (format!("/api/{}", entity.path), format!("/api/{}/{{id}}", entity.path));
    let mut operations = vec![
        ("GET", all.clone(), "list"),
        ("POST", all.clone(), "create"),
        ("GET", one.clone(), "read"),
        ("PUT", one.clone(), "replace"),
        ("PATCH", one.clone(), "change"),
        ("DELETE", one, "remove"),
    ];
    if brief.advanced {
        operations.push(("GET", format!("{all}/stats"), "stats"));
        operations.push(("GET", format!("{all}/export.csv"), "csv"));
    }
    let operation = |(verb, address, word): &(&str, String, &str)| json!({ "verb": verb, "address": address, "meaning": words.get(*word) });
    let field =
        |field: &Field| json!({ "name": field.name, "kind": kind_name(&field.kind), "label": field.label });
    let body = Value::Object(example(entity)).to_string().replace('\'', "'\\''");
    json!({
        "path": entity.path,
        "plural": entity.plural,
        "operations": operations.iter().map(operation).collect::<Vec<_>>(),
        "fields": entity.fields.iter().map(field).collect::<Vec<_>>(),
        "curl_body": body,
    })
}

fn kind_name(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Number | FieldKind::Money => "number".to_owned(),
        FieldKind::Rating => "1–5".to_owned(),
        FieldKind::Boolean => "true / false".to_owned(),
        FieldKind::Date => "2030-12-31".to_owned(),
        FieldKind::Choice(options) => options.join(" / "),
        FieldKind::Reference(entity) => format!("id ({entity})"),
        FieldKind::Text
        | FieldKind::LongText
        | FieldKind::Email
        | FieldKind::Phone
        | FieldKind::Url
        | FieldKind::Tags => "text".to_owned(),
    }
}
