//! The time limits of a streamed completion: for the first chunk of the text, between two
//! chunks, and for the time after the end. The limit for the whole is [`in_total`].

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::{Completion, LlmError, server::ServerOptions};

/// How far a completion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// No text has arrived.
    Waiting,
    /// The text has begun.
    Writing,
    /// The model has ended it; the connection may stay open.
    Ended,
}

/// The limits of one request, counted from its start.
#[derive(Debug)]
pub(super) struct Timers {
    first: Instant,
    first_limit: Duration,
    idle: Duration,
    linger: Duration,
}

impl Timers {
    /// Starts. `linger` is how long a connection is read after the end of the text.
    pub(super) fn start(options: &ServerOptions, linger: Duration) -> Self {
        let first_limit = options.first_content_timeout.min(options.timeout);
        Self {
            first: Instant::now() + first_limit,
            first_limit,
            idle: options.idle_timeout,
            linger: linger.min(options.idle_timeout),
        }
    }

    /// A step before the first chunk of the text.
    pub(super) async fn first<T>(
        &self,
        step: impl Future<Output = Result<T, LlmError>>,
    ) -> Result<T, LlmError> {
        let late = |_| {
            let message = format!("no content within {} s", self.first_limit.as_secs_f32());
            Err(LlmError::Timeout { message })
        };
        timeout_at(self.first, step).await.unwrap_or_else(late)
    }

    /// The next frame of the stream. None after the end of the text if the server keeps the
    /// connection open.
    pub(super) async fn next<T>(
        &self,
        stage: Stage,
        step: impl Future<Output = Result<Option<T>, LlmError>>,
    ) -> Result<Option<T>, LlmError> {
        match stage {
            Stage::Waiting => self.first(step).await,
            Stage::Writing => timeout(self.idle, step).await.unwrap_or_else(|_| {
                Err(LlmError::Timeout { message: format!("no data for {} s", self.idle.as_secs_f32()) })
            }),
            Stage::Ended => timeout(self.linger, step).await.unwrap_or(Ok(None)),
        }
    }
}

/// The whole completion within its time limit.
pub(super) async fn in_total(
    options: &ServerOptions,
    completion: impl Future<Output = Result<Completion, LlmError>>,
) -> Result<Completion, LlmError> {
    let limit = options.timeout;
    timeout(limit, completion).await.unwrap_or_else(|_| {
        Err(LlmError::Timeout { message: format!("no complete response within {} s", limit.as_secs_f32()) })
    })
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::sleep;

    use super::*;

    /// A step of a server that is silent.
    async fn silence() -> Result<Option<()>, LlmError> {
        pending().await
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn options() -> ServerOptions {
        ServerOptions {
            name: "one".to_owned(),
            base_url: "http://127.0.0.1:1".to_owned(),
            api_key: String::new().into(),
            quick_model: "small".to_owned(),
            advanced_model: "large".to_owned(),
            max_output_tokens: 1000,
            context_tokens: None,
            connect_timeout: secs(5),
            first_content_timeout: secs(60),
            timeout: secs(300),
            idle_timeout: secs(30),
        }
    }

    /// Whether so much time has passed, to the resolution of the timers.
    fn has_passed(begun: Instant, limit: Duration) -> bool {
        (limit..limit + secs(1)).contains(&begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_before_the_first_text_does_not_extend_its_limit() {
        let begun = Instant::now();
        let timers = Timers::start(&options(), secs(2));
        let ping = async {
            sleep(secs(40)).await;
            Ok(Some(()))
        };
        assert!(timers.next(Stage::Waiting, ping).await.is_ok());

        let silent = timers.next(Stage::Waiting, silence()).await;

        assert!(matches!(silent, Err(LlmError::Timeout { .. })), "{silent:?}");
        assert!(has_passed(begun, secs(60)), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_inside_the_text_is_a_fault_and_after_it_is_the_end() {
        let timers = Timers::start(&options(), secs(2));
        let begun = Instant::now();
        let silent = timers.next(Stage::Writing, silence()).await;
        assert!(matches!(silent, Err(LlmError::Timeout { .. })), "{silent:?}");
        assert!(has_passed(begun, secs(30)), "{:?}", begun.elapsed());

        let begun = Instant::now();
        let ended = timers.next(Stage::Ended, silence()).await;
        assert!(matches!(ended, Ok(None)), "{ended:?}");
        assert!(has_passed(begun, secs(2)), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_completion_has_a_limit() {
        let begun = Instant::now();
        let late = in_total(&options(), pending()).await;
        assert!(matches!(late, Err(LlmError::Timeout { .. })), "{late:?}");
        assert!(has_passed(begun, secs(300)), "{:?}", begun.elapsed());
    }
}
