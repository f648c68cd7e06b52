//! Stands for a node of another program that has no equal here.

use serde::Deserialize;
use serde_json::json;

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, boolean, both, choice, list_of, text},
};
use crate::graph::{ConfigFault, ERROR, Shape, node_type::Config, validate::is_key};

/// Most bytes of the node as it was.
const MAX_ORIGINAL_BYTES: usize = 64 * 1024;
/// Most outputs.
const MAX_OUTPUTS: usize = 64;

/// What a `not_imported` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotImported {
    /// The program that it comes from.
    pub source: Origin,
    /// Its type there.
    #[serde(rename = "type")]
    pub kind: String,
    /// Why it was not imported.
    pub reason: String,
    /// The output ports, the first one first.
    pub outputs: Vec<String>,
    /// The node as JSON, as it was there. It is never run.
    pub original: String,
    /// Whether the JSON is cut because it was too long.
    #[serde(default)]
    pub is_cut: bool,
}

/// A program whose workflows are imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// n8n.
    N8n,
}

impl Config for NotImported {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if self.original.len() > MAX_ORIGINAL_BYTES {
            let message = format!("at most {MAX_ORIGINAL_BYTES} bytes are allowed");
            return Err(ConfigFault::at("/original", message));
        }
        if self.outputs.len() > MAX_OUTPUTS {
            return Err(ConfigFault::at("/outputs", format!("at most {MAX_OUTPUTS} outputs are allowed")));
        }
        for (index, output) in self.outputs.iter().enumerate() {
            if !is_key(output) || output == ERROR || self.outputs[..index].contains(output) {
                let message = format!("{output:?} is no key of its own");
                return Err(ConfigFault::at(format!("/outputs/{index}"), message));
            }
        }
        Ok(Shape::work(self.outputs.iter().map(String::as_str)))
    }
}

impl Compute for NotImported {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        let message = format!("{} is not imported: replace this node.", self.kind);
        Err(NodeFailure::permanent("NODE_NOT_IMPORTED", message))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<NotImported>("not_imported", describe);

fn describe() -> Description {
    let outputs = list_of(text(), MAX_OUTPUTS);
    let fields = vec![
        Field::required("source", both("Program", "Programme"), Widget::Select, choice(&["n8n"])),
        Field::required("type", both("Type there", "Type d'origine"), Widget::Text, text()),
        Field::required("reason", both("Reason", "Raison"), Widget::Textarea, text()),
        Field::required("outputs", both("Outputs", "Sorties"), Widget::List, outputs),
        Field::required("original", both("As it was", "Tel qu'il était"), Widget::Textarea, text()),
        Field::optional("is_cut", both("Cut", "Tronqué"), Widget::Checkbox, boolean()),
    ];
    let sample = json!({
        "source": "n8n", "type": "n8n-nodes-base.code", "reason": "The type n8n-nodes-base.code is not imported.",
        "outputs": ["main"], "original": "{\"type\":\"n8n-nodes-base.code\"}", "is_cut": false,
    });
    let description = Description::new(
        Category::Action,
        both("Not imported", "Non importé"),
        both(
            "Stands for a node of another program that has no equal here, and fails until it is replaced.",
            "Remplace un nœud d'un autre programme sans équivalent ici, et échoue tant qu'il n'est pas remplacé.",
        ),
        "M4 4h16v16h-16zM9 9l6 6M15 9l-6 6",
    )
    .with_config(fields, sample)
    .giving(any(), json!(null));
    Description { dynamic_outputs: Some("/outputs/*"), ..description }
}
