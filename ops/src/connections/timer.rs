//! The timer of a connection: how long the server waits for a request, for the rest of a
//! request, and for the client to read the response.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

use super::limits::ConnectionLimits;

/// After the drain has begun: the wait for the rest of a request, or for progress of a
/// response.
pub(super) const LAST_WAIT: Duration = Duration::from_secs(2);

/// Between two requests.
const IDLE: u8 = 0;
/// The headers of a request are being read, or those of the first request are awaited.
const HEADERS: u8 = 1;
/// A handler processes a request.
const REQUEST: u8 = 2;

/// What a connection waits for, and since when. Reads, writes and the request's body
/// report to it. Hyper uses it as the timer of its header timeout, so that no request needs
/// a timer of its own. Each connection has one; clones share it.
#[derive(Clone)]
pub(super) struct ConnectionTimer(Arc<Wait>);

struct Wait {
    limits: ConnectionLimits,
    born: Instant,
    stage: AtomicU8,
    /// Milliseconds from `born` to the beginning of the stage.
    since: AtomicU64,
    /// Since when a handler waits for the next chunk of a body.
    body: Since,
    /// Since when the client reads nothing of a response.
    blocked: Since,
    /// Whether a request was answered before its whole body was read.
    unread: AtomicBool,
}

/// Since when a condition holds, in milliseconds from the start of the connection.
struct Since(AtomicU64);

impl Since {
    const UNSET: u64 = u64::MAX;

    fn set(&self, born: Instant) {
        if self.0.load(Ordering::Relaxed) == Self::UNSET {
            let millis = u64::try_from(born.elapsed().as_millis()).unwrap_or(Self::UNSET);
            self.0.store(millis, Ordering::Relaxed);
        }
    }

    fn clear(&self) {
        if self.0.load(Ordering::Relaxed) != Self::UNSET {
            self.0.store(Self::UNSET, Ordering::Relaxed);
        }
    }

    fn get(&self, born: Instant) -> Option<Instant> {
        let millis = self.0.load(Ordering::Relaxed);
        (millis != Self::UNSET).then(|| born + Duration::from_millis(millis))
    }
}

impl Default for Since {
    fn default() -> Self {
        Self(AtomicU64::new(Self::UNSET))
    }
}

impl ConnectionTimer {
    /// The timer of a connection that starts now.
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self(Arc::new(Wait {
            limits,
            born: Instant::now(),
            stage: AtomicU8::new(HEADERS),
            since: AtomicU64::new(0),
            body: Since::default(),
            blocked: Since::default(),
            unread: AtomicBool::new(false),
        }))
    }

    /// Records that the client sent bytes.
    pub(super) fn note_read(&self) {
        if self.stage() == IDLE {
            self.enter(HEADERS, Instant::now());
        }
    }

    /// Records whether a write is blocked by the client.
    pub(super) fn note_write(&self, is_blocked: bool) {
        if is_blocked {
            self.0.blocked.set(self.0.born);
        } else {
            self.0.blocked.clear();
        }
    }

    /// Records whether a handler waits for a chunk of the body.
    pub(super) fn note_body(&self, is_awaited: bool) {
        if is_awaited {
            self.0.body.set(self.0.born);
        } else {
            self.0.body.clear();
        }
    }

    /// Records that nobody will read the rest of a body.
    pub(super) fn leave_unread(&self) {
        self.0.unread.store(true, Ordering::Relaxed);
    }

    /// Whether the client may still send bytes that nobody will read.
    pub(super) fn has_unread(&self) -> bool {
        self.0.unread.load(Ordering::Relaxed)
    }

    /// The time until the connection must be checked again; none where a limit is
    /// exceeded. Limits that start later than `now` end later, so that no earlier check is
    /// needed.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let ConnectionLimits { headers, idle, write, .. } = self.0.limits;
        let since = self.0.born + Duration::from_millis(self.0.since.load(Ordering::Relaxed));
        let request = match self.stage() {
            IDLE => Some(since + idle),
            HEADERS => Some(since + headers),
            _ => None,
        };
        let answer = self.0.blocked.get(self.0.born).map(|since| since + write);
        until(now, [request, answer], headers.min(idle).min(write))
    }

    /// The same after the drain has begun at `drain`: the rest of a request must arrive
    /// soon, and a response must make progress.
    pub(super) fn left_in_drain(&self, now: Instant, drain: Instant) -> Option<Duration> {
        let is_awaited = self.stage() == HEADERS || self.0.body.get(self.0.born).is_some();
        let request = is_awaited.then_some(drain + LAST_WAIT);
        let answer = self.0.blocked.get(self.0.born).map(|since| since.max(drain) + LAST_WAIT);
        until(now, [request, answer], LAST_WAIT)
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

/// The time until the first of these moments, at most `most`; none where one has passed.
fn until(now: Instant, ends: [Option<Instant>; 2], most: Duration) -> Option<Duration> {
    let first = ends.into_iter().flatten().min();
    let left = first.map_or(most, |end| end.saturating_duration_since(now));
    (!left.is_zero()).then(|| left.min(most))
}

impl Timer for ConnectionTimer {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now())
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        if self.stage() == REQUEST {
            // The previous request has ended: no unread bytes are left.
            self.0.unread.store(false, Ordering::Relaxed);
            self.enter(IDLE, Instant::now());
        }
        Box::pin(HeaderWait(self.clone()))
    }
}

/// A sleep that never ends. Hyper drops it when the headers are complete.
struct HeaderWait(ConnectionTimer);

impl Future for HeaderWait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Sleep for HeaderWait {}

impl Drop for HeaderWait {
    fn drop(&mut self) {
        self.0.0.stage.store(REQUEST, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn timer() -> (ConnectionTimer, Instant) {
        let (headers, idle, write) = (SECOND * 10, SECOND * 75, SECOND * 30);
        let timer = ConnectionTimer::new(ConnectionLimits { headers, idle, write, connections: 1 });
        let born = timer.0.born;
        (timer, born)
    }

    #[test]
    fn each_stage_has_its_limit() {
        let (timer, born) = timer();
        let after = |secs: u32| timer.left(born + SECOND * secs);

        assert_eq!((after(0), after(4), after(10)), (Some(SECOND * 10), Some(SECOND * 6), None));
        drop(timer.sleep(SECOND));
        assert_eq!(after(1_000), Some(SECOND * 10), "a request may take as long as it likes");
        timer.enter(IDLE, born + SECOND * 20);
        assert_eq!((after(20), after(90)), (Some(SECOND * 10), Some(SECOND * 5)));
        assert_eq!(after(95), None);
        timer.enter(HEADERS, born + SECOND * 90);
        assert_eq!((after(95), after(100)), (Some(SECOND * 5), None));
    }

    #[test]
    fn a_response_that_the_client_does_not_read_is_limited_from_its_last_progress() {
        let (timer, born) = timer();
        drop(timer.sleep(SECOND));
        let blocked = |secs: u64| timer.0.blocked.0.store(secs * 1_000, Ordering::Relaxed);
        let after = |secs: u32| timer.left(born + SECOND * secs);

        blocked(5);
        assert_eq!((after(30), after(35)), (Some(SECOND * 5), None));
        timer.note_write(true);
        assert_eq!(after(35), None, "it is blocked since the first time");
        timer.note_write(false);
        assert_eq!(after(35), Some(SECOND * 10));
    }

    #[test]
    fn a_drain_waits_for_handlers_and_not_for_clients() {
        let (timer, born) = timer();
        let drain = born + SECOND * 100;
        let after = |secs: u32| timer.left_in_drain(drain + SECOND * secs, drain);

        assert_eq!((after(0), after(2)), (Some(LAST_WAIT), None), "headers that are not there");
        drop(timer.sleep(SECOND));
        assert_eq!(after(1_000), Some(LAST_WAIT), "a handler");
        timer.note_body(true);
        assert_eq!((after(1), after(2)), (Some(SECOND), None), "a body that does not come");
        timer.note_body(false);
        timer.0.blocked.0.store(3_000, Ordering::Relaxed);
        assert_eq!((after(1), after(2)), (Some(SECOND), None), "an answer that is not taken");
    }
}
