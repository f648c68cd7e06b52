//! Generations through a chain with the standard policy, on paused time.

use std::{sync::Mutex, time::Duration};

use chrono::TimeDelta;
use tokio::sync::Notify;

use super::super::fake::{ScriptedCompletion, ScriptedModel, sample_request};
use super::super::{Attempt, StreamEvent};
use super::*;
use crate::circuits::LocalCircuits;
use crate::limiter::memory::MemoryLimiter;
use crate::resilience::BreakerPolicy;

const PAGE: &str = "Hello.\n\n```html path=index.html\n<p>\n```\n";
const STYLE: &str = "```css path=a.css\nh1 { color: teal; }\n```\n";

fn transient() -> LlmError {
    LlmError::Transient { message: "down".into() }
}

fn text(text: &str) -> ScriptedCompletion {
    ScriptedCompletion::Text(text.to_owned())
}

fn lost(pieces: &[&str]) -> ScriptedCompletion {
    ScriptedCompletion::FailsAfter(pieces.iter().map(|piece| (*piece).to_owned()).collect(), transient())
}

fn model(name: &str, script: impl IntoIterator<Item = ScriptedCompletion>) -> Arc<ScriptedModel> {
    Arc::new(ScriptedModel::new(script).named(name))
}

/// A chain with its circuits and its clock.
struct Stage {
    model: FailoverModel,
    circuits: Arc<LocalCircuits>,
    now: Arc<Mutex<DateTime<Utc>>>,
    events: Mutex<Vec<StreamEvent>>,
}

impl Stage {
    fn of(entries: Vec<ChainModel>, policy: FailoverPolicy) -> Self {
        let circuits = Arc::new(LocalCircuits::new(BreakerPolicy::default()));
        let now = Arc::new(Mutex::new(DateTime::from_timestamp(1_800_000_000, 0).expect("in range")));
        let mut entries = entries.into_iter();
        let chain = Chain::new(entries.next().expect("a model"), entries.collect());
        let (time, started) = (now.clone(), Instant::now());
        let clock: Clock = Arc::new(move || {
            let passed = TimeDelta::from_std(started.elapsed()).expect("a short time");
            *time.lock().expect("the clock") + passed
        });
        let model = FailoverModel::of_chains(chain.clone(), chain, circuits.clone(), clock)
            .with_limiter(Arc::new(MemoryLimiter::new()))
            .with_policy(policy);
        Self { model, circuits, now, events: Mutex::default() }
    }

    fn standard(models: &[&Arc<ScriptedModel>]) -> Self {
        let entries = models.iter().map(|model| ChainModel::new((*model).clone()));
        Self::of(entries.collect(), FailoverPolicy::standard())
    }

    async fn ask(&self) -> Result<Completion, LlmError> {
        let sink = |event| self.events.lock().expect("the record").push(event);
        self.model.generate(&sample_request(), &sink).await
    }

    /// The text as a listener rebuilds it.
    fn heard(&self) -> String {
        let mut text = String::new();
        for event in self.events.lock().expect("the record").iter() {
            match event {
                StreamEvent::Delta { text: next } => text.push_str(next),
                StreamEvent::Restarted { kept_bytes, .. } => text.truncate(*kept_bytes),
                _ => {}
            }
        }
        text
    }

    fn attempts(&self) -> Vec<Attempt> {
        let events = self.events.lock().expect("the record");
        let ended = events.iter().filter_map(|event| match event {
            StreamEvent::AttemptEnded(attempt) => Some(attempt.clone()),
            _ => None,
        });
        ended.collect()
    }

    fn classes(&self) -> Vec<&'static str> {
        self.attempts().iter().map(|attempt| attempt.class).collect()
    }

    fn restarts(&self) -> Vec<(String, usize)> {
        let events = self.events.lock().expect("the record");
        let restarts = events.iter().filter_map(|event| match event {
            StreamEvent::Restarted { provider, kept_bytes, .. } => Some((provider.clone(), *kept_bytes)),
            _ => None,
        });
        restarts.collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_recovers_is_asked_again_before_the_next_one() {
    let first = model("first", [ScriptedCompletion::Fails(transient()), text("done")]);
    let second = model("second", [text("never")]);
    let stage = Stage::standard(&[&first, &second]);
    assert_eq!(stage.ask().await.expect("a completion").text, "done");
    assert_eq!((first.requests().len(), second.requests().len()), (2, 0));
    assert_eq!(stage.classes(), ["transient", "ok"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_finished_is_kept_when_two_providers_are_lost_in_the_middle() {
    let first = model("first", [lost(&[PAGE, "```css path=a.css\nh1"])]);
    let second = model("second", [lost(&["```css path=a.css\nh1 { col"])]);
    let third = model("third", [text(STYLE)]);
    let stage = Stage::standard(&[&first, &second, &third]);

    let done = stage.ask().await.expect("a completion");

    assert_eq!((done.text.as_str(), done.provider.as_str()), (format!("{PAGE}{STYLE}").as_str(), "third"));
    assert_eq!(stage.heard(), done.text, "listeners rebuild the same text");
    assert_eq!(stage.restarts(), [("second".to_owned(), PAGE.len()), ("third".to_owned(), PAGE.len())]);
    let request = third.requests().pop().expect("a request");
    assert_eq!(request.messages.len(), sample_request().messages.len() + 2);
    assert!(request.messages.last().expect("a message").content.contains("index.html"));
    assert_eq!(stage.classes(), ["transient", "transient", "ok"]);
    let attempts = stage.attempts();
    assert!(attempts[0].is_estimated && attempts[0].usage.output_tokens > 0, "{:?}", attempts[0]);
    assert!(!attempts[2].is_estimated);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_finished_file_starts_over() {
    let first = model("first", [lost(&["```html path=index.html\n<p"])]);
    let second = model("second", [text(PAGE)]);
    let stage = Stage::standard(&[&first, &second]);
    assert_eq!(stage.ask().await.expect("a completion").text, PAGE);
    assert_eq!((stage.heard().as_str(), stage.restarts()), (PAGE, vec![("second".to_owned(), 0)]));
    assert_eq!(second.requests(), [sample_request()], "the same request");
}

#[tokio::test(start_paused = true)]
async fn a_truncated_answer_is_continued_and_charged_for_all_its_requests() {
    let cut = format!("{PAGE}```css path=a.css\nh1 {{");
    let first = model("first", [ScriptedCompletion::Truncated(cut), text(STYLE)]);
    let stage = Stage::standard(&[&first]);

    let done = stage.ask().await.expect("a completion");

    assert_eq!((done.text.as_str(), done.truncated), (format!("{PAGE}{STYLE}").as_str(), false));
    assert_eq!(stage.heard(), done.text);
    assert_eq!(stage.classes(), ["truncated", "ok"]);
    assert_eq!(done.usage.expect("counted").input_tokens, 20, "both requests");
}

#[tokio::test(start_paused = true)]
async fn a_continuation_without_progress_is_not_repeated() {
    let cut = || ScriptedCompletion::Truncated("one line\n".to_owned());
    let first = model("first", [cut(), ScriptedCompletion::Truncated("x".to_owned()), cut()]);
    let done = Stage::standard(&[&first]).ask().await.expect("what there is");
    assert!(done.truncated);
    assert_eq!(first.requests().len(), 2);

    let endless =
        model("endless", (0..9).map(|line| ScriptedCompletion::Truncated(format!("line {line}\n"))));
    assert!(Stage::standard(&[&endless]).ask().await.expect("what there is").truncated);
    assert_eq!(endless.requests().len(), 4, "three continuations at most");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_routed_round() {
    let refused = LlmError::ContentFilter { message: "no".into() };
    let first = model("first", [ScriptedCompletion::Fails(refused.clone())]);
    let second = model("second", [text("never")]);
    let stage = Stage::standard(&[&first, &second]);
    assert_eq!(stage.ask().await, Err(refused));
    assert_eq!(second.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_description_that_is_not_understood_is_nobodys_fault_but_its_own() {
    let message = "Name what it keeps.".to_owned();
    let fault = LlmError::NotUnderstood { message };
    let first =
        model("first", (0..9).map(|_| ScriptedCompletion::Fails(fault.clone())).chain([text("next person")]));
    let second = model("second", [text("never")]);
    let stage = Stage::standard(&[&first, &second]);
    for _ in 0..9 {
        assert_eq!(stage.ask().await, Err(fault.clone()));
    }
    assert_eq!(stage.ask().await.expect("the circuit is closed").text, "next person");
    assert_eq!(second.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_account_is_asked_once_and_rests() {
    let quota = LlmError::Quota { message: "no credit".into(), until: None };
    let first = model("first", [ScriptedCompletion::Fails(quota)]);
    let second = model("second", [text("one"), text("two")]);
    let stage = Stage::standard(&[&first, &second]);
    for expected in ["one", "two"] {
        assert_eq!(stage.ask().await.expect("a completion").text, expected);
    }
    assert_eq!(first.requests().len(), 1);
    *stage.now.lock().expect("the clock") += TimeDelta::minutes(11);
    first.push(text("back"));
    assert_eq!(stage.ask().await.expect("a completion").text, "back");
}

#[tokio::test(start_paused = true)]
async fn a_model_whose_quota_of_the_day_is_used_rests_until_the_next_day() {
    let first = model("first", []);
    let second = model("second", [text("one"), text("two")]);
    let stage = Stage::standard(&[&first, &second]);
    let until = *stage.now.lock().expect("the clock") + TimeDelta::hours(9);
    let message = "of a day".to_owned();
    first.push(ScriptedCompletion::Fails(LlmError::Quota { message, until: Some(until) }));
    assert_eq!(stage.ask().await.expect("a completion").text, "one");
    *stage.now.lock().expect("the clock") += TimeDelta::hours(8);
    assert_eq!(stage.ask().await.expect("a completion").text, "two");
    assert_eq!(first.requests().len(), 1);
    *stage.now.lock().expect("the clock") += TimeDelta::hours(1);
    first.push(text("back"));
    assert_eq!(stage.ask().await.expect("a completion").text, "back");
}

#[tokio::test(start_paused = true)]
async fn an_unusable_answer_of_one_person_leaves_the_circuit_closed() {
    let empty = || ScriptedCompletion::Fails(LlmError::Unusable { message: "only thoughts".into() });
    let first = model("first", [empty(), empty(), empty(), empty(), text("next person")]);
    let second = model("second", [text("a"), text("b"), text("c"), text("d")]);
    let stage = Stage::standard(&[&first, &second]);
    for expected in ["a", "b", "c", "d", "next person"] {
        assert_eq!(stage.ask().await.expect("a completion").text, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_wait_of_the_last_provider_is_a_floor() {
    let busy = LlmError::RateLimited { message: "x".into(), after: Some(Duration::from_secs(5)) };
    let first = model("first", [ScriptedCompletion::Fails(busy), text("done")]);
    let stage = Stage::standard(&[&first]);
    let started = Instant::now();
    assert_eq!(stage.ask().await.expect("a completion").text, "done");
    assert!((5..=6).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_time_budget_bounds_retries_and_requests() {
    let never = Arc::new(Notify::new());
    let waits = ScriptedCompletion::Waits(never, Box::new(text("late")));
    let first = model("first", [ScriptedCompletion::Fails(transient()), waits]);
    let budget = Budget { time: Some(Duration::from_secs(60)), ..Budget::default() };
    let policy = FailoverPolicy { budget, ..FailoverPolicy::standard() };
    let stage = Stage::of(vec![ChainModel::new(first)], policy);
    let started = Instant::now();
    let error = stage.ask().await.expect_err("late");
    assert!(matches!(error, LlmError::OverBudget { .. }), "{error:?}");
    assert!(started.elapsed() <= Duration::from_secs(61), "{:?}", started.elapsed());
    assert_eq!(stage.classes(), ["transient", "over_budget"]);
}

/// A model that never ends.
struct Endless;

#[async_trait]
impl ChatModel for Endless {
    fn provider(&self) -> &str {
        "endless"
    }

    fn model(&self, _effort: Effort) -> &str {
        "endless"
    }

    async fn generate(&self, _: &GenerationRequest, sink: StreamSink<'_>) -> Result<Completion, LlmError> {
        loop {
            sink(StreamEvent::Delta { text: "seven b".to_owned() });
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn money_bounds_an_answer_while_it_is_written() {
    let price = Price { input: 0, cached_input: 0, output: 10_000_000 };
    let budget = Budget { cost_micros: Some(5000), ..Budget::default() };
    let policy = FailoverPolicy { budget, ..FailoverPolicy::standard() };
    let stage = Stage::of(vec![ChainModel::new(Arc::new(Endless)).with_price(price)], policy);
    let error = stage.ask().await.expect_err("over the budget");
    assert!(matches!(error, LlmError::OverBudget { .. }), "{error:?}");
    let attempts = stage.attempts();
    assert!((5000..5100).contains(&attempts[0].cost_micros), "{attempts:?}");
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_a_minute_are_kept_before_they_are_hit() {
    let first = model("first", [text("one"), text("two"), text("four")]);
    let second = model("second", [text("three")]);
    let limits = MinuteLimits { requests: Some(2), tokens: None };
    let entries = vec![ChainModel::new(first.clone()).with_limits(limits), ChainModel::new(second)];
    let stage = Stage::of(entries, FailoverPolicy::standard());
    for expected in ["one", "two", "three"] {
        assert_eq!(stage.ask().await.expect("a completion").text, expected);
    }
    *stage.now.lock().expect("the clock") += TimeDelta::minutes(3);
    assert_eq!(stage.ask().await.expect("a completion").text, "four");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_trial_lets_the_next_one_try_and_is_accounted() {
    let never = Arc::new(Notify::new());
    let waits = ScriptedCompletion::Waits(never, Box::new(text("late")));
    let first = model("first", [waits, text("back")]);
    let stage = Stage::standard(&[&first]);
    let now = *stage.now.lock().expect("the clock");
    let rest = crate::circuits::Report::RetryAfter { until: now + TimeDelta::seconds(30) };
    stage.circuits.report("first/scripted-quick", rest, now).await;
    assert!(matches!(stage.ask().await, Err(LlmError::CircuitOpen { .. })));
    *stage.now.lock().expect("the clock") += TimeDelta::seconds(31);

    let cancelled = tokio::time::timeout(Duration::from_secs(1), stage.ask()).await;

    assert!(cancelled.is_err());
    assert_eq!(stage.classes(), ["cancelled"]);
    tokio::task::yield_now().await;
    assert_eq!(stage.ask().await.expect("a completion").text, "back");
}

#[tokio::test(start_paused = true)]
async fn operators_see_each_model_with_its_circuit() {
    let quota = LlmError::Quota { message: "no credit".into(), until: None };
    let first = model("first", [ScriptedCompletion::Fails(quota)]);
    let second = model("second", [text("done")]);
    let stage = Stage::standard(&[&first, &second]);
    stage.ask().await.expect("a completion");
    let servers = stage.model.list_servers().await;
    let seen: Vec<_> =
        servers.iter().map(|server| (server.model.as_str(), server.circuit.as_str())).collect();
    let expected = [
        ("scripted-quick", "open"),
        ("scripted-quick", "closed"),
        ("scripted-advanced", "open"),
        ("scripted-advanced", "closed"),
    ];
    assert_eq!(seen, expected, "an exhausted account rests with all its models");
}

/// A model with a known context that never fits.
struct Small {
    model: Arc<ScriptedModel>,
    context: u64,
}

#[async_trait]
impl ChatModel for Small {
    fn provider(&self) -> &str {
        self.model.provider()
    }

    fn model(&self, effort: Effort) -> &str {
        self.model.model(effort)
    }

    fn context_tokens(&self) -> Option<u64> {
        Some(self.context)
    }

    async fn generate(
        &self,
        request: &GenerationRequest,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError> {
        self.model.generate(request, sink).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_conversation_goes_to_a_model_with_a_larger_context_only() {
    let long = || ScriptedCompletion::Fails(LlmError::ContextTooLong { message: "x".into() });
    let of = |name: &str, context, script: ScriptedCompletion| {
        let small = Small { model: model(name, [script]), context };
        (small.model.clone(), ChainModel::new(Arc::new(small)))
    };
    let (_, first) = of("first", 100, long());
    let (same, second) = of("second", 100, text("never"));
    let (_, third) = of("third", 200, text("done"));
    let stage = Stage::of(vec![first, second, third], FailoverPolicy::standard());
    assert_eq!(stage.ask().await.expect("a completion").provider, "third");
    assert_eq!(same.requests().len(), 0);

    let (_, alone) = of("first", 100, long());
    let (other, equal) = of("second", 100, text("never"));
    let error = Stage::of(vec![alone, equal], FailoverPolicy::standard()).ask().await.expect_err("too long");
    assert!(matches!(error, LlmError::ContextTooLong { .. }) && other.requests().is_empty());
}
