//! Has statistics computed.

use serde::Deserialize;
use serde_json::json;

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Effects, boolean, both, object, text},
};
use crate::graph::node_type::Config;

/// What an `enqueue_statistics` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnqueueStatistics {}

impl Config for EnqueueStatistics {}

impl Compute for EnqueueStatistics {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        Ok(NodeOutput::Start { action: "enqueue_statistics", params: json!({}), due: None })
    }
}

/// The type.
pub const DEFINITION: Definition =
    Definition::of_compute::<EnqueueStatistics>("enqueue_statistics", describe);

fn describe() -> Description {
    Description::new(
        Category::Action,
        both("Compute statistics", "Calculer les statistiques"),
        both(
            "Has the statistics of the platform computed, at most once a minute. It does not wait for the end.",
            "Fait calculer les statistiques de la plateforme, une fois par minute au plus. Il n'attend pas la fin.",
        ),
        "M5 20v-8M12 20v-15M19 20v-5",
    )
    .with_effects(Effects::Idempotent)
    .giving(
        object(json!({"job_id": text(), "queued": boolean()}), &["job_id", "queued"]),
        json!({"job_id": "019aa0b2-0000-7000-8000-000000000001", "queued": true}),
    )
}
