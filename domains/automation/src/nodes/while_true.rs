//! Runs its body as long as a condition holds.

use serde::Deserialize;
use serde_json::json;

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, both, choice, conditions, integer},
    loop_items::{OnItemError, results_schema},
    param::When,
};
use crate::graph::{
    Behaviour, ConfigFault, Shape,
    node_type::{Config, WhileRules},
};

/// Most rounds.
const MAX_ROUNDS: u32 = 1_000;

/// What a `while` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhileTrue {
    /// What is compared before each round. `index` is the number of the round, from 0. `item` is
    /// what the round before gave; before the first one it is the input of the node.
    pub when: When,
    /// Most rounds. The node fails if the condition still holds then.
    #[serde(default = "most")]
    pub max_rounds: u32,
    /// What a failed round means.
    #[serde(default)]
    pub on_item_error: OnItemError,
}

impl Config for WhileTrue {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        self.when.check("/when")?;
        if !(1..=MAX_ROUNDS).contains(&self.max_rounds) {
            return Err(ConfigFault::at("/max_rounds", format!("must be between 1 and {MAX_ROUNDS}")));
        }
        let rules = WhileRules { max_rounds: self.max_rounds, on_item_error: self.on_item_error.rule() };
        Ok(Shape::of(Behaviour::While(rules), ["done"]))
    }
}

impl Compute for WhileTrue {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        Ok(NodeOutput::Round(self.when.prepare("/when")?.holds(&work.context)?))
    }
}

const fn most() -> u32 {
    MAX_ROUNDS
}

/// The type.
pub const DEFINITION: Definition =
    Definition::of_compute::<WhileTrue>("while", describe).deferring(&["when"]);

fn describe() -> Description {
    let max_rounds = integer(1, MAX_ROUNDS.into());
    let on_error = choice(&["stop", "continue"]);
    let if_fails = both("If a round fails", "Si un tour échoue");
    let fields = vec![
        Field::required("when", both("Condition", "Condition"), Widget::Condition, conditions()),
        Field::optional("max_rounds", both("Most rounds", "Tours au plus"), Widget::Text, max_rounds),
        Field::optional("on_item_error", if_fails, Widget::Select, on_error),
    ];
    let when = json!({"left": "{{ item.next | default(none) }}", "operator": "is_not_null"});
    Description::new(
        Category::Logic,
        both("While", "Tant que"),
        both(
            "Runs its body as long as the condition holds. The condition and the body see the number of the round as \
             index, and what the round before gave as item; in the first round item is the input of the node.",
            "Exécute son corps tant que la condition est vraie. Celle-ci et le corps voient le numéro du tour comme \
             index, et ce qu'a donné le tour précédent comme item ; au premier tour, item est l'entrée du nœud.",
        ),
        "M12 4a8 8 0 1 1-8 8M4 6v6h6",
    )
    .with_config(fields, json!({"when": when, "max_rounds": 10}))
    .giving(
        results_schema(),
        json!({"results": [{"next": "page2"}, {"next": null}], "errors": [], "total": 2, "succeeded": 2, "failed": 0}),
    )
}
