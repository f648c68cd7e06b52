//! Workflows, their versions, their runs, and integrations.

pub(crate) mod enums;
pub(crate) mod ids;
pub mod integration_secrets;
pub mod integrations;
pub mod workflow_edge_runs;
pub mod workflow_edges;
pub mod workflow_hook_calls;
pub mod workflow_hook_secrets;
pub mod workflow_hook_test_calls;
pub mod workflow_hooks;
pub mod workflow_item_runs;
pub mod workflow_loop_runs;
pub mod workflow_node_attempts;
pub mod workflow_node_runs;
pub mod workflow_nodes;
pub mod workflow_runs;
pub mod workflow_schedule_ticks;
pub mod workflow_schedules;
pub mod workflow_signals;
pub mod workflow_triggers;
pub mod workflow_versions;
pub mod workflow_waits;
pub mod workflows;
