//! What a process needs to be ready.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

type Run = dyn Fn() -> BoxFuture<'static, Result<(), CheckFault>> + Send + Sync;

/// What is wrong with something that a process needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFault {
    /// Stable, `UPPER_SNAKE`.
    pub code: &'static str,
    /// In a few words, for everybody: nothing of hosts, users or secrets.
    pub cause: &'static str,
    /// For the log alone.
    pub details: String,
}

impl CheckFault {
    /// A fault without details.
    #[must_use]
    pub const fn new(code: &'static str, cause: &'static str) -> Self {
        Self { code, cause, details: String::new() }
    }

    /// The same with details for the log.
    #[must_use]
    pub fn with_details(self, details: impl Into<String>) -> Self {
        Self { details: details.into(), ..self }
    }
}

/// Whether one thing that this process needs is there.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    run: Arc<Run>,
    is_advisory: bool,
}

impl Check {
    /// A check under the name that `/readyz` shows, with the code and the cause of what
    /// is wrong. The details go to the log: the route is public.
    pub fn new<F>(name: &'static str, run: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), CheckFault>> + Send + 'static,
    {
        Self { name, run: Arc::new(move || Box::pin(run())), is_advisory: false }
    }

    /// A check of something that this process works without: `/readyz` shows a
    /// warning and stays ready.
    pub fn advisory<F>(name: &'static str, run: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), CheckFault>> + Send + 'static,
    {
        Self { is_advisory: true, ..Self::new(name, run) }
    }

    /// What is wrong, in bounded time; none where nothing is.
    pub(crate) async fn fault(&self, limit: Duration) -> Option<CheckFault> {
        let outcome = tokio::time::timeout(limit, (self.run)()).await;
        let fault = match outcome {
            Ok(Ok(())) => return None,
            Ok(Err(fault)) => fault,
            Err(_) => CheckFault::new("NO_ANSWER", "it does not answer in time"),
        };
        let CheckFault { code, cause, details } = &fault;
        if self.is_advisory {
            tracing::debug!(check = self.name, code, cause, details, "ready all the same");
        } else {
            tracing::warn!(check = self.name, code, cause, details, "not ready");
        }
        Some(fault)
    }

    /// The name that it is shown under.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the process is ready without it.
    pub(crate) const fn is_advisory(&self) -> bool {
        self.is_advisory
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}
