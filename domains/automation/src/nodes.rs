//! The types of nodes: one file each, and this list.

use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use serde_json::Value;

use crate::graph::Catalog;

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
pub mod note;
pub mod platform_event;
pub mod send_mail;
pub mod stop;
pub mod sub_workflow;
pub mod switch;
pub mod transform;
pub mod wait_signal;
pub mod wait_until;
pub mod while_true;
pub mod workflow_error;

/// A value of a config, or an expression that gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param<T> {
    /// The value.
    Value(T),
    /// The expression. What it gives is checked when the node runs.
    Expression(String),
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Param<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) if text.contains("{{") => Ok(Self::Expression(text)),
            value => serde_json::from_value(value).map(Self::Value).map_err(D::Error::custom),
        }
    }
}

/// All types.
#[must_use]
pub fn catalog() -> Catalog {
    Catalog::new([
        approval::TYPE,
        break_loop::TYPE,
        called::TYPE,
        condition::TYPE,
        delay::TYPE,
        deploy_app::TYPE,
        enqueue_statistics::TYPE,
        filter::TYPE,
        generate_app::TYPE,
        http_request::TYPE,
        list_aggregate::TYPE,
        list_dedupe::TYPE,
        list_group::TYPE,
        list_limit::TYPE,
        list_sort::TYPE,
        list_split::TYPE,
        llm_prompt::TYPE,
        loop_items::TYPE,
        manual::TYPE,
        merge::TYPE,
        no_op::TYPE,
        note::TYPE,
        platform_event::TYPE,
        send_mail::TYPE,
        stop::TYPE,
        sub_workflow::TYPE,
        switch::TYPE,
        transform::TYPE,
        wait_signal::TYPE,
        wait_until::TYPE,
        while_true::TYPE,
        workflow_error::TYPE,
    ])
}

#[cfg(test)]
mod tests;
