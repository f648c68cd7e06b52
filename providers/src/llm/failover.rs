//! Failover between models: ordered chains, retries, continuations and budgets.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::allowance::Allowances;
use super::{
    ChatModel, Completion, Effort, GenerationRequest, LlmError, ServerStatus, StreamEvent, StreamSink,
};
use crate::{circuits::Circuits, limiter::RateLimiter, resilience::Clock};

mod accounts;
mod admission;
mod blocks;
mod chain;
mod continuation;
mod decision;
mod recorder;

pub use accounts::{Budget, Price};
use accounts::{Spent, estimate_request};
use admission::name_of;
pub use chain::{Chain, ChainModel, FailoverPolicy, MinuteLimits};
use continuation::Written;
use decision::{Next, Situation, next};
use recorder::{Asked, CancelGuard, Permission, Recorder};

/// Uses the first model whose circuit is closed, and continues with the next one if the
/// fault is the provider's. A fault of the request ends the generation at once. If every
/// circuit is open, the result is [`LlmError::CircuitOpen`].
///
/// Before a model goes on after text of another one, the sink is told by
/// [`StreamEvent::Restarted`]. Each request ends with [`StreamEvent::AttemptEnded`], even if
/// the future is dropped. [`StreamEvent::Allowed`] is not passed on.
pub struct FailoverModel {
    quick: Chain,
    advanced: Chain,
    circuits: Arc<dyn Circuits>,
    limiter: Option<Arc<dyn RateLimiter>>,
    allowances: Allowances,
    clock: Clock,
    policy: FailoverPolicy,
}

/// A generation on its way through the chain.
struct Course<'a> {
    request: &'a GenerationRequest,
    sink: StreamSink<'a>,
    started: Instant,
    written: Written,
    /// Bytes of the text that the sink has heard.
    heard_bytes: usize,
    spent: Spent,
    continuations: u32,
    failure: Option<LlmError>,
    open: Option<(String, DateTime<Utc>)>,
    /// The largest context that was too small.
    too_small: Option<u64>,
}

/// How a model was left.
enum Left {
    Done(Result<Completion, LlmError>),
    GoOn,
}

impl FailoverModel {
    /// The same chain for both efforts, with the default policy: no retries, and a restart from
    /// the beginning after a failure. A model's circuit has the name of its provider and of the
    /// model, so that the names of the providers must be unique.
    pub fn new(
        first: Arc<dyn ChatModel>,
        others: Vec<Arc<dyn ChatModel>>,
        circuits: Arc<dyn Circuits>,
        clock: Clock,
    ) -> Self {
        let others = others.into_iter().map(ChainModel::new).collect();
        let chain = Chain::new(ChainModel::new(first), others);
        Self::of_chains(chain.clone(), chain, circuits, clock)
    }

    /// A chain for each effort.
    pub fn of_chains(quick: Chain, advanced: Chain, circuits: Arc<dyn Circuits>, clock: Clock) -> Self {
        let (allowances, policy) = (Allowances::default(), FailoverPolicy::default());
        Self { quick, advanced, circuits, limiter: None, allowances, clock, policy }
    }

    /// With this policy.
    #[must_use]
    pub fn with_policy(self, policy: FailoverPolicy) -> Self {
        Self { policy, ..self }
    }

    /// With counters for the limits of the models.
    #[must_use]
    pub fn with_limiter(self, limiter: Arc<dyn RateLimiter>) -> Self {
        Self { limiter: Some(limiter), ..self }
    }

    fn chain(&self, effort: Effort) -> &Chain {
        match effort {
            Effort::Quick => &self.quick,
            Effort::Advanced => &self.advanced,
        }
    }

    /// Asks one model until it is done, or until the next one is to go on.
    async fn use_model(&self, course: &mut Course<'_>, entry: &ChainModel, rest: &[&ChainModel]) -> Left {
        let provider = entry.model.provider();
        let mut retries = 0;
        loop {
            let permission = match self.admit(course, entry, rest.is_empty()).await {
                Ok(permission) => permission,
                Err(until) => {
                    course.open = Some(sooner(course.open.take(), (provider.to_owned(), until)));
                    return Left::GoOn;
                }
            };
            let (error, part) = match self.attempt(course, entry, permission).await {
                Ok(done) if done.truncated && course.continuations < self.policy.continuations => {
                    course.continuations += 1;
                    if course.written.limit(&done.text) {
                        continue;
                    }
                    if rest.is_empty() {
                        return Left::Done(Ok(course.completed(done)));
                    }
                    let message = "the token limit was reached without progress".to_owned();
                    course.note(LlmError::Unusable { message });
                    return Left::GoOn;
                }
                Ok(done) => return Left::Done(Ok(course.completed(done))),
                Err(failed) => failed,
            };
            course.written.interrupt(&part, self.policy.keeps_files);
            let way = next(&error, self.situation(course, entry, rest, retries));
            match way {
                Next::Stop => return Left::Done(Err(error)),
                Next::Retry(wait) if self.has_time_for(course, wait) => {
                    tracing::warn!(provider, %error, ?wait, "model failed: it is asked again");
                    course.note(error);
                    tokio::time::sleep(wait).await;
                    retries += 1;
                }
                Next::Retry(_) | Next::Provider => {
                    tracing::warn!(provider, %error, "model failed");
                    if matches!(error, LlmError::ContextTooLong { .. }) {
                        course.too_small = course.too_small.max(entry.model.context_tokens());
                    }
                    course.note(error);
                    return Left::GoOn;
                }
            }
        }
    }

    fn situation(
        &self,
        course: &Course<'_>,
        entry: &ChainModel,
        rest: &[&ChainModel],
        retries: u32,
    ) -> Situation {
        let context = entry.model.context_tokens();
        Situation {
            retries,
            max_retries: self.policy.retries,
            is_last: rest.is_empty(),
            has_text: course.heard_bytes > 0,
            larger_follows: context.is_some()
                && rest.iter().any(|other| other.model.context_tokens() > context),
            random: rand::random(),
        }
    }

    /// Makes one request. An error comes with the text that was written before it.
    async fn attempt(
        &self,
        course: &mut Course<'_>,
        entry: &ChainModel,
        permission: Permission,
    ) -> Result<Completion, (LlmError, String)> {
        let request = course.written.request(course.request);
        let input_tokens = estimate_request(&request);
        let most_tokens = match course.spent.left(&self.policy.budget, &entry.price, input_tokens) {
            Ok(most) => most,
            Err(error) => {
                permission.abandon().await;
                return Err((error, String::new()));
            }
        };
        let asked = Asked {
            provider: entry.model.provider().to_owned(),
            model: entry.model.model(request.effort).to_owned(),
            price: entry.price,
            input_tokens,
            most_tokens,
        };
        let recorder = Recorder::new(course.sink, &course.written, asked);
        let kept_bytes = course.written.text().len();
        if course.heard_bytes > 0 {
            recorder.restart(kept_bytes);
        }
        let guard = CancelGuard::new(&recorder, permission.clone());
        let result = self.bounded(course, entry, &request, &recorder).await;
        guard.release();
        let (class, counted) = match &result {
            Ok(done) if done.truncated => ("truncated", done.usage),
            Ok(done) => ("ok", done.usage),
            Err(error) => (error.class(), None),
        };
        let account = recorder.end(class, counted);
        let text = recorder.text();
        course.heard_bytes = kept_bytes + text.len();
        course.spent.add(account.usage, account.cost_micros, account.is_estimated);
        self.report(permission, result.as_ref().err()).await;
        result.map_err(|error| (error, text))
    }

    /// The request of the model within the budget.
    async fn bounded(
        &self,
        course: &Course<'_>,
        entry: &ChainModel,
        request: &GenerationRequest,
        recorder: &Recorder<'_>,
    ) -> Result<Completion, LlmError> {
        let over = |what: &str| Err(LlmError::OverBudget { message: what.to_owned() });
        let name = name_of(entry, request.effort);
        let listener = |event| match event {
            StreamEvent::Allowed(allowance) => self.allowances.keep(&name, allowance),
            other => recorder.hear(other),
        };
        let time_left = self.policy.budget.time.map(|time| time.saturating_sub(course.started.elapsed()));
        let too_late = async {
            match time_left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = recorder.over_budget.notified() => over("tokens or money"),
            () = too_late => over("time"),
            result = entry.model.generate(request, &listener) => result,
        }
    }

    fn has_time_for(&self, course: &Course<'_>, wait: Duration) -> bool {
        self.policy.budget.time.is_none_or(|time| course.started.elapsed() + wait < time)
    }
}

impl Course<'_> {
    /// The completion with what was written before it, and with the tokens of all requests.
    fn completed(&self, last: Completion) -> Completion {
        let text = self.written.joined(&last.text);
        let usage = self.spent.is_counted.then_some(self.spent.usage);
        Completion { text, usage, ..last }
    }

    /// Keeps the failure that is told if no model completes.
    fn note(&mut self, error: LlmError) {
        self.failure = Some(more_retryable(self.failure.take(), error));
    }

    /// Whether a context of the same or a larger size was too small.
    fn is_too_long_for(&self, entry: &ChainModel) -> bool {
        self.too_small.is_some() && entry.model.context_tokens() <= self.too_small
    }
}

#[async_trait]
impl ChatModel for FailoverModel {
    fn provider(&self) -> &str {
        self.quick.first.model.provider()
    }

    fn model(&self, effort: Effort) -> &str {
        self.chain(effort).first.model.model(effort)
    }

    fn context_tokens(&self) -> Option<u64> {
        let of = |chain: &Chain| {
            let all: Option<Vec<_>> = chain.models().map(|entry| entry.model.context_tokens()).collect();
            all?.into_iter().max()
        };
        Some(of(&self.quick)?.min(of(&self.advanced)?))
    }

    fn smallest_context_tokens(&self) -> Option<u64> {
        let models = self.quick.models().chain(self.advanced.models());
        models.filter_map(|entry| entry.model.context_tokens()).min()
    }

    fn can_plan(&self) -> bool {
        self.advanced.models().all(|entry| entry.model.can_plan())
    }

    async fn list_servers(&self) -> Vec<ServerStatus> {
        let mut servers = Vec::new();
        for effort in [Effort::Quick, Effort::Advanced] {
            for entry in self.chain(effort).models() {
                servers.push(self.status_of(entry, effort).await);
            }
        }
        servers
    }

    async fn generate(
        &self,
        request: &GenerationRequest,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError> {
        let chain: Vec<&ChainModel> = self.chain(request.effort).models().collect();
        let mut course = Course {
            request,
            sink,
            started: Instant::now(),
            written: Written::default(),
            heard_bytes: 0,
            spent: Spent::default(),
            continuations: 0,
            failure: None,
            open: None,
            too_small: None,
        };
        for (index, entry) in chain.iter().enumerate() {
            if course.is_too_long_for(entry) {
                continue;
            }
            if let Left::Done(result) = self.use_model(&mut course, entry, &chain[index + 1..]).await {
                return result;
            }
        }
        Err(match (course.failure, course.open) {
            (Some(error), _) => error,
            (None, Some((provider, until))) => LlmError::CircuitOpen { provider, until },
            (None, None) => LlmError::Transient { message: "there is no model".into() },
        })
    }
}

fn sooner(before: Option<(String, DateTime<Utc>)>, now: (String, DateTime<Utc>)) -> (String, DateTime<Utc>) {
    before.filter(|(_, until)| *until <= now.1).unwrap_or(now)
}

fn more_retryable(before: Option<LlmError>, now: LlmError) -> LlmError {
    match before {
        Some(before) if before.is_retryable() || !now.is_retryable() => before,
        _ => now,
    }
}

#[cfg(test)]
mod courses;
#[cfg(test)]
mod protocols;
#[cfg(test)]
mod tests;
