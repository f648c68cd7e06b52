//! Workflows: what they are made of, how they are published, their runs, their schedules, and webhooks.

mod approvals;
mod deliveries;
mod documents;
mod edges;
mod graphs;
mod hook_calls;
mod hooks;
mod integrations;
mod node_types;
mod nodes;
mod run_events;
mod run_nodes;
mod run_steering;
mod runs;
mod schedule_steering;
mod schedules;
mod versions;
mod webhooks;
mod workflows;

use crate::route::Routes;

const TAG: &str = "Workflows";
const RUNS: &str = "Runs";
const SCHEDULES: &str = "Schedules";
const HOOKS: &str = "Hooks";
const WEBHOOKS: &str = "Webhooks";

/// The routes of this context.
pub(super) fn routes() -> Routes {
    Routes::new()
        .merge(workflows::routes())
        .merge(documents::routes())
        .merge(graphs::routes())
        .merge(nodes::routes())
        .merge(edges::routes())
        .merge(versions::routes())
        .merge(node_types::routes())
        .merge(runs::routes())
        .merge(run_steering::routes())
        .merge(run_nodes::routes())
        .merge(run_events::routes())
        .merge(approvals::routes())
        .merge(integrations::routes())
        .merge(schedules::routes())
        .merge(schedule_steering::routes())
        .merge(hooks::routes())
        .merge(hook_calls::routes())
        .merge(webhooks::routes())
        .merge(deliveries::routes())
}

#[cfg(test)]
mod tests;
