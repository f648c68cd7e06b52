//! Prices, budgets and estimates of tokens.

use std::time::Duration;

use super::super::{GenerationRequest, LlmError, Usage};

/// Tokens whose price is given.
const PRICED_TOKENS: u64 = 1_000_000;

/// The price of a model, in millionths of the currency for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    /// For tokens read.
    pub input: u64,
    /// For tokens read from the server's cache.
    pub cached_input: u64,
    /// For tokens written.
    pub output: u64,
}

impl Price {
    /// What these tokens cost, in millionths of the currency.
    #[must_use]
    pub fn of(&self, usage: Usage) -> u64 {
        let cached = usage.cached_tokens.min(usage.input_tokens);
        let fresh = usage.input_tokens - cached;
        let parts = [(fresh, self.input), (cached, self.cached_input), (usage.output_tokens, self.output)];
        let sum: u128 = parts.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price)).sum();
        u64::try_from(sum.div_ceil(u128::from(PRICED_TOKENS))).unwrap_or(u64::MAX)
    }
}

/// What a generation may use. None is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// The time of all requests and waits.
    pub time: Option<Duration>,
    /// The tokens written by all requests.
    pub output_tokens: Option<u64>,
    /// The price of all requests, in millionths of the currency.
    pub cost_micros: Option<u64>,
}

/// What a generation has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spent {
    /// The tokens of all requests.
    pub(super) usage: Usage,
    /// Their price.
    pub(super) cost_micros: u64,
    /// Whether a server has counted them.
    pub(super) is_counted: bool,
}

impl Spent {
    /// Adds a request.
    pub(super) fn add(&mut self, usage: Usage, cost_micros: u64, is_estimated: bool) {
        self.usage = Usage {
            input_tokens: self.usage.input_tokens + usage.input_tokens,
            output_tokens: self.usage.output_tokens + usage.output_tokens,
            cached_tokens: self.usage.cached_tokens + usage.cached_tokens,
            thought_tokens: self.usage.thought_tokens + usage.thought_tokens,
        };
        self.cost_micros = self.cost_micros.saturating_add(cost_micros);
        self.is_counted |= !is_estimated;
    }

    /// The number of tokens that the next request may write, if there is a limit. Fails if
    /// nothing is left after reading `input_tokens`.
    pub(super) fn left(
        &self,
        budget: &Budget,
        price: &Price,
        input_tokens: u64,
    ) -> Result<Option<u64>, LlmError> {
        let over = |what: &str| Err(LlmError::OverBudget { message: what.to_owned() });
        let tokens = budget.output_tokens.map(|most| most.saturating_sub(self.usage.output_tokens));
        if tokens == Some(0) {
            return over("tokens");
        }
        let Some(most) = budget.cost_micros else { return Ok(tokens) };
        let reading = price.of(Usage { input_tokens, ..Usage::default() });
        let left = most.saturating_sub(self.cost_micros.saturating_add(reading));
        if left == 0 {
            return over("money");
        }
        let affordable = left.saturating_mul(PRICED_TOKENS).checked_div(price.output);
        Ok([tokens, affordable].into_iter().flatten().min())
    }
}

/// An estimate of the tokens of a text: 3.5 bytes each.
pub(super) fn estimate(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(2).div_ceil(7)
}

/// The bytes of a text that has about this many tokens.
pub(super) fn bytes_of(tokens: u64) -> usize {
    usize::try_from(tokens.saturating_mul(7) / 2).unwrap_or(usize::MAX)
}

/// An estimate of the tokens of a conversation.
pub(super) fn estimate_request(request: &GenerationRequest) -> u64 {
    estimate(request.messages.iter().map(|message| message.content.len()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price { input: 1_250_000, cached_input: 125_000, output: 10_000_000 };

    #[test]
    fn cached_tokens_have_a_price_of_their_own() {
        let usage = Usage { input_tokens: 1000, output_tokens: 100, cached_tokens: 600, thought_tokens: 50 };
        assert_eq!(PRICE.of(usage), 500 + 75 + 1000);
        assert_eq!(PRICE.of(Usage { input_tokens: 1, ..Usage::default() }), 2, "rounded up");
    }

    #[test]
    fn a_budget_bounds_the_tokens_of_the_next_request() {
        let mut spent = Spent::default();
        let none = Budget::default();
        assert_eq!(spent.left(&none, &PRICE, 1000), Ok(None));
        let tokens = Budget { output_tokens: Some(500), ..none };
        let money = Budget { cost_micros: Some(6000), ..tokens };
        assert_eq!(spent.left(&tokens, &PRICE, 1000), Ok(Some(500)));
        assert_eq!(spent.left(&money, &PRICE, 1000), Ok(Some(475)), "1,250 are for reading");
        assert_eq!(spent.left(&money, &Price::default(), 1000), Ok(Some(500)), "a free model");

        spent.add(Usage { output_tokens: 400, ..Usage::default() }, 5000, false);
        assert_eq!(spent.left(&tokens, &PRICE, 1000), Ok(Some(100)));
        assert!(matches!(spent.left(&money, &PRICE, 1000), Err(LlmError::OverBudget { .. })));
        spent.add(Usage { output_tokens: 100, ..Usage::default() }, 0, false);
        assert!(matches!(spent.left(&tokens, &PRICE, 1000), Err(LlmError::OverBudget { .. })));
    }
}
