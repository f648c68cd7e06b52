//! Whether a model may be asked now, and what its circuits learn from the end of a request.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{Effort, LlmError, ServerStatus};
use super::accounts::estimate_request;
use super::chain::ChainModel;
use super::recorder::Permission;
use super::{Course, FailoverModel};
use crate::{
    circuits::{Permit, Report},
    limiter::Rule,
    metrics,
    resilience::BreakerState,
};

/// Longest accepted Retry-After of a provider.
const MAX_RETRY_AFTER: TimeDelta = TimeDelta::minutes(10);

/// The name of a model in circuits and limits.
pub(super) fn name_of(entry: &ChainModel, effort: Effort) -> String {
    format!("{}/{}", entry.model.provider(), entry.model.model(effort))
}

impl FailoverModel {
    /// Asks the circuits and the limits. Fails with the time when to ask again. What is left of
    /// the server's own limits does not stop the last model of a chain that has text to go on with.
    pub(super) async fn admit(
        &self,
        course: &Course<'_>,
        entry: &ChainModel,
        is_last: bool,
    ) -> Result<Permission, DateTime<Utc>> {
        let now = (self.clock)();
        let names = self.circuits_of(entry, course.request.effort);
        let mut permission = Permission { names: Vec::new(), asked: now, circuits: self.circuits.clone() };
        for name in names {
            if let Permit::Refused { until } = self.circuits.ask(&name, now).await {
                metrics::circuit_held_back(&name);
                permission.abandon().await;
                return Err(until);
            }
            permission.names.push(name);
        }
        let mut refused = self.limited_until(course, entry, now).await;
        // Waiting would write the text anew, without counting an attempt.
        let would_lose_text = is_last && course.heard_bytes > 0;
        if refused.is_none() && !would_lose_text {
            refused = self.exhausted_until(course, entry, now);
        }
        if let Some(until) = refused {
            permission.abandon().await;
            return Err(until);
        }
        Ok(permission)
    }

    /// The circuits of a model: its own, and before it that of its provider if the policy rests
    /// providers.
    fn circuits_of(&self, entry: &ChainModel, effort: Effort) -> Vec<String> {
        let provider = entry.model.provider();
        let own = name_of(entry, effort);
        match self.policy.account_rest {
            Some(_) => vec![provider.to_owned(), own],
            None => vec![own],
        }
    }

    /// When the limits of a minute allow the request, if they do not now.
    async fn limited_until(
        &self,
        course: &Course<'_>,
        entry: &ChainModel,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let limiter = self.limiter.as_ref()?;
        let model = format!("llm:{}", name_of(entry, course.request.effort));
        let tokens = estimate_request(course.request).saturating_mul(2);
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        let wanted = [("requests", entry.limits.requests, 1), ("tokens", entry.limits.tokens, tokens)];
        for (what, limit, uses) in wanted {
            let Some(limit) = limit else { continue };
            let key = format!("{model}:{what}");
            let decision = limiter.take(&key, Rule::per_minute(limit), uses.min(limit), now).await;
            if !decision.allowed {
                tracing::info!(model, what, "the limit of a minute is reached: not asked");
                return Some(now + TimeDelta::seconds(decision.reset_secs.into()));
            }
        }
        None
    }

    /// When what is left of the server's own limits suffices for the request, if it does not now.
    fn exhausted_until(
        &self,
        course: &Course<'_>,
        entry: &ChainModel,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let model = name_of(entry, course.request.effort);
        let until = self.allowances.take(&model, estimate_request(course.request), now).err()?;
        tracing::info!(model, %until, "what is left of the server's limits does not suffice: not asked");
        Some(until)
    }

    /// The state of a model and of its circuits.
    pub(super) async fn status_of(&self, entry: &ChainModel, effort: Effort) -> ServerStatus {
        let now = (self.clock)();
        let mut circuit = BreakerState::default();
        for name in self.circuits_of(entry, effort) {
            if matches!(circuit, BreakerState::Closed { .. }) {
                circuit = self.circuits.get_state(&name, now).await;
            }
        }
        ServerStatus {
            provider: entry.model.provider().to_owned(),
            model: entry.model.model(effort).to_owned(),
            effort,
            circuit: circuit.into(),
            context_tokens: entry.model.context_tokens(),
            requests_per_minute: entry.limits.requests,
            tokens_per_minute: entry.limits.tokens,
        }
    }

    /// Reports how a request ended to the circuits that allowed it.
    pub(super) async fn report(&self, permission: Permission, error: Option<&LlmError>) {
        let now = (self.clock)();
        let own = permission.names.last().cloned().unwrap_or_default();
        let (of_model, of_account) = match (error, self.policy.account_rest) {
            (Some(LlmError::OverBudget { .. }), _) => return permission.abandon().await,
            (Some(LlmError::Quota { until: Some(until), .. }), _) => {
                tracing::error!(circuit = own, %until, "the quota of the day is used");
                (Report::RetryAfter { until: *until }, Report::Succeeded)
            }
            (Some(LlmError::Quota { .. } | LlmError::Auth { .. }), Some(rest)) => {
                tracing::error!(circuit = own, "the provider refuses the key or the account");
                (Report::Succeeded, Report::RetryAfter { until: now + rest })
            }
            (Some(LlmError::RateLimited { after: Some(after), .. }), _) => {
                let rest = TimeDelta::from_std(*after).unwrap_or(MAX_RETRY_AFTER).min(MAX_RETRY_AFTER);
                (Report::RetryAfter { until: now + rest }, Report::Succeeded)
            }
            (Some(LlmError::Unusable { .. }), _) => (Report::Succeeded, Report::Succeeded),
            (Some(error), _) if error.is_provider_fault() => (Report::Failed, Report::Succeeded),
            _ => (Report::Succeeded, Report::Succeeded),
        };
        for name in &permission.names {
            let report = if *name == own { of_model } else { of_account };
            self.circuits.report(name, report, now).await;
        }
    }
}
