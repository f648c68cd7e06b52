//! Has statistics computed.

use serde::Deserialize;

use super::{
    definition::Definition,
    description::{Category, Description, Effects, both},
};
use crate::graph::node_type::Config;

/// What an `enqueue_statistics` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnqueueStatistics {}

impl Config for EnqueueStatistics {}

/// The type.
pub const DEFINITION: Definition =
    Definition::of_unavailable::<EnqueueStatistics>("enqueue_statistics", describe);

fn describe() -> Description {
    Description::new(
        Category::Action,
        both("Compute statistics", "Calculer les statistiques"),
        both("Has statistics computed.", "Fait calculer les statistiques."),
        "M5 20v-8M12 20v-15M19 20v-5",
    )
    .with_effects(Effects::Idempotent)
}
