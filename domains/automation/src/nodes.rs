//! The types of nodes: one file each, and this list.

use crate::graph::Catalog;

mod action;
mod call;
mod credential;
mod definition;
mod description;
mod model_server;
mod param;
mod recipients;
mod values;
mod wait_time;

pub mod approval;
pub mod break_loop;
pub mod called;
pub mod condition;
pub mod delay;
pub mod deploy_app;
pub mod enqueue_statistics;
pub mod filter;
pub mod generate_app;
pub mod http_request;
pub mod list_aggregate;
pub mod list_dedupe;
pub mod list_group;
pub mod list_limit;
pub mod list_sort;
pub mod list_split;
pub mod llm_prompt;
pub mod loop_items;
pub mod manual;
pub mod merge;
pub mod no_op;
pub mod not_imported;
pub mod note;
pub mod platform_event;
pub mod schedule;
pub mod send_mail;
pub mod slack_message;
pub mod stop;
pub mod sub_workflow;
pub mod switch;
pub mod transform;
pub mod wait_signal;
pub mod wait_until;
pub mod webhook;
pub mod webhook_response;
pub mod while_true;
pub mod workflow_error;

pub(crate) use approval::check_approvers;
pub use call::{AttemptError, Branch, Call, NodeFailure, NodeOutput, Services, Wait, Work};
pub(crate) use credential::{kinds_for, kinds_with_integration};
pub use definition::{Act, Compute, Definition, ReadsInput, Run};
pub use description::{
    Category, Defaults, Description, Effects, Field, NodeDescription, Text, Ui, UiField, Widget,
};
pub use param::{Param, PreparedWhen, When};

/// All types, in the order of a palette.
pub const TYPES: [Definition; 37] = [
    manual::DEFINITION,
    schedule::DEFINITION,
    webhook::DEFINITION,
    platform_event::DEFINITION,
    workflow_error::DEFINITION,
    called::DEFINITION,
    condition::DEFINITION,
    switch::DEFINITION,
    loop_items::DEFINITION,
    while_true::DEFINITION,
    break_loop::DEFINITION,
    merge::DEFINITION,
    stop::DEFINITION,
    no_op::DEFINITION,
    transform::DEFINITION,
    filter::DEFINITION,
    list_split::DEFINITION,
    list_aggregate::DEFINITION,
    list_sort::DEFINITION,
    list_limit::DEFINITION,
    list_dedupe::DEFINITION,
    list_group::DEFINITION,
    delay::DEFINITION,
    wait_until::DEFINITION,
    wait_signal::DEFINITION,
    approval::DEFINITION,
    http_request::DEFINITION,
    webhook_response::DEFINITION,
    send_mail::DEFINITION,
    slack_message::DEFINITION,
    llm_prompt::DEFINITION,
    sub_workflow::DEFINITION,
    generate_app::DEFINITION,
    deploy_app::DEFINITION,
    enqueue_statistics::DEFINITION,
    not_imported::DEFINITION,
    note::DEFINITION,
];

/// What graphs and the engine know of all types.
#[must_use]
pub fn catalog() -> Catalog {
    Catalog::new(TYPES.map(|definition| definition.kind))
}

/// The definition of a type in a version.
#[must_use]
pub fn find_definition(name: &str, version: u32) -> Option<&'static Definition> {
    static ALL: &[Definition] = &TYPES;
    ALL.iter().find(|definition| definition.kind.name == name && definition.kind.version == version)
}

/// What editors need of all types, in the order of a palette.
#[must_use]
pub fn descriptions() -> Vec<NodeDescription> {
    TYPES.iter().map(Definition::description).collect()
}

#[cfg(test)]
mod tests;
