//! Runs another workflow and gives its output.

use atelier_entities::WorkflowId;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Effects, Field, Widget, any, both, choice, text},
};
use crate::graph::{
    Behaviour, ConfigFault, MAIN, Shape,
    node_type::{Config, ParentCancel},
};

/// What a `sub_workflow` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubWorkflow {
    /// The id of the workflow. It may hold expressions.
    pub workflow: String,
    /// What it gets. The node's input where it is absent.
    #[serde(default, deserialize_with = "given")]
    pub input: Option<Value>,
    /// What the cancellation of this run means for it.
    #[serde(default)]
    pub on_parent_cancel: ParentCancel,
}

/// Null is an input of its own.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Config for SubWorkflow {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        Ok(Shape::of(Behaviour::Child(self.on_parent_cancel), [MAIN]))
    }
}

impl Compute for SubWorkflow {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        let id: Result<WorkflowId, _> = self.workflow.trim().parse();
        let workflow_id = id.map_err(|_| NodeFailure::at("/workflow", "must be the id of a workflow"))?;
        Ok(NodeOutput::Child { workflow_id, input: self.input })
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<SubWorkflow>("sub_workflow", describe);

fn describe() -> Description {
    let if_cancelled = both("If this run is cancelled", "Si cette exécution est annulée");
    let fields = vec![
        Field::required("workflow", both("Workflow", "Workflow"), Widget::Text, text()),
        Field::optional("input", both("Input", "Entrée"), Widget::Json, any()),
        Field::optional("on_parent_cancel", if_cancelled, Widget::Select, choice(&["cancel", "abandon"])),
    ];
    Description::new(
        Category::Action,
        both("Sub-workflow", "Sous-workflow"),
        both(
            "Runs another workflow that has the trigger called, waits for its end and gives its output.",
            "Lance un autre workflow qui a le déclencheur called, attend sa fin et donne sa sortie.",
        ),
        "M4 4h7v7h-7zM13 13h7v7h-7zM7 11v5h6",
    )
    .with_config(
        fields,
        json!({"workflow": "019aa0b2-0000-7000-8000-000000000001", "input": {"month": "{{ input.month }}"}}),
    )
    .with_effects(Effects::Idempotent)
    .giving(any(), json!({"invoices": 12}))
}
