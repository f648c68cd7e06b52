//! Gives the items of a list that a condition holds for.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, conditions, list_of, or_expression},
    param::{Param, When},
    values::MAX_ITEMS,
};
use crate::{
    expression::Root,
    graph::{ConfigFault, MAIN, Shape, node_type::Config},
};

/// What a `filter` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The list.
    pub items: Param<Vec<Value>>,
    /// What is compared, for each `item` with its `index`.
    pub when: When,
}

impl Config for Filter {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        self.when.check("/when")?;
        Ok(Shape::work([MAIN]))
    }
}

impl Compute for Filter {
    fn compute(self, mut work: Work) -> Result<NodeOutput, NodeFailure> {
        let when = self.when.prepare("/when")?;
        let items = self.items.value("/items")?;
        super::values::bound(items.len(), MAX_ITEMS)?;
        let mut kept = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            work.check_time()?;
            work.context = work.context.with(Root::Item, item.clone()).with(Root::Index, index.into());
            let holds = when.holds(&work.context).map_err(|error| {
                let failure = NodeFailure::from(error);
                NodeFailure { message: format!("Item {index}: {}", failure.message), ..failure }
            })?;
            if holds {
                kept.push(item);
            }
        }
        Ok(NodeOutput::Value(Value::Array(kept)))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<Filter>("filter", describe).deferring(&["when"]);

fn describe() -> Description {
    let items = or_expression(list_of(any(), MAX_ITEMS));
    let fields = vec![
        Field::required("items", both("List", "Liste"), Widget::Expression, items),
        Field::required("when", both("Condition", "Condition"), Widget::Condition, conditions()),
    ];
    let when = json!({"left": "{{ item.paid }}", "operator": "is_true"});
    Description::new(
        Category::Data,
        both("Filter", "Filtre"),
        both(
            "Gives the items of a list that the condition holds for. It sees each as item, its place as index.",
            "Donne les éléments d'une liste qui vérifient la condition. Elle voit chacun comme item, sa place comme index.",
        ),
        "M4 5h16l-6 8v6l-4-2v-4z",
    )
    .with_config(fields, json!({"items": "{{ input.orders }}", "when": when}))
    .giving(list_of(any(), MAX_ITEMS), json!([{"id": 1, "paid": true}]))
}
