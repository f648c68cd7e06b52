//! Duties: the periodic tasks of a scheduler, and the loop that performs one.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::QueueError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::pace::{Next, Notice, Pace};

/// A periodic task of a scheduler. A tick may be cancelled at its time limit, and other
/// schedulers may perform the same duty at the same time: it must tolerate both.
#[async_trait]
pub trait Duty: Send + Sync {
    /// Its name in log lines.
    fn name(&self) -> &'static str;

    /// The time between two ticks while they succeed.
    fn interval(&self) -> Duration;

    /// The longest time that a tick may take.
    fn time_limit(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Performs the duty once.
    async fn tick(&self) -> Result<Next, QueueError>;
}

/// Performs a duty until the shutdown. The first failed tick in a row is logged; ticks
/// are then retried at growing intervals. No result of a tick ends the loop.
pub async fn perform(duty: &dyn Duty, shutdown: &CancellationToken) {
    let mut pace = Pace::new(duty.interval());
    while !shutdown.is_cancelled() {
        let wait = tick(duty, &mut pace).await;
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn tick(duty: &dyn Duty, pace: &mut Pace) -> Duration {
    let limit = duty.time_limit();
    let failure = match timeout(limit, duty.tick()).await {
        Ok(Ok(next)) => {
            let (wait, notice) = pace.after_success(next);
            if notice == Notice::Recovered {
                tracing::info!(duty = duty.name(), "the duty works again");
            }
            return wait;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no result after {} s", limit.as_secs()),
    };
    let (wait, notice) = pace.after_failure();
    if notice == Notice::Fails {
        tracing::error!(duty = duty.name(), error = failure, "the duty fails and is retried until it works");
    } else {
        tracing::debug!(duty = duty.name(), error = failure, "the duty still fails");
    }
    wait
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// Fails, hangs, then works; ends the test at the tenth tick.
    struct Unreliable {
        ticks: Arc<AtomicUsize>,
        shutdown: CancellationToken,
    }

    #[async_trait]
    impl Duty for Unreliable {
        fn name(&self) -> &'static str {
            "unreliable"
        }

        fn interval(&self) -> Duration {
            Duration::from_secs(1)
        }

        async fn tick(&self) -> Result<Next, QueueError> {
            match self.ticks.fetch_add(1, Ordering::SeqCst) {
                0 => Err(QueueError::NotFound),
                1 => std::future::pending().await,
                9 => {
                    self.shutdown.cancel();
                    Ok(Next::InTurn)
                }
                _ => Ok(Next::AtOnce),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn outlives_ticks_that_fail_and_hang() {
        let (ticks, shutdown) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let unreliable = Unreliable { ticks: ticks.clone(), shutdown: shutdown.clone() };
        let started = tokio::time::Instant::now();

        perform(&unreliable, &shutdown).await;

        assert_eq!(ticks.load(Ordering::SeqCst), 10);
        // 1 s after the failure, 30 s of the hanging tick, 2 s after that; then no wait.
        assert_eq!(started.elapsed().as_secs(), 33);
    }
}
