//! The model servers of the settings, as chains.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use atelier_config::{LlmProvider, PriceSettings, Protocol, ProviderSettings, Settings};
use atelier_providers::{
    limiter::RateLimiter,
    llm::{
        ChatModel, Effort, LlmError,
        claude::Claude,
        failover::{Budget, Chain, ChainModel, FailoverModel, FailoverPolicy, MinuteLimits, Price},
        gemini::Gemini,
        openai::OpenAi,
        server::ServerOptions,
    },
    resilience::BreakerPolicy,
};
use atelier_queue::Clock;
use atelier_scaffold::Scaffold;
use chrono::TimeDelta;

use super::providers::circuits;

/// Millionths of the currency in one of it, and in a hundredth of it.
const MICROS: f64 = 1_000_000.0;
const MICROS_IN_CENT: u64 = 10_000;

/// The model servers in their order, each with a circuit breaker; the scaffold where there is
/// none.
pub(super) fn model(
    settings: &Settings,
    clock: &Clock,
    limiter: Arc<dyn RateLimiter>,
) -> anyhow::Result<Arc<dyn ChatModel>> {
    let llm = &settings.llm;
    if llm.resolved_provider() != LlmProvider::Openai {
        return Ok(Arc::new(Scaffold));
    }
    let quick = chain(settings, &llm.quick, Effort::Quick)?;
    let advanced = chain(settings, &llm.advanced, Effort::Advanced)?;
    let open_for = TimeDelta::seconds(llm.circuit_open_secs.into());
    let longest = TimeDelta::from_std(llm.timeout()).unwrap_or(open_for);
    let breaker = BreakerPolicy::new(llm.circuit_failures, open_for).with_trial_for(open_for.max(longest));
    let clock = clock.clone();
    let model = FailoverModel::of_chains(
        quick,
        advanced,
        circuits(settings, breaker)?,
        Arc::new(move || clock.now()),
    );
    Ok(Arc::new(model.with_limiter(limiter).with_policy(policy(settings))))
}

fn policy(settings: &Settings) -> FailoverPolicy {
    let llm = &settings.llm;
    let limit = |value: u64| Some(value).filter(|value| *value > 0);
    let budget = Budget {
        time: limit(llm.budget_secs).map(Duration::from_secs),
        output_tokens: limit(llm.budget_tokens),
        cost_micros: limit(llm.budget_cents).map(|cents| cents.saturating_mul(MICROS_IN_CENT)),
    };
    FailoverPolicy {
        retries: llm.max_retries,
        continuations: llm.max_continuations,
        budget,
        ..FailoverPolicy::standard()
    }
}

/// The model servers of these names.
fn chain(settings: &Settings, names: &[String], effort: Effort) -> anyhow::Result<Chain> {
    let servers = settings.llm.ordered(names);
    let entries = servers.iter().map(|server| -> anyhow::Result<ChainModel> {
        let model = connect(settings, server);
        let model = model.with_context(|| format!("cannot use the model server {}", server.name))?;
        let price = match effort {
            Effort::Quick => &server.quick_price,
            Effort::Advanced => &server.advanced_price,
        };
        let price = price_of(price);
        if settings.llm.budget_cents > 0 && price == Price::default() {
            tracing::warn!(
                server = server.name,
                ?effort,
                "no price is set: llm.budget_cents does not bound it"
            );
        }
        let limits = MinuteLimits { requests: server.requests_per_minute, tokens: server.tokens_per_minute };
        Ok(ChainModel::new(model).with_price(price).with_limits(limits))
    });
    let mut entries = entries.collect::<anyhow::Result<Vec<_>>>()?.into_iter();
    let first = entries.next().context("there is no model server")?;
    Ok(Chain::new(first, entries.collect()))
}

/// The client of a model server.
fn connect(settings: &Settings, server: &ProviderSettings) -> Result<Arc<dyn ChatModel>, LlmError> {
    let llm = &settings.llm;
    let options = ServerOptions {
        name: server.name.clone(),
        base_url: server.base_url.clone(),
        api_key: server.api_key.clone(),
        quick_model: server.quick_model.clone(),
        advanced_model: server.advanced_model.clone(),
        max_output_tokens: llm.max_output_tokens,
        context_tokens: server.context_tokens,
        connect_timeout: settings.http_client.connect_timeout(),
        first_content_timeout: llm.timeout(),
        timeout: llm.timeout(),
        idle_timeout: llm.idle_timeout(),
    };
    let model: Arc<dyn ChatModel> = match server.protocol {
        Protocol::Openai => Arc::new(OpenAi::new(options)?),
        Protocol::Claude => Arc::new(Claude::new(options)?),
        Protocol::Gemini => Arc::new(Gemini::new(options)?),
    };
    Ok(model)
}

fn price_of(price: &PriceSettings) -> Price {
    // Prices are checked: not negative, and below a million.
    let micros = |price: f64| (price * MICROS).round() as u64;
    Price {
        input: micros(price.input),
        cached_input: micros(price.cached_input.unwrap_or(price.input)),
        output: micros(price.output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_has_its_client_and_the_order_is_that_of_the_names() {
        let mut settings = Settings::for_tests();
        settings.llm.api_key = "o".into();
        settings.llm.anthropic_api_key = "a".into();
        settings.llm.gemini_api_key = "g".into();
        settings.llm.quick = vec!["gemini".to_owned(), "openai".to_owned()];
        let limiter = Arc::new(atelier_providers::limiter::memory::MemoryLimiter::new());
        let model = model(&settings, &Clock::default(), limiter).expect("valid settings");
        assert_eq!((model.provider(), model.model(Effort::Quick)), ("gemini", "gemini-2.5-flash"));
        assert_eq!(model.model(Effort::Advanced), "gpt-5");
    }

    #[test]
    fn a_price_has_millionths() {
        let price = PriceSettings { input: 1.25, cached_input: None, output: 10.0 };
        let expected = Price { input: 1_250_000, cached_input: 1_250_000, output: 10_000_000 };
        assert_eq!(price_of(&price), expected);
    }
}
