use std::sync::{
    Mutex,
    atomic::{AtomicI64, AtomicU16, AtomicUsize, Ordering},
};

use axum::{Router, extract::State, http::StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::{
    circuits::LocalCircuits,
    resilience::{BreakerPolicy, BreakerState},
};

const POLICY: BreakerPolicy = BreakerPolicy::new(2, TimeDelta::seconds(30));

/// A provider that answers as it is told, and a clock that stands until it is moved.
struct Provider {
    url: String,
    answers: Arc<Answers>,
    second: Arc<AtomicI64>,
}

struct Answers {
    status: AtomicU16,
    asked: AtomicUsize,
    /// Where there is one, an answer waits for it.
    gate: Mutex<Option<Arc<Notify>>>,
}

impl Provider {
    async fn start() -> Self {
        let answers = Arc::new(Answers {
            status: AtomicU16::new(200),
            asked: AtomicUsize::new(0),
            gate: Mutex::new(None),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer).with_state(answers.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, answers, second: Arc::new(AtomicI64::new(0)) }
    }

    fn transport(&self, circuit: &str, circuits: Arc<dyn Circuits>) -> Transport {
        crate::http::install_crypto_provider();
        let options = TransportOptions {
            circuit: circuit.to_owned(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(5),
            allow_private_addresses: false,
            allowed_networks: Vec::new(),
            addresses: vec![self.url.clone()],
        };
        let second = self.second.clone();
        let clock = move || at(second.load(Ordering::SeqCst));
        Transport::new(options, circuits, Arc::new(clock)).expect("a transport")
    }

    fn answer_with(&self, status: u16) {
        self.answers.status.store(status, Ordering::SeqCst);
    }

    fn move_to(&self, second: i64) {
        self.second.store(second, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.answers.asked.load(Ordering::SeqCst)
    }

    fn request(&self) -> HttpRequest {
        http::Request::get(&self.url).body(Vec::new()).expect("a request")
    }

    async fn ask(&self, transport: &Transport) -> Result<u16, String> {
        let answer = transport.exchange(self.request()).await;
        answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
    }
}

async fn answer(State(answers): State<Arc<Answers>>) -> StatusCode {
    answers.asked.fetch_add(1, Ordering::SeqCst);
    let gate = answers.gate.lock().expect("the gate").clone();
    if let Some(gate) = gate {
        gate.notified().await;
    }
    StatusCode::from_u16(answers.status.load(Ordering::SeqCst)).expect("a status")
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).expect("in range")
}

fn circuits() -> Arc<dyn Circuits> {
    Arc::new(LocalCircuits::new(POLICY))
}

#[tokio::test]
async fn a_failing_provider_is_retried_after_its_circuit_was_open() {
    let provider = Provider::start().await;
    let circuits = circuits();
    let (one, other) =
        (provider.transport("sign_in_one", circuits.clone()), provider.transport("sign_in_one", circuits));
    provider.answer_with(503);
    for _ in 0..2 {
        assert_eq!(provider.ask(&one).await, Err("status 503".to_owned()));
    }
    let open = Err("it failed several times in a row and its circuit is open".to_owned());

    assert_eq!(provider.ask(&one).await, open);
    assert_eq!(provider.ask(&other).await, open, "whoever shares the circuit leaves it alone too");
    provider.move_to(29);
    assert_eq!(provider.ask(&one).await, open);
    assert_eq!(provider.asked(), 2, "nobody was asked meanwhile");

    provider.move_to(30);
    assert_eq!(provider.ask(&one).await, Err("status 503".to_owned()), "the trial");
    assert_eq!(provider.ask(&other).await, open, "a trial that fails opens it again");
    provider.answer_with(200);
    provider.move_to(60);
    assert_eq!(provider.ask(&other).await, Ok(200));
    assert_eq!((provider.ask(&one).await, provider.asked()), (Ok(200), 5));
}

#[tokio::test]
async fn each_provider_has_a_circuit_of_its_own() {
    let provider = Provider::start().await;
    let circuits = circuits();
    let (one, other) =
        (provider.transport("sign_in_one", circuits.clone()), provider.transport("sign_in_two", circuits));
    provider.answer_with(500);
    for _ in 0..2 {
        assert!(provider.ask(&one).await.is_err());
    }
    provider.answer_with(200);

    assert!(provider.ask(&one).await.is_err());
    assert_eq!(provider.ask(&other).await, Ok(200));
}

#[tokio::test]
async fn refusals_are_answers_of_a_provider_that_is_up() {
    let provider = Provider::start().await;
    let transport = provider.transport("sign_in_one", circuits());
    for status in [400, 401, 404, 429, 400, 429] {
        provider.answer_with(status);
        let answer = provider.ask(&transport).await;
        let expected = if status == 429 { Err("status 429".to_owned()) } else { Ok(status) };
        assert_eq!(answer, expected);
    }
}

/// Circuits that pass on what is reported.
struct Told(mpsc::UnboundedSender<Report>);

#[async_trait::async_trait]
impl Circuits for Told {
    async fn ask(&self, _name: &str, _now: DateTime<Utc>) -> Permit {
        Permit::Granted
    }

    async fn report(&self, _name: &str, report: Report, _now: DateTime<Utc>) {
        self.0.send(report).expect("the test listens");
    }

    async fn get_state(&self, _name: &str, _now: DateTime<Utc>) -> BreakerState {
        BreakerState::default()
    }
}

#[tokio::test]
async fn a_request_without_a_waiting_caller_is_still_reported() {
    let provider = Provider::start().await;
    let (told, mut reports) = mpsc::unbounded_channel();
    let transport = Arc::new(provider.transport("sign_in_one", Arc::new(Told(told))));
    let gate = Arc::new(Notify::new());
    *provider.answers.gate.lock().expect("the gate") = Some(gate.clone());

    let request = provider.request();
    let waiting = tokio::spawn({
        let transport = transport.clone();
        async move { transport.exchange(request).await }
    });
    while provider.asked() == 0 {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.expect_err("it was broken off").is_cancelled());
    gate.notify_one();

    assert_eq!(reports.recv().await, Some(Report::Succeeded));
}
