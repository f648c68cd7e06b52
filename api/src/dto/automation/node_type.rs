//! Types of nodes, as editors need them.

use std::collections::BTreeMap;

use atelier_automation::{
    graph::{OutPort, PortKind, node_type::Inputs},
    nodes::{Category, Defaults, Effects, NodeDescription, Text, Ui, Widget},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    dto::page::pages,
    schema::{ToSchema, free::JsonObject, sets},
};

pages! {
    /// All types of nodes, on one page.
    NodeTypePage of NodeTypeView;
}

/// A type of nodes.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeTypeView {
    /// Its stable name.
    #[serde(rename = "type")]
    #[schema(value_type = sets::NodeType)]
    kind: &'static str,
    /// Its version.
    version: u32,
    /// Its place in the palette of an editor.
    #[schema(value_type = sets::NodeCategory)]
    category: Category,
    /// Its name.
    label: BilingualText,
    /// What it does.
    documentation: BilingualText,
    /// An inline SVG on a canvas of 24 by 24, in the colour of the text around it.
    icon: String,
    /// Whether it starts runs.
    is_trigger: bool,
    /// Whether it has a body.
    has_body: bool,
    /// How many inbound edges it takes.
    #[schema(value_type = sets::NodeInputs)]
    inputs: Inputs,
    /// The output ports that it has with `sample_config`.
    outputs: Vec<OutputPortView>,
    /// The JSON pointer pattern of the texts of a config that name output ports; null where all are fixed.
    dynamic_outputs: Option<&'static str>,
    /// The JSON Schema (2020-12) of its config.
    #[schema(value_type = JsonObject)]
    config_schema: Value,
    /// How a form asks for its config.
    ui: NodeFormView,
    /// What a node has that says nothing.
    defaults: NodeDefaultsView,
    /// The JSON Schema of what it gives.
    #[schema(value_type = JsonObject)]
    output_schema: Value,
    /// A config.
    #[schema(value_type = JsonObject)]
    sample_config: Value,
    /// What it gives for that.
    sample_output: Value,
    /// What happens outside the run when an attempt is repeated.
    #[schema(value_type = sets::NodeEffects)]
    effects: Effects,
    /// Whether this installation can run it: true for each type that is listed.
    is_available: bool,
}

impl From<NodeDescription> for NodeTypeView {
    fn from(description: NodeDescription) -> Self {
        Self {
            kind: description.kind,
            version: description.version,
            category: description.category,
            label: description.label.into(),
            documentation: description.documentation.into(),
            icon: description.icon,
            is_trigger: description.is_trigger,
            has_body: description.has_body,
            inputs: description.inputs,
            outputs: description.outputs.into_iter().map(OutputPortView::from).collect(),
            dynamic_outputs: description.dynamic_outputs,
            config_schema: description.config_schema,
            ui: description.ui.into(),
            defaults: description.defaults.into(),
            output_schema: description.output_schema,
            sample_config: description.sample_config,
            sample_output: description.sample_output,
            effects: description.effects,
            is_available: true,
        }
    }
}

/// A text in the languages of the product.
#[derive(Serialize, ToSchema)]
pub(crate) struct BilingualText {
    /// English.
    en: &'static str,
    /// French.
    fr: &'static str,
}

impl From<Text> for BilingualText {
    fn from(Text { en, fr }: Text) -> Self {
        Self { en, fr }
    }
}

/// An output port.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutputPortView {
    /// Names it in edges.
    key: String,
    /// What leaves by it.
    #[schema(value_type = sets::OutputPortKind)]
    kind: PortKind,
}

impl From<OutPort> for OutputPortView {
    fn from(OutPort { key, kind }: OutPort) -> Self {
        Self { key, kind }
    }
}

/// How a form asks for a config.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeFormView {
    /// The names of the fields in order.
    #[schema(value_type = Vec<String>)]
    order: Vec<&'static str>,
    /// Each field, by its JSON pointer.
    fields: BTreeMap<String, NodeFormFieldView>,
}

impl From<Ui> for NodeFormView {
    fn from(Ui { order, fields }: Ui) -> Self {
        let view = |field: atelier_automation::nodes::UiField| NodeFormFieldView {
            label: field.label.into(),
            widget: field.widget,
        };
        Self { order, fields: fields.into_iter().map(|(pointer, field)| (pointer, view(field))).collect() }
    }
}

/// How a form asks for a field.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeFormFieldView {
    /// Its name.
    label: BilingualText,
    /// How it is asked for.
    #[schema(value_type = sets::NodeWidget)]
    widget: Widget,
}

/// What a node has that says nothing.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeDefaultsView {
    /// The longest time of an attempt, in seconds; null where there is no attempt.
    timeout_seconds: Option<u32>,
    /// How many attempts there are.
    attempts: u32,
    /// Most attempts that a policy may ask for.
    max_attempts: u32,
}

impl From<Defaults> for NodeDefaultsView {
    fn from(Defaults { timeout_seconds, attempts, max_attempts }: Defaults) -> Self {
        Self { timeout_seconds, attempts, max_attempts }
    }
}
