//! The health of the database and of the transport: whether each takes writes. An answer
//! to a read or a ping does not show that.
//!
//! The result of a small write is cached for seconds; after that, one of the callers
//! probes again. Errors of the work itself count as results too.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::DbErr;
use tokio::{
    sync::Mutex as AsyncMutex,
    time::{self, Instant},
};

use crate::fault::Fault;

/// How long a successful probe is cached, and how long a failed one.
const SUCCESS_TTL: Duration = Duration::from_secs(5);
const FAILURE_TTL: Duration = Duration::from_secs(1);

/// How long an error of the work itself is cached; no probe overrides it.
const REPORT_TTL: Duration = Duration::from_secs(5);

/// Longest time of a probe.
pub(crate) const BOUND: Duration = Duration::from_millis(1_500);

/// Wait before the second attempt of a probe whose connection was lost.
pub(crate) const SECOND_ATTEMPT: Duration = Duration::from_millis(100);

/// How long probes may fail because others write to SQLite. Until then, writes succeed.
const BUSY_BOUND: Duration = Duration::from_secs(30);

/// Rows that probes write to: few, but enough that two processes seldom wait for each other.
const SLOTS: i32 = 64;

/// The probes of the database and of the transport.
pub(crate) struct WriteProbes {
    pub(crate) database: WriteProbe,
    pub(crate) transport: WriteProbe,
    /// The row that this process writes to.
    pub(crate) slot: i32,
}

impl Default for WriteProbes {
    fn default() -> Self {
        let (database, transport) = (WriteProbe::new("database"), WriteProbe::new("transport"));
        Self { database, transport, slot: rand::random_range(0..SLOTS) }
    }
}

/// The cached result of one probe.
pub(crate) struct WriteProbe {
    part: &'static str,
    state: Mutex<State>,
    /// Held by the caller that probes.
    turn: AsyncMutex<()>,
}

struct State {
    /// The last result, and when it expires.
    last: Option<(Instant, Result<(), Fault>)>,
    written_at: Instant,
}

/// A probe that could not write.
pub(crate) struct Failure {
    /// None where others were writing.
    pub(crate) fault: Option<Fault>,
    pub(crate) message: String,
}

impl Failure {
    /// Others were writing.
    pub(crate) fn busy() -> Self {
        Self { fault: None, message: "others are writing".to_owned() }
    }

    fn timed_out() -> Self {
        Self { fault: Some(Fault::NoAnswer), message: format!("no answer within {BOUND:?}") }
    }

    fn may_pass(&self) -> bool {
        self.fault.is_some_and(Fault::may_pass)
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Self { fault: Fault::of_database(&error), message: error.to_string() }
    }
}

impl WriteProbe {
    fn new(part: &'static str) -> Self {
        let state = State { last: None, written_at: Instant::now() };
        Self { part, state: Mutex::new(state), turn: AsyncMutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last result, unless it has expired.
    fn cached(&self) -> Option<Result<(), Fault>> {
        self.lock().last.filter(|(expires_at, _)| Instant::now() < *expires_at).map(|(_, result)| result)
    }

    /// The last result, expired or not.
    pub(crate) fn last(&self) -> Option<Result<(), Fault>> {
        self.lock().last.map(|(_, result)| result)
    }

    /// The cached result, or that of a new probe. One caller probes at a time; meanwhile
    /// the others get the last result.
    pub(crate) async fn check<F>(&self, probe: impl Fn() -> F) -> Result<(), Fault>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        if let Some(cached) = self.cached() {
            return cached;
        }
        let _turn = match (self.turn.try_lock(), self.last()) {
            (Ok(turn), _) => turn,
            (Err(_), Some(last)) => return last,
            (Err(_), None) => self.turn.lock().await,
        };
        if let Some(cached) = self.cached() {
            return cached;
        }
        let probed = time::timeout(BOUND, async {
            match probe().await {
                Err(failure) if failure.may_pass() => {
                    time::sleep(SECOND_ATTEMPT).await;
                    probe().await
                }
                done => done,
            }
        });
        self.store(probed.await.unwrap_or_else(|_late| Err(Failure::timed_out())))
    }

    fn store(&self, probed: Result<(), Failure>) -> Result<(), Fault> {
        let (now, written_at) = (Instant::now(), self.lock().written_at);
        let has_written = probed.is_ok();
        let (result, message) = match probed {
            Ok(()) => (Ok(()), String::new()),
            Err(Failure { fault: None, .. }) if now - written_at < BUSY_BOUND => (Ok(()), String::new()),
            Err(Failure { fault, message }) => (Err(fault.unwrap_or(Fault::NoAnswer)), message),
        };
        if self.cached().is_none() {
            self.log_change(result, &message);
        }
        let mut state = self.lock();
        if has_written {
            state.written_at = now;
        }
        // An error that the work reported during the probe stays.
        if let Some((_, reported)) = state.last.filter(|(expires_at, _)| now < *expires_at) {
            return reported;
        }
        let ttl = if result.is_ok() { SUCCESS_TTL } else { FAILURE_TTL };
        state.last = Some((now + ttl, result));
        result
    }

    /// Stores an error of the work itself, which a small write may not meet.
    pub(crate) fn report(&self, fault: Fault, message: &str) {
        self.log_change(Err(fault), message);
        self.lock().last = Some((Instant::now() + REPORT_TTL, Err(fault)));
    }

    fn log_change(&self, result: Result<(), Fault>, message: &str) {
        let was_writable = self.last().is_none_or(|last| last.is_ok());
        let part = self.part;
        match result {
            Err(fault) if was_writable => {
                tracing::warn!(part, code = fault.code(), error = message, "takes no writes");
            }
            Ok(()) if !was_writable => tracing::info!(part, "takes writes again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
