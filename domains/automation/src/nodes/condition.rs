//! Leaves by `true` or by `false`.

use serde::Deserialize;
use serde_json::json;

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, conditions},
    param::When,
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// What a `condition` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What is compared.
    pub when: When,
}

impl Config for Condition {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        self.when.check("/when")?;
        Ok(Shape::choice(["true", "false"]))
    }
}

impl Compute for Condition {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        let holds = self.when.prepare("/when")?.holds(&work.context)?;
        Ok(NodeOutput::Port(holds.to_string()))
    }
}

/// The type.
pub const DEFINITION: Definition =
    Definition::of_compute::<Condition>("condition", describe).deferring(&["when"]);

fn describe() -> Description {
    let when = Field::required("when", both("Condition", "Condition"), Widget::Condition, conditions());
    let sample = json!({"when": {"left": "{{ input.total }}", "operator": "greater_than", "right": 100}});
    Description::new(
        Category::Logic,
        both("Condition", "Condition"),
        both(
            "Leaves by true or by false. Its output is its input.",
            "Sort par true ou par false. Sa sortie est son entrée.",
        ),
        "M12 3l9 9l-9 9l-9-9z",
    )
    .with_config(vec![when], sample)
    .giving(any(), json!({"total": 120}))
}
