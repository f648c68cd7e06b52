//! How long a connection may keep the server waiting for a request.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

use super::ConnectionLimits;

/// Between two requests.
const IDLE: u8 = 0;
/// The headers of a request are on their way, or those of the first one awaited.
const HEADERS: u8 = 1;
/// A request is being answered.
const REQUEST: u8 = 2;

/// What a connection waits for and since when. It is told by its reads, and by hyper,
/// which takes it for the clock of its own wait for headers: a connection needs no timer
/// of its own for each request. One for each connection; clones share it.
#[derive(Clone)]
pub(super) struct Patience(Arc<Wait>);

struct Wait {
    limits: ConnectionLimits,
    born: Instant,
    stage: AtomicU8,
    /// Milliseconds from `born` to the beginning of the stage.
    since: AtomicU64,
}

impl Patience {
    /// That of a connection which begins now.
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        let (stage, since) = (AtomicU8::new(HEADERS), AtomicU64::new(0));
        Self(Arc::new(Wait { limits, born: Instant::now(), stage, since }))
    }

    /// Notes that something came from the client.
    pub(super) fn hear(&self) {
        if self.stage() == IDLE {
            self.enter(HEADERS, Instant::now());
        }
    }

    /// Whether a request has begun that cannot be answered yet.
    pub(super) fn is_amid_headers(&self) -> bool {
        self.stage() == HEADERS
    }

    /// How long the connection may be left unwatched from `now` on; none where it has
    /// kept waiting too long. It is seldom asked: nothing that begins later can end
    /// before.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let ConnectionLimits { headers, idle, .. } = self.0.limits;
        let unwatched = headers.min(idle);
        let limit = match self.stage() {
            IDLE => idle,
            HEADERS => headers,
            _ => return Some(unwatched),
        };
        let since = self.0.born + Duration::from_millis(self.0.since.load(Ordering::Relaxed));
        let left = (since + limit).saturating_duration_since(now);
        (!left.is_zero()).then(|| left.min(unwatched))
    }

    fn stage(&self) -> u8 {
        self.0.stage.load(Ordering::Relaxed)
    }

    fn enter(&self, stage: u8, now: Instant) {
        let since = now.saturating_duration_since(self.0.born).as_millis();
        self.0.since.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.0.stage.store(stage, Ordering::Relaxed);
    }
}

impl Timer for Patience {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now())
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        if self.stage() == REQUEST {
            self.enter(IDLE, Instant::now());
        }
        Box::pin(Awaited(self.clone()))
    }
}

/// The headers that hyper waits for, for ever. It is dropped when they are there.
struct Awaited(Patience);

impl Future for Awaited {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Sleep for Awaited {}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.0.stage.store(REQUEST, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_stage_has_its_bound() {
        let limits = ConnectionLimits { headers: SECOND * 10, idle: SECOND * 75, connections: 1 };
        let patience = Patience::new(limits);
        let born = patience.0.born;
        let after = |secs: u32| patience.left(born + SECOND * secs);

        assert_eq!((after(0), after(4), after(10)), (Some(SECOND * 10), Some(SECOND * 6), None));
        drop(patience.sleep(SECOND));
        assert_eq!(after(1_000), Some(SECOND * 10), "a request may take as long as it likes");
        patience.enter(IDLE, born + SECOND * 20);
        assert_eq!((after(20), after(90)), (Some(SECOND * 10), Some(SECOND * 5)));
        assert_eq!(after(95), None);
        patience.enter(HEADERS, born + SECOND * 90);
        assert_eq!((after(95), after(100)), (Some(SECOND * 5), None));
    }
}
