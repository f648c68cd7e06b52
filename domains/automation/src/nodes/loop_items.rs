//! Runs its body for each item of a list.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{
        Category, Description, Field, Widget, any, boolean, both, choice, integer, list_of, object,
        or_expression,
    },
    param::Param,
    values::bound,
};
use crate::graph::{
    Behaviour, ConfigFault, Shape,
    node_type::{Config, ItemError, LoopRules},
};

/// Most items under way at once.
const MAX_CONCURRENCY: u32 = 50;
/// Most items of the list.
const MAX_ITEMS: usize = 10_000;

/// What a `loop` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoopItems {
    /// The list. It is evaluated once.
    pub items: Param<Vec<Value>>,
    /// How many items of the list the body gets at once, as a list. One item where it is absent.
    #[serde(default)]
    pub batch_size: Option<u32>,
    /// How many items are under way at once.
    #[serde(default = "one")]
    pub concurrency: u32,
    /// What a failed item means.
    #[serde(default)]
    pub on_item_error: OnItemError,
    /// How many items may fail before the loop does.
    #[serde(default)]
    pub max_failures: Option<u32>,
    /// How many of a hundred items may fail before the loop does.
    #[serde(default)]
    pub max_failures_percent: Option<u32>,
    /// Whether an item that only waits lets another one start.
    #[serde(default)]
    pub release_while_waiting: bool,
}

/// What a failed item means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnItemError {
    /// No further item starts, those under way finish, and the loop fails.
    #[default]
    Stop,
    /// All items run.
    Continue,
}

impl OnItemError {
    /// The rule of the engine.
    #[must_use]
    pub const fn rule(self) -> ItemError {
        match self {
            Self::Stop => ItemError::Stop,
            Self::Continue => ItemError::Continue,
        }
    }
}

impl Config for LoopItems {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if !(1..=MAX_CONCURRENCY).contains(&self.concurrency) {
            return Err(ConfigFault::at("/concurrency", format!("must be between 1 and {MAX_CONCURRENCY}")));
        }
        if self.batch_size == Some(0) {
            return Err(ConfigFault::at("/batch_size", "must be at least 1"));
        }
        let on_item_error = match (self.max_failures, self.max_failures_percent) {
            (Some(_), Some(_)) => {
                let message = "stands beside max_failures_percent; give one of them";
                return Err(ConfigFault::at("/max_failures", message));
            }
            (Some(max), None) => ItemError::MaxFailures(max),
            (None, Some(max)) => ItemError::MaxPercent(max),
            (None, None) => self.on_item_error.rule(),
        };
        let rules = LoopRules {
            concurrency: self.concurrency,
            on_item_error,
            release_while_waiting: self.release_while_waiting,
        };
        Ok(Shape::of(Behaviour::Loop(rules), ["done"]))
    }
}

impl Compute for LoopItems {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        let items = self.items.value("/items")?;
        bound(items.len(), MAX_ITEMS)?;
        let Some(size) = self.batch_size else { return Ok(NodeOutput::Items(items)) };
        let size = usize::try_from(size).unwrap_or(usize::MAX).max(1);
        let batches = items.chunks(size).map(|batch| Value::Array(batch.to_vec()));
        Ok(NodeOutput::Items(batches.collect()))
    }
}

const fn one() -> u32 {
    1
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<LoopItems>("loop", describe);

/// The schema of what a loop gives.
pub(super) fn results_schema() -> Value {
    let count = integer(0, u64::from(u32::MAX));
    let error = object(json!({"index": count, "error": any()}), &["index", "error"]);
    let fields = json!({
        "results": {"type": "array"}, "errors": {"type": "array", "items": error},
        "total": count, "succeeded": count, "failed": count,
    });
    object(fields, &["results", "errors", "total", "succeeded", "failed"])
}

fn describe() -> Description {
    let number = |max: u32| integer(1, max.into());
    let from_zero = |max: u32| integer(0, max.into());
    let released = both("Waiting items free their place", "Les éléments en attente libèrent leur place");
    let max_percent = both("Most failures in percent", "Échecs au plus, en pour cent");
    let list = or_expression(list_of(any(), MAX_ITEMS));
    let on_error = choice(&["stop", "continue"]);
    let fields = vec![
        Field::required("items", both("List", "Liste"), Widget::Expression, list),
        Field::optional(
            "batch_size",
            both("Items at once", "Éléments à la fois"),
            Widget::Text,
            number(u32::MAX),
        ),
        Field::optional(
            "concurrency",
            both("At once", "En parallèle"),
            Widget::Text,
            number(MAX_CONCURRENCY),
        ),
        Field::optional(
            "on_item_error",
            both("If an item fails", "Si un élément échoue"),
            Widget::Select,
            on_error,
        ),
        Field::optional(
            "max_failures",
            both("Most failures", "Échecs au plus"),
            Widget::Text,
            from_zero(u32::MAX),
        ),
        Field::optional("max_failures_percent", max_percent, Widget::Text, from_zero(u32::MAX)),
        Field::optional("release_while_waiting", released, Widget::Checkbox, boolean()),
    ];
    Description::new(
        Category::Logic,
        both("Loop over items", "Boucle sur des éléments"),
        both(
            "Runs its body for each item of a list, of at most 10,000. The body sees item and index. Its output has the \
             results in the order of the items, and the errors.",
            "Exécute son corps pour chaque élément d'une liste, 10 000 au plus. Le corps voit item et index. Sa sortie a \
             les résultats dans l'ordre des éléments, et les erreurs.",
        ),
        "M4 12a8 8 0 0 1 14-5M20 4v4h-4M20 12a8 8 0 0 1-14 5M4 20v-4h4",
    )
    .with_config(
        fields,
        json!({"items": "{{ input.orders }}", "concurrency": 5, "on_item_error": "continue"}),
    )
    .giving(
        results_schema(),
        json!({"results": [{"sent": true}, null], "errors": [{"index": 1, "error": {"code": "HTTP_STATUS",
            "message": "The server answered 404."}}], "total": 2, "succeeded": 1, "failed": 1}),
    )
}
