//! Several models in order: where one cannot answer, the next does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::TimeDelta;

use super::{Answer, ChatModel, Effort, GenerationRequest, LlmError, StreamSink};
use crate::resilience::{Breaker, BreakerPolicy, Clock};

/// Longest rest that a provider's Retry-After is believed for.
const MAX_REST: TimeDelta = TimeDelta::minutes(10);

/// Asks the first model whose breaker lets it, and goes on to the next one
/// where the fault is the provider's. Faults of the request end it at once.
///
/// A model that fails in the middle has already told the sink some pieces;
/// those of the next follow them from the start.
pub struct FailoverModel {
    first: Member,
    others: Vec<Member>,
    clock: Clock,
}

struct Member {
    model: Arc<dyn ChatModel>,
    breaker: Mutex<Breaker>,
}

impl Member {
    fn new(model: Arc<dyn ChatModel>, policy: BreakerPolicy) -> Self {
        Self { model, breaker: Mutex::new(Breaker::new(policy)) }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FailoverModel {
    /// `first` is preferred, `others` follow in their order; each has a breaker
    /// with `policy`.
    pub fn new(
        first: Arc<dyn ChatModel>,
        others: Vec<Arc<dyn ChatModel>>,
        policy: BreakerPolicy,
        clock: Clock,
    ) -> Self {
        let others = others.into_iter().map(|model| Member::new(model, policy)).collect();
        Self { first: Member::new(first, policy), others, clock }
    }

    fn settle(&self, member: &Member, result: &Result<Answer, LlmError>) {
        let now = (self.clock)();
        let mut breaker = member.breaker();
        match result {
            Err(LlmError::RateLimited { after: Some(after), .. }) => {
                let rest = TimeDelta::from_std(*after).unwrap_or(MAX_REST).min(MAX_REST);
                breaker.rest_until(now + rest);
            }
            Err(error) if error.is_providers_fault() => breaker.on_failure(now),
            _ => breaker.on_success(),
        }
    }
}

#[async_trait]
impl ChatModel for FailoverModel {
    fn provider(&self) -> &str {
        self.first.model.provider()
    }

    fn model(&self, effort: Effort) -> &str {
        self.first.model.model(effort)
    }

    async fn generate(&self, request: &GenerationRequest, sink: StreamSink<'_>) -> Result<Answer, LlmError> {
        let mut worst = None;
        for member in std::iter::once(&self.first).chain(&self.others) {
            if !member.breaker().allow((self.clock)()) {
                continue;
            }
            let result = member.model.generate(request, sink).await;
            self.settle(member, &result);
            match result {
                Err(error) if error.is_providers_fault() => {
                    tracing::warn!(provider = member.model.provider(), %error, "model failed");
                    worst = Some(more_hopeful(worst, error));
                }
                result => return result,
            }
        }
        Err(worst.unwrap_or(LlmError::Transient { message: "every model rests after failures".into() }))
    }
}

fn more_hopeful(before: Option<LlmError>, now: LlmError) -> LlmError {
    match before {
        Some(before) if before.is_retryable() || !now.is_retryable() => before,
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, Utc};

    use super::super::fake::{ScriptedAnswer, ScriptedModel, sample_request};
    use super::*;

    fn transient() -> LlmError {
        LlmError::Transient { message: "down".into() }
    }

    fn fixed(now: Arc<Mutex<DateTime<Utc>>>) -> Clock {
        Arc::new(move || *now.lock().expect("the clock"))
    }

    fn start() -> Arc<Mutex<DateTime<Utc>>> {
        Arc::new(Mutex::new(DateTime::from_timestamp(1_800_000_000, 0).expect("in range")))
    }

    fn pair(first: &Arc<ScriptedModel>, second: &Arc<ScriptedModel>, clock: Clock) -> FailoverModel {
        FailoverModel::new(first.clone(), vec![second.clone()], BreakerPolicy::default(), clock)
    }

    async fn ask(model: &FailoverModel) -> Result<String, LlmError> {
        model.generate(&sample_request(), &|_| ()).await.map(|answer| answer.text)
    }

    #[tokio::test]
    async fn moves_on_for_the_providers_faults_only() {
        let message = || "x".to_owned();
        let table = [
            (LlmError::Transient { message: message() }, true),
            (LlmError::RateLimited { message: message(), after: None }, true),
            (LlmError::Quota { message: message() }, true),
            (LlmError::Auth { message: message() }, true),
            (LlmError::Timeout { message: message() }, true),
            (LlmError::BadRequest { message: message() }, false),
            (LlmError::ContentFilter { message: message() }, false),
            (LlmError::ContextTooLong { message: message() }, false),
        ];
        for (error, moves_on) in table {
            let first = Arc::new(ScriptedModel::new([ScriptedAnswer::Fails(error.clone())]));
            let second = Arc::new(ScriptedModel::new([ScriptedAnswer::Text("second".into())]));
            let result = ask(&pair(&first, &second, fixed(start()))).await;
            let expected = if moves_on { Ok("second".to_owned()) } else { Err(error.clone()) };
            assert_eq!(result, expected, "{error}");
            assert_eq!(second.requests().len(), usize::from(moves_on), "{error}");
        }
    }

    #[tokio::test]
    async fn rests_a_model_that_keeps_failing_and_tries_it_again() {
        let now = start();
        let mut script: Vec<_> = (0..3).map(|_| ScriptedAnswer::Fails(transient())).collect();
        script.push(ScriptedAnswer::Text("first".into()));
        let first = Arc::new(ScriptedModel::new(script));
        let second = Arc::new(ScriptedModel::always("second"));
        let model = pair(&first, &second, fixed(now.clone()));
        for _ in 0..5 {
            assert_eq!(ask(&model).await.as_deref(), Ok("second"));
        }
        assert_eq!(first.requests().len(), 3);
        *now.lock().expect("the clock") += TimeDelta::seconds(31);
        assert_eq!(ask(&model).await.as_deref(), Ok("first"));
    }

    #[tokio::test]
    async fn rests_a_model_for_as_long_as_it_asked() {
        let now = start();
        let slow_down =
            LlmError::RateLimited { message: "slow down".into(), after: Some(Duration::from_secs(90)) };
        let first = Arc::new(ScriptedModel::new([
            ScriptedAnswer::Fails(slow_down),
            ScriptedAnswer::Text("first".into()),
        ]));
        let second = Arc::new(ScriptedModel::always("second"));
        let model = pair(&first, &second, fixed(now.clone()));
        for (seconds, expected) in [(0, "second"), (89, "second"), (1, "first")] {
            *now.lock().expect("the clock") += TimeDelta::seconds(seconds);
            assert_eq!(ask(&model).await.as_deref(), Ok(expected));
        }
    }

    #[tokio::test]
    async fn tells_the_fault_that_a_retry_may_mend() {
        let auth = LlmError::Auth { message: "no".into() };
        let first = Arc::new(ScriptedModel::new([ScriptedAnswer::Fails(transient())]));
        let second = Arc::new(ScriptedModel::new([ScriptedAnswer::Fails(auth)]));
        assert_eq!(ask(&pair(&first, &second, fixed(start()))).await, Err(transient()));
    }
}
