//! What people and editors read of a type of node: names in both languages, the schema of its
//! config, and an example.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::definition::{Definition, Run};
use crate::graph::{
    Behaviour, OutPort,
    node_type::Inputs,
    policy::{DEFAULT_TIMEOUT_SECONDS, MAX_ATTEMPTS},
};

mod schema;

pub use crate::text::Text;
pub(super) use crate::text::both;

pub(super) use schema::{
    any, boolean, choice, conditions, integer, list_of, object, or_expression, strings, text,
};

/// Where a type stands in the palette of an editor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Starts runs.
    Trigger,
    /// Decides what follows.
    Logic,
    /// Changes data.
    Data,
    /// Waits.
    Wait,
    /// Does something outside the run.
    Action,
    /// Is only drawn.
    Canvas,
}

/// What happens outside the run when an attempt is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effects {
    /// Nothing happens outside.
    None,
    /// A repeated attempt does nothing that was done before.
    Idempotent,
    /// A repeated attempt may do it again.
    Unsafe,
}

/// How an editor asks for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Widget {
    /// One line.
    Text,
    /// Several lines.
    Textarea,
    /// Any JSON, with expressions in its texts.
    Json,
    /// A value, or an expression that gives it.
    Expression,
    /// A number of seconds.
    Duration,
    /// Names with values.
    Keyvalue,
    /// Conditions.
    Condition,
    /// One of a few values.
    Select,
    /// On or off.
    Checkbox,
    /// A list of forms.
    List,
    /// One of the person's integrations.
    Integration,
}

/// A field of a config.
#[derive(Clone, Debug)]
pub struct Field {
    name: &'static str,
    label: Text,
    widget: Widget,
    schema: Value,
    is_required: bool,
}

impl Field {
    /// A field that may be absent.
    #[must_use]
    pub const fn optional(name: &'static str, label: Text, widget: Widget, schema: Value) -> Self {
        Self { name, label, widget, schema, is_required: false }
    }

    /// A field that every config has.
    #[must_use]
    pub const fn required(name: &'static str, label: Text, widget: Widget, schema: Value) -> Self {
        Self { name, label, widget, schema, is_required: true }
    }
}

/// What a type tells of itself. [`NodeDescription`] adds what follows from its definition.
#[derive(Clone, Debug)]
pub struct Description {
    /// Its place in the palette.
    pub category: Category,
    /// Its name.
    pub label: Text,
    /// What it does.
    pub documentation: Text,
    /// The path of its icon, on a canvas of 24 by 24.
    pub icon: &'static str,
    /// The fields of its config, in the order of a form.
    pub fields: Vec<Field>,
    /// What a repeated attempt does outside.
    pub effects: Effects,
    /// The JSON pointer pattern of the config's texts that name output ports.
    pub dynamic_outputs: Option<&'static str>,
    /// The schema of what it gives.
    pub output_schema: Value,
    /// A config.
    pub sample_config: Value,
    /// What it gives for that.
    pub sample_output: Value,
}

impl Description {
    /// A type without config, effects and output of its own.
    #[must_use]
    pub fn new(category: Category, label: Text, documentation: Text, icon: &'static str) -> Self {
        Self {
            category,
            label,
            documentation,
            icon,
            fields: Vec::new(),
            effects: Effects::None,
            dynamic_outputs: None,
            output_schema: json!({}),
            sample_config: json!({}),
            sample_output: Value::Null,
        }
    }

    /// The same with these fields and a config that fills them.
    #[must_use]
    pub fn with_config(self, fields: Vec<Field>, sample_config: Value) -> Self {
        Self { fields, sample_config, ..self }
    }

    /// The same with what it gives.
    #[must_use]
    pub fn giving(self, output_schema: Value, sample_output: Value) -> Self {
        Self { output_schema, sample_output, ..self }
    }

    /// The same with effects.
    #[must_use]
    pub fn with_effects(self, effects: Effects) -> Self {
        Self { effects, ..self }
    }
}

/// What an editor needs of a type of node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeDescription {
    /// The stable name.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The version.
    pub version: u32,
    /// Its place in the palette.
    pub category: Category,
    /// Its name.
    pub label: Text,
    /// What it does.
    pub documentation: Text,
    /// An inline SVG.
    pub icon: String,
    /// Whether it starts runs.
    pub is_trigger: bool,
    /// Whether it has a body.
    pub has_body: bool,
    /// How many inbound edges it takes.
    pub inputs: Inputs,
    /// The output ports of the sample config.
    pub outputs: Vec<OutPort>,
    /// The JSON pointer pattern of the config's texts that name output ports.
    pub dynamic_outputs: Option<&'static str>,
    /// JSON Schema 2020-12.
    pub config_schema: Value,
    /// How a form asks for the config.
    pub ui: Ui,
    /// What a node has that says nothing.
    pub defaults: Defaults,
    /// The schema of what it gives.
    pub output_schema: Value,
    /// A config.
    pub sample_config: Value,
    /// What it gives for that.
    pub sample_output: Value,
    /// What a repeated attempt does outside.
    pub effects: Effects,
}

/// How a form asks for a config.
#[derive(Clone, Debug, Serialize)]
pub struct Ui {
    /// The fields in order.
    pub order: Vec<&'static str>,
    /// Each field, by its JSON pointer.
    pub fields: BTreeMap<String, UiField>,
}

/// How a form asks for a field.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UiField {
    /// Its name.
    pub label: Text,
    /// How it is asked for.
    pub widget: Widget,
}

/// What a node has that says nothing.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Defaults {
    /// The longest time of an attempt, in seconds. Nothing where there is no attempt.
    pub timeout_seconds: Option<u32>,
    /// How many attempts there are.
    pub attempts: u32,
    /// Most attempts that a policy may ask for.
    pub max_attempts: u32,
}

impl Definition {
    /// What an editor needs of the type.
    #[must_use]
    pub fn description(&self) -> NodeDescription {
        let given = (self.describe)();
        let sample = given.sample_config.as_object().cloned().unwrap_or_default();
        let shape = (self.kind.read)(&sample).ok();
        let behaviour = shape.as_ref().map(|shape| shape.behaviour);
        let has_attempts = !matches!(self.run, Run::Engine);
        NodeDescription {
            kind: self.kind.name,
            version: self.kind.version,
            category: given.category,
            label: given.label,
            documentation: given.documentation,
            icon: svg(given.icon),
            is_trigger: behaviour == Some(Behaviour::Trigger),
            has_body: behaviour.is_some_and(Behaviour::has_body),
            inputs: self.kind.inputs,
            outputs: shape.map(|shape| shape.outputs).unwrap_or_default(),
            dynamic_outputs: given.dynamic_outputs,
            config_schema: config_schema(&given.fields),
            ui: ui(&given.fields),
            defaults: Defaults {
                timeout_seconds: has_attempts.then_some(DEFAULT_TIMEOUT_SECONDS),
                attempts: 1,
                max_attempts: if has_attempts { MAX_ATTEMPTS } else { 1 },
            },
            output_schema: given.output_schema,
            sample_config: given.sample_config,
            sample_output: given.sample_output,
            effects: given.effects,
        }
    }
}

fn config_schema(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), field.schema.clone())).collect();
    let required: Vec<_> = fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    let mut schema = object(Value::Object(properties), &required);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    if schema.to_string().contains("#/$defs/conditions") {
        schema["$defs"] = schema::definitions();
    }
    schema
}

fn ui(fields: &[Field]) -> Ui {
    let one =
        |field: &Field| (format!("/{}", field.name), UiField { label: field.label, widget: field.widget });
    Ui { order: fields.iter().map(|field| field.name).collect(), fields: fields.iter().map(one).collect() }
}

fn svg(path: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" \
         stroke-width=\"2\" stroke-linecap=\"round\" stroke-linejoin=\"round\"><path d=\"{path}\"/></svg>"
    )
}
