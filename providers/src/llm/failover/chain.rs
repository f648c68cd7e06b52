//! The models of a chain, and what a chain does besides going on to the next one.

use std::sync::Arc;

use chrono::TimeDelta;

use super::super::ChatModel;
use super::accounts::{Budget, Price};

/// What a chain does besides going on to the next model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FailoverPolicy {
    /// Most retries of one model after errors that may pass.
    pub retries: u32,
    /// Most continuations of a completion that reached its token limit.
    pub continuations: u32,
    /// Whether the files that were finished before a failure stay.
    pub keeps_files: bool,
    /// How long a provider is not used that refused the key or whose account is exhausted.
    /// Without it, these are failures like the others.
    pub account_rest: Option<TimeDelta>,
    /// What a generation may use.
    pub budget: Budget,
}

impl FailoverPolicy {
    /// Three retries, three continuations, files stay, and a provider without credit rests for
    /// ten minutes.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            retries: 3,
            continuations: 3,
            keeps_files: true,
            account_rest: Some(TimeDelta::minutes(10)),
            budget: Budget { time: None, output_tokens: None, cost_micros: None },
        }
    }
}

/// What a model may be asked for in a minute. None is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MinuteLimits {
    /// Requests.
    pub requests: Option<u32>,
    /// Tokens, read and written.
    pub tokens: Option<u32>,
}

/// A model of a chain.
#[derive(Clone)]
pub struct ChainModel {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) price: Price,
    pub(super) limits: MinuteLimits,
}

impl ChainModel {
    /// A model without a price and without limits.
    pub fn new(model: Arc<dyn ChatModel>) -> Self {
        Self { model, price: Price::default(), limits: MinuteLimits::default() }
    }

    /// With this price.
    #[must_use]
    pub fn with_price(self, price: Price) -> Self {
        Self { price, ..self }
    }

    /// With these limits, which all models of the same provider and name share.
    #[must_use]
    pub fn with_limits(self, limits: MinuteLimits) -> Self {
        Self { limits, ..self }
    }
}

/// The models of an effort, in the order in which they are asked.
#[derive(Clone)]
pub struct Chain {
    pub(super) first: ChainModel,
    others: Vec<ChainModel>,
}

impl Chain {
    /// `first` is preferred, `others` follow in order.
    pub fn new(first: ChainModel, others: Vec<ChainModel>) -> Self {
        Self { first, others }
    }

    /// All of them, in order.
    pub(super) fn models(&self) -> impl Iterator<Item = &ChainModel> {
        std::iter::once(&self.first).chain(&self.others)
    }
}
