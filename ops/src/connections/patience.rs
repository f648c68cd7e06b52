//! How long a connection may keep the server waiting for a request.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};
use tokio::time;

/// Between two requests.
const IDLE: u8 = 0;
/// The headers of a request are on their way, or those of the first one awaited.
const HEADERS: u8 = 1;
/// A request is being answered.
const REQUEST: u8 = 2;

/// The clock by which hyper waits for the headers of a request. What hyper asks for is
/// how long a connection may idle; the first byte that is heard shortens that to how long
/// headers may take. One for each connection; clones share it.
#[derive(Clone)]
pub(super) struct Patience {
    stage: Arc<AtomicU8>,
    headers: Duration,
}

impl Patience {
    /// That of a new connection, whose headers may take `headers`.
    pub(super) fn new(headers: Duration) -> Self {
        Self { stage: Arc::new(AtomicU8::new(HEADERS)), headers }
    }

    /// Notes that something came from the client.
    pub(super) fn hear(&self) {
        if self.stage.load(Ordering::Relaxed) == IDLE {
            self.stage.store(HEADERS, Ordering::Relaxed);
        }
    }

    /// Whether a request has begun that cannot be answered yet.
    pub(super) fn is_amid_headers(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == HEADERS
    }
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        if self.stage.load(Ordering::Relaxed) == REQUEST {
            self.stage.store(IDLE, Ordering::Relaxed);
        }
        let sleep = Box::pin(time::sleep_until(deadline.into()));
        Box::pin(Wait { sleep, patience: self.clone(), is_shortened: false })
    }
}

/// One wait for the headers of a request. It ends by being dropped: they are there.
struct Wait {
    sleep: Pin<Box<time::Sleep>>,
    patience: Patience,
    is_shortened: bool,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_shortened && self.patience.is_amid_headers() {
            let deadline = time::Instant::now() + self.patience.headers;
            let earlier = deadline.min(self.sleep.deadline());
            self.sleep.as_mut().reset(earlier);
            self.is_shortened = true;
        }
        self.sleep.as_mut().poll(context)
    }
}

impl Sleep for Wait {}

impl Drop for Wait {
    fn drop(&mut self) {
        self.patience.stage.store(REQUEST, Ordering::Relaxed);
    }
}
