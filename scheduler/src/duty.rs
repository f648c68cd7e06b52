//! What a scheduler does again and again, and how it is kept going.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::QueueError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::pace::{Next, Notice, Pace};

/// One duty of a scheduler. A tick may be given up at its time limit, and others
/// may do the same duty at the same time: it must bear both.
#[async_trait]
pub trait Duty: Send + Sync {
    /// Its name in log lines.
    fn name(&self) -> &'static str;

    /// Between two ticks while all is well.
    fn interval(&self) -> Duration;

    /// Longest time a tick may take.
    fn time_limit(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Does it once.
    async fn tick(&self) -> Result<Next, QueueError>;
}

/// Performs a duty until the shutdown. A tick that fails is told once and tried
/// again, ever more slowly; nothing that a tick does ends this.
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
                tracing::info!(duty = duty.name(), "works again");
            }
            return wait;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("gave up after {} s", limit.as_secs()),
    };
    let (wait, notice) = pace.after_failure();
    if notice == Notice::Fails {
        tracing::error!(duty = duty.name(), error = failure, "fails; tried again until it works");
    } else {
        tracing::debug!(duty = duty.name(), error = failure, "still fails");
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

    /// Fails, hangs, then works; ends the test at its tenth tick.
    struct Moody {
        ticks: Arc<AtomicUsize>,
        shutdown: CancellationToken,
    }

    #[async_trait]
    impl Duty for Moody {
        fn name(&self) -> &'static str {
            "moody"
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
        let moody = Moody { ticks: ticks.clone(), shutdown: shutdown.clone() };
        let started = tokio::time::Instant::now();

        perform(&moody, &shutdown).await;

        assert_eq!(ticks.load(Ordering::SeqCst), 10);
        // 1 s after the failure, 30 s of hanging, 2 s after that; the rest at once.
        assert_eq!(started.elapsed().as_secs(), 33);
    }
}
