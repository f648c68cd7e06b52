//! Graceful shutdown: a signal starts the drain, the grace period ends it.

use std::future::Future;
use std::io;
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal.
const EXIT_INTERRUPTED: i32 = 130;

/// The drain of this process; clones share it.
#[derive(Clone, Debug)]
pub struct Shutdown {
    draining: CancellationToken,
    grace: Duration,
}

/// The work was still running when the grace period ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("work was still running {0:?} after the shutdown began")]
pub struct GraceExceeded(pub Duration);

impl Shutdown {
    /// A drain that has not begun, with this grace period.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { draining: CancellationToken::new(), grace }
    }

    /// Starts the drain on SIGTERM or SIGINT (Ctrl-C), and ends the process with code 130 on
    /// a second signal. The task that listens runs until it is aborted.
    ///
    /// # Errors
    /// The signal handlers cannot be installed.
    pub fn listen(&self) -> io::Result<JoinHandle<()>> {
        let signals = signals()?;
        let token = self.draining.clone();
        Ok(tokio::spawn(watch(signals, token, |code| std::process::exit(code))))
    }

    /// Starts the drain; more than once is the same as once.
    pub fn start(&self) {
        self.draining.cancel();
    }

    /// Whether the drain has begun: the process accepts no new work.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Waits for the drain to begin.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// A token that is cancelled when the drain begins.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// Runs `work`, which must end by itself within the grace period after the drain has
    /// begun.
    ///
    /// # Errors
    /// [`GraceExceeded`] where it did not end in time; it is dropped then.
    pub async fn run_until_drained<T>(&self, work: impl Future<Output = T>) -> Result<T, GraceExceeded> {
        let bound = async {
            self.draining().await;
            tokio::time::sleep(self.grace).await;
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = bound => Err(GraceExceeded(self.grace)),
        }
    }
}

async fn watch(
    signals: impl Stream<Item = &'static str>,
    draining: CancellationToken,
    exit: impl FnOnce(i32),
) {
    let mut signals = std::pin::pin!(signals);
    while let Some(signal) = signals.next().await {
        if draining.is_cancelled() {
            tracing::warn!(signal, "second signal: ending at once");
            return exit(EXIT_INTERRUPTED);
        }
        tracing::info!(signal, "shutting down: running work is finished");
        draining.cancel();
    }
}

#[cfg(unix)]
fn signals() -> io::Result<impl Stream<Item = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(futures::stream::poll_fn(move |context| {
        if let std::task::Poll::Ready(signal) = terminate.poll_recv(context) {
            return std::task::Poll::Ready(signal.map(|()| "SIGTERM"));
        }
        interrupt.poll_recv(context).map(|signal| signal.map(|()| "SIGINT"))
    }))
}

#[cfg(not(unix))]
fn signals() -> io::Result<impl Stream<Item = &'static str>> {
    let next = |()| async { tokio::signal::ctrl_c().await.ok().map(|()| ("Ctrl-C", ())) };
    Ok(futures::stream::unfold((), next))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn the_first_signal_drains_and_the_second_one_ends() {
        for (signals, draining, ended) in
            [(0, false, None), (1, true, None), (2, true, Some(130)), (3, true, Some(130))]
        {
            let token = CancellationToken::new();
            let mut code = None;
            let stream = futures::stream::iter(vec!["SIGTERM"; signals]);
            watch(stream, token.clone(), |exit| code = Some(exit)).await;
            assert_eq!((token.is_cancelled(), code), (draining, ended), "{signals} signals");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn sigterm_starts_the_drain() {
        let shutdown = Shutdown::new(Duration::from_secs(5));
        let listening = shutdown.listen().expect("signals");
        let kill = format!("kill -TERM {}", std::process::id());
        let sent = std::process::Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(sent.success());
        shutdown.draining().await;
        assert!(shutdown.is_draining());
        listening.abort();
    }

    #[tokio::test]
    async fn work_that_ends_is_answered() {
        let shutdown = Shutdown::new(Duration::ZERO);
        assert_eq!(shutdown.run_until_drained(ready(7)).await, Ok(7));
        let token = shutdown.token();
        shutdown.start();
        shutdown.start();
        assert_eq!(shutdown.run_until_drained(token.cancelled()).await, Ok(()));
    }

    #[tokio::test]
    async fn work_that_does_not_end_is_left_after_the_grace_period() {
        let grace = Duration::from_millis(10);
        let shutdown = Shutdown::new(grace);
        shutdown.start();
        assert_eq!(shutdown.run_until_drained(pending::<()>()).await, Err(GraceExceeded(grace)));
    }
}
