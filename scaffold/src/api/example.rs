//! Example bodies of requests.

use serde_json::{Map, Value, json};

use crate::schema::{Entity, FieldKind};

/// A body that the server accepts, without references.
pub(super) fn example(entity: &Entity) -> Map<String, Value> {
    let sample = entity.samples.first();
    entity
        .fields
        .iter()
        .filter_map(|field| {
            let from_sample = sample.and_then(|sample| sample.get(&field.name)).cloned();
            let value = match &field.kind {
                FieldKind::Reference(_) => return None,
                FieldKind::Date => json!("2030-12-31"),
                kind => from_sample.unwrap_or_else(|| example_value(kind, &field.label)),
            };
            Some((field.name.clone(), value))
        })
        .collect()
}

fn example_value(kind: &FieldKind, label: &str) -> Value {
    match kind {
        FieldKind::Number => json!(1),
        FieldKind::Money => json!(9.5),
        FieldKind::Rating => json!(4),
        FieldKind::Boolean => json!(false),
        FieldKind::Email => json!("ada@example.org"),
        FieldKind::Phone => json!("+33 1 23 45 67 89"),
        FieldKind::Url => json!("https://example.org"),
        FieldKind::Choice(options) => json!(options.first()),
        _ => json!(label),
    }
}
