use std::{sync::Mutex, time::Duration};

use chrono::TimeDelta;

use super::super::fake::{ScriptedCompletion, ScriptedModel, sample_request};
use super::*;
use crate::{circuits::LocalCircuits, resilience::BreakerPolicy};

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
    let circuits = Arc::new(LocalCircuits::new(BreakerPolicy::default()));
    FailoverModel::new(first.clone(), vec![second.clone()], circuits, clock)
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
        (LlmError::Quota { message: message(), until: None }, true),
        (LlmError::Auth { message: message() }, true),
        (LlmError::Timeout { message: message() }, true),
        (LlmError::BadRequest { message: message() }, false),
        (LlmError::ContentFilter { message: message() }, false),
        (LlmError::ContextTooLong { message: message() }, false),
    ];
    for (error, moves_on) in table {
        let first = Arc::new(ScriptedModel::new([ScriptedCompletion::Fails(error.clone())]));
        let second =
            Arc::new(ScriptedModel::new([ScriptedCompletion::Text("second".into())]).named("second"));
        let result = ask(&pair(&first, &second, fixed(start()))).await;
        let expected = if moves_on { Ok("second".to_owned()) } else { Err(error.clone()) };
        assert_eq!(result, expected, "{error}");
        assert_eq!(second.requests().len(), usize::from(moves_on), "{error}");
    }
}

#[tokio::test]
async fn asks_one_after_the_other_each_behind_a_circuit_of_its_own() {
    let now = start();
    let failing = |name: &str, times: usize| {
        let mut script: Vec<_> = (0..times).map(|_| ScriptedCompletion::Fails(transient())).collect();
        script.extend((0..2).map(|_| ScriptedCompletion::Text(name.to_owned())));
        Arc::new(ScriptedModel::new(script).named(name))
    };
    let (first, second) = (failing("first", 3), failing("second", 2));
    let third = Arc::new(ScriptedModel::always("third").named("third"));
    let circuits = Arc::new(LocalCircuits::new(BreakerPolicy::default()));
    let others: Vec<Arc<dyn ChatModel>> = vec![second.clone(), third.clone()];
    let model = FailoverModel::new(first.clone(), others, circuits, fixed(now.clone()));

    for expected in ["third", "third", "second", "second"] {
        assert_eq!(ask(&model).await.as_deref(), Ok(expected));
    }

    let asked = |model: &ScriptedModel| model.requests().len();
    assert_eq!((asked(&first), asked(&third)), (3, 2), "only the first one rests");
    *now.lock().expect("the clock") += TimeDelta::seconds(31);
    assert_eq!(ask(&model).await.as_deref(), Ok("first"));
}

#[tokio::test]
async fn rests_a_model_that_keeps_failing_and_tries_it_again() {
    let now = start();
    let mut script: Vec<_> = (0..3).map(|_| ScriptedCompletion::Fails(transient())).collect();
    script.push(ScriptedCompletion::Text("first".into()));
    let first = Arc::new(ScriptedModel::new(script));
    let second = Arc::new(ScriptedModel::always("second").named("second"));
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
        ScriptedCompletion::Fails(slow_down),
        ScriptedCompletion::Text("first".into()),
    ]));
    let second = Arc::new(ScriptedModel::always("second").named("second"));
    let model = pair(&first, &second, fixed(now.clone()));
    for (seconds, expected) in [(0, "second"), (89, "second"), (1, "first")] {
        *now.lock().expect("the clock") += TimeDelta::seconds(seconds);
        assert_eq!(ask(&model).await.as_deref(), Ok(expected));
    }
}

#[tokio::test]
async fn prefers_a_retryable_error() {
    let auth = LlmError::Auth { message: "no".into() };
    let first = Arc::new(ScriptedModel::new([ScriptedCompletion::Fails(transient())]));
    let second = Arc::new(ScriptedModel::new([ScriptedCompletion::Fails(auth)]).named("second"));
    assert_eq!(ask(&pair(&first, &second, fixed(start()))).await, Err(transient()));
}

#[tokio::test]
async fn makes_no_request_while_every_circuit_is_open() {
    let now = start();
    let rest = |seconds| {
        let after = Some(Duration::from_secs(seconds));
        ScriptedCompletion::Fails(LlmError::RateLimited { message: "slow down".into(), after })
    };
    let first = Arc::new(ScriptedModel::new([rest(90)]));
    let second = Arc::new(ScriptedModel::new([rest(40)]).named("second"));
    let model = pair(&first, &second, fixed(now.clone()));
    assert!(matches!(ask(&model).await, Err(LlmError::RateLimited { .. })));

    let until = *now.lock().expect("the clock") + TimeDelta::seconds(40);
    let resting = LlmError::CircuitOpen { provider: "second".into(), until };
    assert_eq!(ask(&model).await, Err(resting.clone()));

    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
    assert!(resting.is_retryable());
}
