//! What null means, by rule: a field of an answer that may be null is always there; in an
//! input null is as good as leaving the field out, unless its description says what else;
//! parameters and forms have no null.

use std::collections::BTreeSet;

use utoipa::openapi::{
    OpenApi, RefOr, Schema,
    path::{Operation, PathItem},
    schema::{AdditionalProperties, ArrayItems, Object, SchemaType, Type},
};

const FORM: &str = "application/x-www-form-urlencoded";
const NULL_IS_SILENCE: &str = "Null is the same as leaving it out.";

/// The names of the schemas that requests are made of. All others are those of answers.
#[derive(Default)]
struct Inputs {
    json: BTreeSet<String>,
    forms: BTreeSet<String>,
}

/// Applies the rule to every schema of the document.
pub(super) fn complete(document: &mut OpenApi) {
    let inputs = inputs(document);
    let components = document.components.get_or_insert_default();
    for (name, schema) in &mut components.schemas {
        if inputs.forms.contains(name) {
            each_object(schema, &mut |object| object.properties.values_mut().for_each(without_null));
        } else if inputs.json.contains(name) {
            each_object(schema, &mut say_what_null_means);
        } else {
            each_object(schema, &mut require_nullable);
        }
    }
}

/// Takes null out of the schemas of an operation's parameters.
pub(super) fn complete_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(schema) = &mut parameter.schema
        {
            without_null(schema);
        }
    }
}

fn inputs(document: &OpenApi) -> Inputs {
    let mut inputs = Inputs::default();
    for operation in document.paths.paths.values().flat_map(operations) {
        let Some(RefOr::T(body)) = &operation.request_body else { continue };
        for (kind, content) in &body.content {
            let found = if kind == FORM { &mut inputs.forms } else { &mut inputs.json };
            if let RefOr::T(content) = content {
                content.schema.iter().for_each(|schema| follow(schema, document, found));
            }
        }
    }
    inputs
}

fn operations(item: &PathItem) -> impl Iterator<Item = &Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

/// Adds the names of the schemas that a schema is made of.
fn follow(schema: &RefOr<Schema>, document: &OpenApi, found: &mut BTreeSet<String>) {
    if let RefOr::Ref(reference) = schema {
        let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
        let target = document.components.as_ref().and_then(|components| components.schemas.get(name));
        if found.insert(name.to_owned()) {
            target.iter().for_each(|schema| follow(schema, document, found));
        }
    }
    parts(schema).into_iter().for_each(|part| follow(part, document, found));
}

/// The schemas that stand within a schema.
fn parts(schema: &RefOr<Schema>) -> Vec<&RefOr<Schema>> {
    let RefOr::T(schema) = schema else { return Vec::new() };
    match schema {
        Schema::OneOf(one) => one.items.iter().collect(),
        Schema::AllOf(all) => all.items.iter().collect(),
        Schema::AnyOf(any) => any.items.iter().collect(),
        Schema::Array(array) => match &array.items {
            ArrayItems::RefOrSchema(items) => vec![items],
            ArrayItems::False => Vec::new(),
        },
        Schema::Object(object) => {
            let others = match object.additional_properties.as_deref() {
                Some(AdditionalProperties::RefOr(schema)) => Some(schema),
                _ => None,
            };
            object.properties.values().chain(others).collect()
        }
        _ => Vec::new(),
    }
}

/// Changes every object that a schema is made of, but for those behind references.
fn each_object(schema: &mut RefOr<Schema>, change: &mut dyn FnMut(&mut Object)) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::OneOf(one) => one.items.iter_mut().for_each(|item| each_object(item, change)),
        Schema::AllOf(all) => all.items.iter_mut().for_each(|item| each_object(item, change)),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(|item| each_object(item, change)),
        Schema::Object(object) => {
            change(object);
            object.properties.values_mut().for_each(|field| each_object(field, change));
        }
        _ => {}
    }
}

fn require_nullable(object: &mut Object) {
    for (name, field) in &object.properties {
        if is_nullable(field) && !object.required.contains(name) {
            object.required.push(name.clone());
        }
    }
}

fn say_what_null_means(object: &mut Object) {
    for (name, field) in &mut object.properties {
        if is_nullable(field) && !object.required.contains(name) {
            describe_null(field);
        }
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

fn is_nullable(schema: &RefOr<Schema>) -> bool {
    let has_null =
        |kind: &SchemaType| matches!(kind, SchemaType::Array(types) if types.contains(&Type::Null));
    match schema {
        RefOr::T(Schema::Object(object)) => has_null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => has_null(&array.schema_type),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().any(is_null),
        _ => false,
    }
}

fn without_null(schema: &mut RefOr<Schema>) {
    let plain = |kind: &mut SchemaType| {
        if let SchemaType::Array(types) = kind {
            types.retain(|kind| *kind != Type::Null);
            if let [only] = types.as_slice() {
                *kind = SchemaType::Type(only.clone());
            }
        }
    };
    match schema {
        RefOr::T(Schema::Object(object)) => plain(&mut object.schema_type),
        RefOr::T(Schema::Array(array)) => plain(&mut array.schema_type),
        RefOr::T(Schema::OneOf(one)) => {
            one.items.retain(|item| !is_null(item));
            if let [RefOr::Ref(only)] = one.items.as_mut_slice() {
                only.default = one.default.take();
                *schema = RefOr::Ref(std::mem::take(only));
            }
        }
        _ => {}
    }
}

/// Says what null means where the description does not.
fn describe_null(schema: &mut RefOr<Schema>) {
    let add = |text: &str| match text {
        text if text.to_lowercase().contains("null") => text.to_owned(),
        text => format!("{text} {NULL_IS_SILENCE}").trim_start().to_owned(),
    };
    let add_to = |text: &mut Option<String>| *text = Some(add(text.as_deref().unwrap_or_default()));
    match schema {
        RefOr::T(Schema::Object(object)) => add_to(&mut object.description),
        RefOr::T(Schema::Array(array)) => add_to(&mut array.description),
        RefOr::T(Schema::OneOf(one)) => {
            for item in &mut one.items {
                if let RefOr::Ref(reference) = item {
                    reference.description = add(&reference.description);
                }
            }
        }
        _ => {}
    }
}
